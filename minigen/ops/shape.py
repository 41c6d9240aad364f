"""Ops that move elements without changing them. Adjoint pairs: broadcast_to / sum_to, pad / crop, and reshape and transpose
with themselves."""

import math

from minigen import backend
from minigen.backend import Array, array_module
from minigen.engine import TensorLike, op
from minigen.errors import ShapeError
from minigen.utils.checks import is_whole
from minigen.utils.near_misses import explained


@op
def reshape(x: Array, *, shape: tuple[int, ...]) -> Array:
    """x with its elements, in row-major order, in another shape; one length may be -1."""
    return x.reshape(shape)


@reshape.vjp("x")
def reshape_dx(g, y, x, *, shape):
    """dL/dx = g in the shape of x."""
    return reshape(g, shape=x.shape)


@op
def transpose(x: Array, *, axes: tuple[int, ...] | None = None) -> Array:
    """x with its axes permuted, as in NumPy: axis i of the result is axis axes[i] of x; by default, reversed. A view."""
    return x.transpose(axes)


@transpose.vjp("x")
def transpose_dx(g, y, x, *, axes):
    """dL/dx = g with the axes permuted back."""
    return transpose(g, axes=None if axes is None else inverse(axes))


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes `axes` (which may count from the end)."""
    places = [axis % len(axes) for axis in axes]
    return tuple(sorted(range(len(places)), key=places.__getitem__))


@op
def broadcast_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """x repeated along new axes and axes of length 1 until it has `shape`. The adjoint of `sum_to`. A view."""
    return array_module(x).broadcast_to(x, shape)


@broadcast_to.vjp("x")
def broadcast_to_dx(g, y, x, *, shape):
    """dL/dx = g summed over the repeats."""
    return sum_to(g, shape=x.shape)


@op
def sum_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """x summed over axes until it has `shape`, which broadcasts to that of x. The adjoint of `broadcast_to`."""
    return backend.sum_to_shape(x, shape)


@sum_to.vjp("x")
def sum_to_dx(g, y, x, *, shape):
    """dL/dx = g repeated."""
    return broadcast_to(g, shape=x.shape)


@op
def concatenate(*arrays: Array, axis: int = 0) -> Array:
    """Arrays joined along an axis: concatenate(x, y, z, axis=0)."""
    check_one_by_one("concatenate", arrays)
    return array_module(*arrays).concatenate(arrays, axis=axis)


@concatenate.vjp("arrays")
def concatenate_darray(g, y, *arrays, axis, position):
    """dL/darrays[position] = the slice of g that this array fills."""
    start = sum(array.shape[axis] for array in arrays[:position])
    index = [slice(None)] * len(g.shape)
    index[axis] = slice(start, start + arrays[position].shape[axis])
    return g[tuple(index)]


@op
def pad(x: Array, *, widths: tuple[tuple[int, int], ...]) -> Array:
    """x with zeros around it: widths[i] = (before, after) along axis i. The adjoint of `crop`."""
    check_widths(widths, x.shape)
    shape = tuple(before + length + after for (before, after), length in zip(widths, x.shape))
    y = array_module(x).zeros(shape, dtype=x.dtype)
    y[interior(widths, shape)] = x
    return y


@pad.vjp("x")
def pad_dx(g, y, x, *, widths):
    """dL/dx = the inside of g."""
    return crop(g, widths=widths)


@op
def crop(x: Array, *, widths: tuple[tuple[int, int], ...]) -> Array:
    """x without its borders: widths[i] = (before, after) elements are cut off along axis i. The adjoint of `pad`. A view."""
    check_widths(widths, x.shape)
    if any(before + after > length for (before, after), length in zip(widths, x.shape)):
        raise ShapeError(f"cannot crop {widths} from an array of shape {x.shape}")
    return x[interior(widths, x.shape)]


@crop.vjp("x")
def crop_dx(g, y, x, *, widths):
    """dL/dx = g with zeros around it."""
    return pad(g, widths=widths)


def check_widths(widths: tuple[tuple[int, int], ...], shape: tuple[int, ...]) -> None:
    """Raise ShapeError unless there is a pair for each axis, of no negative width."""
    if len(widths) != len(shape) or any(min(pair) < 0 for pair in widths):
        raise ShapeError(f"widths are one pair (before, after) of at least 0 for each of the axes {shape}, got {widths}")


def interior(widths: tuple[tuple[int, int], ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The slices that leave out `widths` at each end."""
    return tuple(slice(before, length - after) for (before, after), length in zip(widths, shape))


