"""How a file declares example calls of its ops, layers, losses and models, and which arrays they are tried with.

    example(softsign, (3, 4))                              a shape: values from N(0, 1)
    example(MyLayer(4, 3), (5, 4), output=(5, 3))          `output`: the required shape of the result
    example(log_loss, unit(5, 10), labels(5, classes=10))  other values
    example(my_pad, (3, 4), width=1)                       attributes are passed on
    example(model, images(2, 28, 28, 1), noise=normal(2, 10))

An op whose inputs have one shape needs none: `minigen check` guesses them.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

import numpy as np

from minigen.errors import ShapeError
from minigen.utils.checks import is_whole

UNIFORM = {"above_zero": (0.5, 2.0), "unit": (0.05, 0.95), "images": (0.05, 0.95)}  # from, to
TEXTS = {"normal": "", "above_zero": " above 0", "unit": " in (0, 1)"} | {
    kind: f" {kind}" for kind in ("images", "labels", "given")
}


@dataclass(frozen=True, eq=False)
class Sample:
    """An array to be drawn, of a kind that TEXTS names; labels have `classes`, given ones their `values`."""

    kind: str
    shape: tuple[int, ...]
    classes: int = 0
    values: np.ndarray | None = None

    @property
    def text(self) -> str:
        """How the report names it."""
        return f"{self.shape}{TEXTS[self.kind]}"

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def floating(self) -> bool:
        """Whether it can be differentiated by."""
        return self.kind != "labels" if self.values is None else self.values.dtype.kind == "f"

    def draw(self, dtype: Any, seed: int | Sequence[int]) -> np.ndarray:
        """Its values for this seed; floats of this dtype."""
        rng = np.random.default_rng(seed)
        if self.values is not None:
            values = self.values
        elif self.kind == "labels":
            values = rng.integers(self.classes, size=self.shape)
        elif self.kind == "normal":
            values = rng.standard_normal(self.shape)
        else:
            values = rng.uniform(*UNIFORM[self.kind], self.shape)
        return values.astype(dtype) if values.dtype.kind == "f" else np.array(values)

    @classmethod
    def of(cls, found: dict[str, Any]) -> "Sample":
        """The sample whose attributes a message holds. Raises ValueError, TypeError or KeyError for anything else."""
        kind, shape, classes, values = (found[name] for name in ("kind", "shape", "classes", "values"))
        shape, (classes,) = shape_of(shape), shape_of([classes])
        if kind not in TEXTS or (kind == "labels" and not classes):
            raise ValueError("no sample")
        if (kind == "given") != isinstance(values, np.ndarray) or (kind == "given" and values.shape != shape):
            raise ValueError("no numbers are given")
        return cls(kind, shape, classes, values)


def shape_of(found: Any) -> tuple[int, ...]:
    """A shape, from a message. Raises ValueError or TypeError for anything else."""
    if not all(type(n) is int and 0 <= n < 2**31 for n in found):
        raise ValueError("no shape")
    return tuple(found)


def normal(*shape: int) -> Sample:
    """Values from N(0, 1)."""
    return Sample("normal", checked(shape))


def above_zero(*shape: int) -> Sample:
    """Values from 0.5 to 2, for logarithms and roots."""
    return Sample("above_zero", checked(shape))


def unit(*shape: int) -> Sample:
    """Values from 0.05 to 0.95, for probabilities."""
    return Sample("unit", checked(shape))


def images(*shape: int) -> Sample:
    """Pixels in [0, 1], (n, height, width, channels)."""
    if len(shape) != 4:
        raise ShapeError(f"images are (n, height, width, channels), got {shape}")
    return Sample("images", checked(shape))


def labels(*shape: int, classes: int) -> Sample:
    """Whole numbers from 0 to classes - 1."""
    if not (is_whole(classes) and classes > 0):
        raise ValueError(f"labels: classes is {classes!r}, expected a whole number of at least 1")
    return Sample("labels", checked(shape), int(classes))


def array(values: Any) -> Sample:
    """Exactly these values."""
    values = np.array(values)
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        raise TypeError(f"array: expected numbers, got an array of {values.dtype}")
    return Sample("given", values.shape, values=values)


def checked(shape: tuple) -> tuple[int, ...]:
    """The shape. Raises ShapeError for lengths that no array has."""
    if not all(is_whole(n) and n >= 0 for n in shape):
        raise ShapeError(f"a shape is whole numbers, each at least 0, got {shape}: write (3, 4), or normal(3, 4)")
    return tuple(map(int, shape))


def as_sample(x: Any) -> Any:
    """A shape or an array as a Sample; anything else as it is, except lists, which are ambiguous."""
    if isinstance(x, list):
        raise TypeError(f"example: got the list {x}: a shape is a tuple, such as {tuple(x)}, and values are array({x})")
    if isinstance(x, tuple) and all(isinstance(n, Number) for n in x):
        return normal(*x)
    return array(x) if isinstance(x, np.ndarray) else x


EXAMPLES: list["Example"] = []  # of the file that is being imported, in its order


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

    inputs: shapes, of arrays from N(0, 1); `above_zero`, `unit`, `images`, `labels` and `array` make others; a Module is passed
    on and its parameters are checked too. Derivatives are checked with respect to float arrays, not options. `output`: the shape
    of the result.
    """
    if isinstance(target, type) or not callable(target):
        expected = f"an object of it, such as {target.__name__}(...)" if isinstance(target, type) else "an op, layer or function"
        raise TypeError(f"example: the first argument is what is to be called, {expected}, got {target!r}")
    if inputs and all(isinstance(x, Number) for x in inputs):
        raise TypeError(f"example: got the numbers {', '.join(map(str, inputs))}; a shape is one tuple, {inputs}")
    inputs = tuple(as_sample(x) for x in inputs)
    options = {name: as_sample(value) if isinstance(value, np.ndarray) else value for name, value in options.items()}
    caller = sys._getframe(1)
    EXAMPLES.append(Example(target, inputs, options, output, caller.f_lineno, caller.f_code.co_filename))
