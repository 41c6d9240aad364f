"""Means with their standard errors; confidence intervals of a mean over a few runs, and of a proportion of many trials."""

from functools import lru_cache
from math import cos, pi, sin, sqrt, tan
from typing import NamedTuple

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.metrics.checks import check_finite
from minigen.utils.checks import is_whole

NORMAL = 1.959963984540054  # the z with P(|Z| < z) = 0.95, Z ~ N(0, 1)


class Estimate(NamedTuple):
    """A mean, and its standard error: the standard deviation of the n values (n - 1 in its denominator) / sqrt(n), NaN for one.

    interval: the ends of the 95 % confidence interval, mean -+ 1.96 standard errors.
    """

    value: float
    standard_error: float

    @property
    def interval(self) -> tuple[float, float]:
        return self.value - 1.96 * self.standard_error, self.value + 1.96 * self.standard_error


def t_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the last axis, and the half width of its 95 % confidence interval, both in the unit of the values.

        mean +- t * s / sqrt(n),   s^2 = sum (x - mean)^2 / (n - 1),   t: 97.5 % quantile of Student's t, n - 1 degrees of freedom

    For n independent runs with roughly normal results: in 95 of 100 such experiments the interval covers the true mean. Compare
    two methods run with the same seeds by the interval of their differences, seed by seed, which removes the effect of the seeds.

    values: (..., n) with n at least 2 -> two arrays (...).
    Raises ShapeError for fewer than two values, ValueError for values that are not finite.
    Source: Student 1908.
    """
    values = whole_array(values, dtype=np.float64)
    if not values.ndim or values.shape[-1] < 2:
        raise ShapeError(f"t_interval: got values of shape {values.shape}, expected (..., n) with at least two runs")
    check_finite("t_interval", "values", values)
    n = values.shape[-1]
    return values.mean(axis=-1), student_quantile(n - 1) * values.std(axis=-1, ddof=1) / sqrt(n)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % confidence interval of a probability from `successes` in `trials` independent trials: low, high.

        (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n),   p = successes / n,   z = 1.960

    It stays within [0, 1], and no successes do not mean a probability of 0, but at most z^2 / (n + z^2): 0.4 % for 1,000 trials.
    Raises TypeError unless both are whole numbers, ValueError unless 0 <= successes <= trials and there is at least one trial.
    Source: Wilson 1927.
    """
    for name, count in (("successes", successes), ("trials", trials)):
        if not is_whole(count):
            raise TypeError(f"wilson_interval: {name} are counted in whole numbers, got {count!r}")
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(
            f"wilson_interval: got {successes} successes of {trials} trials, expected at least one trial, and from "
            "none to all of them successes"
        )
    p, shrinkage = successes / trials, NORMAL**2 / trials
    middle, half_width = p + shrinkage / 2, NORMAL * sqrt(p * (1 - p) / trials + shrinkage / (4 * trials))
    return max((middle - half_width) / (1 + shrinkage), 0.0), min((middle + half_width) / (1 + shrinkage), 1.0)


@lru_cache
def student_quantile(degrees: int) -> float:
    """The t with P(|T| < t) = 0.95, T of Student's distribution with that many degrees of freedom: 12.706 for 1, 2.776 for 4."""
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
