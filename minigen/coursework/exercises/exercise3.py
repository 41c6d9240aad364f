"""Exercise 3: a loss, composed of ops."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from minigen.autograd import Tensor, grad
from minigen.coursework.examples import normal
from minigen.coursework.exercises import Missed, expect, expect_close, numbers, requirement
from minigen.errors import ShapeError

TITLE = "A loss: Huber's, which outliers cannot pull"
SECONDS = 60.0
NAMES = ("huber",)


def examples(file: ModuleType) -> Iterator[Any]:
    """As it is called in training."""
    yield file.huber, (normal(5, 3), normal(5, 3))
    yield file.huber, (normal(2, 4, 4, 1), normal(2, 4, 4, 1)), {"delta": 0.5}


def pieces(r: float, delta: float) -> float:
    """The definition."""
    return 0.5 * r * r if abs(r) <= delta else delta * (abs(r) - 0.5 * delta)


@requirement("values")
def values(file: ModuleType) -> str:
    """A parabola near 0, a straight line far away, at several delta."""
    for r, delta, expected in ((0.5, 1.0, 0.125), (1.0, 1.0, 0.5), (3.0, 1.0, 2.5), (-3.0, 1.0, 2.5), (3.0, 2.0, 4.0)):
        got = float(numbers(file.huber(Tensor(np.array([r])), Tensor(np.zeros(1)), delta=delta)))
        if not np.isclose(got, expected):
            near = "near 0 it is r^2 / 2" if abs(r) <= delta else "far away it is delta * (|r| - delta / 2)"
            raise Missed(f"for an error of {r:g} and delta = {delta:g}: expected {expected:g}, got {got:.6g}", near)
    return "a parabola up to delta, then a straight line"


@requirement("mean")
def mean(file: ModuleType) -> str:
    """Over all elements."""
    rng = np.random.default_rng(7)
    a, b = 2 * rng.standard_normal((4, 6)), rng.standard_normal((4, 6))
    expected = np.mean([pieces(r, 1.0) for r in (a - b).ravel()])
    got = float(numbers(file.huber(Tensor(a), Tensor(b))))
    hint = {24: "that is the sum", 6: "that is a sum over each example"}.get(round(got / expected), "")
    expect(np.isclose(got, expected), f"expected the mean over all 24 elements, {expected:.6g}, got {got:.6g}", hint)
    return "over all elements"


@requirement("outliers")
def outliers(file: ModuleType) -> str:
    """However wrong an element is, it pulls with delta / n at most."""
    prediction = Tensor(np.array([0.1, -1e6, 1e6, 2.0]), requires_grad=True)
    (g,) = grad(file.huber(prediction, Tensor(np.zeros(4)), delta=1.0), [prediction])
    expect_close("the derivative", g, [0.025, -0.25, 0.25, 0.25])
    return "each pulls with delta / n at most"


@requirement("unlike shapes")
def unlike_shapes(file: ModuleType) -> str:
    """(5, 1) against (5,) would broadcast to 25 pairs, and train on nonsense."""
    try:
        file.huber(Tensor(np.zeros((5, 1))), Tensor(np.zeros(5)))
    except ShapeError as error:
        if "(5, 1)" in str(error) and "(5,)" in str(error):
            return "refused: " + str(error)
        raise Missed(f"the message does not name both shapes: {error}") from None
    raise Missed("prediction (5, 1) and target (5,) are compared pair by pair, 25 of them, and nobody notices",
                 "raise minigen.errors.ShapeError with both shapes in its message")
