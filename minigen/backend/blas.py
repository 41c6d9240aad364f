"""The OpenBLAS of NumPy's wheels: its product, and how many threads it takes.

Its threads go on spinning for a while after each product, and take the cores from what follows. So it takes one while the
compiled loops are in use, which cut products into pieces for their own threads, and while a convolution is computed on several
threads, each of which multiplies for itself. Other BLAS libraries are left alone.
"""

import contextlib
import ctypes
import functools
import threading
from collections.abc import Iterator
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


def threads() -> int:
    """How many threads it takes; 1 if it is another library, of which that is not known."""
    library = openblas()
    return 1 if library is None else library.scipy_openblas_get_num_threads64_()


def set_threads(count: int) -> None:
    """Let it take so many."""
    library = openblas()
    if library is not None:
        library.scipy_openblas_set_num_threads64_(count)


@functools.cache
def own_threads() -> int:
    """How many threads it took before the loops were used."""
    return threads()


def take_one_thread(one: bool) -> None:
    """Let it take one thread, or as many as before."""
    before = own_threads()
    set_threads(1 if one else before)


_lock = threading.Lock()
_users = 0  # blocks of `one_thread` that are being run
_before = 1


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """It takes one thread inside the block, and as many as before afterward; several threads may be in such blocks at once."""
    global _users, _before
    with _lock:
        if not _users:
            _before = threads()
            set_threads(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                set_threads(_before)
