"""Faces: procedural color portraits at any power-of-two resolution, with known factors of variation.

A built-in substitute for photographs of faces in Progressive GAN, StyleGAN and latent arithmetic. Each factor is drawn
independently of all others, so that "woman with glasses" = "woman" + "man with glasses" - "man" can be measured. What the
factors leave open (hair strands, freckles, the texture of the background) is stochastic detail, drawn from a stream of its
own for each picture, as StyleGAN's noise inputs would. How a face is drawn is in portrait.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigen.data import image_cache
from minigen.data.dataset import Dataset
from minigen.data.pixels import as_pixels
from minigen.errors import suggestion
from minigen.synthetic import portrait
from minigen.utils import archive
from minigen.utils.checks import check_seed, doublings, is_whole
from minigen.utils.files import cached
from minigen.utils.progress import bar

CLASS_NAMES = ("woman", "man")
SPLITS = ("train", "test")
DTYPES = ("float32", "uint8")
FINEST_MEAN = 32  # pictures smaller than this are box means of one of this size
TILE = 2**17  # pixels drawn at a time: enough to amortize the calls, few enough for the cache
LONG = 2**24  # pixels from which on a progress bar is shown

Factors = dict[str, np.ndarray]  # the values of each, (n,)


class Factor(NamedTuple):
    """One factor of variation: drawn uniformly from [low, high], or from 0 to high where its levels have names.

    neutral: the default value of `render`.
    """

    low: float
    high: float
    neutral: float
    levels: tuple[str, ...] = ()


def named_levels(*names: str) -> Factor:
    return Factor(0, len(names) - 1, 0, names)


# Their order determines what a seed gives.
FACTORS: dict[str, Factor] = {
    "man": named_levels(*CLASS_NAMES),  # brows, jaw, neck and beard against lashes and red lips
    "glasses": named_levels("without", "with"),
    "smile": Factor(-1, 1, 0.3),  # corners of the mouth: down, up with teeth
    "hair_length": Factor(0, 1, 0.4),  # above the ears to below the shoulders
    "hair_style": named_levels("parted", "fringe", "curly"),
    "hair_color": named_levels(*portrait.HAIR_COLORS),
    "skin": Factor(0, 1, 0.2),  # light to dark
    "face_shape": Factor(0, 1, 0.5),  # long and narrow to round and wide
    "pose_x": Factor(-1, 1, 0),  # head turned to the left, to the right of the picture
    "pose_y": Factor(-1, 1, 0),  # head turned down, up
    "tilt": Factor(-10, 10, 0),  # degrees, counterclockwise
    "age": Factor(0, 1, 0),  # rosy and smooth to pale, with wrinkles and bags under the eyes
    "background": Factor(0, 1, 0.6),  # hue, from red over green and blue to violet
    "shirt": named_levels(*portrait.SHIRT_COLORS),
}


def load(
    resolution: int = 64,
    train_size: int = 10_000,
    test_size: int = 2_000,
    seed: int = 0,
    fixed: Mapping[str, float] | None = None,
    cache: bool = False,
    dtype: str = "float32",
) -> tuple[Dataset, Dataset]:
    """Training and test portraits, each of a different person; the labels are those of the factor "man".

    Two Datasets with images (n, resolution, resolution, 3), in steps of 1/255, and the FACTORS: int64 where a factor has named
    levels, float32 elsewhere. All are drawn independently and uniformly, except `fixed` ones, {"glasses": 1}, the same in every
    picture. A seed shows the same people at every resolution, with other factors fixed, and in smaller sizes its first ones.

    The same arguments give the same arrays; the last ones are kept in memory and are read-only. cache=True keeps the images
    on disk too, in ~/.cache/minigen/faces, so that another process need not draw them again.

    dtype: "uint8" gives the images as bytes, which training and evaluators take as the same pixels, and `data.as_pixels` makes
    into them: a quarter of the memory. With cache=True they are drawn into the file and memory-mapped: then faces by the hundred
    thousand need a disk, and next to no memory.

    Raises ValueError for a resolution that is not a power of two from 4 to 1024, a size below 1, a negative seed, a factor
    that does not exist, a value out of its range and another dtype; DataError for a large cache for which the disk has no room.
    """
    doublings(resolution)  # or an error: it is not 4, 8, 16 ... 1024
    if not (is_whole(train_size) and is_whole(test_size)) or train_size < 1 or test_size < 1:
        raise ValueError(f"faces: got train_size {train_size!r}, test_size {test_size!r}, expected at least 1")
    seed = check_seed("faces", seed)
    if dtype not in DTYPES:
        raise ValueError(f"faces: got dtype {dtype!r}, expected one of {', '.join(DTYPES)}")
    held = checked_factors(fixed or {})
    for name, value in held.items():
        if value.ndim:
            raise ValueError(f"faces: got {name} of shape {value.shape}, expected a scalar to fix it at")
    values = tuple(sorted((name, float(value)) for name, value in held.items()))
    train, test = load_drawn(int(resolution), int(train_size), int(test_size), seed, values, bool(cache), dtype)
    return train[:], test[:]


def sample_factors(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """n values of each of the FACTORS, independent and uniform: int64 where they have levels, float32 elsewhere. -> (n,) each.

    Raises ValueError if n < 1.
    """
    if n < 1:
        raise ValueError(f"faces: got n {n}, expected at least 1")
    shares = rng.random((n, len(FACTORS)))
    factors = {}
    for share, (name, factor) in zip(shares.T, FACTORS.items(), strict=True):
        if factor.levels:
            factors[name] = (share * len(factor.levels)).astype(np.int64)
        else:
            factors[name] = (factor.low + share * (factor.high - factor.low)).astype(np.float32)
    return factors


def render(
    factors: Mapping[str, Any], resolution: int, n: int | None = None, detail: np.ndarray | int | None = None
) -> np.ndarray:
    """Portraits with given factors, each an (n,) array or a scalar for all; the rest are neutral (see FACTORS).

    detail: seeds of the stochastic detail, (n,) or one for all; 0 to n - 1 if None. n: how many, if no array determines it.
    -> (n, resolution, resolution, 3) float32 in [0, 1], in steps of 1/255.
    Raises ValueError for a resolution that is not a power of two from 4 to 1024, a factor that does not exist, a value out
    of its range, a negative detail, and for arrays whose lengths differ.
    """
    doublings(resolution)  # or an error: it is not 4, 8, 16 ... 1024
    given = checked_factors(factors)
    if detail is not None:
        given["detail"] = checked_detail(detail)
    lengths = {name: value.size for name, value in given.items() if value.ndim}
    if n is not None:
        lengths["n"] = n
    if len(set(lengths.values())) > 1:
        raise ValueError(f"faces: got {lengths}, expected the same number of each")
    count = next(iter(lengths.values()), 1)
    if count < 1:
        raise ValueError(f"faces: got n {count}, expected at least 1")
    seeds = np.broadcast_to(given.pop("detail", np.arange(count)), count)
    complete = {name: np.broadcast_to(given.get(name, factor.neutral), count) for name, factor in FACTORS.items()}
    return as_pixels(draw_pixels(complete, seeds, int(resolution)))


# Checks.


def checked_factors(factors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The factors as arrays, () or (n,)."""
    arrays = {}
    for name, value in factors.items():
        if name not in FACTORS:
            raise ValueError(f"faces: unknown factor {name!r}: {suggestion(name, FACTORS)}")
        factor, value = FACTORS[name], np.asarray(value)
        if value.dtype.kind not in "biuf":
            raise ValueError(f"faces: got {name} {value!r}, expected numbers")
        if value.ndim > 1:
            raise ValueError(f"faces: got {name} of shape {value.shape}, expected (n,) or a scalar")
        fits = (factor.low <= value) & (value <= factor.high)
        expected = f"{factor.low:g} to {factor.high:g}"
        if factor.levels:
            fits &= value == np.floor(value)
            expected = ", ".join(f"{level} ({title})" for level, title in enumerate(factor.levels))
        if not fits.all():
            raise ValueError(f"faces: {name} contains {value[~fits].flat[0]}, expected {expected}")
        arrays[name] = value
    return arrays


