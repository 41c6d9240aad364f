"""conv2d, conv2d_transpose and conv2d_weight with the loops of loops/convolution.c."""

import ctypes
import math

import numpy as np

from minigen.compiled.arrays import FLOAT, LONG, POINTER, plain, pointer
from minigen.compiled.build import library
from minigen.ops.convolution import default_output_size, geometry
from minigen.ops.im2col import phases, workspace
from minigen.ops.window import pair

LANES = 16  # at most; outputs are packed in blocks of so many
WINDOWS = 128  # of a task, about: enough to be worth a task, few enough to stay in the cache


class Convolution(ctypes.Structure):
    """The struct of the same name."""

    _fields_ = [(name, POINTER) for name in ("x", "kernel", "bias", "y")] + [
        (name, LONG)
        for name in (
            "n h w c kh kw rows columns outputs top left down across example row column few images bands".split()
        )
    ]


class Frames(ctypes.Structure):
    _fields_ = [("x", POINTER), ("copy", POINTER)] + [(name, LONG) for name in "n h w c top bottom left right".split()]


class Gradient(ctypes.Structure):
    _fields_ = [(name, POINTER) for name in ("x", "g", "dw")] + [
        (name, LONG) for name in "n h w c kh kw rows columns outputs down across few chunks".split()
    ]


def lanes() -> int:
    return library().lanes()


def convolve(x, w, b, origin, stride, y):
    """y = b + windows of x times w, the first at `origin`; y may be a strided view whose channels are contiguous."""
    (n, h, width, c), (kh, kw, _, o) = x.shape, w.shape
    rows, columns = y.shape[1:3]
    size = lanes()
    few = o < size // 2 and kw * c >= size
    if few:
        kernel = np.ascontiguousarray(w.transpose(3, 0, 1, 2))
        bias = np.zeros(o, FLOAT) if b is None else b
    else:
        blocks = -(-o // size)
        wide = np.zeros((blocks, kh, kw * c, size), FLOAT) if o % size else np.empty((blocks, kh, kw * c, size), FLOAT)
        if o % size:
            full = o // size
            flat = w.reshape(kh, kw * c, o)
            wide[:full] = flat[..., : full * size].reshape(kh, kw * c, full, size).transpose(2, 0, 1, 3)
            wide[full, ..., : o % size] = flat[..., full * size :]
        else:
            wide[...] = w.reshape(kh, kw * c, blocks, size).transpose(2, 0, 1, 3)
        kernel = wide
        bias = np.zeros(blocks * size, FLOAT)
        if b is not None:
            bias[:o] = b
    windows = rows * columns
    bands = max(1, min(rows, windows // (2 * WINDOWS)))
    images = max(1, min(-(-n // 4), WINDOWS // windows)) if bands == 1 else 1
    s = y.strides
    job = Convolution(
        pointer(x), pointer(kernel), pointer(bias), pointer(y),
        n, h, width, c, kh, kw, rows, columns, o, origin[0], origin[1], stride[0], stride[1],
        s[0] // 4, s[1] // 4, s[2] // 4, few, images, bands,
    )  # fmt: skip
    library().convolve(ctypes.byref(job))


def conv2d(x, w, b=None, *, stride=1, padding="same"):
    if not (plain(x) and x.ndim == w.ndim == 4 and w.dtype is FLOAT and x.shape[3] == w.shape[2] and w.size):
        return None
    if b is not None and not (plain(b) and b.shape == w.shape[3:]):
        return None
    (top, left), stride, grid = geometry(x.shape, w.shape, stride, padding)
    y = np.empty((len(x), *grid, w.shape[3]), FLOAT)
    if not y.size:
        return y
    convolve(x, w, b, (-top, -left), stride, y)
    return y


def conv2d_transpose(g, w, b=None, *, stride=1, padding="same", output_size=None):
    if not (plain(g) and g.ndim == w.ndim == 4 and w.dtype is FLOAT and g.shape[3] == w.shape[3] and w.size):
        return None
    if b is not None and not (plain(b) and b.shape == w.shape[2:3]):
        return None
    size = pair(output_size, "output_size") if output_size else default_output_size(g.shape[1:3], w.shape[:2], stride, padding)
    (top, left), stride, grid = geometry((len(g), *size, w.shape[2]), w.shape, stride, padding)
    if grid != g.shape[1:3]:
        return None
    x = np.empty((len(g), *size, w.shape[2]), FLOAT)
    if not x.size:
        return x
    if stride == (1, 1):
        convolve(g, w[::-1, ::-1].transpose(0, 1, 3, 2), b, (top - w.shape[0] + 1, left - w.shape[1] + 1), stride, x)
        return x
    axes = [phases(*axis) for axis in zip(w.shape[:2], (top, left), stride)]
    if not all(phase.taps for axis in axes for phase in axis):
        x[...] = 0.0 if b is None else b
    swapped = w.transpose(0, 1, 3, 2)
    for down in axes[0]:
        for across in axes[1]:
            pixels = x[:, down.pixels, across.pixels]
            if down.taps and across.taps and pixels.size:
                convolve(g, swapped[down.flipped, across.flipped], b, (down.first, across.first), (1, 1), pixels)
    return x


def conv2d_weight(x, g, *, kernel_size, stride=1, padding="same"):
    if not (plain(x) and x.ndim == g.ndim == 4 and g.dtype is FLOAT and x.size and g.size):
        return None
    kh, kw = kernel = pair(kernel_size, "kernel_size")
    (top, left), stride, grid = geometry(x.shape, kernel, stride, padding)
    if g.shape[:3] != (len(x), *grid):
        return None
    n, h, w, c = x.shape
    rows, columns, o = g.shape[1:]
    height, width = (rows - 1) * stride[0] + kh, (columns - 1) * stride[1] + kw
    size = lanes()
    few = o < size // 2 and kw * c >= size
    if few or (top, left) != (0, 0) or (height, width) != (h, w):
        image = np.empty(n * height * width * c + size, FLOAT)
        library().frames(ctypes.byref(Frames(pointer(x), pointer(image), n, h, w, c, -top, height - top, -left, width - left)))
    else:
        image = x
    taps = kh * kw * c
    if few:
        g = np.ascontiguousarray(g)
        dw = np.zeros((o, kh, -(-kw * c // size) * size), FLOAT)
        units, outputs = o * kh * -(-kw * c // size), o
    else:
        outputs = -(-o // size) * size
        if outputs != o:
            wide = np.zeros((n, rows, columns, outputs), FLOAT)
            wide[..., :o] = g
            g = wide
        g = np.ascontiguousarray(g)
        tile = 8 if size == 16 else 6
        dw = np.zeros((-(-taps // tile) * tile, outputs), FLOAT)
        units = -(-taps // tile) * -(-outputs // (2 * size))
    job = Gradient(
        pointer(image), pointer(g), pointer(dw), n, height, width, c, kh, kw, rows, columns, outputs, *stride, few, min(8, units)
    )
    library().kernel_gradient(ctypes.byref(job))
    if few:
        return np.ascontiguousarray(dw[:, :, : kw * c].transpose(1, 2, 0)).reshape(kh, kw, c, o)
    return np.ascontiguousarray(dw[:taps, :o]).reshape(kh, kw, c, o)
