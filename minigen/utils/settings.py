"""Settings are stored as Python numbers, whatever type they come as.

A setting that was computed, `np.linspace(0, 1, 5)[1]` or `labels.max() + 1`, is a NumPy scalar. As such it would change the
dtype of results (a float32 array times np.float64 is float64), not be an int, overflow at 255 and read "np.float64(0.25)" in a
repr that a resumed run compares.
"""

import functools
from numbers import Number
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from minigen.utils.near_misses import METHODS, Target, explained, missing
from minigen.utils.reading import shortened

PLAIN = frozenset({bool, int, float, str, type(None), slice})  # types of settings that are kept as they are


def python_number(value: Any) -> Any:
    """The Python number of a scalar of NumPy, for JSON. TypeError for anything else."""
    number = to_python(value)
    if number is not value:
        return number
    raise TypeError(f"{shortened(value)} is a {type(value).__name__}, not words, a number, a list or a dict")


def to_python(value: Any) -> Any:
    """A NumPy scalar, or array without axes (as np.load returns for a scalar), as a Python number, also inside tuples and lists;
    anything else, including other arrays, as it is."""
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
    """Base of classes that have settings beside data: numbers set as attributes become Python numbers."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, to_python(value))


class Configured(PythonNumbers):
    """Base of classes with settings: those given to the constructor, or set as attributes later, become Python numbers.

    For a name that is nearly right, or another library's, the error suggests the right one. A dataclass also needs
    `@takes_settings`, because its constructor is generated after the class.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            takes_settings(cls)

    if not TYPE_CHECKING:  # a type checker believes that what has a __getattr__ has every attribute

        def __getattr__(self, name: str) -> Any:
            """Called for a missing attribute, and when a property raised an AttributeError, which is raised again."""
            if name in METHODS and not hasattr(type(self), name):
                raise missing(type(self).__name__, name, METHODS)
            return object.__getattribute__(self, name)


def takes_settings(target: Target) -> Target:
    """A function, or a class, called with NumPy scalars as Python numbers; the error for a wrong call says what fits."""
    if isinstance(target, type):
        type.__setattr__(target, "__init__", takes_settings(vars(target)["__init__"]))
        return target

    function = explained(target)

    @functools.wraps(target)
    def called(*inputs: Any, **options: Any) -> Any:
        return function(*map(to_python, inputs), **{name: to_python(value) for name, value in options.items()})

    return cast(Target, called)


class Settings(Configured):
    """Base of classes with settings only, such as a loss: the repr is Name(setting=value, ...), the same in every process.

    A resumed run compares these texts. Attributes with an underscore, and those that are not plain values, are not settings.
    """

    def __repr__(self) -> str:
        plain = {name: value for name, value in vars(self).items() if value is None or isinstance(value, (Number, str))}
        settings = ", ".join(f"{name}={value!r}" for name, value in plain.items() if not name.startswith("_"))
        return f"{type(self).__name__}({settings})"
