"""Ops that pick elements: getitem and its adjoint scatter_add, take, one_hot."""

from typing import Any

import numpy as np

from minigen.backend import Array, array_module, asarray, is_array
from minigen.backend.host import check_whole
from minigen.engine import Tensor, TensorLike, op
from minigen.errors import ShapeError
from minigen.ops.shape import broadcast_to, concatenate
from minigen.utils.near_misses import explained


@op
def getitem(x: Array, *, index: Any) -> Array:
    """x[index], with any index that NumPy knows: ints, slices, ..., None, bool masks, integer arrays. Adjoint of scatter_add."""
    return x[index]


@getitem.vjp("x")
def getitem_dx(g, y, x, *, index):
    """dL/dx = g added up at the indexed places of a zero array."""
    return scatter_add(g, index=index, shape=x.shape)


@op(broadcasts=True)
def scatter_add(values: Array, *, index: Any, shape: tuple[int, ...]) -> Array:
    """A zero array of `shape` with `values` added at `index`; a place named twice receives both. Adjoint of getitem.

    values: of the shape of the indexed places, or broadcasting to it.
    """
    xp = array_module(values)
    y = xp.zeros(shape, dtype=values.dtype)
    if is_basic(index):
        y[index] = values
    else:
        xp.add.at(y, index, values)
    return y


@scatter_add.vjp("values")
def scatter_add_dvalues(g, y, values, *, index, shape):
    """dL/dvalues = g[index]."""
    return getitem(g, index=index)


def is_basic(index: Any) -> bool:
    """Whether an index consists of ints, slices, ... and None only, and so names no place twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (int, slice, np.integer)) for part in parts)


# -- compositions ------------------------------------------------------------------------------------------------


@explained
def take(x: TensorLike, indices: Array, axis: int = 0) -> TensorLike:
    """The slices of x at `indices` (an int array) along an axis: rows of a table by number. Raises IndexError out of range."""
    indices = indices if is_array(indices) else asarray(indices)
    length = x.shape[axis]
    if indices.size and (int(indices.min()) < -length or int(indices.max()) >= length):
        raise IndexError(f"take: indices reach from {int(indices.min())} to {int(indices.max())}, axis {axis} has {length}")
    return x[(slice(None),) * (axis % len(x.shape)) + (indices,)]


def one_hot(labels: Array, classes: int, dtype: Any = np.float32) -> Array:
    """Labels (n,) of integers in 0 .. classes - 1 -> plain array (n, classes) of 0 and 1. Raises ValueError out of range."""
    labels = labels if is_array(labels) else asarray(labels)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: labels must be integers, got {labels.dtype}")
    if labels.size and (int(labels.min()) < 0 or int(labels.max()) >= classes):
        raise ValueError(f"one_hot: labels reach from {int(labels.min())} to {int(labels.max())}, expected 0 to {classes - 1}")
    return (labels[..., None] == array_module(labels).arange(classes)).astype(dtype)


def with_labels(x: TensorLike, labels: Any, classes: int) -> TensorLike:
    """x and the labels, one-hot, side by side: x (n, ..., c), labels (n,) -> (n, ..., c + classes), 0 or 1 at every position.

    The input of a network that is conditioned on the class. Raises ValueError for labels that are not integers from 0 to
    classes - 1, ShapeError unless each example has one.
    """
    labels = asarray(labels)
    if labels.shape != x.shape[:1]:
        raise ShapeError(f"expected one label for each of {x.shape[0]} examples, got labels of shape {tuple(labels.shape)}")
    indicators = one_hot(labels, classes, dtype=x.dtype).reshape((len(labels), *(1 for _ in x.shape[1:-1]), classes))
    return concatenate(x, broadcast_to(indicators, shape=(*x.shape[:-1], classes)), axis=-1)


def checked_index(index: Any) -> Any:
    """The index, if it holds no Tensor and no array that would lose information."""
    if any(isinstance(part, Tensor) for part in (index if isinstance(index, tuple) else (index,))):
        raise TypeError("an index must be a plain array of integers or bools, not a Tensor: index with x.data")
    check_whole(index)
    return index
