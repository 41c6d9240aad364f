"""Styles: drawings in colored ink on patterned paper, known exactly, so that style transfer can be evaluated.

A drawing x is the amount of ink at each pixel, from 0 to 1. The paper has a pattern p, printed in a thinner ink, and colors
combine both:

    picture = paper + max(x, 0.4 p) (ink - paper)

    plain      p = 0
    rows       p = 1 in two rows of four                  columns   p = 1 in two columns of four
    diagonals  p = 1 in two diagonals of four             checks    p = 1 in every other square of 2 x 2 pixels
    dots       p = 1 in one square of 2 x 2 pixels of four

A pattern has a fixed position, independent of the drawing.
"""

from typing import NamedTuple

import numpy as np

from minigen.errors import ShapeError
from minigen.utils.checks import check_seed

PATTERNS = ("plain", "rows", "columns", "diagonals", "checks", "dots")
STRENGTH = np.float32(0.4)  # of the ink in which a pattern is printed
BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue (ITU-R BT.601)
CONTRAST = 0.3  # least difference by which ink is brighter than paper


class Styles(NamedTuple):
    """n styles. pattern: (n,) int64, indices into PATTERNS.  ink, paper: (n, 3) float32, RGB in [0, 1]."""

    pattern: np.ndarray
    ink: np.ndarray
    paper: np.ndarray

    def take(self, indices: np.ndarray) -> "Styles":
        """The styles with these indices, in this order."""
        return Styles(*(part[indices] for part in self))


def draw_styles(n: int, seed: int = 0) -> Styles:
    """n styles at random: patterns in equal shares, and ink of any color on darker paper of any color.

    Hues uniform, saturations 0.3 to 1, values 0.1 to 1; pairs are drawn again until the ink is brighter by 0.3 or more. The same
    arguments give the same styles. Raises ValueError if n < 1.
    """
    if n < 1:
        raise ValueError(f"draw_styles: got n = {n}, expected at least 1 style")
    rng = np.random.default_rng(check_seed("draw_styles", seed))
    pattern = rng.permutation(np.arange(n) % len(PATTERNS))
    colors = np.empty((n, 2, 3), np.float32)
    missing = np.arange(n)
    while len(missing):
        hue, saturation, value = rng.uniform([[[0.0]], [[0.3]], [[0.1]]], 1.0, (3, len(missing), 2))
        colors[missing] = rgb(hue, saturation, value)
        ink, paper = (colors[missing] @ BRIGHTNESS).T
        missing = missing[ink - paper < CONTRAST]
    return Styles(pattern, colors[:, 0], colors[:, 1])


def rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Colors given by hue, saturation and value, each (...) in [0, 1] -> (..., 3): value (1 - saturation (1 - pure color))."""
    pure = np.clip(abs((hue[..., None] + [0.0, 2 / 3, 1 / 3]) % 1.0 * 6.0 - 3.0) - 1.0, 0.0, 1.0)
    return value[..., None] * (1.0 - saturation[..., None] * (1.0 - pure))


def render(drawings: np.ndarray, styles: Styles) -> np.ndarray:
    """Each drawing in its style: (n, h, w, 1) in [0, 1] and n styles -> (n, h, w, 3) float32 in [0, 1].

    Raises ShapeError for drawings of another shape and for more or fewer styles than drawings.
    """
    drawings = np.asarray(drawings, np.float32)
    if drawings.ndim != 4 or drawings.shape[3] != 1:
        raise ShapeError(f"render: got drawings of shape {drawings.shape}, expected gray images (n, h, w, 1)")
    if len(styles.pattern) != len(drawings):
        raise ShapeError(f"render: got {len(styles.pattern)} styles for {len(drawings)} drawings, expected one for each")
    ink, paper = (color[:, None, None, :] for color in (styles.ink, styles.paper))
    printed = STRENGTH * patterns(*drawings.shape[1:3])[styles.pattern]
    return paper + np.maximum(drawings, printed[..., None]) * (ink - paper)


def patterns(height: int, width: int) -> np.ndarray:
    """All patterns, in the order of PATTERNS: (patterns, height, width) float32, 0 or 1."""
    row, column = np.indices((height, width))
    across, down = row % 4 < 2, column % 4 < 2
    drawn = [np.zeros_like(across), across, down, (row + column) % 4 < 2, across != down, across & down]
    return np.array(drawn, np.float32)
