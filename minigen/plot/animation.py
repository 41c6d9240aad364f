"""Animations of a model's outputs during training, and fast tiles of images."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import chain, repeat
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from minigen.errors import ShapeError
from minigen.plot.figure import checked_images, grid_of
from minigen.plot.images import GAP, checked_table
from minigen.utils.files import replacing

LAST = 2.0  # additional seconds for the last frame
SHADES = 64  # of gray: visually as good as 256, in two thirds of the bytes
CAPTION = 16  # height of letters, in pixels


def save_animation(
    frames: Iterable[Any],
    path: str | Path,
    seconds_per_frame: float = 0.2,
    labels: Sequence[Any] | None = None,
    columns: int | None = None,
) -> Path:
    """Write frames as a GIF that loops forever and holds its last frame 2 seconds longer; return its path.

    A batch of images is shown as a grid, as square as possible, small images enlarged by a whole factor. Frames may come
    from a generator, and are reduced to one byte per pixel one by one. An existing file is replaced atomically.

    frames: batches of images (n, h, w) or (n, h, w, c) in [0, 1], or Figures, at 100 pixels per inch; all of one shape.
    seconds_per_frame: at least 0.02, as players do not show shorter ones.  labels: text below each frame, e.g. "step 1200".
    columns: of a grid of images.
    """
    path = checked_path("save_animation", path, ".gif")
    if not seconds_per_frame >= 0.02:
        raise ValueError(f"save_animation: got seconds_per_frame {seconds_per_frame}, expected at least 0.02")
    pages, first = [], ""
    captions = repeat(None) if labels is None else chain(map(str, labels), repeat(""))
    for i, (frame, caption) in enumerate(zip(frames, captions)):
        if not isinstance(frame, Figure):
            frame = checked_images(frame, f"frame {i}")
        kind = description(frame)
        first = first or kind
        if kind != first:
            raise ShapeError(f"save_animation: frame {i} is {kind}, expected {first}, as frame 0")
        picture = drawn(frame) if isinstance(frame, Figure) else tiled(frame, columns)
        pages.append(reduced(picture if caption is None else captioned(picture, caption)))
    if not pages:
        raise ValueError("save_animation: got no frames, expected at least one")
    if labels is not None and len(labels) != len(pages):
        raise ShapeError(f"save_animation: got {len(labels)} labels for {len(pages)} frames, expected one for each")
    milliseconds = [round(1000 * seconds_per_frame)] * len(pages)
    milliseconds[-1] += round(1000 * LAST)
    with replacing(path) as temporary:
        pages[0].save(temporary, "GIF", save_all=True, append_images=pages[1:], duration=milliseconds, loop=0)
    return path


def save_walks(walks: Any, path: str | Path, seconds_per_frame: float = 0.2) -> Path:
    """Write walks through a latent space as a GIF that goes there and back, side by side; return its path.

    walks: (rows, k, h, w, c) in [0, 1], c 1 or 3, as `interpolate` and `walk` of a trained model make them; `walk_grid` draws
    them. Everything else as in `save_animation`.
    """
    walks = checked_table(walks, "save_walks")
    there = walks.swapaxes(0, 1)
    return save_animation([*there, *there[-2:0:-1]], path, seconds_per_frame, columns=len(walks))


def save_tiles(images: Any, path: str | Path, columns: int | None = None) -> Path:
    """Write images as one PNG of tiles, as square as possible unless columns says otherwise; return its path.

    Pixel by pixel, without titles and labels: a hundredth of the time of `image_grid`, for pictures taken while training. An
    existing file is replaced atomically.

    images: (n, h, w) or (n, h, w, c) in [0, 1].
    """
    path = checked_path("save_tiles", path, ".png")
    picture = Image.fromarray(tiled(checked_images(images, "images"), columns))
    with replacing(path) as temporary:
        picture.save(temporary, "PNG")
    return path


def checked_path(function: str, path: str | Path, suffix: str) -> Path:
    """The path, or ValueError if it does not end in the suffix."""
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise ValueError(f"{function}: got path {str(path)!r}, expected one that ends in {suffix!r}")
    return path


def description(frame: np.ndarray | Figure) -> str:
    """The kind and size of a frame, which all frames of an animation share."""
    if isinstance(frame, Figure):
        width, height = frame.get_size_inches()
        return f"a Figure of {width:.2f} x {height:.2f} inches"
    return f"images of shape {frame.shape}"


def tiled(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Checked images as the bytes of one picture, (h, w) or (h, w, 3), at least 360 pixels wide, on white."""
    n, height, width, *channels = images.shape
    gap = max(1, round(GAP * width))
    columns, rows = grid_of(n, columns, "tiles")
    high, wide = height + gap, width + gap
    picture = np.full((gap + rows * high, gap + columns * wide, *channels), 255, dtype=np.uint8)
    for i, image in enumerate(np.round(255 * images).astype(np.uint8)):
        top, left = gap + i // columns * high, gap + i % columns * wide
        picture[top : top + height, left : left + width] = image
    factor = ceil(360 / picture.shape[1])
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def drawn(figure: Figure) -> np.ndarray:
    """A figure as the bytes of an RGB picture, (h, w, 3)."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return np.asarray(Image.open(file).convert("RGB"))


def captioned(picture: np.ndarray, caption: str) -> np.ndarray:
    """A picture with one line of text below it, in smaller letters if it is wider than the picture."""
    width = picture.shape[1]
    file = str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
    font = ImageFont.truetype(file, CAPTION)
    if font.getlength(caption) > width:
        font = ImageFont.truetype(file, int(CAPTION * width / font.getlength(caption)))
    strip = Image.new("L", (width, round(1.75 * CAPTION)), 255)
    ImageDraw.Draw(strip).text((width / 2, strip.height / 2), caption, fill=0, font=font, anchor="mm")
    text = np.asarray(strip)
    return np.concatenate([picture, text if picture.ndim == 2 else np.stack([text] * 3, axis=-1)])


def reduced(picture: np.ndarray) -> Image.Image:
    """A picture in one byte per pixel and a palette: 64 shades of gray, or the 256 best colors."""
    if picture.ndim == 3:
        return Image.fromarray(picture).quantize(256)
    page = Image.fromarray(np.round(picture * ((SHADES - 1) / 255)).astype(np.uint8))
    page.putpalette(np.linspace(0, 255, SHADES).round().astype(np.uint8).repeat(3).tobytes())
    return page
