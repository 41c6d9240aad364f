"""Convolutions with the loops of loops/convolution.c and loops/winograd.c."""

import functools
import math

import numpy as np

from minigen.backend import Array
from minigen.compiled.arrays import FLOAT, call, plain
from minigen.compiled.switch import library
from minigen.ops.convolution import default_output_size, geometry
from minigen.ops.im2col import phases
from minigen.ops.window import Padding, Pair, pair

WINDOWS = 128  # of a task, about: enough to be worth a task, few enough to stay in the cache
FEW_WINDOWS = 64  # with no more, packing the kernel costs more than it saves
TILE_VALUES = 1 << 16  # of the forms of tiles in a task of winograd.c: what stays in the cache
TASKS = 8  # of a kernel's gradient


@functools.cache
def lanes() -> int:
    """Floats in a register."""
    return library().lanes()


def conv2d(x: Array, w: Array, b: Array | None = None, *, stride: int | Pair = 1, padding: Padding = "same") -> Array | None:
    """Of windows where they lie, by `convolve`."""
    if not suits(x, w, b, w.shape[2:3], w.shape[3:]):
        return None
    (top, left), stride, grid = geometry(x.shape, w.shape, stride, padding)
    y = np.empty((len(x), *grid, w.shape[3]), FLOAT)
    convolve(x, w, b, (-top, -left), stride, y)
    return y


def conv2d_transpose(
    g: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: int | Pair = 1,
    padding: Padding = "same",
    output_size: int | Pair | None = None,
) -> Array | None:
    """By ordinary convolutions, one for each phase of the stride, as `ops.im2col.gather`."""
    if not suits(g, w, b, w.shape[3:], w.shape[2:3]):
        return None
    size = pair(output_size, "output_size") if output_size else default_output_size(g.shape[1:3], w.shape[:2], stride, padding)
    (top, left), stride, grid = geometry((len(g), *size, w.shape[2]), w.shape, stride, padding)
    if grid != g.shape[1:3]:
        return None
    x = np.empty((len(g), *size, w.shape[2]), FLOAT)
    swapped = w.transpose(0, 1, 3, 2)
    if stride == (1, 1):
        convolve(g, swapped[::-1, ::-1], b, (top - w.shape[0] + 1, left - w.shape[1] + 1), stride, x)
        return x
    axes = [phases(*axis) for axis in zip(w.shape[:2], (top, left), stride)]
    if not all(phase.taps for axis in axes for phase in axis):  # a kernel smaller than the stride leaves gaps
        x[...] = 0.0 if b is None else b
    for down in axes[0]:
        for across in axes[1]:
            if down.taps and across.taps:
                pixels = x[:, down.pixels, across.pixels]
                convolve(g, swapped[down.flipped, across.flipped], b, (down.first, across.first), (1, 1), pixels)
    return x


def conv2d_weight(x: Array, g: Array, *, kernel_size: Pair, stride: int | Pair = 1, padding: Padding = "same") -> Array | None:
    """Of windows where they lie, by `kernel_gradient`."""
    if not (plain(x) and x.ndim == g.ndim == 4 and g.dtype == FLOAT and x.size and g.size):
        return None
    kernel = pair(kernel_size, "kernel_size")
    (top, left), stride, grid = geometry(x.shape, kernel, stride, padding)
    return kernel_gradient(x, g, (-top, -left), kernel, stride) if g.shape[:3] == (len(x), *grid) else None


def suits(x: Array, w: Array, b: Array | None, channels: Pair, outputs: Pair) -> bool:
    """Whether these are arrays that the loops can read, and of shapes that fit; if not, the op says why."""
    return (
        plain(x)
        and x.ndim == w.ndim == 4
        and w.dtype == FLOAT
        and x.shape[3:] == channels
        and bool(w.size)
        and all(step % FLOAT.itemsize == 0 for step in w.strides)
        and (b is None or plain(b) and b.shape == outputs)
    )


