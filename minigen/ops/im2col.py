"""How convolutions are computed: windows of images as the rows of a matrix (im2col), for one matrix product per block.

Copying the windows costs time too, so it is done block by block, in a workspace that is reused; and no copy is kept for the
backward pass, which copies them again: for a 3 x 3 kernel they are nine times as large as the images. Images are
(n, h, w, c), so a row of a window, (kw, c), is contiguous in memory.
"""

import math
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from minigen.backend import Array, array_module

BLOCK = 1 << 22  # bytes of windows at a time: what a CPU's cache can hold
DEVICE_BLOCK = 1 << 28  # on a GPU, where a launch costs more than a cache miss
FAST_COLUMNS = 32  # columns of a matrix from which on a product is fast
FEW_CHANNELS = 3  # with so few, the contiguous runs are too short to be copied one by one

Pair = tuple[int, int]
Part = tuple[slice, slice]  # of the examples, and of the rows of windows


def windows(x: Array, origin: Pair, kernel: Pair, stride: Pair, grid: Pair) -> Iterator[tuple[Part, Array]]:
    """(part, matrix) for blocks of all windows of x (n, h, w, c), which is zero outside.

    The first window starts at the pixel `origin`, the others `stride` apart; an example has grid = (rows, columns) of them.
    matrix: (windows in the part, kh * kw * c), valid until the next block.
    """
    for part in blocks(x, kernel[0] * kernel[1] * x.shape[3], grid):
        examples, rows = part
        top, left = origin[0] + rows.start * stride[0], origin[1]
        bottom, right = origin[0] + (rows.stop - 1) * stride[0] + kernel[0], left + (grid[1] - 1) * stride[1] + kernel[1]
        image = excerpt(x[examples], (top, bottom), (left, right))
        yield part, matrix_of_windows(image, kernel, stride, (rows.stop - rows.start, grid[1]))


