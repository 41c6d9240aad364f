"""One picture of any kind, by Pillow, as an array of the shape that is asked for."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from minigen import data
from minigen.data.picture_files import PictureFormat, picture_format
from minigen.errors import DataError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
SQUARE = PictureFormat(8, 8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def read(image, folder, form=SQUARE, ending="png", **options):
    """What is read of a picture that Pillow has written."""
    image.save(path := folder / f"picture.{ending}", **options)
    return form.read(path)


def halves(size=(16, 8), left=RED, right=BLUE, mode="RGB"):
    """A picture, (width, height), of two colors side by side."""
    image = Image.new(mode, size, right)
    image.paste(left, (0, 0, size[0] // 2, size[1]))
    return image


def corners(pixels):
    """The colors in the middle of the four quarters: upper left, upper right, lower left, lower right."""
    height, width = (length // 4 for length in pixels.shape[:2])
    return [tuple(map(int, pixels[y, x])) for y in (height, -height - 1) for x in (width, -width - 1)]


def near(got, expected, tolerance=3):
    return np.abs(np.subtract(got, expected)).max() <= tolerance


# Modes.


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "gif", "ppm", "tga", "jpg"])
def test_formats(tmp_path, ending):
    options = {"lossless": True} if ending == "webp" else {"quality": 100, "subsampling": 0} if ending == "jpg" else {}
    pixels = read(halves((8, 8)), tmp_path, ending=ending, **options)
    assert pixels.dtype == np.uint8 and pixels.shape == (8, 8, 3)
    assert near(pixels[:, 0], RED, 6) and near(pixels[:, -1], BLUE, 6)


def test_a_name_may_lie_about_the_format(tmp_path):
    halves((8, 8)).save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.jpg")
    assert corners(SQUARE.read(tmp_path / "picture.jpg")) == [RED, BLUE] * 2


def test_pixels_of_the_right_size_stay_as_they_are(tmp_path, rng):
    pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
    np.testing.assert_array_equal(read(Image.fromarray(pixels), tmp_path), pixels)
    gray = read(Image.fromarray(pixels[..., 0]), tmp_path, PictureFormat(8, 8, gray=True))
    np.testing.assert_array_equal(gray, pixels[..., :1])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"])
def test_every_mode_gives_white_and_black(tmp_path, mode):
    gray = halves((8, 8), 255, 0, "L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(gray, np.uint16) * 257)
    else:
        image = gray.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr") else gray.convert(mode)
    for gray_too in (False, True):
        pixels = read(image, tmp_path, PictureFormat(8, 8, gray=gray_too), "tiff")
        assert pixels.shape == (8, 8, 1 if gray_too else 3)
        assert (pixels[:, :4] == 255).all() and (pixels[:, 4:] == 0).all()


def test_gray_is_luma(tmp_path):
    pixels = read(halves((8, 8), GREEN, BLUE), tmp_path, PictureFormat(8, 8, gray=True))
    assert (pixels[0, 0, 0], pixels[0, -1, 0]) == (150, 29)  # 0.587 and 0.114 of 255


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path):
    ramp = np.linspace(0, 65535, 64).reshape(8, 8)
    pixels = read(Image.fromarray(ramp.astype(np.uint16)), tmp_path)
    np.testing.assert_array_equal(pixels[..., 0], np.rint(ramp.astype(np.uint16) / 257))
    dark = read(Image.fromarray(np.full((8, 8), 200, np.uint16)), tmp_path)
    assert (dark == 1).all(), "the depth is the file's, whatever is in the picture"


@pytest.mark.parametrize("largest, white", [(1, 1), (200, 255), (1000, 65535), (10**6, 10**6)])
def test_the_white_of_floats_is_guessed(tmp_path, largest, white):
    values = np.linspace(-1, largest, 64, dtype=np.float32).reshape(8, 8)
    pixels = read(Image.fromarray(values), tmp_path, ending="tiff")
    np.testing.assert_array_equal(pixels[..., 0], np.rint(values.clip(0).astype(np.float64) * (255 / white)))


def test_floats_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(DataError, match="^it has pixels that are NaN or infinite$"):
        read(Image.fromarray(np.full((8, 8), np.nan, np.float32)), tmp_path, ending="tiff")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_transparent_parts_show_the_background(tmp_path, mode):
    """With an alpha channel, with a palette that has transparent colors, and with one color that is transparent."""
    if mode in ("RGBA", "LA"):
        clear, opaque = ((9, 9, 9, 0), (0, 0, 0, 255)) if mode == "RGBA" else ((9, 0), (0, 255))
        image, options = halves((8, 8), clear, opaque, mode), {}
    else:
        image = halves((8, 8), (90, 90, 90), (0, 0, 0))
        image = image.quantize(4) if mode == "P" else image.convert(mode)
        options = {"transparency": image.getpixel((0, 0))}
    for color, expected in (("white", WHITE), ("#00ff00", GREEN)):
        pixels = read(image, tmp_path, PictureFormat(8, 8, background=color), **options)
        assert (pixels[:, :4] == expected).all() and (pixels[:, 4:] == 0).all()


def test_half_transparent_is_half_the_background(tmp_path):
    pixels = read(Image.new("RGBA", (8, 8), (255, 0, 0, 128)), tmp_path, PictureFormat(8, 8, background="blue"))
    assert near(pixels, (128, 0, 127), 1)


def test_the_first_picture_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in (RED, GREEN, BLUE)]
    for ending in ("gif", "png", "webp", "tiff"):
        options = {"lossless": True} if ending == "webp" else {}
        pixels = read(frames[0], tmp_path, ending=ending, save_all=True, append_images=frames[1:], **options)
        assert (pixels == RED).all(), ending


@pytest.mark.parametrize("ending", ["jpg", "png"])
@pytest.mark.parametrize("orientation, turned", [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_camera_says_how_it_was_held(tmp_path, ending, orientation, turned):
    """Orientation 6: the camera's top is the picture's right-hand side, so that it is to be turned by 90 degrees clockwise."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.kron(np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8), np.ones((16, 16, 1), np.uint8))
    stored = np.rot90(upright, -turned)
    options = {"quality": 100, "subsampling": 0} if ending == "jpg" else {}
    pixels = read(Image.fromarray(np.ascontiguousarray(stored)), tmp_path, ending=ending, exif=exif, **options)
    assert near(corners(pixels), [RED, GREEN, BLUE, WHITE], 6)


