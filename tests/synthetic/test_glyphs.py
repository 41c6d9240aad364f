"""The embedded glyphs: reproducible, and rendered as their factors say."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from minigen import data
from minigen.synthetic import glyphs
from minigen.synthetic.glyphs import FAMILIES, FONTS, RANGES, TEST_FONTS, TRAIN_FONTS, render

SMALL = {"train_size": 400, "test_size": 100}
DIGITS = "0123456789"
MIDDLE = (glyphs.SIZE - 1) / 2
BOLD = [font.file for font in FONTS].index("DejaVuSans-Bold.ttf")
SANS = [font.file for font in FONTS].index("cmss10.ttf")


@pytest.fixture(scope="module")
def splits():
    return data.load("glyphs", **SMALL)


def fingerprint(*datasets):
    digest = hashlib.sha256()
    for dataset in datasets:
        for array in (dataset.images, dataset.labels, *dataset.factors.values()):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def center_of_ink(images):
    ink = images[..., 0] / images.sum(axis=(1, 2, 3))[:, None, None]
    pixel = np.arange(glyphs.SIZE) - MIDDLE
    return (ink.sum(axis=1) * pixel).sum(axis=1), (ink.sum(axis=2) * pixel).sum(axis=1)


def total_ink(images):
    return images.sum(axis=(1, 2, 3))


def test_same_seed_gives_the_same_bytes_also_when_drawn_anew(splits):
    glyphs.load_drawn.cache_clear()
    glyphs.fitted_glyph.cache_clear()
    assert fingerprint(*data.load("glyphs", **SMALL)) == fingerprint(*splits)


def test_another_seed_gives_other_pictures(splits):
    assert fingerprint(*data.load("glyphs", seed=1, **SMALL)) != fingerprint(*splits)


def test_shapes_dtypes_and_range(splits):
    for dataset, n in zip(splits, (400, 100), strict=True):
        assert dataset.images.shape == (n, 28, 28, 1)
        assert dataset.images.dtype == np.float32
        assert dataset.labels.dtype == np.int64
        assert dataset.class_names == tuple(DIGITS)
        # White on black: both ends of the range occur, nothing lies beyond them.
        assert dataset.images.min() == 0.0
        assert dataset.images.max() == 1.0


def test_classes_have_equal_shares(splits):
    for dataset in splits:
        np.testing.assert_array_equal(np.bincount(dataset.labels), len(dataset) // 10)


def test_classes_are_as_equal_as_an_odd_size_allows():
    train, _ = data.load("glyphs", characters="abc", train_size=11, test_size=1)
    np.testing.assert_array_equal(np.bincount(train.labels), [4, 4, 3])


def test_test_fonts_are_held_out_of_training(splits):
    train, test = splits
    assert set(train.factors["font"]) == set(TRAIN_FONTS)
    assert set(test.factors["font"]) == set(TEST_FONTS)
    assert not set(TRAIN_FONTS) & set(TEST_FONTS)
    assert len(TRAIN_FONTS) + len(TEST_FONTS) == len(FONTS)


def test_font_attributes_are_those_of_the_font(splits):
    for dataset in splits:
        for i, font in enumerate(dataset.factors["font"]):
            got = tuple(int(dataset.factors[name][i]) for name in ("family", "weight", "slant"))
            assert got == FONTS[font][1:], f"{FONTS[font].file}: factors say {got}"
    assert {font.family for font in FONTS} == set(range(len(FAMILIES)))


def test_styles_stay_in_their_ranges_and_fill_them(splits):
    train, _ = splits
    for name, (low, high) in RANGES.items():
        values = train.factors[name]
        assert values.dtype == np.float32
        assert low <= values.min() and values.max() <= high, name
        # The chance that 400 uniform draws leave a tenth at one end empty is 0.9^400 < 1e-18.
        assert values.min() < low + (high - low) / 10 and values.max() > high - (high - low) / 10, name


def test_pictures_are_what_render_makes_of_their_factors(splits):
    for dataset in splits:
        factors = dataset.factors
        again = render(DIGITS, factors["class"], factors["font"], **{name: factors[name] for name in RANGES})
        np.testing.assert_array_equal(again, dataset.images)


def test_center_of_ink_is_at_the_shift_for_every_font_and_digit():
    labels, font = (axis.ravel() for axis in np.meshgrid(np.arange(10), np.arange(len(FONTS))))
    shift_x, shift_y = np.random.default_rng(0).uniform(-1.5, 1.5, (2, len(labels)))
    x, y = center_of_ink(render(DIGITS, labels, font, rotation=10, shift_x=shift_x, shift_y=shift_y))
    # A pixel's ink is taken at its center, which leaves a tenth of a pixel.
    np.testing.assert_allclose(x, shift_x, atol=0.1)
    np.testing.assert_allclose(y, shift_y, atol=0.1)


def test_shift_by_whole_pixels_moves_the_picture():
    labels = np.arange(10)
    at_rest = render(DIGITS, labels)
    moved = render(DIGITS, labels, shift_x=2, shift_y=-1)
    np.testing.assert_allclose(moved, np.roll(at_rest, (-1, 2), axis=(1, 2)), atol=1e-4)


def test_rotation_by_90_degrees_is_rot90_anticlockwise():
    labels = np.arange(10)
    turned = render(DIGITS, labels, rotation=90)
    np.testing.assert_allclose(turned, np.rot90(render(DIGITS, labels), axes=(1, 2)), atol=1e-4)


def test_stroke_adds_ink_everywhere_and_only_adds():
    labels = np.arange(10)
    strokes = [render(DIGITS, labels, font=8, stroke=stroke) for stroke in (-0.3, 0.0, 0.6, 1.2)]
    for thinner, thicker in zip(strokes[:-1], strokes[1:], strict=True):
        assert (thicker >= thinner).all()
        assert (total_ink(thicker) > total_ink(thinner)).all()


def test_stroke_is_in_pixels_of_thickness():
    """The l of a sans serif is a straight bar."""
    bars = (render("l", [0], SANS, scale=2.0, stroke=stroke) for stroke in (0.0, 1.0))
    bar, thicker = (images[0, 14, :, 0].sum() for images in bars)
    assert thicker - bar == pytest.approx(1.0, abs=1e-3)


def test_scale_multiplies_lengths():
    """The ink of a solid shape grows with the square of the scale."""
    small, large = (total_ink(render("I", [0], BOLD, scale=scale))[0] for scale in (0.5, 1.0))
    assert large / small == pytest.approx(4.0, rel=0.02)


def test_pictures_are_centerd_in_the_box_and_nothing_is_cut_off():
    high = {name: bounds[1] for name, bounds in RANGES.items()}
    assert glyphs.REACH + high["shift_x"] + high["stroke"] / 2 < glyphs.SIZE / 2
    assert high["scale"] == 1.0 and high["shift_x"] == high["shift_y"]
    labels, font = (axis.ravel() for axis in np.meshgrid(np.arange(10), np.arange(len(FONTS))))
    for angle in (0, 45, 90, 135, 180, 225, 270, 315):
        images = render(DIGITS, labels, font, rotation=angle, stroke=high["stroke"])
        frame = images.copy()
        frame[:, 1:-1, 1:-1] = 0
        assert frame.max() == 0, f"ink at the border at rotation {angle}"


def test_bold_has_more_ink_than_regular_and_counters_stay_open():
    labels = np.arange(10)
    for regular, bold in ((0, 1), (4, 5), (8, 9), (12, 13), (16, 17)):
        assert (total_ink(render(DIGITS, labels, bold)) > total_ink(render(DIGITS, labels, regular))).all()
    # The hole of a zero, in the heaviest cut without a dot in it, at the heaviest stroke.
    zero = render("0", [0], BOLD, stroke=RANGES["stroke"][1])
    assert zero[0, 13:15, 13:15].max() == 0


def test_cached_arrays_cannot_be_changed():
    train, _ = data.load("glyphs", **SMALL)
    with pytest.raises(ValueError, match="read-only"):
        train.images[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        train.factors["stroke"][0] = 0
    train.factors.clear()
    assert data.load("glyphs", **SMALL)[0].factors, "the cache handed out its own dict"


SQUARE = np.array([(-2.0, -2.0), (2.0, -2.0), (2.0, 2.0), (-2.0, 2.0), (-2.0, -2.0)])
PROBES = np.array([(0.0, 0.0), (1.5, 0.0), (5.0, 6.0), (0.0, -4.0)])


@pytest.mark.parametrize(
    "polygons, distances",
    [
        ([SQUARE], [2, 0.5, -5, -2]),
        ([SQUARE[::-1]], [2, 0.5, -5, -2]),
        ([SQUARE, SQUARE[::-1] / 2], [-1, 0.5, -5, -2]),  # a hole
        ([SQUARE, SQUARE / 2], [1, 0.5, -5, -2]),  # two contours that overlap: inside both is inside
    ],
    ids=["anticlockwise", "clockwise", "hole", "overlap"],
)
def test_signed_distance_of_squares(polygons, distances):
    np.testing.assert_allclose(glyphs.signed_distance(PROBES, polygons), distances, atol=1e-12)


def test_letters_are_distinct_in_every_font():
    letters = "ABEFIOQRab"
    for font in range(len(FONTS)):
        images = render(letters, np.arange(10), font).reshape(10, -1)
        distances = np.linalg.norm(images[:, None] - images, axis=-1)[~np.eye(10, dtype=bool)]
        assert distances.min() > 1.0, FONTS[font].file


@pytest.mark.parametrize(
    "options, message",
    [
        ({"characters": ""}, "characters ''"),
        ({"characters": "110"}, "'110'.*none twice"),
        ({"characters": "0\u65e5"}, "ttf.*no picture.*\u65e5"),
        ({"characters": "0 "}, "no picture of the character ' '"),
        ({"train_size": 0}, "train_size 0.*at least 1"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        data.load("glyphs", **{**SMALL, **options})


def test_render_names_a_label_or_font_that_does_not_exist():
    with pytest.raises(ValueError, match="labels contains 3, expected indices of 0 to 2"):
        render("abc", [0, 3])
    with pytest.raises(ValueError, match="font contains -1, expected indices of 0 to 19"):
        render("abc", [0], font=-1)


def test_importing_the_package_leaves_matplotlib_alone():
    code = "import sys, minigen.data; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0, "minigen.data imports matplotlib"
