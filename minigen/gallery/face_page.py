"""The page of demo 34: images that do not exist, each beside the most similar training image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigen.gallery.images import compact, lossless
from minigen.gallery.rendering import render
from minigen.utils.files import replacing

STILLS = 9  # of the frames, side by side


def write(
    path: Path,
    thing: str,
    new: np.ndarray,
    nearest: np.ndarray,
    distances: Sequence[float],
    left: np.ndarray,
    above: np.ndarray,
    mixed: Mapping[str, np.ndarray],
    frames: np.ndarray,
    chart: Path,
    **facts: Any,
) -> None:
    """Write the page atomically.

    new, nearest: images (n, h, w, c) of a `thing`, and the most similar training images; distances: between the two, in units of
    the typical distance of a held-out image from its nearest.  left (rows, ...), above (columns, ...): images; mixed: band ->
    those with the band's styles from above and all others from the left, (rows, columns, ...).  frames: steps from one image to
    another.  chart: a picture of the distances.  facts: values for the text.
    """
    stills = np.linspace(0, len(frames) - 1, STILLS).round().astype(int)
    page = render(
        "face.html.jinja",
        thing=thing,
        pairs=[(lossless(image), lossless(known), distance) for image, known, distance in zip(new, nearest, distances)],
        left=[lossless(image) for image in left],
        above=[lossless(image) for image in above],
        mixed={band: [[lossless(image) for image in row] for row in images] for band, images in mixed.items()},
        film=lossless(np.concatenate(list(frames), axis=1)),
        stills=[(number + 1, lossless(frames[number])) for number in stills],
        frames=len(frames),
        chart=compact(chart.read_bytes(), width=1000),
        **facts,
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
