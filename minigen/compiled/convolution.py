"""Convolutions with the loops of loops/convolution.c and loops/winograd.c."""

import functools
import math

import numpy as np

from minigen.backend import Array
from minigen.compiled.arrays import FLOAT, call, plain
from minigen.compiled.switch import library
from minigen.ops.convolution import default_output_size, geometry
from minigen.ops.im2col import fused_kernel, phases, split_kernel
from minigen.ops.window import Padding, Pair, pair

WINDOWS = 128  # of a task, about: enough to be worth a task, few enough to stay in the cache
FEW_WINDOWS = 64  # with no more, packing the kernel costs more than it saves
TASKS = 8  # of a kernel's gradient

# Of winograd.c, as measured: what its forms cost, in multiplications, and how many tiles are worth a task, a round, a group.
FORM = 20  # multiplications: what a value's way to its form, or back, costs
PRODUCT = 1.2  # what a multiplication of forms costs, beside one of windows
KERNEL_TILES = 40  # the form of a kernel costs as much as multiplying so many tiles,
GRADIENT_TILES = 10  # and that of a kernel's gradient
TILES, TASK_VALUES = 16, 1 << 16  # of a task: at least so many, else as many as have so many values, which stay in the cache
ROUND_TILES, ROUND_VALUES = 96, 1 << 17  # the same for a round of a kernel's gradient
GROUP_TILES, GROUP_VALUES = 48, 1 << 17  # of a group: at least so many tiles, and at most so many values of a kernel's form


