"""Pictures that a page carries in itself, as data URLs, so that it has nothing to load."""

import base64
import io
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

TALL, WIDE = 1.2, 2.0  # width / height of a thumbnail, at least and at most


class Embedded(NamedTuple):
    """An image as the src of an <img>, with its size, for the page's layout before it is drawn."""

    src: str
    width: int
    height: int


def lossless(pixels: np.ndarray) -> Embedded:
    """One image of (h, w), (h, w, 1) or (h, w, 3) in [0, 1], as PNG."""
    pixels = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
    image = Image.fromarray(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))
    return embedded(image, "png", encoded(image, "PNG", optimize=True))


def compact(file: BinaryIO, width: int) -> Embedded:
    """A picture in few bytes: PNG of 64 colors, or WebP at most `width` pixels wide if that is smaller."""
    image = Image.open(file).convert("RGB")
    narrow = at_most(width, image)
    png, webp = encoded(image.quantize(64), "PNG"), encoded(narrow, "WEBP", quality=80, method=2)
    return embedded(image, "png", png) if len(png) <= len(webp) else embedded(narrow, "webp", webp)


def thumbnail(file: BinaryIO, width: int) -> Embedded:
    """The middle of a picture, neither very tall nor very wide, at most `width` pixels wide, as WebP."""
    image = Image.open(file).convert("RGB")
    across, down = min(image.width, round(WIDE * image.height)), min(image.height, round(image.width / TALL))
    left, top = (image.width - across) // 2, (image.height - down) // 2
    image = at_most(width, image.crop((left, top, left + across, top + down)))
    return embedded(image, "webp", encoded(image, "WEBP", quality=80))


def at_most(width: int, image: Image.Image) -> Image.Image:
    """An image no wider than this, its proportions kept."""
    scale = min(1.0, width / image.width)
    return image.resize((round(image.width * scale), max(1, round(image.height * scale))), Image.Resampling.LANCZOS)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """An image as the bytes of a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def embedded(image: Image.Image, kind: str, content: bytes) -> Embedded:
    """The bytes of a file as an image of a page."""
    return Embedded(f"data:image/{kind};base64,{base64.b64encode(content).decode()}", *image.size)
