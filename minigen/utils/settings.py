"""Settings are Python's own numbers, whatever they come as.

A setting that was computed, `np.linspace(0, 1, 5)[1]` or `labels.max() + 1`, is a number of NumPy's. As such it would decide the
dtype of what it meets (a float32 array times np.float64 is float64), count as no int, overflow at 255 and read
"np.float64(0.25)" in a repr that a resumed run compares.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

PLAIN = frozenset({bool, int, float, str, type(None), slice})  # types of settings that are what they are


def to_python(value: Any) -> Any:
    """A number of NumPy's, or its array of one number without axes (as np.load gives of one), as Python's own, also inside tuples
    and lists; anything else, other arrays too, as it is."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is tuple or kind is list:
        if PLAIN.issuperset(map(type, value)):
            return value
        parts = [to_python(part) for part in value]
        return value if all(new is old for new, old in zip(parts, value)) else kind(parts)
    if (isinstance(value, np.generic) or (kind is np.ndarray and not value.shape)) and value.dtype.kind in "biufU":
        return float(value) if value.dtype == np.longdouble else value.item()  # longdouble's item is itself
    return value


class PythonNumbers:
    """Base of what has settings beside data: numbers that are set as attributes become Python's."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, to_python(value))


class Configured(PythonNumbers):
    """Base of what has settings: those given to the constructor become Python's numbers, and those set as attributes later."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = with_python_numbers(cls.__init__)

    def __post_init__(self) -> None:
        """For dataclasses, whose constructor is written later; one with a __post_init__ of its own calls this first."""
        for name, value in vars(self).items():
            object.__setattr__(self, name, to_python(value))  # also where it is frozen


def with_python_numbers(function: Callable) -> Callable:
    """The function, called with Python's numbers in place of NumPy's."""

    @functools.wraps(function)
    def called(*inputs: Any, **options: Any) -> Any:
        return function(*map(to_python, inputs), **{name: to_python(value) for name, value in options.items()})

    return called
