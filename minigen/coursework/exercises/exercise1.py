"""Exercise 1: an op of one input, with its rule."""

import numpy as np

from minigen.coursework.examples import normal
from minigen.coursework.exercises.tools import Asked, Exercise, expect_close
from minigen.coursework.grading.remote import AsTensor, Remote, gradients

exercise = Exercise(
    1,
    "An op and its rule: the bump 1 / (1 + x^2)",
    names=("bump",),
    checks=11,
    examples=[Asked("bump", [(normal(3, 4),), (normal(2, 1, 3),)], "op")],
)


@exercise.requirement("values", of="bump")
def values(file: Remote, rng: np.random.Generator) -> str:
    """1 / (1 + x^2), where it is known by heart and elsewhere."""
    expect_close("bump(0)", file.bump(np.zeros(1)), [1.0])
    expect_close("bump(3)", file.bump(np.full((1, 1), 3.0)), [[0.1]])
    x = rng.standard_normal((4, 5))
    expect_close("bump(x)", file.bump(x), [[1.0 / (1.0 + v * v) for v in row] for row in x])
    return "bump(0) = 1, bump(3) = 0.1"


@exercise.requirement("slope", on="bump")
def slope(file: Remote, rng: np.random.Generator) -> str:
    """At x = 1 the curve falls by 1/2 for each unit."""
    x = np.array([0.0, 1.0, -1.0])
    (dx,) = gradients(file.bump, [AsTensor(x)], by=[0], cotangent=np.ones(3))
    expect_close("the slope at 0, 1 and -1", dx, [0.0, -0.5, 0.5])
    x = rng.standard_normal(20)
    (dx,) = gradients(file.bump, [AsTensor(x)], by=[0], cotangent=np.ones(20))
    expect_close("the slope at 20 other places", dx, [-2.0 * v / (1.0 + v * v) ** 2 for v in x])
    return "0 at the top, -1/2 at x = 1"
