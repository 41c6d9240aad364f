"""Glyphs: 28 x 28 pictures of digits and letters in the fonts that matplotlib ships, with known factors of style.

White on black like MNIST, and like MNIST each character is scaled to fit a 20 x 20 box and centred on its centre
of ink. Unlike MNIST's, the factors that made a picture are known, so that disentanglement can be measured.

Each (font, character) becomes a signed distance field once: the distance, in pixels, from each point of a fine grid
to the outline, positive inside. A picture is that field seen through an affine map. Where the outline passes is then
a matter of adding a number, which is how the stroke is thickened, and its edges come out antialiased:

    ink(p) = clip(scale * field(R(-rotation) (p - shift) / scale) + stroke / 2 + 1/2, 0, 1)
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigen.data.dataset import Dataset
from minigen.errors import DataError

SIZE = 28           # pixels along a side of a picture
BOX = 20            # pixels: the longer side of a character at scale 1
MARGIN = 3          # pixels of the distance field around the box, more than any stroke is thickened by
PER_PIXEL = 3       # nodes of the distance field along a pixel
NODES = (BOX + 2 * MARGIN) * PER_PIXEL + 1

FAMILIES = (
    "DejaVu Sans", "DejaVu Sans Mono", "DejaVu Serif", "STIX",
    "Computer Modern Roman", "Computer Modern Sans", "Computer Modern Typewriter",
)


class Font(NamedTuple):
    """A font file of matplotlib. family: index into FAMILIES; weight: 1 if bold; slant: 1 if italic or oblique."""

    file: str
    family: int
    weight: int
    slant: int


FONTS = (
    Font("DejaVuSans.ttf", 0, 0, 0),
    Font("DejaVuSans-Bold.ttf", 0, 1, 0),
    Font("DejaVuSans-Oblique.ttf", 0, 0, 1),
    Font("DejaVuSans-BoldOblique.ttf", 0, 1, 1),
    Font("DejaVuSansMono.ttf", 1, 0, 0),
    Font("DejaVuSansMono-Bold.ttf", 1, 1, 0),
    Font("DejaVuSansMono-Oblique.ttf", 1, 0, 1),
    Font("DejaVuSansMono-BoldOblique.ttf", 1, 1, 1),
    Font("DejaVuSerif.ttf", 2, 0, 0),
    Font("DejaVuSerif-Bold.ttf", 2, 1, 0),
    Font("DejaVuSerif-Italic.ttf", 2, 0, 1),
    Font("DejaVuSerif-BoldItalic.ttf", 2, 1, 1),
    Font("STIXGeneral.ttf", 3, 0, 0),
    Font("STIXGeneralBol.ttf", 3, 1, 0),
    Font("STIXGeneralItalic.ttf", 3, 0, 1),
    Font("STIXGeneralBolIta.ttf", 3, 1, 1),
    Font("cmr10.ttf", 4, 0, 0),
    Font("cmb10.ttf", 4, 1, 0),
    Font("cmti10.ttf", 4, 0, 1),
    Font("cmss10.ttf", 5, 0, 0),
    Font("cmtt10.ttf", 6, 0, 0),
)

# The test split shows these fonts only, the training split all the others: unseen cuts of known families, and one
# family (Computer Modern Sans) of which training has seen nothing.
TEST_FONTS = tuple(
    index for index, font in enumerate(FONTS)
    if font.file in ("DejaVuSansMono-Oblique.ttf", "DejaVuSerif-Bold.ttf", "STIXGeneralItalic.ttf", "cmr10.ttf",
                     "cmss10.ttf")
)
TRAIN_FONTS = tuple(index for index in range(len(FONTS)) if index not in TEST_FONTS)

# Uniform ranges. All of a character stays inside the picture, and the thinnest hairline stays visible.
RANGES = {
    "rotation": (-15.0, 15.0),
    "scale": (0.75, 1.0),
    "shift_x": (-1.5, 1.5),
    "shift_y": (-1.5, 1.5),
    "stroke": (-0.3, 1.2),
}


def load(
    characters: str = "0123456789", train_size: int = 20_000, test_size: int = 4_000, seed: int = 0
) -> tuple[Dataset, Dataset]:
    """Training and test pictures of `characters`; the test split is drawn in fonts that training never shows.

    Returns two Datasets with images (n, 28, 28, 1) and labels that index `characters`, in equal shares. Their factors:

        class              the label
        font               index into FONTS; family, weight (1: bold) and slant (1: italic) are those of the font
        rotation           degrees, anticlockwise
        scale              size relative to a 20 x 20 box
        shift_x, shift_y   pixels to the right and downwards, of the centre of ink
        stroke             pixels added to the thickness of the strokes; negative: taken away

    Font and the last five are drawn independently and uniformly (RANGES). The same arguments give the same arrays;
    they are kept in memory and are read-only. A character is fitted to the box by itself, whence "o", "O" and "0"
    look alike.
    Raises ValueError for characters that repeat or that a font lacks, and for a size below 1.
    """
    if not characters or len(set(characters)) < len(characters):
        raise ValueError(f"glyphs: got characters {characters!r}, expected at least one and none twice")
    if train_size < 1 or test_size < 1:
        raise ValueError(f"glyphs: got train_size {train_size} and test_size {test_size}, expected at least 1")
    return _load(characters, train_size, test_size, seed)


@lru_cache(maxsize=2)
def _load(characters: str, train_size: int, test_size: int, seed: int) -> tuple[Dataset, Dataset]:
    train = _draw_split(characters, train_size, TRAIN_FONTS, np.random.default_rng([seed, 0]))
    test = _draw_split(characters, test_size, TEST_FONTS, np.random.default_rng([seed, 1]))
    return train, test


def _draw_split(characters: str, n: int, fonts: tuple[int, ...], rng: np.random.Generator) -> Dataset:
    labels = rng.permutation(np.arange(n) % len(characters))
    font = rng.choice(fonts, size=n)
    style = {name: rng.uniform(low, high, n).astype(np.float32) for name, (low, high) in RANGES.items()}
    images = render(characters, labels, font, **style)

    of_font = np.array([font[1:] for font in FONTS])[font].T
    factors = {"class": labels, "font": font, **dict(zip(("family", "weight", "slant"), of_font)), **style}
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
    """Pictures of characters[labels] with given factors, each an (n,) array or one number for all.

    labels: (n,) -> (n, 28, 28, 1) float32 in [0, 1]. Units as in `load`. Raises ValueError for a character that a
    font lacks.
    """
    labels = np.asarray(labels)
    style = np.broadcast_arrays(labels, font, rotation, scale, shift_x, shift_y, stroke)[1:]
    font, rotation, scale, shift_x, shift_y, stroke = (np.atleast_1d(value) for value in style)

    used, font = np.unique(font, return_inverse=True)
    glyphs = [_glyph(FONTS[index].file, character) for index in used for character in characters]
    fields = np.stack([glyph.field for glyph in glyphs])
    centers = np.stack([glyph.center for glyph in glyphs])
    glyph = font * len(characters) + labels

    images = np.empty((len(labels), SIZE, SIZE, 1), np.float32)
    for start in range(0, len(labels), 128):  # a chunk's arrays fit the cache
        part = slice(start, start + 128)
        images[part, :, :, 0] = _sample(
            fields, glyph[part], centers[glyph[part]], np.deg2rad(rotation[part]), scale[part],
            np.stack([shift_x[part], shift_y[part]], axis=1), stroke[part],
        )
    return images


def _sample(
    fields: np.ndarray, glyph: np.ndarray, center: np.ndarray, angle: np.ndarray, scale: np.ndarray,
    shift: np.ndarray, stroke: np.ndarray,
) -> np.ndarray:
    """The formula at the top of this file, with the field interpolated bilinearly. -> (n, 28, 28)."""
    per_image = (slice(None), None, None)
    pixel = np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2
    x = pixel[None, None, :] - shift[:, 0].astype(np.float32)[per_image]
    y = pixel[None, :, None] - shift[:, 1].astype(np.float32)[per_image]

    # From pixels to nodes of the field: the inverse rotation (y points down) and the inverse scale.
    cos, sin = (PER_PIXEL * f(angle) / scale for f in (np.cos, np.sin))
    cos, sin = (c.astype(np.float32)[per_image] for c in (cos, sin))
    origin = ((center + BOX / 2 + MARGIN) * PER_PIXEL).astype(np.float32)
    column = cos * x - sin * y + origin[:, 0][per_image]
    row = sin * x + cos * y + origin[:, 1][per_image]

    # Beyond the field everything is as black as at its border.
    np.clip(column, 0, NODES - 1.001, out=column)
    np.clip(row, 0, NODES - 1.001, out=row)
    left, top = column.astype(np.int32), row.astype(np.int32)
    column -= left
    row -= top
    corner = (glyph.astype(np.int32) * NODES**2)[per_image] + top * NODES + left
    flat = fields.ravel()
    upper, lower = (
        (1 - column) * flat.take(corner + down) + column * flat.take(corner + down + 1) for down in (0, NODES)
    )
    distance = upper + row * (lower - upper)

    scale, stroke = (value.astype(np.float32)[per_image] for value in (scale, stroke))
    return np.clip(scale * distance + (stroke + 1) / 2, 0, 1)


class _Glyph(NamedTuple):
    """field: (NODES, NODES) signed distances, pixels.  center: (x, y) of the ink from the middle of the box, pixels."""

    field: np.ndarray
    center: np.ndarray


@lru_cache(maxsize=4096)
def _glyph(file: str, character: str) -> _Glyph:
    outline = _outline(file, character)
    corners = np.concatenate(outline)
    low, high = corners.min(axis=0), corners.max(axis=0)
    to_box = BOX / (high - low).max()
    starts, ends = ([], [])
    for polygon in outline:
        polygon = (polygon - (low + high) / 2) * to_box * (1, -1)  # fonts point y up, pictures down
        starts.append(polygon[:-1])
        ends.append(polygon[1:])

    nodes = np.linspace(-BOX / 2 - MARGIN, BOX / 2 + MARGIN, NODES)
    x, y = (axis.ravel() for axis in np.meshgrid(nodes, nodes))
    field = _signed_distance(np.stack([x, y], axis=1), np.concatenate(starts), np.concatenate(ends))
    ink = np.clip(field + 0.5, 0, 1)
    center = np.array([ink @ x, ink @ y]) / ink.sum()
    return _Glyph(field.reshape(NODES, NODES), center)


def _outline(file: str, character: str) -> list[np.ndarray]:
    """The closed polygons around a character, each (m, 2) with its first point repeated at its end."""
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.ft2font import FT2Font
    from matplotlib.textpath import TextPath

    path = Path(matplotlib.get_data_path(), "fonts", "ttf", file)
    if not path.exists():
        raise DataError(f"glyphs: matplotlib's own font {path} is missing; reinstall matplotlib with pip")
    polygons = []
    if ord(character) in FT2Font(str(path)).get_charmap():
        # At 100 units to the em, matplotlib cuts curves into pieces far shorter than a pixel of ours.
        polygons = TextPath((0, 0), character, size=100, prop=FontProperties(fname=path)).to_polygons()
    if not polygons:
        raise ValueError(f"glyphs: {file} has no picture of the character {character!r}; leave it out")
    return polygons


def _signed_distance(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Distance of points (n, 2) to the nearest of the segments starts -> ends (m, 2), positive inside. -> (n,) float32.

    Inside is where the winding number of the segments is not zero, so that contours may overlap.
    """
    length = np.linalg.norm(ends - starts, axis=1)
    starts, ends, length = starts[length > 0], ends[length > 0], length[length > 0]
    along = (ends - starts) / length[:, None]
    across = along[:, ::-1] * (-1, 1)

    distance = np.empty(len(points), np.float32)
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
