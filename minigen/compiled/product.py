"""Products of matrices by NumPy's own BLAS, in pieces for the threads of the loops; by NumPy, where that BLAS is not found."""

import numpy as np

from minigen.backend import Array
from minigen.compiled.arrays import FLOAT, call
from minigen.compiled.blas import gemm

SMALL = 1 << 17  # multiplications: with fewer, BLAS takes one thread anyway
PIECES = 2  # always as many: how a product is cut may change its rounding


def matmul(x: Array, y: Array) -> Array | None:
    """x @ y for two matrices, each of which may be a transposed view."""
    if type(y) is not np.ndarray or x.ndim != 2 or y.ndim != 2 or x.shape[1] != len(y):
        return None
    return product(x, y, None)


def dense(x: Array, w: Array, b: Array) -> Array | None:
    """x @ w + b."""
    fitting = type(w) is type(b) is np.ndarray and x.ndim == w.ndim == 2 and x.shape[1] == len(w) and b.shape == w.shape[1:]
    return product(x, w, b) if fitting and b.dtype == FLOAT and b.flags.c_contiguous else None


def product(x: Array, y: Array, bias: Array | None) -> Array | None:
    """x @ y + bias."""
    (rows, inner), columns = x.shape, y.shape[1]
    if not rows * inner * columns >= SMALL or not gemm() or not x.dtype == y.dtype == FLOAT:
        return None
    turned = [not matrix.flags.c_contiguous for matrix in (x, y)]
    if any(turn and not matrix.flags.f_contiguous for turn, matrix in zip(turned, (x, y))):
        return None
    z = np.empty((rows, columns), FLOAT)
    call("multiply", gemm(), x, y, bias, z, rows, columns, inner, *turned, PIECES, columns >= rows)
    return z
