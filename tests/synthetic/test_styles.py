"""Styles: every pattern and picture as its formula says, pixel by pixel, and ink that stands out from its paper."""

import colorsys

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.synthetic import styles
from minigen.synthetic.styles import PATTERNS, Styles, draw_styles, patterns, render

rng = np.random.default_rng(0)

DRAWN = {
    "plain": ["....", "....", "....", "...."],
    "rows": ["####", "####", "....", "...."],
    "columns": ["##..", "##..", "##..", "##.."],
    "diagonals": ["##..", "#..#", "..##", ".##."],
    "checks": ["..##", "..##", "##..", "##.."],
    "dots": ["##..", "##..", "....", "...."],
}  # fmt: skip


def test_every_pattern_looks_as_it_is_called_and_repeats_every_four_pixels():
    assert tuple(DRAWN) == PATTERNS
    for name, pattern in zip(PATTERNS, patterns(6, 10), strict=True):
        expected = [[float(DRAWN[name][i % 4][j % 4] == "#") for j in range(10)] for i in range(6)]
        np.testing.assert_array_equal(pattern, expected, err_msg=name)


def test_a_picture_is_the_formula_pixel_by_pixel():
    drawings, drawn = rng.random((12, 5, 7, 1)).astype(np.float32), draw_styles(12)
    pictures = render(drawings, drawn)
    assert pictures.shape == (12, 5, 7, 3) and pictures.dtype == np.float32
    for n, (pattern, ink, paper) in enumerate(zip(*drawn)):
        for i in range(5):
            for j in range(7):
                amount = max(drawings[n, i, j, 0], 0.4 * patterns(5, 7)[pattern, i, j])
                np.testing.assert_allclose(pictures[n, i, j], paper + amount * (ink - paper), atol=1e-6)


def test_pictures_stay_in_range_and_leave_their_arguments_unchanged():
    drawings, drawn = rng.random((60, 8, 8, 1)).astype(np.float32), draw_styles(60)
    before = [part.copy() for part in (drawings, *drawn)]
    pictures = render(drawings, drawn)
    assert pictures.min() >= 0 and pictures.max() <= 1 + 1e-6
    for part, copy in zip((drawings, *drawn), before):
        np.testing.assert_array_equal(part, copy)


def test_taken_styles_are_in_the_order_asked_for():
    drawings, drawn, order = rng.random((20, 8, 8, 1)), draw_styles(20), rng.permutation(20)
    np.testing.assert_array_equal(render(drawings[order], drawn.take(order)), render(drawings, drawn)[order])


def test_drawn_styles():
    drawn = draw_styles(3000)
    np.testing.assert_array_equal(np.bincount(drawn.pattern), [500] * len(PATTERNS))
    for colors in drawn[1:]:
        assert colors.shape == (3000, 3) and colors.dtype == np.float32
        assert colors.min() >= 0 and colors.max() <= 1 and (colors.std(axis=0) > 0.1).all()
    assert ((drawn.ink - drawn.paper) @ [0.299, 0.587, 0.114] >= 0.3 - 1e-6).all()


def test_a_seed_decides():
    first, again, other = (draw_styles(20, seed) for seed in (1, 1, 2))
    for name, part, same in zip(Styles._fields, first, again):
        np.testing.assert_array_equal(part, same)
        assert (part != getattr(other, name)).any()


def test_colors_are_those_of_the_standard_library():
    hsv = rng.random((3, 50))
    np.testing.assert_allclose(styles.rgb(*hsv), [colorsys.hsv_to_rgb(*color) for color in hsv.T], atol=1e-12)


def test_refusals():
    with pytest.raises(ValueError, match="draw_styles: got n = 0, expected at least 1 style"):
        draw_styles(0)
    with pytest.raises(ShapeError, match=r"got drawings of shape \(2, 8, 8, 3\), expected gray images \(n, h, w, 1\)"):
        render(np.zeros((2, 8, 8, 3)), draw_styles(2))
    with pytest.raises(ShapeError, match="got 3 styles for 2 drawings, expected one for each"):
        render(np.zeros((2, 8, 8, 1)), draw_styles(3))