def checked_detail(detail: Any) -> np.ndarray:
    detail = np.asarray(detail)
    if detail.dtype.kind not in "iu" or detail.ndim > 1:
        raise ValueError(f"faces: got detail {detail.dtype} of shape {detail.shape}, expected integers, (n,) or one")
    if (detail < 0).any():
        raise ValueError(f"faces: detail contains {detail.min()}, expected non-negative integers")
    return detail


# Drawing.


@lru_cache(maxsize=1)  # 12,000 pictures of 64 x 64 are 0.6 GB
def load_drawn(
    resolution: int, train_size: int, test_size: int, seed: int, fixed: tuple[tuple[str, float], ...], cache: bool, dtype: str
) -> tuple[Dataset, Dataset]:
    splits = []
    for split, n in enumerate((train_size, test_size)):
        factors = sample_factors(n, np.random.default_rng([seed, split]))
        for name, value in fixed:
            factors[name] = np.full_like(factors[name], value)
        splits.append((factors, np.random.default_rng([seed, split, 1]).integers(2**62, size=n)))

    path = cached("faces", cache_file(resolution, train_size, test_size, seed, fixed)) if cache else None
    drawn = cached_pixels(path, splits, resolution) if path else None
    if drawn is None:
        drawn = [draw_pixels(factors, detail, resolution) for factors, detail in splits]
    images = drawn if dtype == "uint8" else map(as_pixels, drawn)
    train, test = (as_dataset(each, factors) for each, (factors, _) in zip(images, splits, strict=True))
    return train, test