@functools.cache
def lanes() -> int:
    """Floats in a register."""
    return library().lanes()


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


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
    run, blocks, windows = kh * kw * c, ceil_div(outputs, lanes()), rows * columns
    step, block = lanes(), run * lanes()
    if y.flags.c_contiguous and fusing_pays(w.shape, stride, columns):
        wide, twice = fused_kernel(w, 2), b if b is None else np.tile(b, 2)
        return convolve(x, wide, twice, origin, (stride[0], 2), y.reshape(n, rows, columns // 2, 2 * outputs))
    filtered = filtering_pays(w.shape, stride, n, rows, columns, KERNEL_TILES)
    if inner_products_pay(w.shape):
        kernel, step = np.ascontiguousarray(w.transpose(3, 0, 1, 2)), 0
    elif outputs >= lanes() and w.flags.c_contiguous and n * windows <= FEW_WINDOWS and not filtered:
        kernel, step = w, outputs
    else:
        kernel = np.empty(blocks * block, FLOAT)
        call("pack", w, kernel, kh, kw, c, outputs, *(s // 4 for s in w.strides))
    if b is not None and step and outputs < lanes():
        b = np.concatenate([b, np.zeros(lanes() - outputs, FLOAT)])
    room = ()
    if filtered:
        tiles, inputs = tiles_of(rows, columns), phases_of(w.shape, stride) * c
        group = max(TILES, TASK_VALUES // (36 * (inputs + outputs)))
        images, bands, parts = max(1, min(ceil_div(n, 4), group // tiles)), max(1, min(ceil_div(rows, 4), tiles // group)), 1
        room = (np.empty(36 * inputs * outputs, FLOAT),)
    else:
        images, bands = min(n, max(1, WINDOWS // windows)), max(1, min(rows, windows // (2 * WINDOWS)))
        tasks = ceil_div(n, images) * bands
        parts = min(ceil_div(blocks, 2), ceil_div(8, tasks)) if step else 1
    call(
        "winograd" if filtered else "convolve", x, kernel, b, y, n, h, width, c, kh, kw, rows, columns, outputs,
        *origin, *stride, *(s // 4 for s in y.strides[:3]), step, block, images, bands, parts, *room,
    )  # fmt: skip


def inner_products_pay(kernel: tuple[int, ...]) -> bool:
    """Whether vectors are better laid along the window than across its few outputs."""
    _, kw, c, outputs = kernel
    return outputs < lanes() // 2 and kw * c >= lanes()


def fusing_pays(kernel: tuple[int, ...], stride: Pair, columns: int) -> bool:
    """Whether two neighboring windows, fused into one that is wider by one, fill a vector that one leaves half empty."""
    _, kw, _, outputs = kernel
    return 2 * outputs <= lanes() and stride[1] == 1 and kw > 2 and columns % 2 == 0 and not inner_products_pay(kernel)


def can_be_filtered(kernel: tuple[int, ...], stride: Pair) -> bool:
    """Whether winograd.c can compute a convolution, or the gradient of its kernel (kh, kw, c, o)."""
    few_taps = all(s <= 2 and taps <= 3 * s for taps, s in zip(kernel, stride))
    return few_taps and kernel[2] % lanes() == kernel[3] % lanes() == 0


def filtering_pays(kernel: tuple[int, ...], stride: Pair, n: int, rows: int, columns: int, form: int) -> bool:
    """Whether it can, and with fewer multiplications; the kernel's form costs as much as multiplying `form` tiles."""
    if not can_be_filtered(kernel, stride):
        return False
    (kh, kw, c, outputs), tiles = kernel, n * tiles_of(rows, columns)
    places = math.prod(5 * min(taps, s) + max(0, taps - 2 * s) for taps, s in zip(kernel, stride))
    forms = 36 * tiles * (phases_of(kernel, stride) * c + outputs)
    return PRODUCT * (tiles + form) * places * c * outputs + FORM * forms <= n * rows * columns * kh * kw * c * outputs


def tiles_of(rows: int, columns: int) -> int:
    """How many tiles of 4 x 4 cover an image."""
    return ceil_div(rows, 4) * ceil_div(columns, 4)


def phases_of(kernel: tuple[int, ...], stride: Pair) -> int:
    """How many convolutions of stride 1 make one of this stride."""
    return math.prod(min(taps, s) for taps, s in zip(kernel, stride))


def kernel_gradient(x: Array, g: Array, origin: Pair, kernel: Pair, stride: Pair) -> Array:
    """The sum over windows of x, the first at `origin`, times g: (kh, kw, c, o)."""
    (n, h, width, c), (_, rows, columns, outputs), (kh, kw) = x.shape, g.shape, kernel
    if fusing_pays((*kernel, c, outputs), stride, columns):
        g = np.ascontiguousarray(g).reshape(n, rows, columns // 2, 2 * outputs)
        return split_kernel(kernel_gradient(x, g, origin, (kh, kw + 1), (stride[0], 2)), kw, 2)
    if filtering_pays((*kernel, c, outputs), stride, n, rows, columns, GRADIENT_TILES):
        return filtered_gradient(x, g, origin, kernel, stride)
    along_run = inner_products_pay((*kernel, c, outputs))
    if outputs % lanes() and not along_run:  # the last vectors of g reach beyond its end
        longer = np.empty(g.size + lanes(), FLOAT)
        longer[: g.size] = g.reshape(-1)
        g = longer
    else:
        g = np.ascontiguousarray(g)
    shape = (outputs, kh, ceil_div(kw * c, lanes()) * lanes()) if along_run else (kh, kw, c, outputs)
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


def filtered_gradient(x: Array, g: Array, origin: Pair, kernel: Pair, stride: Pair) -> Array:
    """The same by winograd.c: of a small kernel by groups of images, one thread each; of a large one by all threads together."""
    (n, h, width, c), (_, rows, columns, outputs), tiles = x.shape, g.shape, tiles_of(*g.shape[1:3])
    grouped = n * tiles >= TASKS * GROUP_TILES and 36 * c * outputs <= GROUP_VALUES
    groups = min(n, TASKS) if grouped else 1
    inputs, own = phases_of(kernel, stride) * c, ceil_div(n, groups)
    most = max(1, max(ROUND_TILES, ROUND_VALUES // (36 * (inputs + outputs))) // tiles)
    images = ceil_div(own, ceil_div(own, most))  # as many in each round
    sizes = images * tiles * inputs + lanes(), images * tiles * outputs + lanes(), c * outputs
    room = [np.empty(36 * size, FLOAT) if groups == 1 else None for size in sizes]
    dw = np.empty((groups, *kernel, c, outputs), FLOAT)
    call(
        "winograd_gradient", x, np.ascontiguousarray(g), *room, dw, n, h, width, c, *kernel, rows, columns, outputs,
        *origin, *stride, groups, images, 0, 0, 0, 0, 0,
    )  # fmt: skip
    return dw[0] if groups == 1 else dw.sum(axis=0)
