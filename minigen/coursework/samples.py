"""Descriptions of random arrays, shared by both sides: the arguments of a call."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np

from minigen.errors import ShapeError
from minigen.utils.checks import is_whole

KINDS = ("normal", "positive", "unit", "images", "labels", "given")


@dataclass(frozen=True, eq=False)
class Sample:
    """An array to be drawn, of this kind; labels have `classes`, given ones their `values`."""

    kind: str
    shape: tuple[int, ...]
    classes: int = 0
    values: np.ndarray | None = None

    @property
    def text(self) -> str:
        """How the report names it."""
        said = {"normal": "", "positive": " positive", "unit": " in (0, 1)"}
        return f"{self.shape}{said.get(self.kind, f' {self.kind}')}"

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def floating(self) -> bool:
        """Whether it can be differentiated by."""
        return self.values.dtype.kind == "f" if self.kind == "given" else self.kind != "labels"

    def draw(self, dtype: Any, seed: int | Sequence[int]) -> np.ndarray:
        """Its values for this seed; floats of this dtype."""
        rng = np.random.default_rng(seed)
        if self.kind == "given":
            values = self.values
        elif self.kind == "labels":
            values = rng.integers(self.classes, size=self.shape)
        elif self.kind == "normal":
            values = rng.standard_normal(self.shape)
        else:
            values = rng.uniform(*((0.5, 2.0) if self.kind == "positive" else (0.05, 0.95)), self.shape)
        return values.astype(dtype) if values.dtype.kind == "f" else np.array(values)

    def as_dict(self) -> dict[str, Any]:
        """For a message."""
        return {"kind": self.kind, "shape": list(self.shape), "classes": self.classes, "values": self.values}

    @classmethod
    def of(cls, found: dict[str, Any]) -> "Sample":
        """What `as_dict` has described. Raises ValueError, TypeError or KeyError for anything else."""
        kind, shape, classes, values = (found[name] for name in ("kind", "shape", "classes", "values"))
        whole = [*shape, classes]
        if kind not in KINDS or not all(type(n) is int and 0 <= n < 2**31 for n in whole) or (kind == "labels" and not classes):
            raise ValueError("no sample")
        if (kind == "given") != isinstance(values, np.ndarray) or (kind == "given" and values.shape != tuple(shape)):
            raise ValueError("no numbers are given")
        return cls(kind, tuple(shape), classes, values)


def normal(*shape: int) -> Sample:
    """Values from N(0, 1)."""
    return Sample("normal", checked(shape))


def positive(*shape: int) -> Sample:
    """Values from 0.5 to 2, for logarithms and roots."""
    return Sample("positive", checked(shape))


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
        raise TypeError(f"example: got the list {x}: a shape is a tuple, such as {tuple(x)}, and numbers are array({x})")
    if isinstance(x, tuple) and all(isinstance(n, Number) for n in x):
        return normal(*x)
    return array(x) if isinstance(x, np.ndarray) else x
