"""Exercise 2: an op of two inputs, in which both are broadcast and summed."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from minigen.autograd import Tensor, grad
from minigen.coursework.examples import normal
from minigen.coursework.exercises import expect, expect_close, requirement

TITLE = "Two inputs: squared distances between two sets of points"
SECONDS = 60.0
NAMES = ("squared_distances",)


def examples(file: ModuleType) -> Iterator[Any]:
    """Different numbers of points, in another number of dimensions; and one point each."""
    yield file.squared_distances, (normal(4, 3), normal(5, 3))
    yield file.squared_distances, (normal(1, 2), normal(3, 2))


@requirement("values")
def values(file: ModuleType) -> str:
    """Against two loops."""
    expect_close("the distance from (0, 0) to (3, 4), squared", file.squared_distances(np.zeros((1, 2)), np.array([[3.0, 4.0]])),
                 [[25.0]])
    rng = np.random.default_rng(7)
    x, centers = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    expected = [[sum((a - b) ** 2 for a, b in zip(p, q)) for q in centers] for p in x]
    expect_close("squared_distances(x, centers)", file.squared_distances(x, centers), expected,
                 "row i, column j: from x[i] to centers[j]")
    return "row i, column j: from x[i] to centers[j]"


@requirement("a point and itself")
def itself(file: ModuleType) -> str:
    """No distance, and no slope: the square is flat there."""
    points = np.random.default_rng(8).standard_normal((3, 2))
    x = Tensor(points, requires_grad=True)
    y = file.squared_distances(x, Tensor(points))
    expect(np.abs(np.diag(y.numpy())).max() < 1e-9, "the distance of a point from itself is not 0")
    (dx,) = grad(y, [x], cotangent=np.eye(3))
    expect_close("its derivative", dx, np.zeros((3, 2)))
    return "distance 0, derivative 0"


@requirement("pull of the centers")
def pull(file: ModuleType) -> str:
    """The sum of squared distances to k centers has the derivative 2 k (x - their mean)."""
    rng = np.random.default_rng(9)
    x, centers = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    leaf, other = Tensor(x, requires_grad=True), Tensor(centers, requires_grad=True)
    dx, dc = grad(file.squared_distances(leaf, other).sum(), [leaf, other])
    expect_close("by x", dx, 2 * 5 * (x - centers.mean(axis=0)), "sum over the centers: each point meets all of them")
    expect_close("by centers", dc, 2 * 4 * (centers - x.mean(axis=0)), "sum over the points: each center meets all of them")
    return "2 k (x - mean of the k centers)"
