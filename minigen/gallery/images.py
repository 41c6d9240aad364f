"""Pictures embedded in a page as data URLs, so that it has nothing to load."""

import base64
import io
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

FEW = 100_000  # bytes
TALL, WIDE = 1.2, 2.0  # minimum and maximum width / height of a thumbnail


class Embedded(NamedTuple):
    """An image as the src of an <img>, with its size, so that the page can be laid out before it is loaded."""

    src: str
    width: int
    height: int


def lossless(pixels: np.ndarray) -> Embedded:
    """One image of (h, w), (h, w, 1) or (h, w, 3) in [0, 1], as lossless WebP, four fifths of a PNG."""
    pixels = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
    image = Image.fromarray(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))
    return encoded(image, "webp", lossless=True, quality=100, method=6)


def compact(content: bytes, width: int) -> Embedded:
    """The bytes of a PNG file: unchanged if they are few, else as WebP, at most `width` pixels wide."""
    image = Image.open(io.BytesIO(content))
    return embedded(image, "png", content) if len(content) <= FEW else webp(image.convert("RGB"), width)


def thumbnail(content: bytes, width: int) -> Embedded:
    """The center of a picture, neither very tall nor very wide, at most `width` pixels wide, as WebP."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    across, down = min(image.width, round(WIDE * image.height)), min(image.height, round(image.width / TALL))
    left, top = (image.width - across) // 2, (image.height - down) // 2
    return webp(image.crop((left, top, left + across, top + down)), width)


def webp(image: Image.Image, width: int) -> Embedded:
    """An image as WebP, no wider than this, its proportions kept."""
    scale = min(1.0, width / image.width)
    size = round(image.width * scale), max(1, round(image.height * scale))
    return encoded(image.resize(size, Image.Resampling.LANCZOS), "webp", quality=80, method=2)


def encoded(image: Image.Image, kind: str, **options: Any) -> Embedded:
    """An image in a file format."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return embedded(image, kind, file.getvalue())


def embedded(image: Image.Image, kind: str, content: bytes) -> Embedded:
    """The bytes of a file as an image of a page."""
    return Embedded(f"data:image/{kind};base64,{base64.b64encode(content).decode()}", *image.size)
