"""Ops that change the size of images (n, h, w, c), each channel by itself: pooling, upsampling, resizing.

`size`, `stride` and `factor` are an int or (height, width); `padding` is "same", "valid", an int or explicit pairs. Adjoint
pairs: max_unpool2d / max_pool2d_gather, sum_pool2d / upsample_nearest2d. A window is never copied: for each place in it, a
strided slice of the images holds the elements of all windows there.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigen.backend import Array, array_module
from minigen.engine import TensorLike, op, unwrap
from minigen.errors import DtypeError, ShapeError, conversion
from minigen.ops.elementwise import gated
from minigen.ops.linalg import matmul
from minigen.ops.shape import crop, interior, reshape
from minigen.ops.window import Padding, Pair, explicit_padding, output_size, pair
from minigen.utils.near_misses import explained

Size = int | Pair
NO_PADDING = ((0, 0), (0, 0))

# -- the largest element of each window --------------------------------------------------------------------------


@op
def max_pool2d(x: Array, *, size: Size = 2, stride: Size | None = None, padding: Padding = "valid") -> Array:
    """The largest element of each window: (n, h, w, c) -> (n, h', w', c), with h' = floor((h + padding - size) / stride) + 1.

    `stride`: from window to window, by default `size`; windows may overlap, and the remainder at the end is dropped. Padding
    never wins, not even against -inf; NaN always does. The whole gradient goes to one winner: of equal elements the first, row
    by row, as in PyTorch. Raises ShapeError if x is not a batch of images or smaller than a window, ValueError if a side's
    padding is not less than the size.
    """
    size, stride, padding, grid = checked_windows(x, size, stride, padding)
    x = padded(x, padding, -math.inf)
    down = slices((size[0], 1), (stride[0], 1), (grid[0], x.shape[2]))  # first along the columns: there the runs are long
    across = slices((1, size[1]), (1, stride[1]), grid)
    return largest(largest(x, down), across)


def largest(x: Array, places: list) -> Array:
    """The largest element over these places, window by window."""
    xp = array_module(x)
    y = xp.maximum(x[places[0]], x[places[-1]])
    for place in places[1:-1]:
        xp.maximum(y, x[place], out=y)
    return y


@max_pool2d.vjp("x")
def max_pool2d_dx(g, y, x, *, size, stride, padding):
    """dL/dx = g at the winners."""
    return max_unpool2d(g, x, y, size=size, stride=stride, padding=padding)


@op(non_differentiable=("x", "maxima"))
def max_unpool2d(values: Array, x: Array, maxima: Array, *, size: Size, stride: Size | None, padding: Padding) -> Array:
    """Zeros of the shape of x, and `values`, one for each window, added to the winners. The adjoint of max_pool2d_gather.

    x and maxima = max_pool2d(x) only determine the winners, which do not change with small changes of x: no derivative with
    respect to them.
    """
    xp = array_module(values)
    size, stride, padding, grid = checked_windows(x, size, stride, padding)
    overlapping = stride[0] < size[0] or stride[1] < size[1]
    n, h, w, c = x.shape
    inside = h + sum(padding[0]), w + sum(padding[1])
    tiled = stride == size and (grid[0] * size[0], grid[1] * size[1]) == inside  # then every pixel is written below
    y = (xp.empty if tiled else xp.zeros)((n, *inside, c), dtype=values.dtype)
    for place, won in winners(x, maxima, padding, slices(size, stride, grid)):
        if overlapping:
            y[place] += gated(values, won, out=xp.empty_like(values))
        else:
            gated(values, won, out=y[place])
    return unpadded(y, padding)


@max_unpool2d.vjp("values")
def max_unpool2d_dvalues(g, y, values, x, maxima, *, size, stride, padding):
    """dL/dvalues = g at the winners, gathered."""
    return max_pool2d_gather(g, x, maxima, size=size, stride=stride, padding=padding)


@op(non_differentiable=("x", "maxima"))
def max_pool2d_gather(values: Array, x: Array, maxima: Array, *, size: Size, stride: Size | None, padding: Padding) -> Array:
    """Of `values`, shaped like x, those at the winners, one for each window. The adjoint of max_unpool2d."""
    size, stride, padding, grid = checked_windows(x, size, stride, padding)
    values = padded(values, padding, 0.0)
    y, picked = (array_module(values).zeros(maxima.shape, dtype=values.dtype) for _ in "yp")
    for place, won in winners(x, maxima, padding, slices(size, stride, grid)):
        y += gated(values[place], won, out=picked)
    return y


@max_pool2d_gather.vjp("values")
def max_pool2d_gather_dvalues(g, y, values, x, maxima, *, size, stride, padding):
    """dL/dvalues = g at the winners, else 0."""
    return max_unpool2d(g, x, maxima, size=size, stride=stride, padding=padding)


def winners(x: Array, maxima: Array, padding: tuple[Pair, Pair], places: list) -> Iterator[tuple[Any, Array]]:
    """(place, bools): in which windows the element at this place is the first that equals the maximum, NaN for a maximum of NaN.

    At the last place, True for all windows that have no winner yet.
    """
    xp = array_module(x)
    missing, nans = maxima != maxima, None
    if xp is not np or missing.any():  # not asked on a device: it would have to synchronize
        nans = padded(x != x, padding, False)
    x = padded(x, padding, math.nan)  # which equals no maximum
    undecided = True
    for place in places[:-1]:
        won = x[place] == maxima
        if nans is not None:
            won |= missing & nans[place]
        won &= undecided
        undecided = undecided ^ won
        yield place, won
    yield places[-1], undecided


# -- sums and means ----------------------------------------------------------------------------------------------


@op
def sum_pool2d(x: Array, *, factor: Size) -> Array:
    """The sum of each block of `factor` pixels: (n, h, w, c) -> (n, h / factor, w / factor, c). Adjoint of upsample_nearest2d.

    Raises ShapeError if `factor` does not divide height and width.
    """
    xp = array_module(x)
    check_images(x)
    factor = pair(factor, "factor")
    grid = x.shape[1] // factor[0], x.shape[2] // factor[1]
    if (factor[0] * grid[0], factor[1] * grid[1]) != x.shape[1:3]:
        raise ShapeError(f"images of {x.shape[1]}x{x.shape[2]} do not divide into blocks of {factor[0]}x{factor[1]}")
    first, *others = slices(factor, factor, grid)
    y = xp.array(x[first])
    for place in others:
        y += x[place]
    return y


@sum_pool2d.vjp("x")
def sum_pool2d_dx(g, y, x, *, factor):
    """dL/dx = g repeated."""
    return upsample_nearest2d(g, factor=factor)


@op
def upsample_nearest2d(x: Array, *, factor: Size) -> Array:
    """Every pixel repeated to a block of `factor` pixels: (n, h, w, c) -> (n, h factor, w factor, c). Adjoint of sum_pool2d."""
    check_images(x)
    rows, columns = pair(factor, "factor")
    xp = array_module(x)
    return xp.repeat(xp.repeat(x, columns, axis=2), rows, axis=1)


@upsample_nearest2d.vjp("x")
def upsample_nearest2d_dx(g, y, x, *, factor):
    """dL/dx = g summed over each block."""
    return sum_pool2d(g, factor=factor)


# -- compositions ------------------------------------------------------------------------------------------------


@explained
def avg_pool2d(x: TensorLike, *, size: Size = 2, stride: Size | None = None, padding: Padding = "valid") -> TensorLike:
    """The mean of each window, as `max_pool2d` places them: (n, h, w, c) -> (n, h', w', c).

    Padding does not count: at the border, the mean of the pixels that exist (as in Keras; PyTorch's count_include_pad=False).
    """
    size, stride, padding, grid = checked_windows(x, size, stride, padding)
    if size == stride and padding == NO_PADDING:
        rest = tuple((0, length % s) for length, s in zip(x.shape[1:3], size))
        x = crop(x, widths=((0, 0), *rest, (0, 0))) if rest != NO_PADDING else x
        return sum_pool2d(x, factor=size) * (1.0 / math.prod(size))
    return separable(x, *(window_means(*axis) for axis in zip(x.shape[1:3], grid, size, stride, padding)))


@explained
def resize_bilinear(x: TensorLike, *, size: Size) -> TensorLike:
    """Images of another size by linear interpolation along height and width: (n, h, w, c) -> (n, *size, c).

    Coordinates count from the edges, pixels are centered at halves: y[i] = x[(i + 1/2) h / h' - 1/2], constant beyond the outer
    centers (PyTorch's align_corners=False). Between neighbors only: to shrink by more than 2, average first.
    """
    check_images(x)
    return separable(x, *(interpolation(*axis) for axis in zip(x.shape[1:3], pair(size, "size"))))


def separable(x: Any, rows: np.ndarray, columns: np.ndarray) -> Any:
    """y[n, i, j, c] = sum over h, w of  rows[i, h]  columns[j, w]  x[n, h, w, c]; its gradient comes from matmul's rules."""
    data = unwrap(x)
    rows, columns = (array_module(data).asarray(matrix.astype(data.dtype)) for matrix in (rows, columns))
    n, h, w, c = x.shape
    y = matmul(rows, reshape(x, shape=(n, h, w * c)))
    return matmul(columns, reshape(y, shape=(n, len(rows), w, c)))


def window_means(length: int, count: int, size: int, stride: int, padding: Pair) -> np.ndarray:
    """(count, length): row i averages the pixels in window i along one axis."""
    pixels = np.arange(length) - (np.arange(count)[:, None] * stride - padding[0])
    inside = (pixels >= 0) & (pixels < size)
    return inside / inside.sum(axis=1, keepdims=True)


def interpolation(length: int, count: int) -> np.ndarray:
    """(count, length): row i interpolates linearly between the two pixels around the center of pixel i, along one axis."""
    centers = ((np.arange(count) + 0.5) * (length / count) - 0.5).clip(0, length - 1)
    return (1.0 - abs(centers[:, None] - np.arange(length))).clip(0, 1)


# -- windows -----------------------------------------------------------------------------------------------------


def checked_windows(x: Any, size: Size, stride: Size | None, padding: Padding) -> tuple[Pair, Pair, tuple[Pair, Pair], Pair]:
    """Size, stride, padding and number of windows, each for both axes; checked."""
    check_images(x)
    size = pair(size, "size")
    stride = size if stride is None else pair(stride, "stride")
    padding = explicit_padding(padding, x.shape[1:3], size, stride)
    if any(max(sides) >= length for sides, length in zip(padding, size)):
        raise ValueError(f"padding {padding} with windows of {size[0]}x{size[1]}: some would contain no pixels")
    return size, stride, padding, output_size(x.shape[1:3], size, stride, padding)


def slices(size: Pair, stride: Pair, grid: Pair) -> list[tuple[slice, ...]]:
    """For each place in a window, row by row: the slices that select the elements there, of all windows together."""
    return [
        (slice(None), *(slice(i, i + (n - 1) * s + 1, s) for i, n, s in zip(place, grid, stride))) for place in np.ndindex(size)
    ]


def padded(x: Array, padding: tuple[Pair, Pair], value: float) -> Array:
    """x with `value` around each image; x itself if there is no padding."""
    if padding == NO_PADDING:
        return x
    n, h, w, c = x.shape
    y = array_module(x).full((n, h + sum(padding[0]), w + sum(padding[1]), c), value, dtype=x.dtype)
    unpadded(y, padding)[...] = x
    return y


def unpadded(x: Array, padding: tuple[Pair, Pair]) -> Array:
    """x without the padding. A view."""
    return x if padding == NO_PADDING else x[interior(((0, 0), *padding, (0, 0)), x.shape)]


def check_images(x: Any) -> None:
    """Raise unless x has the four axes of a batch of images, and floating-point values."""
    if len(x.shape) != 4:
        raise ShapeError(f"expected images (n, height, width, channels), got shape {tuple(x.shape)}")
    if x.dtype.kind != "f":
        raise DtypeError(f"expected floating-point images, got {x.dtype}: {conversion(x.dtype, 'float32')}")
