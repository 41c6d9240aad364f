"""Several passes over large arrays, made over pieces that stay in the cache from one pass to the next."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.backend.devices import Array, array_module

PIECE = 1 << 16  # elements: 256 KiB an array in single precision, so that a few of them fit a core's own cache


def by_pieces(compute: Callable[..., None], first: Array, *others: Any) -> Array:
    """A new array, shaped like the first, that `compute(first, *others, out)` fills element by element; see `pieces`."""
    out = array_module(first).empty_like(first)
    for piece in pieces(first, *others, out):
        compute(*piece)
    return out


def pieces(first: Array, *others: Any) -> list[tuple]:
    """Views of arrays of one shape: of large ones on the host, flattened, one piece of each after the other.

    Arrays on a device, not contiguous, or hardly larger than the cache are left whole. Numbers among the others go with each
    piece as they are.
    """
    inputs = (first, *others)
    if first.size <= 4 * PIECE or type(first) is not np.ndarray or not all(map(is_contiguous, inputs)):
        return [inputs]
    flat = [x.reshape(-1) if getattr(x, "shape", ()) else x for x in inputs]
    starts = range(0, first.size, PIECE)
    return [tuple(x[i : i + PIECE] if getattr(x, "shape", ()) else x for x in flat) for i in starts]


def is_contiguous(x: Any) -> bool:
    """Whether this is a number, or an array whose elements lie in order."""
    return not getattr(x, "shape", ()) or x.flags.c_contiguous
