"""Checks of the arguments of metrics, with one form of message: "METRIC: got ..., expected ..."."""

import re
from typing import Any

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.utils.checks import is_whole
from minigen.utils.reading import shortened


def checked_arrays(
    metric: str, expected: str, *, dtype: Any = np.float64, least: int = 1, infinite: bool = False, **arrays: Any
) -> list[np.ndarray]:
    """The arrays in float64 (or another dtype; None keeps their own), if their shapes are as expected and their values finite.

    expected: their shapes, as docstrings write them: "(n, d) and (n,)", or one for all, "(n,) each". A letter stands for one
    length, the same wherever it occurs, and not below `least`. Raises ShapeError for other shapes, ValueError for NaN and, unless
    `infinite`, infinity.
    """
    found = {name: array_of(metric, name, x, dtype) for name, x in arrays.items()}
    shapes = [re.findall(r"\w+", shape) for shape in re.findall(r"\((.*?)\)", expected)]
    lengths: dict[str, int] = {}
    for array, axes in zip(found.values(), shapes * len(found) if len(shapes) == 1 else shapes, strict=True):
        known = [lengths.setdefault(axis, int(axis) if axis.isdigit() else n) for n, axis in zip(array.shape, axes)]
        short = any(n < least for n in array.shape)
        if short or array.ndim != len(axes) or list(array.shape) != known:
            got = " and ".join(f"{name} of shape {each.shape}" for name, each in found.items())
            raise ShapeError(f"{metric}: got {got}, expected {expected}{f', at least {least} along each axis' if short else ''}")
    for name, array in found.items():
        if array.dtype.kind == "f":
            check_finite(metric, name, array, infinite)
    return list(found.values())


def checked_examples(metric: str, least: int, *, dtype: Any = np.float64, **sets: Any) -> list[np.ndarray]:
    """Sets of examples (n, ...) as finite float64 matrices (n, d), or of another dtype (None keeps their own), each example
    flattened.

    Raises ShapeError for what is not a set of examples and for examples of different shapes, ValueError for fewer than `least`
    of them and for values that are not finite, naming the metric and the set.
    """
    arrays = {name: array_of(metric, name, values, dtype) for name, values in sets.items()}
    shapes = ", ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
    if any(array.ndim < 2 or 0 in array.shape[1:] for array in arrays.values()):
        raise ShapeError(f"{metric}: got {shapes}, expected (n, ...): n examples of at least one value each")
    if len({array.shape[1:] for array in arrays.values()}) > 1:
        raise ShapeError(f"{metric}: got {shapes}, expected examples of the same shape")
    checked = []
    for name, array in arrays.items():
        if len(array) < least:
            raise ValueError(f"{metric}: got {shapes}, expected at least {least} in {name}")
        checked.append(array.reshape(len(array), -1))
        check_finite(metric, name, checked[-1])
    return checked


def array_of(metric: str, name: str, x: Any, dtype: Any) -> np.ndarray:
    """x as an array. ValueError, naming it, for text, and for rows of different lengths."""
    try:
        return whole_array(x, dtype=dtype)
    except ValueError:
        raise ValueError(f"{metric}: got {shortened(x)} as {name}, expected an array of numbers") from None


def check_finite(metric: str, name: str, x: np.ndarray, infinite: bool = False) -> None:
    """Raise ValueError for NaN and, unless `infinite`, infinity."""
    if infinite and np.isnan(x).any():
        raise ValueError(f"{metric}: got NaN in {name}, expected numbers")
    if not infinite and not np.isfinite(x).all():
        raise ValueError(f"{metric}: got NaN or infinity in {name}, expected finite values")


def check_classes(metric: str, name: str, labels: np.ndarray, classes: int | None = None) -> None:
    """Raise TypeError unless labels are integers, ValueError unless they are from 0 to classes - 1, if `classes` is given."""
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{metric}: got {name} as {labels.dtype}, expected integers")
    if classes is not None and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(f"{metric}: got {name} from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}")


def check_count(metric: str, name: str, count: int, least: int, most: int | None = None, of: str = "") -> None:
    """Raise ValueError unless it is a whole number from `least` to `most`. of: what sets the limit."""
    if not is_whole(count) or count < least or (most is not None and count > most):
        expected = f"at least {least}" if most is None else f"{least} to {most}"
        raise ValueError(f"{metric}: {name} is {count}{f' for {of}' if of else ''}, expected {expected}")
