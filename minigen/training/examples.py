"""The examples that a run trains on, checked and checksummed once before the first step."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigen.backend import to_numpy
from minigen.errors import DataError, DtypeError, ShapeError, conversion
from minigen.nn import Module

BLOCK = 16 << 20  # bytes that are checked at a time: a memory-mapped array is never in memory as a whole


class Examples(NamedTuple):
    """arrays: (n, ...) each, on the host, that belong together.  checksum: the CRC-32 of all of them."""

    arrays: tuple[np.ndarray, ...]
    checksum: int


def prepare(name: str, examples: Any, model: Module) -> Examples:
    """The examples as arrays on the host. Raises unless each is a batch of finite values, floating ones in the model's dtype."""
    examples = examples if isinstance(examples, tuple) else (examples,)
    dtype = next((parameter.dtype for parameter in model.parameters()), None)
    value, arrays = 0, []
    for position, array in enumerate(examples):
        which = name if len(examples) == 1 else f"{name}[{position}]"
        if not hasattr(array, "shape"):
            hint = "; pass its array .images" if hasattr(array, "images") else ""
            raise TypeError(f"{which}: expected an array (n, ...), got {type(array).__name__}{hint}")
        if not array.shape or not len(array):
            raise ShapeError(f"{which}: expected an array (n, ...) with n >= 1, got shape {tuple(array.shape)}")
        if array.dtype != (dtype or array.dtype) and (position == 0 or array.dtype.kind == "f"):  # labels are integers
            raise DtypeError(
                f"{which} are {array.dtype}, the model computes in {dtype}: convert with {conversion(array.dtype, dtype)}"
            )
        arrays.append(to_numpy(array))
        parts = []
        for block in blocks(arrays[-1]):
            parts.append(np.isfinite(block).reshape(len(block), -1).all(axis=1))
            value = checksum([block], value)
        finite = np.concatenate(parts)
        if not finite.all():
            raise DataError(
                f"{which}: {int((~finite).sum())} of {len(array)} contain NaN or infinity, the first at index "
                f"{int(np.argmin(finite))}"
            )
    return Examples(tuple(arrays), value)


def checksum(arrays: Sequence[np.ndarray], value: int = 0) -> int:
    """CRC-32 of host arrays, one after the other, continued from the CRC-32 `value`."""
    for array in arrays:
        for block in blocks(array):
            value = zlib.crc32(np.ascontiguousarray(block).data, value)
    return value


def blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Views of some examples at a time, of about 16 MiB."""
    step = max(1, BLOCK * len(array) // max(1, array.nbytes))
    return (array[start : start + step] for start in range(0, len(array), step))


def subset(examples: np.ndarray, n: int) -> np.ndarray:
    """At most n of the examples, a fixed random choice: data may be sorted."""
    return examples[np.random.default_rng(0).permutation(len(examples))[:n]]


def batch_shape(shape: Sequence[int]) -> str:
    """The shape of a batch of examples of this shape, for messages: (n, 28, 28, 1)."""
    return f"({', '.join(map(str, ('n', *shape)))})"
