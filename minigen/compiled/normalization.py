"""The steps of normalizations, with the loops of loops/normalization.c."""

import numpy as np

from minigen.compiled.arrays import FLOAT, call, plain

PIECE = 16384  # elements of a task, about


def run(loop, x, y, groups, scale=None, shift=None, sums=None, by_row=False, eps=0.0):
    channels = x.shape[-1]
    call(
        loop,
        x,
        scale,
        shift,
        y,
        sums,
        groups,
        x.size // (groups * channels),
        channels,
        by_row,
        max(1, PIECE // channels),
        float(eps),
    )
    return y


def groups_of(x, axis):
    """How many groups of rows a mean along `axis` leaves: (n, h, w, c) along (1, 2) n, along (0, 1, 2) one; else None."""
    if x.ndim == 4 and axis == (1, 2):
        return len(x)
    return 1 if x.ndim > 1 and axis == tuple(range(x.ndim - 1)) else None


def sums(x, groups, loop="sum_rows"):
    """(groups, channels), in float64."""
    channels = x.shape[-1]
    rows = x.size // (groups * channels)
    pieces = -(-rows // max(1, PIECE // channels))
    parts = np.empty((groups, pieces, channels))
    run(loop, x, None, groups, sums=parts)
    return parts[:, 0] if pieces == 1 else parts.sum(axis=1)


def center(x, *, axis):
    if not plain(x) or not x.size or (groups := groups_of(x, axis)) is None:
        return None
    total = sums(x, groups)
    mean = (total / (x.size // total.size)).astype(FLOAT)
    return run("subtract_rows", x, np.empty_like(x), groups, shift=mean)


def inv_rms(x, mean_square=None, *, axis, eps):
    if not plain(x) or not x.size or mean_square is not None:
        return None
    if axis == -1 and x.ndim >= 2:
        return run("inv_rms_of_rows", x, np.empty((*x.shape[:-1], 1), FLOAT), 1, eps=eps)
    if (groups := groups_of(x, axis)) is None:
        return None
    total = sums(x, groups, "sum_squares")
    y = 1.0 / np.sqrt(total / (x.size // total.size) + eps)
    return y.astype(FLOAT).reshape(*(1 if i in axis else n for i, n in enumerate(x.shape)))


def scale_shift(x, scale, shift=None):
    if not plain(x) or x.ndim < 2 or not plain(scale) or not x.size:
        return None
    if shift is None and scale.shape == (*x.shape[:-1], 1):
        return run("scale_rows", x, np.empty_like(x), 1, scale, by_row=True)
    groups = groups_by_channel(x, scale)
    if groups is None or scale.ndim < 1:
        return None
    if shift is not None:
        if not plain(shift):
            return None
        if groups_by_channel(x, shift) != groups:
            return None
    return run("scale_rows", x, np.empty_like(x), groups, scale, shift)


def groups_by_channel(x, v):
    """One group if v is one value per channel, one per example if it is one per example and channel; else None."""
    if v.shape[-1:] != x.shape[-1:]:
        return None
    if v.size == x.shape[-1]:
        return 1
    if x.ndim > 2 and v.shape == (len(x), *(1,) * (x.ndim - 2), x.shape[-1]):
        return len(x)
    return None
