"""Exercise 4: a layer with parameters."""

import numpy as np

from minigen.coursework.examples import normal
from minigen.coursework.exercises.tools import Asked, Exercise, expect_close
from minigen.coursework.grading.remote import Array, AsTensor, Remote, arrays_of, assign, gradients, numbers, parameters_of
from minigen.coursework.grading.report import expect

exercise = Exercise(
    4,
    "A layer: a dense layer whose weights have a length and a direction",
    names=("WeightNormDense",),
    checks=13,
    examples=[Asked("WeightNormDense", [(normal(5, 4),)], "layer", output=(5, 3), settings=(4, 3))],  # as a hidden layer
)
SHAPES = {"direction": (4, 3), "scale": (3,), "bias": (3,)}


def expect_parameters(layer: Remote, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise CheckFailed unless the layer has parameters of these shapes."""
    found = parameters_of(layer, "WeightNormDense")
    kinds = {name: "a Tensor" if kind == "Tensor" else "an array" for name, kind in arrays_of(layer).items() if name in shapes}
    hints = [
        f"self.{name} is {kind}, which no optimizer finds and no checkpoint keeps: write self.{name} = Parameter(array)"
        for name, kind in kinds.items()
    ]
    expect(found == shapes, f"expected {shapes}, got {found}", *hints or ["self.direction = Parameter(...) in __init__"])


def layer_of(file: Remote, rng: np.random.Generator) -> tuple[Remote, dict[str, Array]]:
    """A layer 4 -> 3 in float64 and its values, which differ from the initial ones."""
    layer = file.WeightNormDense(4, 3)
    expect_parameters(layer, SHAPES)
    layer.astype("float64")
    values = {name: rng.uniform(0.5, 2.0, shape) * rng.choice([-1.0, 1.0], shape) for name, shape in SHAPES.items()}
    assign(layer, values)
    return layer, values


@exercise.requirement("their names")
def parameters(file: Remote, rng: np.random.Generator) -> str:
    """Three, by these names."""
    layer_of(file, rng)
    return "direction (4, 3), scale (3,), bias (3,)"


@exercise.requirement("lengths")
def lengths(file: Remote, rng: np.random.Generator) -> str:
    """The column of the weight that belongs to an output is as long as its scale."""
    layer, values = layer_of(file, rng)
    expect_close("layer(0)", layer(AsTensor(np.zeros((1, 4)))), values["bias"][None])
    weight = numbers("layer(x)", layer(AsTensor(np.eye(4)))) - values["bias"]
    expect_close(
        "the length of each output's weights",
        np.linalg.norm(weight, axis=0),
        np.abs(values["scale"]),
        "one norm for each output: sum over axis 0 of direction, which counts the inputs",
    )
    unit = values["direction"] / np.linalg.norm(values["direction"], axis=0)
    expect_close("the weight", weight, unit * values["scale"])
    return "each output's weights are as long as its scale"


@exercise.requirement("only the direction")
def only_the_direction(file: Remote, rng: np.random.Generator) -> str:
    """Three times the direction is the same direction; so the derivative is perpendicular to it."""
    layer, values = layer_of(file, rng)
    x = rng.standard_normal((5, 4))
    before = numbers("layer(x)", layer(AsTensor(x)))
    (g,) = gradients(layer, [AsTensor(x)], by=[layer.direction], cotangent=2.0 * before)
    along = np.abs((g * values["direction"]).sum(axis=0))
    expect(
        along.max() < 1e-8 * max(np.abs(g).max(), 1.0),
        "the derivative by direction is not at right angles to it",
        "is the norm part of the graph, or was it turned into a number?",
    )
    assign(layer, {"direction": 3.0 * values["direction"]})
    expect_close("with 3 * direction", layer(AsTensor(x)), before)
    return "3 * direction changes nothing"


@exercise.requirement("start")
def start(file: Remote, rng: np.random.Generator) -> str:
    """It starts as a dense layer with weight `direction`, and directions differ."""
    layer = file.WeightNormDense(40, 30)
    expect_parameters(layer, {"direction": (40, 30), "scale": (30,), "bias": (30,)})
    x = rng.standard_normal((5, 40)).astype(np.float32)
    direction = numbers("direction", layer.state_dict()["direction"])
    got = layer(AsTensor(x))
    expect_close("a new layer", got, x @ direction, "scale starts as the length of each direction, bias as 0", rtol=1e-4)
    deviation = float(direction.std())
    expect(
        0.05 < deviation < 0.6,
        f"directions have a standard deviation of {deviation:.3g}, expected about sqrt(1 / 40) = 0.16",
        "nn.init has initializers: nn.init.for_activation(None)((in_features, out_features))",
    )
    return "scale starts as the length, bias as 0"
