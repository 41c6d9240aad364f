"""Exercise 4: a layer with parameters."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from minigen import nn
from minigen.autograd import Tensor, grad
from minigen.backend import seed
from minigen.coursework.examples import normal
from minigen.coursework.exercises import expect, expect_close, requirement

TITLE = "A layer: a dense layer whose weights have a length and a direction"
SECONDS = 60.0
NAMES = ("WeightNormDense",)


def examples(file: ModuleType) -> Iterator[Any]:
    """As a hidden layer."""
    yield file.WeightNormDense(4, 3), (normal(5, 4),), {}, (5, 3)


def layer_of(file: ModuleType) -> Any:
    """A layer 4 -> 3 in float64, with numbers that are not those of the start."""
    seed(0)
    layer = file.WeightNormDense(4, 3).astype("float64")
    rng = np.random.default_rng(7)
    for parameter in layer.parameters():
        parameter.assign(rng.uniform(0.5, 2.0, parameter.shape) * rng.choice([-1.0, 1.0], parameter.shape))
    return layer


@requirement("their names")
def parameters(file: ModuleType) -> str:
    """Three, by these names."""
    layer = file.WeightNormDense(4, 3)
    expect(isinstance(layer, nn.Module), "WeightNormDense is no nn.Module")
    found = {name: parameter.shape for name, parameter in layer.named_parameters().items()}
    asked = {"direction": (4, 3), "scale": (3,), "bias": (3,)}
    expect(found == asked, f"expected {asked}, got {found}", "self.direction = Parameter(...) in __init__")
    return "direction (4, 3), scale (3,), bias (3,)"


@requirement("lengths")
def lengths(file: ModuleType) -> str:
    """The column of the weight that belongs to an output is as long as its scale."""
    layer = layer_of(file)
    weight = layer(Tensor(np.eye(4))).numpy() - layer(Tensor(np.zeros((4, 4)))).numpy()
    expect_close("layer(0)", layer(Tensor(np.zeros((1, 4)))), layer.bias.numpy()[None])
    expect_close("the length of each output's weights", np.linalg.norm(weight, axis=0), np.abs(layer.scale.numpy()),
                 "one norm for each output: sum over axis 0 of direction, which counts the inputs")
    unit = layer.direction.numpy() / np.linalg.norm(layer.direction.numpy(), axis=0)
    expect_close("the weight", weight, unit * layer.scale.numpy())
    return "each output's weights are as long as its scale"


@requirement("only the direction")
def only_the_direction(file: ModuleType) -> str:
    """Three times the direction is the same direction; so the derivative is at right angles to it."""
    layer = layer_of(file)
    x = Tensor(np.random.default_rng(8).standard_normal((5, 4)))
    before = layer(x)
    (g,) = grad((before * before).sum(), [layer.direction])
    along = np.abs((g.numpy() * layer.direction.numpy()).sum(axis=0))
    expect(along.max() < 1e-8 * max(np.abs(g.numpy()).max(), 1.0), "the derivative by direction is not at right angles to it",
           "is the norm part of the graph, or was it turned into a number?")
    layer.direction.assign(3.0 * layer.direction.data)
    expect_close("with 3 * direction", layer(x), before.numpy())
    return "3 * direction changes nothing"


@requirement("start")
def start(file: ModuleType) -> str:
    """In the beginning it is a dense layer whose weight is `direction`, and directions differ."""
    seed(0)
    layer = file.WeightNormDense(40, 30)
    x = np.random.default_rng(9).standard_normal((5, 40)).astype(np.float32)
    expect_close("a new layer", layer(Tensor(x)), x @ layer.direction.numpy(), "scale starts as the length of each direction, "
                 "bias as 0", rtol=1e-4)
    spread = float(layer.direction.numpy().std())
    expect(0.05 < spread < 0.6, f"directions have a standard deviation of {spread:.3g}, expected about sqrt(1 / 40) = 0.16",
           "nn.init has initializers: nn.init.suiting(None)((in_features, out_features))")
    return "scale starts as the length, bias as 0"
