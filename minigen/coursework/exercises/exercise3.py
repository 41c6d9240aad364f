"""Exercise 3: a loss, composed of ops."""

import numpy as np

from minigen.coursework.examples import normal
from minigen.coursework.exercises.tools import Asked, Exercise, expect_close
from minigen.coursework.grading.remote import AsTensor, Remote, gradients, number
from minigen.coursework.grading.report import CheckFailed, expect
from minigen.coursework.grading.session import LearnerError

exercise = Exercise(
    3,
    "A loss: Huber's, which outliers cannot pull",
    names=("huber",),
    checks=18,
    examples=[  # as it is called in training
        Asked("huber", [(normal(5, 3), normal(5, 3))]),
        Asked("huber", [(normal(2, 4, 4, 1), normal(2, 4, 4, 1))], options={"delta": 0.5}),
    ],
)


NOT_BY = {  # errors by which unlike shapes are refused, too
    "AssertionError": "an assert is for what cannot happen, python -O omits it, and who calls the loss learns nothing: "
    "if prediction.shape != target.shape: raise ShapeError(...), from minigen.errors, with both shapes in the message",
    "ValueError": "a ShapeError, from minigen.errors, is a ValueError that says what kind of mistake it is: raise that",
}


def pieces(r: float, delta: float) -> float:
    """The definition."""
    return 0.5 * r * r if abs(r) <= delta else delta * (abs(r) - 0.5 * delta)


def slope(r: float, delta: float) -> float:
    """Its derivative."""
    return max(-delta, min(r, delta))


@exercise.requirement("values", of="huber")
def values(file: Remote, rng: np.random.Generator) -> str:
    """A parabola near 0, a straight line far away, at several delta."""
    known = [(0.5, 1.0), (1.0, 1.0), (3.0, 1.0), (-3.0, 1.0), (3.0, 2.0)]
    others = zip(3 * rng.standard_normal(5), rng.uniform(0.2, 3.0, 5))
    for r, delta in [*known, *((float(r), float(delta)) for r, delta in others)]:
        got = number("huber", file.huber(AsTensor(np.array([r])), AsTensor(np.zeros(1)), delta=delta))
        if not np.isclose(got, pieces(r, delta)):
            near = "near 0 it is r^2 / 2" if abs(r) <= delta else "far away it is delta * (|r| - delta / 2)"
            raise CheckFailed(f"for an error of {r:g} and delta = {delta:g}: expected {pieces(r, delta):g}, got {got:.6g}", near)
    return "a parabola up to delta, then a straight line"


@exercise.requirement("mean", of="huber")
def mean(file: Remote, rng: np.random.Generator) -> str:
    """Over all elements."""
    a, b = 2 * rng.standard_normal((4, 6)), rng.standard_normal((4, 6))
    expected = np.mean([pieces(r, 1.0) for r in (a - b).ravel()])
    got = number("huber", file.huber(AsTensor(a), AsTensor(b)))
    times = got / expected if np.isfinite(got) else 0.0
    hint = {24: "that is the sum", 6: "that is a sum over each example"}.get(round(times), "")
    expect(np.isclose(got, expected), f"expected the mean over all 24 elements, {expected:.6g}, got {got:.6g}", hint)
    return "over all elements"


@exercise.requirement("outliers", on="huber")
def outliers(file: Remote, rng: np.random.Generator) -> str:
    """However wrong an element is, its gradient is at most delta / n."""
    prediction = np.array([0.1, -1e6, 1e6, 2.0])
    (g,) = gradients(file.huber, [AsTensor(prediction), AsTensor(np.zeros(4))], by=[0], delta=1.0)
    expect_close("the derivative", g, [0.025, -0.25, 0.25, 0.25], counts={4: "the elements"})
    prediction = 2 * rng.standard_normal(9)
    (g,) = gradients(file.huber, [AsTensor(prediction), AsTensor(np.zeros(9))], by=[0], delta=1.5)
    expect_close("the derivative", g, [slope(r, 1.5) / 9 for r in prediction])
    return "each pulls with delta / n at most"


@exercise.requirement("unlike shapes")
def unlike_shapes(file: Remote, rng: np.random.Generator) -> str:
    """(5, 1) against (5,) would broadcast to 25 pairs, and train on nonsense."""
    try:
        file.huber(AsTensor(np.zeros((5, 1))), AsTensor(np.zeros(5)))
    except LearnerError as error:
        if "ShapeError" not in error.bases:
            error.hints += [NOT_BY[kind] for kind in NOT_BY if kind in error.bases]
            raise
        if "(5, 1)" in error.message and "(5,)" in error.message:
            return "refused: " + error.message
        raise CheckFailed(f"the message does not name both shapes: {error.message}") from None
    raise CheckFailed(
        "prediction (5, 1) and target (5,) are compared pair by pair, 25 of them, and nobody notices",
        "raise minigen.errors.ShapeError with both shapes in its message",
    )
