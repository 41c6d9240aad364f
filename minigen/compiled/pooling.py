"""Pooling, upsampling and blurring in blocks of 2 x 2, with the loops of loops/pooling.c."""

import numpy as np

from minigen.compiled.arrays import FLOAT, call, plain


def two(size):
    return size == 2 or size == (2, 2)


def blocks(x, size, stride, padding):
    return (
        plain(x)
        and x.ndim == 4
        and two(size)
        and (stride is None or two(stride))
        and padding in ("valid", 0)
        and x.shape[1] > 1
        and x.shape[2] > 1
    )


def run(loop, x, y, small, large, values=None, maxima=None):
    call(loop, x, values, maxima, y, *small, large[2], large[1])
    return y


def max_pool2d(x, *, size=2, stride=None, padding="valid"):
    if not blocks(x, size, stride, padding):
        return None
    n, h, w, c = x.shape
    y = np.empty((n, h // 2, w // 2, c), FLOAT)
    return run("max_pool", x, y, y.shape, x.shape)


def max_unpool2d(values, x, maxima, *, size, stride, padding):
    if not (blocks(x, size, stride, padding) and plain(values) and plain(maxima)):
        return None
    return run("max_unpool", x, np.empty_like(x), maxima.shape, x.shape, values, maxima)


def sum_pool2d(x, *, factor):
    if not (plain(x) and x.ndim == 4 and two(factor) and x.shape[1] % 2 == x.shape[2] % 2 == 0):
        return None
    n, h, w, c = x.shape
    y = np.empty((n, h // 2, w // 2, c), FLOAT)
    return run("sum_pool", x, y, y.shape, x.shape)


def upsample_nearest2d(x, *, factor):
    if not (plain(x) and x.ndim == 4 and two(factor)):
        return None
    n, h, w, c = x.shape
    y = np.empty((n, 2 * h, 2 * w, c), FLOAT)
    return run("upsample", x, y, x.shape, y.shape)


def blur2d(x):
    return run("blur", x, np.empty_like(x), x.shape, x.shape) if plain(x) and x.ndim == 4 else None
