"""How a file says with what its ops, layers, losses and models are to be called.

    example(softsign, (3, 4))                              a shape: numbers from N(0, 1)
    example(MyLayer(4, 3), (5, 4), output=(5, 3))          `output`: the shape that must come out
    example(log_loss, unit(5, 10), labels(5, classes=10))  other numbers
    example(my_pad, (3, 4), width=1)                       attributes are passed on
    example(model, images(2, 28, 28, 1), noise=normal(2, 10))

An op of inputs of one shape needs none: then `minigen check` guesses.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

import numpy as np

from minigen.errors import ShapeError

EXAMPLES: list["Example"] = []  # of the file that is being imported, in its order


@dataclass(frozen=True)
class Sample:
    """An array to be drawn: `draw(rng)` makes it, `text` is how the report names it."""

    text: str
    draw: Callable[[np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Example:
    """A call to be checked: target(*inputs, **options), which must give the shape `output` if there is one."""

    target: Callable
    inputs: tuple
    options: dict[str, Any] = field(default_factory=dict)
    output: tuple[int, ...] | None = None
    line: int = 0
    file: str = ""


def example(target: Callable, *inputs: Any, output: tuple[int, ...] | None = None, **options: Any) -> None:
    """Let `minigen check` call target(*inputs, **options). target: an op, a layer, a model (its `loss` is called) or a function.

    inputs: shapes, of arrays from N(0, 1); `positive`, `unit`, `images`, `labels` and `array` make others; a Module is passed on
    and its parameters are checked too. Arrays of floats are differentiated by, options are not. `output`: the shape of the
    result.
    """
    if isinstance(target, type) or not callable(target):
        made = f"an object of it, such as {target.__name__}(...)" if isinstance(target, type) else "an op, a layer or a function"
        raise TypeError(f"example: the first argument is what is to be called, {made}, got {target!r}")
    if inputs and all(isinstance(x, Number) for x in inputs):
        raise TypeError(f"example: got the numbers {', '.join(map(str, inputs))}; a shape is one tuple, {inputs}")
    inputs = tuple(as_sample(x) for x in inputs)
    options = {name: as_sample(value) if isinstance(value, np.ndarray) else value for name, value in options.items()}
    caller = sys._getframe(1)
    EXAMPLES.append(Example(target, inputs, options, output, caller.f_lineno, caller.f_code.co_filename))


def as_sample(x: Any) -> Any:
    """A shape or an array as a Sample; anything else as it is, but for lists, which might mean either."""
    if isinstance(x, list):
        raise TypeError(f"example: got the list {x}: a shape is a tuple, such as {tuple(x)}, and numbers are array({x})")
    if isinstance(x, tuple) and all(isinstance(n, Number) for n in x):
        return normal(*x)
    return array(x) if isinstance(x, np.ndarray) else x


def normal(*shape: int) -> Sample:
    """Numbers from N(0, 1)."""
    check_shape(shape)
    return Sample(f"{shape}", lambda rng: rng.standard_normal(shape))


def positive(*shape: int) -> Sample:
    """Numbers from 0.5 to 2, for logarithms and roots."""
    check_shape(shape)
    return Sample(f"{shape} positive", lambda rng: rng.uniform(0.5, 2.0, shape))


def unit(*shape: int) -> Sample:
    """Numbers from 0.05 to 0.95, for probabilities."""
    check_shape(shape)
    return Sample(f"{shape} in (0, 1)", lambda rng: rng.uniform(0.05, 0.95, shape))


def images(*shape: int) -> Sample:
    """Pixels in [0, 1], (n, height, width, channels)."""
    if len(shape) != 4:
        raise ShapeError(f"images are (n, height, width, channels), got {shape}")
    return Sample(f"{shape} images", lambda rng: rng.uniform(0.05, 0.95, shape))


def labels(*shape: int, classes: int) -> Sample:
    """Whole numbers from 0 to classes - 1."""
    check_shape(shape)
    return Sample(f"{shape} labels", lambda rng: rng.integers(classes, size=shape))


def array(values: Any) -> Sample:
    """These very numbers."""
    values = np.array(values)
    return Sample(f"{values.shape} given", lambda rng: values)


def check_shape(shape: tuple) -> None:
    """Raise ShapeError for lengths that no array has."""
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ShapeError(f"a shape is whole numbers, each at least 0, got {shape}: write (3, 4), or normal(3, 4)")


def draw(x: Any, dtype: Any, seed: int = 100) -> Any:
    """What a Sample stands for, floats of this dtype; anything else as it is. Not of seed 0, which is gradcheck's: x would be its
    cotangent."""
    if not isinstance(x, Sample):
        return x
    values = np.asarray(x.draw(np.random.default_rng(seed)))
    return values.astype(dtype) if values.dtype.kind == "f" else values
