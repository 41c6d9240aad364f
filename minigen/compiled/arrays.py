"""Calls of the compiled loops with NumPy arrays."""

import struct
from typing import Any

import numpy as np

from minigen.compiled.switch import library

FLOAT = np.dtype(np.float32)


def plain(*arrays: Any) -> bool:
    """Whether the loops can read all of them: float32 values of the host, one after the other."""
    return all(type(x) is np.ndarray and x.dtype == FLOAT and x.flags.c_contiguous for x in arrays)


def call(loop: str, *values: np.ndarray | float | None) -> None:
    """Call a loop with the struct of these values, 8 bytes each: arrays by their address, None as NULL, whole numbers, floats."""
    form, fields = "", []
    for value in values:
        form += "d" if type(value) is float else "q"
        fields.append(value.ctypes.data if isinstance(value, np.ndarray) else value or 0)
    getattr(library(), loop)(struct.pack(form, *fields))
