"""Products of matrices by NumPy's own BLAS, on the threads of the loops.

A BLAS has threads of its own, which go on spinning for a while after each product and take the cores from the loop that follows. So
it is told to use one, and products are cut into pieces, one call each. Where its functions are not found (they are in NumPy's own
wheels), products stay with NumPy.
"""

import ctypes
import functools
from pathlib import Path

import numpy as np

from minigen.backend import Array
from minigen.compiled.arrays import FLOAT, call

SMALL = 1 << 17  # multiplications: with fewer, BLAS takes one thread anyway
PIECES = 2


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


@functools.cache
def gemm() -> int:
    """The address of sgemm, with 64-bit lengths, in the OpenBLAS of NumPy's wheels, which from now on uses one thread; 0 if it is
    not found."""
    folders = [Path(np.__file__).parent.parent / "numpy.libs", Path(np.__file__).parent / ".dylibs"]
    for path in (path for folder in folders for path in folder.glob("libscipy_openblas64_*")):
        blas = ctypes.CDLL(str(path))
        function = getattr(blas, "scipy_cblas_sgemm64_", None)
        if function is not None:
            blas.scipy_openblas_set_num_threads64_(1)
            return ctypes.cast(function, ctypes.c_void_p).value or 0
    return 0