def blocks(x: Array, length: int, grid: Pair) -> Iterator[Part]:
    """Some whole examples, or some rows of windows of one example, whose windows of `length` values take about a BLOCK."""
    limit = BLOCK if array_module(x) is np else DEVICE_BLOCK
    rows = max(1, limit // (grid[1] * length * x.itemsize))
    examples = max(1, rows // grid[0])
    for start in range(0, len(x), examples):
        for first in range(0, grid[0], rows):
            yield slice(start, min(start + examples, len(x))), slice(first, min(first + rows, grid[0]))


def excerpt(x: Array, rows: Pair, columns: Pair) -> Array:
    """x[:, rows, columns], with zeros outside the image; a view if no part is outside."""
    n, height, width, channels = x.shape
    (top, bottom), (left, right) = rows, columns
    if top >= 0 and left >= 0 and bottom <= height and right <= width:
        return x[:, top:bottom, left:right]
    image = workspace("image", (n, bottom - top, right - left, channels), x)
    first, last = max(-top, 0), min(height, bottom) - top  # the rows of the excerpt that lie inside
    begin, end = max(-left, 0), min(width, right) - left
    if first >= last or begin >= end:
        image[...] = 0.0
        return image
    image[:, :first], image[:, last:] = 0.0, 0.0
    image[:, first:last, :begin], image[:, first:last, end:] = 0.0, 0.0
    image[:, first:last, begin:end] = x[:, top + first : top + last, left + begin : left + end]
    return image


def matrix_of_windows(image: Array, kernel: Pair, stride: Pair, grid: Pair) -> Array:
    """All windows of an image as rows: (n * rows * columns, kh * kw * c)."""
    n, channels, (rows, columns) = len(image), image.shape[3], grid
    if channels <= FEW_CHANNELS:  # column by column: along a column the runs are long
        matrix = workspace("windows", (*kernel, channels, n, rows, columns), image)
        for a, b, c in np.ndindex(*kernel, channels):
            matrix[a, b, c] = image[:, a:, b:, c][:, :: stride[0], :: stride[1]][:, :rows, :columns]
        return matrix.reshape(kernel[0] * kernel[1] * channels, -1).T
    if kernel == stride == (1, 1) and image.flags.c_contiguous:
        return image.reshape(-1, channels)
    s = image.strides
    strides = (s[0], s[1] * stride[0], s[2] * stride[1], s[1], s[2], s[3])
    matrix = workspace("windows", (n, rows, columns, *kernel, channels), image)
    matrix[...] = array_module(image).lib.stride_tricks.as_strided(image, matrix.shape, strides)
    return matrix.reshape(n * rows * columns, -1)


def correlate(x: Array, w: Array, b: Array | None, origin: Pair, stride: Pair, out: Array) -> None:
    """out (n, i, j, o) = b + the windows of x (n, h, w, c), the first at `origin`, times the kernel w (kh, kw, c, o).

    If there are few outputs, neighboring windows are fused into a slightly wider one: see `fused_windows`.
    """
    if not w.size:  # an empty sum over channels
        out[...] = 0.0 if b is None else b
        return
    fused = fused_windows(out, w.shape[1], stride[1])
    if fused > 1:
        w, b = fused_kernel(w, fused), b if b is None else array_module(b).tile(b, fused)
        out = out.reshape(*out.shape[:2], out.shape[2] // fused, w.shape[3])
    matrix = w.reshape(-1, w.shape[3])
    for part, columns in windows(x, origin, w.shape[:2], (stride[0], stride[1] * fused), out.shape[1:3]):
        multiply(columns, matrix, b, out=out[part])


def fused_windows(out: Array, width: int, stride: int) -> int:
    """How many neighboring windows of a row to fuse into one, for out (n, i, j, o) and a kernel of this width.

    Overlapping windows share most of what is copied, and a matrix product with few columns is slow: fused from 4 windows of 3 x
    3 with 8 outputs, a window of 3 x 6 with 32 outputs copies half as much. That half of its kernel is zero costs less than that.
    """
    if stride != 1 or width == 1 or array_module(out) is not np or not out.flags.c_contiguous:
        return 1
    return next(m for m in (4, 2, 1) if out.shape[2] % m == 0 and (m == 1 or m * out.shape[3] <= FAST_COLUMNS))


def fused_kernel(w: Array, fused: int) -> Array:
    """The kernel for `fused` neighboring windows fused into one: (kh, kw, c, o) -> (kh, kw + fused - 1, c, fused * o)."""
    kh, kw, channels, outputs = w.shape
    wide = array_module(w).zeros((kh, kw + fused - 1, channels, fused, outputs), dtype=w.dtype)
    for i in range(fused):
        wide[:, i : i + kw, :, i] = w
    return wide.reshape(kh, kw + fused - 1, channels, fused * outputs)


def split_kernel(wide: Array, width: int, fused: int) -> Array:
    """The adjoint of `fused_kernel`, back to a kernel of this width: the contributions of the windows, added up."""
    kh, _, channels, outputs = wide.shape
    wide = wide.reshape(kh, -1, channels, fused, outputs // fused)
    return sum(wide[:, i : i + width, :, i] for i in range(fused))


def gather(g: Array, w: Array, b: Array | None, padding: Pair, stride: Pair, out: Array) -> None:
    """The transposed convolution by ordinary ones: out (n, h, w, c) from g (n, i, j, o) and w (kh, kw, c, o).

    A pixel sees only those taps of the kernel that differ from its own position by a multiple of the stride. So the pixels that
    are congruent modulo the stride are a convolution of g with every s-th tap, flipped; s * s of these, interleaved, are the
    result (a polyphase filter). Those that differ only in the row share one copy of the windows: each takes its rows of it.
    """
    if stride == (1, 1) or not w.size:
        flipped = w[::-1, ::-1].transpose(0, 1, 3, 2)
        correlate(g, flipped, b, (padding[0] - w.shape[0] + 1, padding[1] - w.shape[1] + 1), stride, out)
        return
    axes = [phases(*axis) for axis in zip(w.shape[:2], padding, stride)]
    if not all(phase.taps for axis in axes for phase in axis):  # a kernel smaller than the stride leaves gaps
        out[...] = 0.0 if b is None else b
    down, across = ([phase for phase in axis if phase.taps] for axis in axes)
    top = min(y.first for y in down)
    height = max(y.first + y.taps for y in down) - top
    swapped = w.transpose(0, 1, 3, 2)
    for x in across:
        pixels = out[:, :, x.pixels]
        if not pixels.size:
            continue
        kernels = [swapped[y.flipped, x.flipped].reshape(-1, w.shape[2]) for y in down]
        row = x.taps * w.shape[3]  # values in a row of a window
        grid = (-(-out.shape[1] // stride[0]), pixels.shape[2])
        for (examples, rows), matrix in windows(g, (top, x.first), (height, x.taps), (1, 1), grid):
            for y, kernel in zip(down, kernels):
                seen = matrix[:, (y.first - top) * row : (y.first - top + y.taps) * row]
                multiply(seen, kernel, b, out=pixels[examples, y.pixels][:, rows])


class Phase(NamedTuple):
    """Along one axis, the pixels of a transposed convolution that see the same taps of the kernel."""

    pixels: slice  # every s-th
    first: int  # where the window of g that the first of them sees begins
    taps: int  # how many they see
    flipped: slice  # which


@lru_cache(maxsize=1024)
def phases(kernel: int, padding: int, stride: int) -> list[Phase]:
    """For `gather`, along one axis: one phase per residue modulo the stride."""
    found = []
    for r in range(stride):
        first, taps = (r - padding) % stride, len(range(r, kernel, stride))
        flipped = slice(r + (taps - 1) * stride, None, -stride) if taps else slice(0, 0)
        found.append(Phase(slice(first, None, stride), (first + padding - r) // stride - (taps - 1), taps, flipped))
    return found


def scatter(g: Array, w: Array, b: Array | None, padding: Pair, stride: Pair, out: Array) -> None:
    """What `gather` computes, by adding up windows in place (col2im): the adjoint of copying them."""
    out[...] = 0.0 if b is None else b
    if not w.size:
        return
    xp, (kh, kw, channels, outputs) = array_module(g), w.shape
    matrix = w.reshape(-1, outputs)
    for part in blocks(g, len(matrix), g.shape[1:3]):
        examples, rows = part
        block = g[part]
        image, n_rows_columns = out[examples], block.shape[:3]
        if channels <= FEW_CHANNELS:
            product = workspace("windows", (len(matrix), math.prod(n_rows_columns)), g)
            xp.matmul(matrix, block.reshape(-1, outputs).T, out=product)
            taps = product.reshape(kh, kw, channels, *n_rows_columns).transpose(0, 1, 3, 4, 5, 2)
        else:
            product = workspace("windows", (math.prod(n_rows_columns), len(matrix)), g)
            xp.matmul(block.reshape(-1, outputs), matrix.T, out=product)
            taps = product.reshape(*n_rows_columns, kh, kw, channels).transpose(3, 4, 0, 1, 2, 5)
        for a, b in np.ndindex(kh, kw):
            into, i = landing(a, padding[0], stride[0], rows, out.shape[1])
            across, j = landing(b, padding[1], stride[1], slice(0, g.shape[2]), out.shape[2])
            image[:, into, across] += taps[a, b, :, i, j]


def landing(tap: int, padding: int, stride: int, windows: slice, size: int) -> tuple[slice, slice]:
    """Along one axis: the pixels that a tap of these windows falls on, and which of the windows these are (counted from the
    first); the others fall outside."""
    start = max(windows.start, -((tap - padding) // stride))
    stop = max(start, min(windows.stop, (size - 1 + padding - tap) // stride + 1))
    first = start * stride + tap - padding
    return slice(first, first + (stop - start - 1) * stride + 1 if stop > start else first, stride), slice(
        start - windows.start, stop - windows.start
    )


def multiply(x: Array, y: Array, b: Array | None, out: Array) -> None:
    """out = x @ y + b for out (n, rows, columns, columns of y), which may be a strided view, and may lack the last rows of x."""
    xp, (n, rows, columns, channels) = array_module(x), out.shape
    if not out.size:
        return
    whole = out.flags.c_contiguous and out.size == len(x) * channels
    product = out if whole else workspace("product", (n, len(x) // (n * columns), columns, channels), x)
    xp.matmul(x, y, out=product.reshape(len(x), -1))
    if b is not None:  # as one row of pixels: NumPy is slow to repeat a few values many times
        product = product.reshape(-1, columns * channels)
        product += xp.repeat(b[None], columns, axis=0).reshape(-1)
    if not whole:
        out[...] = product.reshape(n, -1, columns, channels)[:, :rows]


_local = threading.local()  # each thread has a workspace of its own


def workspace(name: str, shape: tuple[int, ...], like: Array) -> Array:
    """An uninitialized temporary array: on the host always the same memory, which stays in the cache."""
    xp = array_module(like)
    if xp is not np:
        return xp.empty(shape, dtype=like.dtype)
    size, key = math.prod(shape), (name, like.dtype)
    buffers: dict[Any, Array] = _local.__dict__
    if key not in buffers or buffers[key].size < size:
        buffers[key] = np.empty(size, dtype=like.dtype)
    return buffers[key][:size].reshape(shape)