def test_damaged_exif_data_do_not_matter(tmp_path):
    pixels = read(Image.new("RGB", (8, 8), RED), tmp_path, ending="jpg", quality=100, exif=b"Exif\0\0of another kind")
    assert near(pixels, RED, 6)


# Sizes.


def test_crop_takes_the_middle(tmp_path):
    stripes = np.zeros((10, 30, 3), np.uint8)
    stripes[:, :10], stripes[:, 10:20], stripes[:, 20:] = RED, GREEN, BLUE
    for pixels in (stripes, stripes.swapaxes(0, 1)):
        middle = read(Image.fromarray(np.ascontiguousarray(pixels)), tmp_path)
        assert (middle[1:-1, 1:-1] == GREEN).all() and near(middle, GREEN, 10)


def test_squeeze_keeps_all_of_it(tmp_path):
    assert corners(read(halves((40, 8)), tmp_path, picture_format(8, "squeeze"))) == [RED, BLUE] * 2


def test_pad_adds_margins_of_the_background(tmp_path):
    pixels = read(Image.new("RGB", (32, 16), RED), tmp_path, PictureFormat(16, 16, "pad", background="#0000ff"))
    assert (pixels[:4] == BLUE).all() and (pixels[4:12] == RED).all() and (pixels[12:] == BLUE).all()
    gray = read(Image.new("L", (16, 32), 7), tmp_path, PictureFormat(16, 16, "pad", gray=True))
    assert (gray[:, :4] == 255).all() and (gray[:, 4:12] == 7).all()


