"""The examples that a run trains on, checked and checksummed once before the first step."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigen.backend import to_numpy
from minigen.data.pixels import are_bytes, blocks
from minigen.errors import DataError, DtypeError, ShapeError, conversion
from minigen.nn import Module

Conversion = Callable[[np.ndarray], np.ndarray]


class Examples(NamedTuple):
    """arrays: (n, ...) each, on the host, that belong together.  checksum: the CRC-32 of all of them, as batches have them.

    convert: what batches do with the first of the arrays; None: nothing.
    """

    arrays: tuple[np.ndarray, ...]
    checksum: int
    convert: Conversion | None = None

    @property
    def text(self) -> str:
        """What they are, for messages, bytes as the pixels they stand for: 20 examples of (28, 28, 1) float32 and () int64."""
        kinds = [f"{tuple(each.shape[1:])} {np.dtype(np.float32) if are_bytes(each) else each.dtype}" for each in self.arrays]
        return f"{len(self.arrays[0]):,} examples of {' and '.join(kinds)}"


def settings_of(name: str, examples: Examples | None) -> dict[str, Any]:
    """How a resumed run recognizes its data: what they are, and their checksum, each None if there are none."""
    return {name: examples and examples.text, f"{name} checksum": examples and examples.checksum}


def prepare(name: str, examples: Any, model: Module) -> Examples:
    """The examples as arrays on the host, memory-mapped ones as they are: no more than a block of them is read at a time.

    Raises unless each is a batch of finite values, floating ones in the model's dtype; bytes become float32 in a batch.
    """
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
        computed = np.dtype(np.float32) if are_bytes(array) else array.dtype
        if computed != (dtype or computed) and (position == 0 or computed.kind == "f"):  # labels are integers
            raise DtypeError(
                f"{which} are {array.dtype}, the model computes in {dtype}: convert with {conversion(array.dtype, dtype)}"
            )
        arrays.append(to_numpy(array))
        parts = []
        for block in blocks(arrays[-1]):
            parts.append(np.isfinite(block).reshape(len(block), -1).all(axis=1))
            value = zlib.crc32(np.ascontiguousarray(block).data, value)
        finite = np.concatenate(parts)
        if not finite.all():
            raise DataError(
                f"{which}: {int((~finite).sum())} of {len(array)} contain NaN or infinity, the first at index "
                f"{int(np.argmin(finite))}"
            )
    return Examples(tuple(arrays), value)


def checksum(arrays: Sequence[np.ndarray], value: int = 0, convert: Conversion | None = None) -> int:
    """CRC-32 of host arrays as batches have them, one after the other, continued from the CRC-32 `value`.

    So bytes have the checksum of the same pixels as floats.
    """
    for array in arrays:
        for block in blocks(array):
            value = zlib.crc32(np.ascontiguousarray(block if convert is None else convert(block)).data, value)
    return value


def some(count: int, n: int) -> np.ndarray:
    """The indices of at most n of so many examples, a fixed random choice: data may be sorted."""
    return np.random.default_rng(0).permutation(count)[:n]


def batch_shape(shape: Sequence[int]) -> str:
    """The shape of a batch of examples of this shape, for messages: (n, 28, 28, 1)."""
    return f"({', '.join(map(str, ('n', *shape)))})"
