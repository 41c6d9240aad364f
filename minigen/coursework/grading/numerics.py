"""A worker's derivatives, compared with differences of its values: minigen.gradcheck, across a pipe.

For one input x, a random direction v and a random cotangent u:

    <u, (f(x + eps v) - f(x - eps v)) / (2 eps)>   =   <vjp(u), v>

At order 2 f is itself the gradient: a function of x and u. Values and derivatives are requested in random order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from minigen.autograd.gradient_check import Mismatch, agree, compare
from minigen.coursework.grading.report import CheckFailed

EPS, RTOL, ATOL = 1e-6, 1e-5, 1e-7


@dataclass(frozen=True)
class Differentiable:
    """A function of arrays that can be asked for its value and for vjp(u), by the arrays at `wrt`."""

    value: Callable[[list[np.ndarray]], np.ndarray]
    vjp: Callable[[list[np.ndarray], np.ndarray], list[np.ndarray]]
    wrt: Sequence[int]


def find_mismatch(f: Differentiable, arrays: list[np.ndarray], rng: np.random.Generator) -> Mismatch | None:
    """The first derivative of f that is wrong."""
    shape = f.value(arrays).shape
    u = rng.standard_normal(shape)
    directions = {i: rng.standard_normal(arrays[i].shape) for i in f.wrt}
    moves = [(i, step * EPS * v) for i, v in directions.items() for step in (1.0, -1.0)]
    answers: dict[int, np.ndarray] = {}
    analytic: list[np.ndarray] = []
    for k in rng.permutation(len(moves) + 1):
        if k == len(moves):
            analytic = [np.asarray(g, np.float64) for g in f.vjp(arrays, u)]
        else:
            answers[int(k)] = moved(f, arrays, *moves[k], shape)

    def along(i: int, v: np.ndarray) -> float:
        return difference(u, *(moved(f, arrays, i, step * EPS * v, shape) for step in (1.0, -1.0)))

    for k, (g, i) in enumerate(zip(analytic, f.wrt)):
        if not agree(g, directions[i], difference(u, answers[2 * k], answers[2 * k + 1]), RTOL, ATOL):
            return compare(lambda v, i=i: along(i, v), i, u, g)
    return None


def moved(f: Differentiable, arrays: list[np.ndarray], i: int, move: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """f with the i-th array moved. Raises CheckFailed if the result has not this shape."""
    y = f.value([*arrays[:i], arrays[i] + move, *arrays[i + 1 :]])
    if y.shape != shape:
        raise CheckFailed(f"the result has shape {shape} at one input, and {y.shape} at another of the same shape")
    return np.asarray(y, np.float64)


def difference(u: np.ndarray, plus: np.ndarray, minus: np.ndarray) -> float:
    """<u, (plus - minus) / 2 eps>."""
    return float(np.sum(u * (plus - minus)) / (2 * EPS))
