"""The shapes of images that networks are made for, and the sizes between which convolutions of stride 2 halve and double them."""

from typing import Any

from minigen import nn
from minigen.errors import ShapeError
from minigen.ops.window import Pair
from minigen.utils.checks import check_shape

Shape = tuple[int, int, int]


def image_shape(owner: str, shape: Any, least: int = 1, most: int | None = None) -> Shape:
    """A setting that is the shape of an image, (height, width, channels). `least`, `most`: pixels of either side.

    TypeError for what is not a tuple; ShapeError, naming what the owner takes, for other axes and other sizes.
    """
    shape = check_shape(owner, shape)
    if len(shape) != 3:
        raise ShapeError(f"{owner}'s shape is (height, width, channels), such as (28, 28, 1), got {shape}")
    height, width, channels = shape
    if min(height, width) < least or most is not None and max(height, width) > most:
        raise ShapeError(f"{owner} takes {sides_in_words(least, most)}, got {height} x {width} x {channels}")
    return height, width, channels


def sides_in_words(least: int, most: int | None = None) -> str:
    """Which images have such sides: "images with sides of 8 to 128 pixels"."""
    return f"images with sides of {f'at least {least}' if most is None else f'{least} to {most}'} pixels"


def halvings(shape: Shape, coarsest: int) -> int:
    """How often images are halved, rounded up, until the shorter side has at most `coarsest` pixels: one more per doubling."""
    side, times = min(shape[:2]), 0
    while side > coarsest:
        side, times = half(side), times + 1
    return times


def feature_maps_of(shape: Shape, finest: int, coarsest: int) -> list[int]:
    """Those of the finest maps below an image, twice as many for each further halving, down to `coarsest` pixels: [64, 128]."""
    return [finest << i for i in range(halvings(shape, coarsest))]


def halved(shape: Shape, times: int) -> list[Pair]:
    """The size (height, width) of an image, then each half of the one before, rounded up, as a convolution of stride 2 makes it:
    (28, 28), (14, 14), (7, 7)."""
    sizes = [shape[:2]]
    for _ in range(times):
        height, width = sizes[-1]
        sizes.append((half(height), half(width)))
    return sizes


def half(side: int) -> int:
    """Rounded up."""
    return (side + 1) // 2


def doubling(before: int, after: int, kernel_size: int, size: Pair, **options: Any) -> nn.ConvTranspose2d:
    """The transposed convolution of stride 2 from half of a size, rounded up, to that size: the adjoint of one that halves it.

    before, after: feature maps.
    """
    odd = any(side % 2 for side in size)  # of two sizes with the same half, the one that is not its double
    return nn.ConvTranspose2d(before, after, kernel_size, stride=2, output_size=size if odd else None, **options)
