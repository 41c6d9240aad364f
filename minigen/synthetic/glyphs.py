"""Glyphs: 28 x 28 digits and letters in the fonts that matplotlib ships, with known factors of style.

White on black like MNIST, and like MNIST each character is fitted to a 20 x 20 box and centered on its center
of ink. Unlike MNIST's, the factors that made a picture are known, so that disentanglement can be measured.

Each (font, character) is converted once to a signed distance field: the distance, in pixels, from each node of a fine
grid to the outline, positive inside. A picture is that field seen through a similarity map. Adding a constant to the field moves
the outline, which thickens strokes, and edges are antialiased:

    ink(p) = clip(scale * field(R(-rotation) (p - shift) / scale) + stroke / 2 + 1/2, 0, 1)

with points p counted from the middle of the picture, and the field's from the character's center of ink.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigen.data.dataset import Dataset
from minigen.errors import DataError
from minigen.utils.checks import check_seed

SIZE = 28  # pixels along a side of a picture
BOX = 20  # pixels: the longer side of a character at scale 1 ...
REACH = 11.75  # ... or less, so that no point is farther than this from its center of ink
MARGIN = 3  # pixels of the distance field around the box, more than any stroke is thickened by
PER_PIXEL = 3  # nodes of the distance field along a pixel
NODES = (BOX + 2 * MARGIN) * PER_PIXEL + 1

# The fonts with Latin letters in every matplotlib since 3.8: of each family the files that are regular, bold, slanted, and both.
# Their order determines what a seed gives.
FAMILIES = {
    "DejaVu Sans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    "DejaVu Sans Mono": ("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    "DejaVu Serif": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    "STIX": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    "Computer Modern Roman": ("cmr10", "cmb10"),
    "Computer Modern Sans": ("cmss10",),
    "Computer Modern Typewriter": ("cmtt10",),
}


class Font(NamedTuple):
    """A font file of matplotlib. family: index into FAMILIES; weight 1: bold; slant 1: italic or oblique."""

    file: str
    family: int
    weight: int
    slant: int


FONTS = tuple(
    Font(f"{file}.ttf", family, style % 2, style // 2)
    for family, files in enumerate(FAMILIES.values())
    for style, file in enumerate(files)
)

# The test split has these fonts only, the training split all others: unseen styles of families in the training split, and one
# unseen family (Computer Modern Sans).
TEST_FILES = ("DejaVuSansMono-Oblique.ttf", "DejaVuSerif-Bold.ttf", "STIXGeneralItalic.ttf", "cmr10.ttf", "cmss10.ttf")
TEST_FONTS = tuple(index for index, font in enumerate(FONTS) if font.file in TEST_FILES)
TRAIN_FONTS = tuple(index for index, font in enumerate(FONTS) if font.file not in TEST_FILES)

# Uniform ranges. Characters are never cropped (REACH + shift + stroke / 2 < SIZE / 2), and the thinnest
# hairline stays visible.
RANGES = {"rotation": (-15.0, 15.0), "scale": (0.75, 1.0), "shift_x": (-1.5, 1.5), "shift_y": (-1.5, 1.5), "stroke": (-0.3, 1.2)}


def load(
    characters: str = "0123456789", train_size: int = 20_000, test_size: int = 4_000, seed: int = 0
) -> tuple[Dataset, Dataset]:
    """Training and test pictures of `characters`; the test split has fonts that do not occur in training.

    Two Datasets with images (n, 28, 28, 1) and labels that index `characters`, in equal shares. Factors:

        class              the label
        font               index into FONTS, and its properties: family (index into FAMILIES),
                           weight (1: bold), slant (1: italic or oblique)
        rotation           degrees, counterclockwise
        scale              size relative to the character fitted to a 20 x 20 box
        shift_x, shift_y   pixels to the right and downward, of the center of ink (at stroke 0)
        stroke             pixels added to the thickness of the strokes; negative: removed

    Font and the last five are drawn independently and uniformly (RANGES). The same arguments give the same
    arrays; they are kept in memory and are read-only. Each character is fitted to the box separately, so that "o", "O" and "0"
    look alike. Raises ValueError for characters that repeat or that a font lacks, a size below 1, and a negative seed.
    """
    if not characters or len(set(characters)) < len(characters):
        raise ValueError(f"glyphs: got characters {characters!r}, expected at least one and none twice")
    if train_size < 1 or test_size < 1:
        raise ValueError(f"glyphs: got train_size {train_size}, test_size {test_size}, expected at least 1")
    train, test = load_drawn(characters, train_size, test_size, check_seed("glyphs", seed))
    return train[:], test[:]


@lru_cache(maxsize=2)
def load_drawn(characters: str, train_size: int, test_size: int, seed: int) -> tuple[Dataset, Dataset]:
    train = draw_split(characters, train_size, TRAIN_FONTS, np.random.default_rng([seed, 0]))
    test = draw_split(characters, test_size, TEST_FONTS, np.random.default_rng([seed, 1]))
    return train, test


def draw_split(characters: str, n: int, fonts: tuple[int, ...], rng: np.random.Generator) -> Dataset:
    labels = rng.permutation(np.arange(n) % len(characters))
    font = rng.choice(fonts, size=n)
    style = {name: rng.uniform(low, high, n).astype(np.float32) for name, (low, high) in RANGES.items()}
    images = render(characters, labels, font, **style)

    family, weight, slant = np.array([font[1:] for font in FONTS])[font].T
    factors = {"class": labels, "font": font, "family": family, "weight": weight, "slant": slant, **style}
    for array in (images, *factors.values()):
        array.flags.writeable = False
    return Dataset("glyphs", images, labels, tuple(characters), factors)


def render(
    characters: str,
    labels: np.ndarray,
    font: np.ndarray | int = 0,
    *,
    rotation: np.ndarray | float = 0.0,
    scale: np.ndarray | float = 1.0,
    shift_x: np.ndarray | float = 0.0,
    shift_y: np.ndarray | float = 0.0,
    stroke: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Pictures of characters[labels] with given factors, each an (n,) array or a scalar for all.

    labels: (n,) -> (n, 28, 28, 1) float32 in [0, 1]. Units as in `load`; styles beyond RANGES are allowed.
    Raises ValueError for a label, a font or a character that does not exist.
    """
    labels = np.atleast_1d(labels)
    font, rotation, scale, *shift_and_stroke = (
        np.broadcast_to(value, labels.shape) for value in (font, rotation, scale, shift_x, shift_y, stroke)
    )
    check_indices("labels", labels, len(characters))
    check_indices("font", font, len(FONTS))
    used, row = np.unique(font, return_inverse=True)
    glyphs = [fitted_glyph(FONTS[index].file, character) for index in used for character in characters]
    fields, center, fit = (np.array(values, np.float32) for values in zip(*glyphs, strict=True))
    glyph = (row * len(characters) + labels).astype(np.int32)

    placement = [*center[glyph].T, np.deg2rad(rotation), fit[glyph] * scale, *shift_and_stroke]
    placement = [value.astype(np.float32)[:, None, None] for value in placement]
    images = np.empty((len(labels), SIZE, SIZE, 1), np.float32)
    for start in range(0, len(labels), 128):  # the arrays of 128 pictures fit the cache
        part = slice(start, start + 128)
        images[part, ..., 0] = sample_fields(fields, glyph[part, None, None], *(value[part] for value in placement))
    return images


