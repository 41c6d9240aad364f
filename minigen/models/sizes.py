"""The shapes of images that networks are made for, and the sizes between which convolutions of stride 2 halve and double them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigen import nn
from minigen.errors import ShapeError
from minigen.ops.window import Pair
from minigen.utils.checks import check_shape, is_whole

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


def checked_maps(feature_maps: Any, most: int, each: str = "", least: int | None = None) -> tuple[int, ...]:
    """A setting that lists feature maps, in a list, a tuple or an array, as a tuple. ValueError unless there are `most` of them,
    or `least` to `most`, whole numbers of at least 1.  `each`: what there is one for, for the message."""
    maps = tuple(feature_maps) if np.iterable(feature_maps) and not isinstance(feature_maps, (str, Mapping)) else ()
    least = most if least is None else least
    if not least <= len(maps) <= most or not all(is_whole(n) and not isinstance(n, bool) and n > 0 for n in maps):
        number = f"{most}" if least == most else f"{least} to {most}"
        raise ValueError(f"feature_maps: expected {number} positive whole numbers{each}, got {feature_maps!r}")
    return tuple(map(int, maps))


def maps_of_doublings(feature_maps: Any, shape: Shape, pooling: bool = False) -> tuple[int, ...]:
    """Feature maps that are given one for each doubling: at most as many as there are from a single pixel along the shorter side
    on. Else ValueError.  pooling: it halves, and rounds down."""
    most = min(shape[:2]).bit_length() - 1 if pooling else halvings(shape, 1)
    return checked_maps(feature_maps, most, f", one for each doubling of {shape[0]} x {shape[1]} pixels", least=1)


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
