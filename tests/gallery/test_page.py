"""Pages are whole in a real browser: pictures drawn, dark when asked, no wider than a phone."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from minigen.gallery.page import document, picture, small_picture, thumbnail
from tests.browser import background, browser, check_page


def decoded(img):
    """The pixels that an <img> carries."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(re.search('base64,([^"]+)', img)[1]))).convert("RGB"))


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_a_picture_carries_its_pixels(shape):
    image = np.random.default_rng(0).integers(0, 256, shape) / 255
    expected = np.broadcast_to(image.reshape(*shape[:2], -1), (5, 7, 3)) * 255
    img = picture(image, 'a "gray" <picture>')
    np.testing.assert_array_equal(decoded(img), expected.round())
    assert 'alt="a &quot;gray&quot; &lt;picture&gt;"' in img and 'width="7" height="5"' in img


def test_a_small_picture_keeps_a_drawing_as_it_is_and_makes_a_photograph_narrow(tmp_path):
    drawing = np.kron(np.random.default_rng(0).integers(0, 2, (8, 16, 1)) * 255, np.ones((40, 40, 3))).astype(np.uint8)
    Image.fromarray(drawing).save(tmp_path / "drawing.png")
    np.testing.assert_array_equal(decoded(small_picture(tmp_path / "drawing.png", "x", 100)), drawing)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (320, 640, 3)).astype(np.uint8)).save(tmp_path / "noise.png")
    for narrow in (small_picture(tmp_path / "noise.png", "x", 100), thumbnail(tmp_path / "noise.png", "x", 100)):
        assert "image/webp" in narrow and decoded(narrow).shape == (50, 100, 3)


def test_in_a_browser(tmp_path):
    image = np.random.default_rng(0).random((10, 1000, 3))
    body = f"<h1>Title</h1>{picture(image, 'wide')}<pre>{'wide ' * 100}</pre>{'longword' * 40}"
    (tmp_path / "page.html").write_text(document("A & B", body), encoding="utf-8")
    for width in (390, 1200):
        with browser(width, dark=width == 390) as session:
            check_page(session, tmp_path / "page.html")
            assert session.title == "A & B"
            assert background(session) < 150 if width == 390 else background(session) > 700
