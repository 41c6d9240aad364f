"""Geometry of windows that slide over images: what convolution and pooling share."""

from typing import Any

from minigen.errors import ShapeError
from minigen.utils.settings import to_python

Pair = tuple[int, int]
Padding = str | int | tuple[Pair, Pair]  # "same", "valid", pixels on every side, or ((top, bottom), (left, right))


def pair(value: int | Pair, name: str) -> Pair:
    """An int, for both height and width, or (height, width), as a pair; each at least 1, else ValueError."""
    value = to_python(value)
    both: tuple[Any, ...] = (value, value) if is_int(value) else tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(both) != 2 or not all(map(is_int, both)):
        raise TypeError(f"{name} is {value!r}, expected an int or (height, width)")
    if min(both) < 1:
        raise ValueError(f"{name} is {value!r}, expected at least 1")
    return both[0], both[1]


def explicit_padding(padding: Padding, size: Pair, kernel: Pair, stride: Pair) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right)): the pixels to add around images of `size` = (height, width).

    "same" gives ceil(size / stride) windows, as in TensorFlow: max((ceil(h / s) - 1) s + k - h, 0) pixels in all, the
    odd one after. "valid" adds none, an int as many on every side; pairs are taken as they are.
    """
    padding = to_python(padding)
    pairs: Any = padding
    if padding == "same":
        pairs = [halves(max((-(-n // s) - 1) * s + k - n, 0)) for n, k, s in zip(size, kernel, stride)]
    elif padding == "valid" or is_int(padding):
        pairs = [(0, 0) if padding == "valid" else (padding, padding)] * 2
    sides = isinstance(pairs, (tuple, list)) and len(pairs) == 2
    if not sides or not all(isinstance(p, (tuple, list)) and len(p) == 2 and all(map(is_int, p)) for p in pairs):
        raise ValueError(f'padding is {padding!r}, expected "same", "valid", an int or ((top, bottom), (left, right))')
    if min(map(min, pairs)) < 0:
        raise ValueError(f"padding is {padding!r}, expected no negative values")
    return tuple(pairs[0]), tuple(pairs[1])


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Padding) -> Pair:
    """(height, width) of the grid of windows: floor((size + padding - kernel) / stride) + 1 along each axis.

    A remainder at the end of an axis is not covered. Raises ShapeError if the kernel is larger than the padded image.
    """
    padded = tuple(n + sum(p) for n, p in zip(size, explicit_padding(padding, size, kernel, stride)))
    if any(n < k for n, k in zip(padded, kernel)):
        raise ShapeError(
            f"a window of {kernel[0]}x{kernel[1]} does not fit into images of {size[0]}x{size[1]}"
            + (f", padded to {padded[0]}x{padded[1]}" if padded != tuple(size) else "")
        )
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(padded, kernel, stride))
    return rows, columns


def halves(total: int) -> Pair:
    """A number of pixels as (before, after), the odd one after."""
    return total // 2, total - total // 2


def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
