"""Images as bytes: the same pixels as floats, in a quarter of the memory, until they are computed with."""

from collections.abc import Iterator
from typing import Any

import numpy as np

VALUES = 1 << 22  # that `blocks` makes floats of at a time: 16 MiB


def are_bytes(images: Any) -> bool:
    """Whether an array holds images as bytes: it is uint8 and has the axes of images, (n, height, width, channels).

    No other whole numbers are pixels: labels and levels have one axis, and mean what they say.
    """
    return images.dtype == np.uint8 and len(images.shape) == 4


def as_pixels(images: np.ndarray) -> np.ndarray:
    """Images as pixels in [0, 1]: bytes divided by 255, in float32; any other array as it is.

    images: (n, height, width, channels) on the host. So bytes are the same pixels, bit for bit, as the float images of
    `data.load`; a memory-mapped array is read as a whole.
    """
    return np.divide(images, np.float32(255), dtype=np.float32) if are_bytes(images) else images


def blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Some examples at a time, of about four million values, bytes as pixels: no float copy of the whole is ever made.

    Where the blocks begin depends on the shape alone, so that sums over them are the same for bytes and for floats.
    """
    step = max(1, VALUES * len(array) // max(1, array.size))
    return (as_pixels(array[start : start + step]) for start in range(0, len(array), step))
