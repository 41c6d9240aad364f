"""Exercise 1: an op of one input, with its rule."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from minigen.autograd import Tensor, grad
from minigen.coursework.examples import normal
from minigen.coursework.exercises import expect_close, requirement

TITLE = "An op and its rule: the bump 1 / (1 + x^2)"
SECONDS = 60.0
NAMES = ("bump",)


def examples(file: ModuleType) -> Iterator[Any]:
    """In several shapes."""
    yield file.bump, (normal(3, 4),)
    yield file.bump, (normal(2, 1, 3),)


@requirement("values")
def values(file: ModuleType) -> str:
    """1 / (1 + x^2), where it is known by heart and elsewhere."""
    expect_close("bump(0)", file.bump(np.zeros(1)), [1.0])
    expect_close("bump(3)", file.bump(np.full((1, 1), 3.0)), [[0.1]])
    x = np.random.default_rng(7).standard_normal((4, 5))
    expect_close("bump(x)", file.bump(x), [[1.0 / (1.0 + v * v) for v in row] for row in x])
    return "bump(0) = 1, bump(3) = 0.1"


@requirement("slope")
def slope(file: ModuleType) -> str:
    """At x = 1 the curve falls by 1/2 for each unit."""
    x = Tensor(np.array([0.0, 1.0, -1.0]), requires_grad=True)
    expect_close("the slope at 0, 1 and -1", grad(file.bump(x).sum(), [x])[0], [0.0, -0.5, 0.5])
    return "0 at the top, -1/2 at x = 1"
