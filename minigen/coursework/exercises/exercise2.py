"""Exercise 2: an op of two inputs, in which both are broadcast and summed."""

import numpy as np

from minigen.coursework.examples import normal
from minigen.coursework.exercises.tools import Asked, Exercise, expect_close
from minigen.coursework.grading.remote import AsTensor, Remote, called, gradients, numbers
from minigen.coursework.grading.report import expect

exercise = Exercise(
    2,
    "Two inputs: squared distances between two sets of points",
    names=("squared_distances",),
    checks=12,
    # different numbers of points, in another number of dimensions; and one point each
    examples=[Asked("squared_distances", [(normal(4, 3), normal(5, 3)), (normal(1, 2), normal(3, 2))], "op")],
)


@exercise.requirement("values", of="squared_distances")
def values(file: Remote, rng: np.random.Generator) -> str:
    """Against two loops."""
    got = file.squared_distances(np.zeros((1, 2)), np.array([[3.0, 4.0]]))
    expect_close("the distance from (0, 0) to (3, 4), squared", got, [[25.0]], counts={2: "the dimensions"})
    x, centers = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    expected = [[sum((a - b) ** 2 for a, b in zip(p, q)) for q in centers] for p in x]
    got = file.squared_distances(x, centers)
    expect_close("squared_distances(x, centers)", got, expected, "row i, column j: from x[i] to centers[j]")
    return "row i, column j: from x[i] to centers[j]"


@exercise.requirement("a point and itself", on="squared_distances")
def itself(file: Remote, rng: np.random.Generator) -> str:
    """No distance, and no slope: the square is flat there."""
    points = rng.standard_normal((3, 2))
    found = called(file.squared_distances, [AsTensor(points), AsTensor(points)], by=[0], cotangent=np.eye(3))
    distances = numbers("squared_distances(x, x)", found["value"])
    expect(distances.shape == (3, 3) and np.abs(np.diag(distances)).max() < 1e-9, "the distance of a point from itself is not 0")
    expect_close("its derivative", found["gradients"][0], np.zeros((3, 2)))
    return "distance 0, derivative 0"


@exercise.requirement("pull of the centers", on="squared_distances")
def pull(file: Remote, rng: np.random.Generator) -> str:
    """The sum of squared distances to k centers has the derivative 2 k (x - their mean)."""
    x, centers = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    dx, dc = gradients(file.squared_distances, [AsTensor(x), AsTensor(centers)], by=[0, 1], cotangent=np.ones((4, 5)))
    expect_close("by x", dx, 2 * 5 * (x - centers.mean(axis=0)), "sum over the centers: each point meets all of them")
    expect_close("by centers", dc, 2 * 4 * (centers - x.mean(axis=0)), "sum over the points: each center meets all of them")
    return "2 k (x - mean of the k centers)"
