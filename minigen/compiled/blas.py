"""The OpenBLAS of NumPy's wheels: its product, and how many threads it takes.

Its threads go on spinning for a while after each product and take the cores from the loop that follows. So it takes one while the
loops are in use, and products are cut into pieces for their threads instead (product.py). Other BLAS libraries are left alone.
"""

import ctypes
import functools
from pathlib import Path

import numpy as np


@functools.cache
def openblas() -> ctypes.CDLL | None:
    """The library, where it has 64-bit lengths and the names that NumPy's wheels give it; else None."""
    package = Path(np.__file__).parent
    for path in (
        path for folder in (package.parent / "numpy.libs", package / ".dylibs") for path in folder.glob("*openblas64_*")
    ):
        library = ctypes.CDLL(str(path))
        if hasattr(library, "scipy_cblas_sgemm64_") and hasattr(library, "scipy_openblas_set_num_threads64_"):
            return library
    return None


@functools.cache
def gemm() -> int:
    """The address of its product of two float32 matrices; 0 if there is none."""
    library = openblas()
    return 0 if library is None else ctypes.cast(library.scipy_cblas_sgemm64_, ctypes.c_void_p).value or 0


@functools.cache
def own_threads() -> int:
    """How many threads it took before the loops were used."""
    library = openblas()
    return 1 if library is None else library.scipy_openblas_get_num_threads64_()


def take_one_thread(one: bool) -> None:
    """Let it take one thread, or as many as before."""
    threads, library = own_threads(), openblas()
    if library is not None:
        library.scipy_openblas_set_num_threads64_(1 if one else threads)
