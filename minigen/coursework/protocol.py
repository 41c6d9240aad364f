"""The protocol of grader and worker: one message at a time, JSON and plain arrays, never a pickle.

    frame = length of the JSON (4 bytes), length of the data (8 bytes), the JSON, the data

In the JSON an array is {"array": [dtype, shape]}; their values follow one another. The grader reads what a submission may have
written: everything is bounded, and checked before memory is allocated for it.
"""

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

HEAD = struct.Struct(">IQ")
JSON_LIMIT = 4 << 20  # bytes
NUMBERS_LIMIT = 64 << 20  # bytes
AXES = 32
KINDS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")
DTYPES = {name: np.dtype(name).newbyteorder("<") for name in KINDS}


class ProtocolError(Exception):
    """What came through the pipe is not a message."""


def plain(array: np.ndarray) -> bool:
    """Whether a frame can hold an array's dtype."""
    return array.dtype.name in DTYPES and array.ndim <= AXES


def pack(message: Any) -> bytes:
    """The frame of a message: None, bools, numbers, strings, lists, dicts and arrays of numbers."""
    numbers: list[bytes] = []

    def array(x: Any) -> dict[str, Any]:
        if not (isinstance(x, np.ndarray) and plain(x)):
            raise ProtocolError(f"a message cannot hold {type(x).__name__}")
        numbers.append(np.ascontiguousarray(x, dtype=DTYPES[x.dtype.name]).tobytes())
        return {"array": [x.dtype.name, list(x.shape)]}

    text = json.dumps(message, default=array).encode("ascii")
    size = sum(map(len, numbers))
    if len(text) > JSON_LIMIT or size > NUMBERS_LIMIT:
        raise ProtocolError(f"a message of {(len(text) + size) / 1e6:.0f} MB is too long")
    return b"".join([HEAD.pack(len(text), size), text, *numbers])


def receive(read: Callable[[int], bytes]) -> Any:
    """The next message. `read(n)` gives n bytes, or fewer where there is an end. Raises EOFError there, and ProtocolError."""
    head = read(HEAD.size)
    if not head:
        raise EOFError
    if len(head) < HEAD.size:
        raise ProtocolError("the pipe ends inside a message")
    length, size = HEAD.unpack(head)
    if length > JSON_LIMIT or size > NUMBERS_LIMIT:
        raise ProtocolError(f"a message claims {length + size:,} bytes")
    text, numbers = read(length), read(size) if size else b""
    if len(text) < length or len(numbers) < size:
        raise ProtocolError("the pipe ends inside a message")
    return unpack(text, numbers)


def unpack(text: bytes, numbers: bytes) -> Any:
    """The message of a frame; its arrays are read-only."""
    used = 0

    def array(found: dict[str, Any]) -> Any:
        """The array [dtype, shape] that comes next. A wrong description raises Python's own errors."""
        nonlocal used
        if found.keys() != {"array"}:
            return found
        name, shape = found["array"]
        dtype = DTYPES[name]
        if len(shape) > AXES or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError("no shape")
        begin, used = used, used + math.prod(shape) * dtype.itemsize
        if used > len(numbers):  # before anything is made of that size
            raise ValueError("too few numbers")
        x = np.frombuffer(numbers[begin:used], np.uint8 if name == "bool" else dtype)
        x = (x != 0 if name == "bool" else x.astype(dtype.newbyteorder("="), copy=False)).reshape(shape)
        x.flags.writeable = False
        return x

    try:
        return json.loads(text, object_hook=array)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, MemoryError) as error:
        raise ProtocolError(f"what came is not a message: {type(error).__name__}") from None