def test_any_two_sides(tmp_path):
    pixels = read(halves((64, 32)), tmp_path, picture_format((8, 16)))
    assert pixels.shape == (8, 16, 3) and corners(pixels) == [RED, BLUE] * 2


def test_a_smaller_picture_is_made_of_all_pixels(tmp_path, rng):
    """Noise becomes gray: taking every eighth pixel would keep it noise, and alias what is fine."""
    noise = Image.fromarray(rng.integers(0, 2, (512, 512), np.uint8) * 255)
    pixels = read(noise, tmp_path)
    assert pixels.std() < 4 and abs(pixels.mean() - 127.5) < 2


def test_a_jpeg_that_is_decoded_small_is_nearly_the_same(tmp_path, rng):
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8)).resize((600, 600), Image.Resampling.BICUBIC)
    as_jpeg = read(coarse, tmp_path, PictureFormat(16, 16), "jpg", quality=95)
    assert np.abs(as_jpeg.astype(int) - read(coarse, tmp_path, PictureFormat(16, 16))).mean() < 1.5


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 5)])
@pytest.mark.parametrize("fit", ["crop", "squeeze", "pad"])
def test_odd_sizes(tmp_path, size, fit):
    assert (read(Image.new("RGB", size, GREEN), tmp_path, PictureFormat(8, 8, fit, background="#00ff00")) == GREEN).all()


# One picture.


def test_one_picture_as_models_take_it(tmp_path):
    halves().save(tmp_path / "me.png")
    image = data.picture(tmp_path / "me.png", 8, fit="squeeze")
    assert image.shape == (8, 8, 3) and image.dtype == np.float32 and (image.min(), image.max()) == (0, 1)
    assert data.picture(str(tmp_path / "me.png"), (8, 4), gray=True).shape == (8, 4, 1)


def test_one_picture_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"nosuch\.png is not there; expected a picture file"):
        data.picture(tmp_path / "nosuch.png")
    with pytest.raises(DataError, match="is a folder: data.folder reads it; expected a picture file"):
        data.picture(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png cannot be read: in no format that Pillow reads"):
        data.picture(tmp_path / "broken.png")


# Broken files.


def encoded(ending="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(buffer, ending)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "an empty file"),
        (b"hello", "in no format that Pillow reads"),
        (encoded()[:2000], "truncated"),
        (encoded("JPEG")[:1000], "truncated"),
        (encoded()[:60] + b"xxxx" + encoded()[64:], "broken data stream"),
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60_000, 60_000, 8, 2, 0, 0, 0) + bytes(4), "."),
    ],
    ids=["empty", "text", "half a PNG", "half a JPEG", "wrong bytes", "a bomb"],
)
def test_a_broken_file_is_an_error_with_a_reason(tmp_path, content, reason):
    (tmp_path / "picture.png").write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        SQUARE.read(tmp_path / "picture.png")
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


def test_a_file_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match="exceeds limit of 200 pixels"):
        read(Image.new("RGB", (20, 20)), tmp_path)


# Options.


@pytest.mark.parametrize(
    "options, message",
    [
        ({"resolution": 3}, r"resolution must be a whole number from 4 to 2048, or two, \(height, width\), got 3"),
        ({"resolution": 4096}, "from 4 to 2048.*got 4096"),
        ({"resolution": "64"}, "got '64'"),
        ({"resolution": 64.0}, "got 64.0"),
        ({"resolution": True}, "got True"),
        ({"resolution": (8, 8, 3)}, r"whole number, or \(height, width\), got \(8, 8, 3\)"),
        ({"resolution": 8, "fit": "corp"}, "unknown fit 'corp': did you mean 'crop'"),
        ({"resolution": 8, "fit": None}, "unknown fit None: expected one of crop, squeeze, pad"),
        ({"resolution": 8, "gray": "yes"}, "gray must be True or False, got 'yes'"),
        ({"resolution": 8, "background": "wite"}, 'background must be a color, such as "black" or "#80ff00", got \'wite\''),
        ({"resolution": 8, "background": 255}, "background must be a color.*got 255"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        picture_format(**options)
