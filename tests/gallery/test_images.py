"""Pictures embedded in a page: all their pixels, in few bytes."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from minigen.gallery.images import compact, lossless, thumbnail


def decoded(image):
    """The pixels that an embedded image carries."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image.src.split("base64,")[1]))).convert("RGB"))


def file(pixels):
    """An image as the bytes of a PNG file."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


NOISE = np.random.default_rng(0).integers(0, 256, (320, 640, 3)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_lossless_images_keep_every_pixel(shape):
    image = np.random.default_rng(0).integers(0, 256, shape) / 255
    expected = np.broadcast_to(image.reshape(*shape[:2], -1), (5, 7, 3)) * 255
    embedded = lossless(image)
    np.testing.assert_array_equal(decoded(embedded), expected.round())
    assert (embedded.width, embedded.height) == (7, 5) and embedded.src.startswith("data:image/webp;")


def test_a_small_file_stays_as_it_is_and_a_large_one_becomes_narrow():
    drawing = np.kron(np.random.default_rng(0).integers(0, 2, (8, 16, 1)) * 255, np.ones((40, 40, 3))).astype(np.uint8)
    np.testing.assert_array_equal(decoded(compact(file(drawing), 100)), drawing)
    narrow = compact(file(NOISE), 100)
    assert "image/webp" in narrow.src and decoded(narrow).shape == (50, 100, 3) and narrow[1:] == (100, 50)


@pytest.mark.parametrize("size, expected", [((640, 320), (100, 50)), ((640, 80), (100, 50)), ((240, 320), (100, 83))])
def test_a_thumbnail_is_neither_very_wide_nor_very_tall(size, expected):
    image = thumbnail(file(NOISE[: size[1], : size[0]]), 100)
    assert (image.width, image.height) == expected == decoded(image).shape[1::-1]


def test_a_thumbnail_is_the_middle():
    picture = np.zeros((50, 300, 3), np.uint8)
    picture[:, 100:200] = 255
    assert decoded(thumbnail(file(picture), 100)).min() > 250
