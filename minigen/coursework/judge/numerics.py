"""Derivatives that a worker gives, compared with differences of values that it gives: minigen.gradcheck, across a pipe.

For one input x, a random direction v and a random cotangent u:

    <u, (f(x + eps v) - f(x - eps v)) / (2 eps)>   =   <vjp(u), v>

At order 2 f is itself the gradient: a function of x and u. Values and derivatives are asked for in random order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from minigen.autograd.gradcheck import COMPARED, Mismatch
from minigen.coursework.judge.report import Missed

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
            analytic = f.vjp(arrays, u)
        else:
            answers[int(k)] = moved(f, arrays, *moves[k], shape)
    for k, (g, i) in enumerate(zip(analytic, f.wrt)):
        v = directions[i]
        numeric = float(np.sum(u * (answers[2 * k] - answers[2 * k + 1])) / (2 * EPS))
        scale = np.linalg.norm(g) * np.linalg.norm(v) / np.sqrt(max(v.size, 1))
        if not abs(float(np.sum(g * v)) - numeric) <= ATOL + RTOL * max(scale, abs(numeric)):
            return compare(f, arrays, i, u, g)
    return None


def moved(f: Differentiable, arrays: list[np.ndarray], i: int, move: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """f with the i-th array moved. Raises Missed if the result has not this shape."""
    y = f.value([*arrays[:i], arrays[i] + move, *arrays[i + 1:]])
    if y.shape != shape:
        raise Missed(f"the result has shape {shape} at one input, and {y.shape} at another of the same shape")
    return y


def compare(f: Differentiable, arrays: list[np.ndarray], i: int, u: np.ndarray, g: np.ndarray) -> Mismatch:
    """The derivative g by input i beside the numerical one, element by element; of a large array, the largest of g and some."""
    elements = np.arange(g.size)
    if g.size > COMPARED:
        largest = np.argsort(np.abs(g).ravel())[-COMPARED // 2:]
        others = np.random.default_rng(0).choice(np.setdiff1d(elements, largest), COMPARED // 2, replace=False)
        elements = np.sort(np.concatenate([largest, others]))
    numeric = np.empty(len(elements))
    for k, element in enumerate(elements):
        basis = np.zeros(arrays[i].shape)
        basis.flat[element] = EPS
        plus, minus = (moved(f, arrays, i, step * basis, u.shape) for step in (1.0, -1.0))
        numeric[k] = np.sum(u * (plus - minus)) / (2 * EPS)
    return Mismatch(i, arrays[i].shape, elements, g.ravel()[elements], numeric, u)