def check_indices(name: str, indices: np.ndarray, count: int) -> None:
    wrong = indices[(indices < 0) | (indices >= count)]
    if len(wrong):
        raise ValueError(f"glyphs: {name} contains {wrong[0]}, expected indices of 0 to {count - 1}")


def sample_fields(
    fields: np.ndarray,
    glyph: np.ndarray,
    center_x: np.ndarray,
    center_y: np.ndarray,
    angle: np.ndarray,
    scale: np.ndarray,
    shift_x: np.ndarray,
    shift_y: np.ndarray,
    stroke: np.ndarray,
) -> np.ndarray:
    """The formula at the top of this file, with a bilinear field. Arguments (n, 1, 1) -> (n, 28, 28)."""
    pixel = np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2
    x, y = pixel - shift_x, pixel[:, None] - shift_y

    # From pixels to nodes of the field: the inverse scale and the inverse rotation (y points down). Beyond
    # the field, everything is as black as at its border.
    cos, sin = PER_PIXEL * np.cos(angle) / scale, PER_PIXEL * np.sin(angle) / scale
    column = cos * x - sin * y + PER_PIXEL * (BOX / 2 + MARGIN + center_x)
    row = sin * x + cos * y + PER_PIXEL * (BOX / 2 + MARGIN + center_y)
    np.clip(column, 0, NODES - 1.001, out=column)
    np.clip(row, 0, NODES - 1.001, out=row)

    left, top = np.floor(column), np.floor(row)
    right_share, bottom_share = column - left, row - top
    node = (glyph * NODES + top.astype(np.int32)) * NODES + left.astype(np.int32)
    upper = mix(fields.take(node), fields.take(node + 1), right_share)
    lower = mix(fields.take(node + NODES), fields.take(node + NODES + 1), right_share)
    return np.clip(scale * mix(upper, lower, bottom_share) + (stroke + 1) / 2, 0, 1)


