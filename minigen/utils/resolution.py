"""The sizes of growing images: powers of two, from 4 x 4 to 1024 x 1024 pixels."""

from typing import Any

from minigen.utils.checks import is_whole

SMALLEST, LARGEST = 4, 1024  # pixels along a side


def doublings(resolution: Any) -> int:
    """How often 4 is doubled to make `resolution`. ValueError unless it is 4, 8, 16 ... 1024."""
    whole = is_whole(resolution)
    if not whole or not SMALLEST <= resolution <= LARGEST or resolution & (resolution - 1):
        raise ValueError(f"a resolution is a whole number, a power of two from {SMALLEST} to {LARGEST}, got {resolution!r}")
    return int(resolution).bit_length() - SMALLEST.bit_length()
