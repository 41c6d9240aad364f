"""The steps of normalizations, and sums, with the loops of loops/normalization.c.

Arrays are seen as (groups, rows, channels): a mean over all but channels has one group, one over the pixels of each image a group
per image.
"""

import numpy as np

from minigen.backend import Array
from minigen.compiled.arrays import FLOAT, call, plain
from minigen.ops.reduction import Axis

PIECE = 16384  # elements of a task, about: always the same pieces, so that sums do not depend on the number of threads


def center(x: Array, *, axis: Axis) -> Array | None:
    """x minus its mean."""
    if not (groups := groups_of_mean(x, axis)):
        return None
    y, mean = np.empty_like(x), (total(x, groups) * (groups * x.shape[-1] / x.size)).astype(FLOAT)
    by_rows("subtract_rows", x, groups, y, shift=mean)
    return y


def inv_rms(x: Array, mean_square: Array | None = None, *, axis: Axis, eps: float) -> Array | None:
    """1 / sqrt(mean(x^2) + eps)."""
    if mean_square is not None:
        return None
    if axis == -1 and plain(x) and x.ndim > 1 and x.size:
        y = np.empty((*x.shape[:-1], 1), FLOAT)
        by_rows("inv_rms_of_rows", x, 1, y, eps=eps)
        return y
    if not (groups := groups_of_mean(x, axis)):
        return None
    mean = total(x, groups, "sum_squares") * (groups * x.shape[-1] / x.size)
    return (1.0 / np.sqrt(mean + eps)).astype(FLOAT).reshape(kept(x, axis))


def sum(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array | None:
    """Over all but channels, or over the pixels of each image."""
    if not (groups := groups_of_mean(x, axis)):
        return None
    y = total(x, groups).astype(FLOAT).reshape(kept(x, axis))
    return y if keepdims else y.squeeze(axis)


def scale_shift(x: Array, scale: Array, shift: Array | None = None) -> Array | None:
    """x * scale + shift, both per channel, or per image and channel; or x * scale per pixel."""
    if not (plain(x, scale) and x.ndim > 1 and x.size):
        return None
    y = np.empty_like(x)
    if shift is None and scale.shape == (*x.shape[:-1], 1):
        by_rows("scale_rows", x, 1, y, scale, by_row=True)
        return y
    groups = groups_by_channel(x, scale)
    if not groups or shift is not None and not (plain(shift) and groups_by_channel(x, shift) == groups):
        return None
    by_rows("scale_rows", x, groups, y, scale, shift)
    return y


def groups_of_mean(x: Array, axis: Axis) -> int:
    """How many groups share a mean along `axis`; 0 if it is no such mean."""
    if not (plain(x) and x.ndim > 1 and x.size and type(axis) is tuple):
        return 0
    return 1 if axis == tuple(range(x.ndim - 1)) else len(x) if x.ndim == 4 and axis == (1, 2) else 0


def groups_by_channel(x: Array, v: Array) -> int:
    """1 if v is told per channel, the number of images if per image and channel; 0 if it is neither."""
    if not 0 < v.ndim <= x.ndim or v.shape[-1] != x.shape[-1]:
        return 0
    return 1 if v.size == v.shape[-1] else len(x) if x.ndim > 2 and v.shape == kept(x, tuple(range(1, x.ndim - 1))) else 0


def kept(x: Array, axis: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of x with length 1 along `axis`."""
    return tuple(1 if i in axis else n for i, n in enumerate(x.shape))


def total(x: Array, groups: int, loop: str = "sum_rows") -> np.ndarray:
    """The sum over the rows of each group, (groups, channels), in float64."""
    channels = x.shape[-1]
    sums = np.empty((groups, -(-x.size // (groups * channels) // max(1, PIECE // channels)), channels))
    by_rows(loop, x, groups, sums)
    return sums[:, 0] if sums.shape[1] == 1 else sums.sum(axis=1)


def by_rows(
    loop: str,
    x: Array,
    groups: int,
    y: np.ndarray,
    scale: Array | None = None,
    shift: Array | None = None,
    by_row: bool = False,
    eps: float = 0.0,
) -> None:
    """Call a loop that goes by rows, in pieces of about PIECE elements."""
    channels = x.shape[-1]
    rows, piece = x.size // (groups * channels), max(1, PIECE // channels)
    call(loop, x, scale, shift, y, y, groups, rows, channels, by_row, piece, float(eps))