def convolve(x: Array, w: Array, b: Array | None, origin: Pair, stride: Pair, y: Array) -> None:
    """y = b + windows of x times w, the first at `origin`. w and y may be strided; the channels of y are contiguous."""
    if not y.size:
        return
    (n, h, width, c), (kh, kw, _, outputs), (rows, columns) = x.shape, w.shape, y.shape[1:3]
    run, blocks = kh * kw * c, -(-outputs // lanes())
    step, block = lanes(), run * lanes()
    if outputs < lanes() // 2 and kw * c >= lanes():  # inner products along the window
        kernel, step = np.ascontiguousarray(w.transpose(3, 0, 1, 2)), 0
    elif outputs >= lanes() and w.flags.c_contiguous and n * rows * columns <= FEW_WINDOWS:
        kernel, step = w, outputs
    else:
        kernel = np.empty(blocks * block, FLOAT)
        call("pack", w, kernel, kh, kw, c, outputs, *(s // 4 for s in w.strides))
    if b is not None and step and outputs < lanes():
        b = np.concatenate([b, np.zeros(lanes() - outputs, FLOAT)])
    if stride == (1, 1) and filtering_pays(w.shape, rows, columns):
        tiles = -(-rows // 4) * -(-columns // 4)
        group = max(8, TILE_VALUES // (36 * (c + outputs)))  # tiles of a task
        images, bands = max(1, min(-(-n // 4), group // tiles)), max(1, min(-(-rows // 4), tiles // group))
        call(
            "winograd", x, kernel, b, y, n, h, width, c, kh, kw, rows, columns, outputs, *origin, *stride,
            *(s // 4 for s in y.strides[:3]), step, block, images, bands, 1, np.empty(36 * c * outputs, FLOAT),
        )  # fmt: skip
        return
    windows = rows * columns
    bands = max(1, min(rows, windows // (2 * WINDOWS)))
    images = min(n, max(1, WINDOWS // windows))
    pairs = -(-blocks // 2)
    tasks = -(-n // images) * bands
    parts = min(pairs, -(-8 // tasks)) if step else 1
    call(
        "convolve", x, kernel, b, y, n, h, width, c, kh, kw, rows, columns, outputs, *origin, *stride,
        *(s // 4 for s in y.strides[:3]), step, block, images, bands, parts,
    )  # fmt: skip


def filtering_pays(kernel: tuple[int, ...], rows: int, columns: int) -> bool:
    """Whether winograd.c can compute a convolution of stride 1, and is faster."""
    kh, kw, c, outputs = kernel
    return kh == kw == 3 and min(rows, columns) >= 8 and min(c, outputs) >= 16 and c % lanes() == outputs % lanes() == 0


def kernel_gradient(x: Array, g: Array, origin: Pair, kernel: Pair, stride: Pair) -> Array:
    """The sum over windows of x, the first at `origin`, times g: (kh, kw, c, o)."""
    (n, h, width, c), (_, rows, columns, outputs), (kh, kw) = x.shape, g.shape, kernel
    along_run = outputs < lanes() // 2 and kw * c >= lanes()
    if outputs % lanes() and not along_run:  # the last vectors of g reach beyond its end
        longer = np.empty(g.size + lanes(), FLOAT)
        longer[: g.size] = g.reshape(-1)
        g = longer
    else:
        g = np.ascontiguousarray(g)
    shape = (outputs, kh, -(-kw * c // lanes()) * lanes()) if along_run else (kh, kw, c, outputs)
    groups = min(n, TASKS) if TASKS * math.prod(shape) <= x.size else 1
    dw = np.empty((groups, *shape), FLOAT)
    height, wide = (rows - 1) * stride[0] + kh, (columns - 1) * stride[1] + kw  # of the pixels in windows
    framed = along_run or origin != (0, 0) or (height, wide) != (h, width)
    frames = np.empty(n * (height * wide * c + lanes()), FLOAT) if framed and groups == 1 else None
    call(
        "kernel_gradient", x, g, frames, dw, n, h, width, c, kh, kw, rows, columns, outputs, *origin, *stride,
        along_run, groups, TASKS // groups,
    )  # fmt: skip
    total = dw[0] if groups == 1 else dw.sum(axis=0)
    return np.ascontiguousarray(total[:, :, : kw * c].transpose(1, 2, 0)).reshape(kh, kw, c, outputs) if along_run else total
