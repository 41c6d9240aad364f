"""Checks of the arguments of metrics, with one form of message: "METRIC: got ..., expected ..."."""

from typing import Any

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.utils.checks import is_whole


def checked_array(metric: str, name: str, x: Any, *lengths: int | None, expected: str, dtype: Any = np.float64) -> np.ndarray:
    """x as an array of finite values, in float64 unless another dtype is given; None keeps its own.

    lengths: of its axes, None for any length but 0.  expected: the same as text, for the message.
    Raises ShapeError for another shape, ValueError for NaN and infinity.
    """
    x = whole_array(x, dtype=dtype)
    fits = x.ndim == len(lengths) and all(n > 0 if length is None else n == length for n, length in zip(x.shape, lengths))
    if not fits:
        raise ShapeError(f"{metric}: got {name} of shape {x.shape}, expected {expected}")
    check_finite(metric, name, x)
    return x


def checked_matrix(metric: str, name: str, x: Any, columns: int | None = None) -> np.ndarray:
    """x as a finite float64 matrix (n, d), with d columns if `columns` is given."""
    return checked_array(metric, name, x, None, columns, expected=f"non-empty (n, {'d' if columns is None else columns})")


def checked_examples(metric: str, least: int, **sets: Any) -> list[np.ndarray]:
    """Sets of examples (n, ...) as finite float64 matrices (n, d), each example flattened.

    Raises ShapeError for what is not a set of examples and for examples of different shapes, ValueError for fewer than `least`
    of them and for values that are not finite, naming the metric and the set.
    """
    arrays = {name: whole_array(values) for name, values in sets.items()}
    shapes = ", ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
    if any(array.ndim < 2 or 0 in array.shape[1:] for array in arrays.values()):
        raise ShapeError(f"{metric}: got {shapes}, expected (n, ...): n examples of at least one value each")
    if len({array.shape[1:] for array in arrays.values()}) > 1:
        raise ShapeError(f"{metric}: got {shapes}, expected examples of the same shape")
    checked = []
    for name, array in arrays.items():
        if len(array) < least:
            raise ValueError(f"{metric}: got {shapes}, expected at least {least} in {name}")
        checked.append(array.reshape(len(array), -1).astype(np.float64, copy=False))
        check_finite(metric, name, checked[-1])
    return checked


def check_finite(metric: str, name: str, x: np.ndarray) -> None:
    """Raise ValueError for NaN and infinity."""
    if not np.isfinite(x).all():
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
