"""Elementwise functions of several passes, by pieces of arrays that stay in the cache from one pass to the next."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.backend.devices import Array, array_module

PIECE = 1 << 16  # elements: 256 KiB an array in single precision, so that a few of them fit a core's own cache


def by_pieces(compute: Callable[..., None], first: Array, *others: Any) -> Array:
    """A new array, shaped like the first, that `compute(first, *others, out)` fills element by element.

    On the host, compute gets one piece of all arrays after the other, flattened; on a device, or if they are few or not
    contiguous, it gets them whole. The others have the first one's shape, or none: numbers are passed as they are.
    """
    out = array_module(first).empty_like(first)
    if out.size <= 4 * PIECE or type(out) is not np.ndarray or not all(map(is_contiguous, (first, *others))):
        compute(first, *others, out)
        return out
    flat = [x.reshape(-1) if getattr(x, "shape", ()) else x for x in (first, *others, out)]
    for start in range(0, out.size, PIECE):
        compute(*(x[start : start + PIECE] if getattr(x, "shape", ()) else x for x in flat))
    return out


def is_contiguous(x: Any) -> bool:
    """Whether this is a number, or an array whose elements lie in order."""
    return not getattr(x, "shape", ()) or x.flags.c_contiguous
