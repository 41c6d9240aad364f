"""Settings are Python's own numbers, whatever they come as.

A setting that was computed, `np.linspace(0, 1, 5)[1]` or `labels.max() + 1`, is a number of NumPy's. As such it would decide the
dtype of what it meets (a float32 array times np.float64 is float64), count as no int, overflow at 255 and read
"np.float64(0.25)" in a repr that a resumed run compares.
"""

import functools
from numbers import Number
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from minigen.utils.near_misses import METHODS, Target, explained, missing

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
    """Base of what has settings: those given to the constructor become Python's numbers, and those set as attributes later.

    A name that is nearly right, or another library's, is answered with the right one. A dataclass stands under `@takes_settings`,
    for its constructor is written after the class.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            takes_settings(cls)

    if not TYPE_CHECKING:  # a type checker believes that what has a __getattr__ has every attribute

        def __getattr__(self, name: str) -> Any:
            """Called for what is not there, and where a property raised an AttributeError, which is raised again."""
            if name in METHODS and not hasattr(type(self), name):
                raise missing(type(self).__name__, name, METHODS)
            return object.__getattribute__(self, name)


def takes_settings(target: Target) -> Target:
    """A function, or a class, called with Python's numbers in place of NumPy's; the error of a wrong call says what fits."""
    if isinstance(target, type):
        type.__setattr__(target, "__init__", takes_settings(vars(target)["__init__"]))
        return target

    function = explained(target)

    @functools.wraps(target)
    def called(*inputs: Any, **options: Any) -> Any:
        return function(*map(to_python, inputs), **{name: to_python(value) for name, value in options.items()})

    return cast(Target, called)


class Settings(Configured):
    """Base of what has settings and nothing else, such as a loss: its repr is Name(setting=value, ...), alike in every process.

    A resumed run compares these texts. Attributes with an underscore, and those that are no plain values, are not settings.
    """

    def __repr__(self) -> str:
        plain = {name: value for name, value in vars(self).items() if value is None or isinstance(value, (Number, str))}
        settings = ", ".join(f"{name}={value!r}" for name, value in plain.items() if not name.startswith("_"))
        return f"{type(self).__name__}({settings})"