# -- compositions ------------------------------------------------------------------------------------------------


@explained
def stack(*arrays: TensorLike, axis: int = 0) -> TensorLike:
    """Arrays of one shape along a new axis: stack(x, y) of two (n,) is (2, n)."""
    check_one_by_one("stack", arrays)
    return concatenate(*(expand_dims(array, axis) for array in arrays), axis=axis)


def check_one_by_one(name: str, arrays: tuple) -> None:
    """Raise TypeError for arrays that were passed as one list, as in NumPy, and for an axis behind them, as if they were."""
    for array in arrays:
        if isinstance(array, (list, tuple)):
            raise TypeError(f"{name} takes arrays, not a list of them: {name}(x, y, axis=0) or {name}(*arrays, axis=0)")
        if not hasattr(array, "shape"):
            raise TypeError(
                f"{name} takes arrays, and the axis by its name: {name}(x, y, axis=1), got {array!r} among the arrays"
            )
    if not arrays:
        raise TypeError(f"{name} takes one array or more, got none: {name}(x, y, axis=0)")


@explained
def split(x: TensorLike, sections: int, axis: int = 0) -> list[TensorLike]:
    """x cut into `sections` equal parts along an axis. Raises ValueError if the length is not divisible."""
    if not is_whole(sections):
        raise TypeError(
            f"split's sections must be a whole number of equal parts, got {sections!r}; unequal ones are x[:1], x[1:3], x[3:]"
        )
    if sections < 1:
        raise ValueError(f"split: expected at least one section, got {sections}")
    place = checked_axis("split", axis, len(x.shape))
    length = x.shape[place]
    if length % sections:
        raise ValueError(f"split: axis {axis} has length {length}, which is not divisible into {sections} equal sections")
    step, before = length // sections, (slice(None),) * place
    return [x[(*before, slice(i * step, (i + 1) * step))] for i in range(sections)]


@explained
def expand_dims(x: TensorLike, axis: int) -> TensorLike:
    """x with a new axis of length 1 at position `axis`."""
    position = checked_axis("expand_dims", axis, len(x.shape) + 1)
    return reshape(x, shape=(*x.shape[:position], 1, *x.shape[position:]))


@explained
def squeeze(x: TensorLike, axis: int | tuple[int, ...] | None = None) -> TensorLike:
    """x without the given axes of length 1; by default without all of them."""
    ndim = len(x.shape)
    axes = (
        range(ndim)
        if axis is None
        else [checked_axis("squeeze", i, ndim) for i in (axis if isinstance(axis, tuple) else (axis,))]
    )
    if axis is not None and any(x.shape[i] != 1 for i in axes):
        raise ValueError(f"squeeze: axis {axis} of shape {x.shape} is not of length 1")
    return reshape(x, shape=tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in axes))


@explained
def swapaxes(x: TensorLike, first: int, second: int) -> TensorLike:
    """x with two axes exchanged."""
    axes = list(range(len(x.shape)))
    first, second = (checked_axis("swapaxes", axis, len(axes)) for axis in (first, second))
    axes[first], axes[second] = axes[second], axes[first]
    return transpose(x, axes=tuple(axes))


def checked_axis(name: str, axis: int, ndim: int) -> int:
    """The axis counted from the front. Raises IndexError out of range, TypeError for anything but an int."""
    if not is_whole(axis):
        raise TypeError(f"{name}: an axis is an int, got {axis!r}")
    if not -ndim <= axis < ndim:
        raise IndexError(f"{name}: axis {axis} is out of range, expected {-ndim} to {ndim - 1}")
    return axis % ndim


@explained
def flatten(x: TensorLike, start_axis: int = 0) -> TensorLike:
    """The axes from `start_axis` on as one: flatten(x) is one row, flatten(x, 1) of (n, h, w, c) is (n, h w c): one per example.

    Raises ShapeError for an array with fewer axes.
    """
    if not 0 <= start_axis <= len(x.shape):
        raise ShapeError(f"flatten: start_axis is {start_axis}, expected 0 to {len(x.shape)} for shape {tuple(x.shape)}")
    return reshape(x, shape=(*x.shape[:start_axis], math.prod(x.shape[start_axis:])))
