"""Checks of settings, of arrays of one shape and of state dicts: errors name the owner, what was given and what was expected."""

import math
import os
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

from minigen.errors import CHANNELS_FIRST, ShapeError, StateError
from minigen.utils.reading import shortened

SMALLEST, LARGEST = 4, 1024  # pixels along a side of images that grow


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, Python's or NumPy's."""
    return isinstance(value, Integral)


def check_numbers(owner: str, **settings: Any) -> None:
    """Raise TypeError for a setting that is not a real number."""
    for name, value in settings.items():
        if not isinstance(value, Real):
            raise TypeError(f"{owner}'s {name} must be a number, got {shortened(value)}")


def check_positive(owner: str, **settings: float) -> None:
    """Raise ValueError for a setting that is not above 0 and finite, TypeError for one that is not a number."""
    check_range(owner, settings, lambda value: 0.0 < value < math.inf, "above 0 and finite")


def check_nonnegative(owner: str, **settings: float) -> None:
    """Raise ValueError for a setting that is negative or not finite, TypeError for one that is not a number."""
    check_range(owner, settings, lambda value: 0.0 <= value < math.inf, "at least 0 and finite")


def check_fraction(owner: str, **settings: float) -> None:
    """Raise ValueError for a setting outside [0, 1), such as a decay rate; TypeError for one that is not a number."""
    check_range(owner, settings, lambda value: 0.0 <= value < 1.0, "at least 0 and below 1")


def check_seed(owner: str, seed: Any) -> int:
    """A seed of random numbers, as an int. ValueError unless it is a whole number of at least 0."""
    if not is_whole(seed) or seed < 0:
        raise ValueError(f"{owner}: got seed {shortened(seed)}, expected a non-negative integer")
    return int(seed)


def check_drawn(n: Any, what: str = "examples") -> None:
    """Raise ValueError unless n counts what is to be drawn."""
    if not is_whole(n) or n < 1:
        raise ValueError(f"n counts {what}, a whole number of at least 1, got {shortened(n)}")


def check_sizes(owner: str, **settings: int) -> None:
    """Raise ShapeError for a number of features, pixels or examples below 1, TypeError for one that is not a whole number."""
    for name, value in settings.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{owner}'s {name} must be a whole number, got {value!r}")
        if value < 1:
            raise ShapeError(f"{owner}'s {name} must be at least 1, got {value}")


def check_shape(owner: str, shape: Any) -> tuple[int, ...]:
    """A setting that is a shape, as a tuple. TypeError for anything else, ShapeError for an axis of length 0."""
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"{owner}'s shape must be a tuple, such as (28, 28, 1), got {shape!r}")
    check_sizes(owner, **{f"shape[{axis}]": length for axis, length in enumerate(shape)})
    return tuple(shape)


def check_same_shape(owner: str, **arrays: Any) -> None:
    """Raise ShapeError unless all arrays have one shape: (n, 1) against (n,) would broadcast to n * n pairs."""
    shapes = {name: tuple(array.shape) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        (first, shape), *others = shapes.items()
        listed = ", ".join(f"{name} {other}" for name, other in others)
        moved = any(len(other) == 4 and shape == tuple(other[axis] for axis in (0, 2, 3, 1)) for _, other in others)
        hint = f": {CHANNELS_FIRST}" if moved else ""
        raise ShapeError(f"{owner}: {first} has shape {shape}, {listed}; expected the same{hint}")


def check_range(owner: str, settings: dict[str, Any], inside: Callable[[Any], bool], expected: str) -> None:
    """What the checks of real numbers have in common."""
    check_numbers(owner, **settings)
    for name, value in settings.items():
        if not inside(value):
            raise ValueError(f"{owner}'s {name} must be {expected}, got {value}")


def doublings(resolution: Any) -> int:
    """How often 4 is doubled to make a resolution of images that grow. ValueError unless it is 4, 8, 16 ... 1024."""
    whole = is_whole(resolution)
    if not whole or not SMALLEST <= resolution <= LARGEST or resolution & (resolution - 1):
        raise ValueError(f"a resolution is a whole number, a power of two from {SMALLEST} to {LARGEST}, got {resolution!r}")
    return int(resolution).bit_length() - SMALLEST.bit_length()


def check_mapping(owner: str, state: Any) -> None:
    """Raise TypeError for what is no state dict, with what to do with the path of a file."""
    if isinstance(state, (str, os.PathLike)):
        path = os.fspath(state)
        raise TypeError(f"{owner}.load_state_dict takes a state dict, got the path {path!r}: minigen.load({path!r}, into=model)")
    if not isinstance(state, Mapping):
        raise TypeError(f"{owner}.load_state_dict takes a state dict, names with arrays, got {shortened(state)}")


def check_fit(owner: str, state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise StateError, naming every mismatch, unless a state has arrays of the names, shapes and dtypes that are expected.

    The values on both sides are arrays or have their `shape` and `dtype`; for integers any integer dtype will do.
    """
    problems = [f"missing {name} {tuple(expected[name].shape)}" for name in expected.keys() - state.keys()]
    problems += [f"unexpected {name}" for name in state.keys() - expected.keys()]
    for name in expected.keys() & state.keys():
        got, wanted = state[name], expected[name]
        whole = got.dtype.kind in "iu" and wanted.dtype.kind in "iu"
        if tuple(got.shape) != tuple(wanted.shape) or not (whole or got.dtype == wanted.dtype):
            problems.append(f"{name} is {got.dtype}{list(got.shape)}, expected {wanted.dtype}{list(wanted.shape)}")
    refuse(owner, problems)


def refuse(owner: str, problems: list[str]) -> None:
    """Raise StateError with the problems of a state, if there are any."""
    if problems:
        raise StateError(f"this state does not fit {owner}: {'; '.join(sorted(problems))}")
