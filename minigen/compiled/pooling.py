"""Pooling, upsampling and blurring in blocks of 2 x 2, with the loops of loops/pooling.c."""

import numpy as np

from minigen.backend import Array
from minigen.compiled.arrays import FLOAT, call, plain
from minigen.ops.pooling import Size
from minigen.ops.window import Padding, pair


def max_pool2d(x: Array, *, size: Size = 2, stride: Size | None = None, padding: Padding = "valid") -> Array | None:
    """In blocks of 2 x 2, the remainder dropped."""
    if not in_blocks(x, size, stride, padding):
        return None
    y = np.empty(halved(x), FLOAT)
    call("max_pool", x, None, None, y, *y.shape, x.shape[2], x.shape[1])
    return y


def max_unpool2d(values: Array, x: Array, maxima: Array, *, size: Size, stride: Size | None, padding: Padding) -> Array | None:
    """Back into blocks of 2 x 2."""
    if not (in_blocks(x, size, stride, padding) and plain(values, maxima) and values.shape == maxima.shape == halved(x)):
        return None
    y = np.empty_like(x)
    call("max_unpool", x, values, maxima, y, *maxima.shape, x.shape[2], x.shape[1])
    return y


def sum_pool2d(x: Array, *, factor: Size) -> Array | None:
    """In blocks of 2 x 2, without remainder."""
    if not (plain(x) and x.ndim == 4 and pair(factor, "factor") == (2, 2) and x.shape[1] % 2 == x.shape[2] % 2 == 0):
        return None
    y = np.empty(halved(x), FLOAT)
    call("sum_pool", x, None, None, y, *y.shape, x.shape[2], x.shape[1])
    return y


def upsample_nearest2d(x: Array, *, factor: Size) -> Array | None:
    """Every pixel to a block of 2 x 2."""
    if not (plain(x) and x.ndim == 4 and pair(factor, "factor") == (2, 2)):
        return None
    n, h, w, c = x.shape
    y = np.empty((n, 2 * h, 2 * w, c), FLOAT)
    call("upsample", x, None, None, y, *x.shape, 2 * w, 2 * h)
    return y


def blur2d(x: Array) -> Array | None:
    """With (1, 2, 1) / 4 down and across."""
    if not (plain(x) and x.ndim == 4):
        return None
    y = np.empty_like(x)
    call("blur", x, None, None, y, *x.shape, x.shape[2], x.shape[1])
    return y


def in_blocks(x: Array, size: Size, stride: Size | None, padding: Padding) -> bool:
    """Whether windows are blocks of 2 x 2, side by side, from the first pixel on."""
    return (
        plain(x)
        and x.ndim == 4
        and min(x.shape[1:3]) > 1
        and pair(size, "size") == (2, 2)
        and (stride is None or pair(stride, "stride") == (2, 2))
        and isinstance(padding, str)
        and padding == "valid"
    )


def halved(x: Array) -> tuple[int, int, int, int]:
    """The shape of images with one pixel for each block."""
    n, h, w, c = x.shape
    return n, h // 2, w // 2, c
