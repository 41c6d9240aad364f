"""Arrays and tables of settings, as C sees them."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.compiled.build import library

FLOAT = np.dtype(np.float32)
POINTER, LONG, FLOAT_VALUE = ctypes.c_void_p, ctypes.c_long, ctypes.c_float


def plain(x: Any) -> bool:
    """Whether the loops can read it: float32 values of the host, one after the other."""
    return type(x) is np.ndarray and x.dtype is FLOAT and x.flags.c_contiguous


def pointer(x: np.ndarray) -> int:
    """Where the values begin."""
    return x.ctypes.data
