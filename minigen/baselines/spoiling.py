"""Images spoiled on purpose, in ways that an eye sees at once: what a metric of generators must rank below real ones.

Every function takes images (n, h, w, c) in [0, 1] and a random generator, and returns new ones of the same shape and dtype, each
spoiled differently. The regions of eyes and mouth are those of the `faces` of minigen.
"""

from collections.abc import Callable, Sequence

import numpy as np

Region = tuple[float, float, float, float]  # top, bottom, left, right, as shares of the side
EYES: Region = (11 / 32, 19 / 32, 8 / 32, 24 / 32)
MOUTH: Region = (18 / 32, 25 / 32, 10 / 32, 22 / 32)


def noisy(images: np.ndarray, rng: np.random.Generator, strength: float | np.ndarray = 0.1) -> np.ndarray:
    """Gaussian noise on every pixel. strength: its standard deviation, one or (n,)."""
    strength = np.asarray(strength, dtype=images.dtype).reshape(-1, 1, 1, 1)
    return np.clip(images + strength * rng.standard_normal(images.shape, dtype=np.float32), 0, 1).astype(images.dtype, copy=False)


def half_resolution(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each 2 x 2 pixels replaced by their mean: the picture at half its resolution. An odd row or column goes in with itself."""
    n, h, w, c = images.shape
    even = np.pad(images, ((0, 0), (0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    blocks = even.reshape(n, even.shape[1] // 2, 2, even.shape[2] // 2, 2, c).mean(axis=(2, 4))
    return blocks.repeat(2, axis=1).repeat(2, axis=2)[:, :h, :w]


def blurred(images: np.ndarray, rng: np.random.Generator, times: int = 2) -> np.ndarray:
    """Means of neighbors with the weights 1/4, 1/2, 1/4 along both axes, some times; a border pixel is its own neighbor."""
    for _ in range(times):
        for axis in (1, 2):
            width = [(0, 0)] * 4
            width[axis] = (1, 1)
            wide = np.moveaxis(np.pad(images, width, mode="edge"), axis, 0)
            images = np.moveaxis((wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4, 0, axis)
    return images


def double_exposures(images: np.ndarray, rng: np.random.Generator, share: float | np.ndarray = 0.5) -> np.ndarray:
    """Means of each image and another one of the set. share: the weight of the other, one or (n,)."""
    share = np.asarray(share, dtype=images.dtype).reshape(-1, 1, 1, 1)
    return (1 - share) * images + share * images[others(len(images), rng)]


def swapped_blocks(images: np.ndarray, rng: np.random.Generator, swaps: int = 2) -> np.ndarray:
    """Two blocks of a quarter of the side, at multiples of their side, change places; some times."""
    images, side = images.copy(), images.shape[1] // 4
    for image in images:
        for _ in range(swaps):
            a, b = (np.array(divmod(block, 4)) * side for block in rng.choice(16, 2, replace=False))
            first, second = (image[y : y + side, x : x + side] for y, x in (a, b))
            first[...], second[...] = second.copy(), first.copy()
    return images


def scrambled(images: np.ndarray, rng: np.random.Generator, region: Region = EYES) -> np.ndarray:
    """The pixels of a region in random order: their histogram and everything around them stay."""
    images = images.copy()
    inside = window(images, region)
    pixels = inside.reshape(len(images), -1, images.shape[-1])
    order = rng.random(pixels.shape[:2]).argsort(axis=1)
    inside[...] = np.take_along_axis(pixels, order[:, :, None], axis=1).reshape(inside.shape)
    return images


def smeared(images: np.ndarray, rng: np.random.Generator, region: Region = EYES) -> np.ndarray:
    """A region strongly blurred."""
    images = images.copy()
    window(images, region)[...] = window(blurred(images, rng, times=4), region)
    return images


def upside_down(images: np.ndarray, rng: np.random.Generator, region: Region = EYES) -> np.ndarray:
    """A region mirrored from top to bottom."""
    images = images.copy()
    inside = window(images, region)
    inside[...] = inside[:, ::-1].copy()
    return images


def transplanted(images: np.ndarray, rng: np.random.Generator, region: Region = EYES) -> np.ndarray:
    """A region replaced by that of another image."""
    donors = window(images, region)[others(len(images), rng)]
    images = images.copy()
    window(images, region)[...] = donors
    return images


def warped(images: np.ndarray, rng: np.random.Generator, strength: float = 0.05) -> np.ndarray:
    """Every pixel taken from a place nearby that wanders along a wave. strength: how far at most, as a share of the side."""
    n, h, w, _ = images.shape
    y, x = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
    moved = []
    for along, across, length in ((y, x, h), (x, y, w)):
        waves = rng.uniform(1.0, 3.0, (n, 1, 1)), rng.uniform(0.0, 2 * np.pi, (n, 1, 1))
        shift = strength * length * np.sin(2 * np.pi * waves[0] * across / length + waves[1])
        moved.append(np.rint(np.clip(along + shift, 0, length - 1)).astype(int))
    return images[np.arange(n)[:, None, None], moved[0], moved[1]]


def window(images: np.ndarray, region: Region) -> np.ndarray:
    """The view of a region of images."""
    top, bottom = (round(share * images.shape[1]) for share in region[:2])
    left, right = (round(share * images.shape[2]) for share in region[2:])
    return images[:, top:bottom, left:right]


def others(n: int, rng: np.random.Generator) -> np.ndarray:
    """For each of n at least 2 examples another one, not itself: (n,) indices."""
    return (np.arange(n) + rng.integers(1, n, size=n)) % n


Spoiler = Callable[[np.ndarray, np.random.Generator], np.ndarray]

# What the evaluator of faces learns to tell from real ones: kind -> its forms, of which each image gets one.
KINDS: dict[str, Sequence[Spoiler]] = {
    "noise": [lambda x, rng: noisy(x, rng, rng.uniform(0.02, 0.15, len(x)))],
    "half resolution": [half_resolution, blurred, lambda x, rng: blurred(x, rng, times=1)],
    "double exposure": [lambda x, rng: double_exposures(x, rng, rng.uniform(0.2, 0.5, len(x)))],
    "swapped blocks": [swapped_blocks, lambda x, rng: swapped_blocks(x, rng, swaps=1)],
    "scrambled": [scrambled, lambda x, rng: scrambled(x, rng, MOUTH), lambda x, rng: anywhere(scrambled, x, rng)],
    "smeared": [smeared, lambda x, rng: smeared(x, rng, MOUTH), lambda x, rng: anywhere(smeared, x, rng)],
    "warped": [warped, lambda x, rng: warped(x, rng, 0.1)],
}


def anywhere(spoiler: Callable[..., np.ndarray], images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A quarter of the side by a quarter, at one of 16 places on the inner half."""
    spoiled = images.copy()
    places = rng.integers(0, 5, (2, len(images))) / 16 + 3 / 16
    for top, left in np.unique(places, axis=1).T:
        chosen = (places.T == (top, left)).all(axis=1)
        spoiled[chosen] = spoiler(images[chosen], rng, (top, top + 0.25, left, left + 0.25))
    return spoiled


def spoil(images: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each image spoiled by one of KINDS, drawn at random. -> the images, and their kinds (n,) from 1, in the order of KINDS."""
    kinds = 1 + rng.integers(len(KINDS), size=len(images))
    spoiled = images.copy()
    for kind, forms in enumerate(KINDS.values(), start=1):
        which = rng.integers(len(forms), size=len(images))
        for form, spoiler in enumerate(forms):
            if (chosen := (kinds == kind) & (which == form)).sum() > 1:
                spoiled[chosen] = spoiler(images[chosen], rng)
    return spoiled, kinds
