"""Calls of the compiled loops with NumPy arrays."""

import ctypes
import functools
import struct
from typing import Any

import numpy as np

from minigen.compiled.build import HEAD
from minigen.compiled.switch import library

FLOAT = np.dtype(np.float32)


def plain(*arrays: Any) -> bool:
    """Whether the loops can read all of them: float32 values of the host, one after the other."""
    for x in arrays:
        if type(x) is not np.ndarray or x.dtype != FLOAT or not x.flags.c_contiguous:
            return False
    return True


def call(loop: str, *values: np.ndarray | float | None) -> None:
    """Call a loop with the struct of these values, 8 bytes each: arrays by their address, None as NULL, whole numbers, floats."""
    pack, *which = how_to_call(loop, *map(type, values))
    fields = [id(x) + HEAD if type(x) is np.ndarray else x or 0 for x in values]
    library().call(pack(*which, *fields))


@functools.cache
def how_to_call(loop: str, *types: type) -> tuple[Any, int, int]:
    """(what packs values of these types, the loop's address, which of them are arrays, a bit for each): see loops/call.c."""
    layout = struct.Struct("qq" + "".join("d" if kind is float else "q" for kind in types))
    address = ctypes.cast(getattr(library(), loop), ctypes.c_void_p).value
    return layout.pack, address or 0, sum(1 << i for i, kind in enumerate(types) if kind is np.ndarray)