def as_dataset(images: np.ndarray, factors: Factors) -> Dataset:
    for array in (images, *factors.values()):
        array.flags.writeable = False
    return Dataset("faces", images, factors["man"], CLASS_NAMES, factors)


def draw_pixels(factors: Factors, detail: np.ndarray, resolution: int) -> np.ndarray:
    """Factors and detail, (n,) each -> (n, resolution, resolution, 3) uint8."""
    images = np.empty((len(detail), resolution, resolution, 3), np.uint8)
    done = 0
    for part in drawn_parts(factors, detail, resolution):
        images[done : done + len(part)] = part
        done += len(part)
    return images


def drawn_parts(factors: Factors, detail: np.ndarray, resolution: int) -> Iterator[np.ndarray]:
    """What `draw_pixels` draws, in parts of so many pictures as fit into a tile.

    With a progress bar, if they are many, on a terminal.
    """
    n, fine = len(detail), max(resolution, FINEST_MEAN)
    shrink = fine // resolution
    rows = min(fine, max(shrink, TILE // fine))  # of one picture, where a picture is larger than a tile
    together = max(1, TILE // (fine * fine))
    with bar(total=n, desc="faces", unit="image", show=n * fine * fine >= LONG, leave=False) as drawn:
        for start in range(0, n, together):
            part = slice(start, min(start + together, n))
            noise = np.stack([np.random.default_rng(int(seed)).random(portrait.NOISE) for seed in detail[part]])
            style = {name: np.asarray(values[part], np.float64) for name, values in factors.items()}
            images = np.empty((part.stop - start, resolution, resolution, 3), np.uint8)
            for top in range(0, fine, rows):
                pixels = portrait.draw(style, noise, fine, slice(top, top + rows))
                np.clip(pixels, 0, 1, out=pixels)
                if shrink > 1:
                    pixels = pixels.reshape(*pixels.shape[:2], rows // shrink, shrink, resolution, shrink).mean((3, 5))
                pixels *= 255
                np.rint(pixels, out=pixels)
                images[:, top // shrink : (top + rows) // shrink] = pixels.transpose(0, 2, 3, 1)
            drawn.update(len(images))
            yield images


# The cache on disk.


def cache_file(*arguments: Any) -> str:
    """A name for each set of arguments, and for each version of the two files that draw."""
    return image_cache.file_name(arguments, (__file__, portrait.__file__))


def cached_pixels(path: Path, splits: Sequence[tuple[Factors, np.ndarray]], resolution: int) -> list[np.ndarray] | None:
    """The images of both splits as bytes, memory-mapped, from a file into which they are drawn if it is not there.

    None if it cannot be written, which is reported. DataError if many images have no room on the disk.
    """
    shapes = {name: (len(detail), resolution, resolution, 3) for name, (_, detail) in zip(SPLITS, splits, strict=True)}
    found = image_cache.find(path, "faces", lambda header: shapes)
    if found is None:
        made = (drawn_parts(*split, resolution) for split in splits)
        images = {
            name: archive.Written(shape, np.dtype(np.uint8), parts)
            for (name, shape), parts in zip(shapes.items(), made, strict=True)
        }
        found = image_cache.keep(path, "faces", images)
    return found and [found.images[name] for name in SPLITS]