def mix(a: np.ndarray, b: np.ndarray, share_of_b: np.ndarray) -> np.ndarray:
    return a + share_of_b * (b - a)


class Glyph(NamedTuple):
    """field: (NODES, NODES) signed distances, in pixels, of the character fitted to the box.
    center: (x, y) of its ink, in pixels from the middle of the box.  fit: the further scale that keeps it in REACH.
    """

    field: np.ndarray
    center: np.ndarray
    fit: float


@lru_cache(maxsize=4096)
def fitted_glyph(file: str, character: str) -> Glyph:
    polygons = outline_of(file, character)
    points = np.concatenate(polygons)
    low, high = points.min(axis=0), points.max(axis=0)
    to_box = BOX / (high - low).max() * np.array([1, -1])  # fonts point y up, pictures down
    polygons = [(polygon - (low + high) / 2) * to_box for polygon in polygons]

    line = np.linspace(-BOX / 2 - MARGIN, BOX / 2 + MARGIN, NODES)
    nodes = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    field = signed_distance(nodes, polygons)
    ink = np.clip(field + 0.5, 0, 1)
    center = ink @ nodes / ink.sum()
    reach = np.linalg.norm(np.concatenate(polygons) - center, axis=1).max()
    return Glyph(field.reshape(NODES, NODES), center, min(1.0, REACH / reach))


def outline_of(file: str, character: str) -> list[np.ndarray]:
    """The polygons around a character, each (m, 2) and closed: its first point is its last."""
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.ft2font import FT2Font
    from matplotlib.textpath import TextPath

    path = Path(matplotlib.get_data_path(), "fonts", "ttf", file)
    if not path.exists():
        raise DataError(f"glyphs: matplotlib's own font {path} is missing; reinstall matplotlib with pip")
    polygons = []
    if not character.isspace() and ord(character) in FT2Font(str(path)).get_charmap():
        # At 100 units to the em, matplotlib cuts curves into pieces far shorter than a pixel of ours.
        outline = TextPath((0, 0), character, size=100, prop=FontProperties(fname=path))
        polygons = [np.asarray(polygon) for polygon in outline.to_polygons()]
    if not polygons:
        raise ValueError(f"glyphs: {file} has no picture of the character {character!r}; leave it out")
    return polygons


def signed_distance(points: np.ndarray, polygons: list[np.ndarray]) -> np.ndarray:
    """Distance of points (n, 2) to the nearest side of the closed polygons, positive inside. -> (n,)

    Inside is where the winding number is not zero, so that contours may overlap.
    """
    starts = np.concatenate([polygon[:-1] for polygon in polygons])
    ends = np.concatenate([polygon[1:] for polygon in polygons])
    length = np.linalg.norm(ends - starts, axis=1)
    starts, ends, length = starts[length > 0], ends[length > 0], length[length > 0]
    along = (ends - starts) / length[:, None]
    across = along[:, ::-1] * np.array([-1, 1])

    distance = np.empty(len(points))
    for first in range(0, len(points), 1024):
        p = points[first : first + 1024]
        t = p @ along.T - (starts * along).sum(axis=1)
        offset = p @ across.T - (starts * across).sum(axis=1)
        beyond = t - np.clip(t, 0, length)
        nearest = np.sqrt((offset**2 + beyond**2).min(axis=1))

        below_start, below_end = (p[:, 1, None] >= end[:, 1] for end in (starts, ends))
        winding = (below_start & ~below_end & (offset > 0)).sum(axis=1)
        winding -= (~below_start & below_end & (offset < 0)).sum(axis=1)
        distance[first : first + 1024] = np.where(winding != 0, nearest, -nearest)
    return distance
