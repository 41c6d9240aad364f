"""How sure a mean over a few runs is."""

from functools import lru_cache
from math import cos, pi, sin, sqrt, tan

import numpy as np

from minigen.errors import ShapeError


def mean_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the last axis, and the half width of its 95 % confidence interval, both in the unit of the values.

        mean +- t * s / sqrt(n),   s^2 = sum (x - mean)^2 / (n - 1),   t: 97.5 % quantile of Student's t, n - 1 degrees of freedom

    For n independent runs with about normal results: in 95 of 100 such experiments the interval covers the true mean. Two methods
    that were run on the same seeds are compared by the interval of their differences, seed by seed, which leaves out what the
    seeds have in common.

    values: (..., n) with n at least 2 -> two arrays (...).
    Raises ShapeError for fewer than two values, ValueError for values that are not finite.
    Source: Student 1908.
    """
    values = np.asarray(values, dtype=np.float64)
    if not values.ndim or values.shape[-1] < 2:
        raise ShapeError(f"mean_interval: got values of shape {values.shape}, expected (..., n) with at least two runs")
    if not np.isfinite(values).all():
        raise ValueError("mean_interval: got NaN or infinity, expected finite values")
    n = values.shape[-1]
    return values.mean(axis=-1), student_quantile(n - 1) * values.std(axis=-1, ddof=1) / sqrt(n)


@lru_cache
def student_quantile(degrees: int) -> float:
    """The t with P(|T| < t) = 0.95, T of Student's distribution with so many degrees of freedom: 12.706 for 1, 2.776 for 4."""
    low, high = 0.0, pi / 2
    for _ in range(60):  # bisection
        middle = (low + high) / 2
        low, high = (middle, high) if central_probability(middle, degrees) < 0.95 else (low, middle)
    return sqrt(degrees) * tan(low)


def central_probability(angle: float, degrees: int) -> float:
    """P(|T| < sqrt(degrees) tan(angle)), a finite series (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4)."""
    odd = degrees % 2
    term = cos(angle) if odd else 1.0
    total = 0.0
    for k in range(1 + odd, degrees, 2):
        total += term
        term *= k / (k + 1) * cos(angle) ** 2
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total
