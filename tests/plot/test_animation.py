"""Animations: the file that was written holds what it was given, frame by frame, or was not written at all."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from minigen import plot
from minigen.errors import ShapeError
from tests.plot.drawn import HostedElsewhere, pictures


def read(path):
    """(frames (n, h, w, 3) as bytes, seconds of each, how often it loops: 0 for ever)."""
    with Image.open(path) as file:
        loops = file.info["loop"]
        frames = [(np.asarray(page.convert("RGB")), page.info["duration"] / 1000) for page in ImageSequence.Iterator(file)]
    return np.array([frame for frame, _ in frames]), [seconds for _, seconds in frames], loops


def coarse(*shape, seed=0):
    """Images of 0, 1/3, 2/3 and 1, which every palette holds."""
    return np.random.default_rng(seed).integers(0, 4, shape).astype(np.float32) / 3


def in_grid(frame, n, side, columns):
    """The n images (side, side) in a frame, without the white between them."""
    gap = max(1, round(0.08 * side))
    factor, rest = divmod(frame.shape[1], gap + columns * (side + gap))
    assert rest == 0, "enlarged by a whole factor"
    small, images = frame[::factor, ::factor].copy(), []
    np.testing.assert_array_equal(small.repeat(factor, axis=0).repeat(factor, axis=1), frame)
    for i in range(n):
        top, left = gap + i // columns * (side + gap), gap + i % columns * (side + gap)
        images.append(small[top : top + side, left : left + side].copy())
        small[top : top + side, left : left + side] = 255
    assert (small == 255).all(), "something else than white between the images"
    return np.array(images)


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 1), (5, 30, 30, 3)], ids=["gray", "gray, channel", "RGB"])
def test_every_frame_shows_its_images_in_a_grid(shape, tmp_path):
    images = [coarse(*shape, seed=i) for i in range(3)]
    frames, _, _ = read(plot.save_animation((HostedElsewhere(batch) for batch in images), tmp_path / "a.gif"))
    assert len(frames) == 3 and frames.shape[2] >= 360
    for frame, batch in zip(frames, images, strict=True):
        expected = np.broadcast_to((255 * batch).round().reshape(*shape[:3], -1), (*shape[:3], 3))
        np.testing.assert_array_equal(in_grid(frame, 5, shape[1], 3), expected)


def test_gray_has_64_shades(tmp_path):
    images = np.linspace(0, 1, 128, dtype=np.float32).reshape(2, 8, 8)
    frames, _, _ = read(plot.save_animation([images], tmp_path / "a.gif"))
    shown = in_grid(frames[0], 2, 8, 2)[..., 0].reshape(images.shape)
    assert np.abs(shown - 255 * images).max() <= 255 / 63 / 2 + 1, "half a step, and two roundings"
    frames, _, _ = read(plot.save_animation([pictures(4, 28, 28)], tmp_path / "a.gif"))
    assert len(np.unique(frames)) == 64


def test_colors_are_the_nearest_of_many(tmp_path):
    (frame,), _, _ = read(plot.save_animation([pictures(1, 90, 90, 3)], tmp_path / "a.gif"))
    shown = in_grid(frame, 1, 90, 1)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 200
    error = np.abs(shown - 255 * pictures(1, 90, 90, 3)).mean()
    assert error < 255 / 256 ** (1 / 3) / 2, "half the side of a cell, if 256 cells share the cube of colors"


def test_it_loops_for_ever_and_holds_its_last_frame(tmp_path):
    images = [coarse(1, 4, 4, seed=i) for i in range(3)]
    frames, seconds, loops = read(plot.save_animation(images, tmp_path / "a.gif", seconds_per_frame=0.3))
    assert seconds == [0.3, 0.3, 2.3] and loops == 0
    _, seconds, _ = read(plot.save_animation([images[0]] * 3, tmp_path / "a.gif", seconds_per_frame=0.3))
    assert sum(seconds) == pytest.approx(2.9), "frames that are alike may become one"


def ink(frames, without):
    """The captions below frames: which pixels are dark; `without` are the same frames without captions."""
    height = without.shape[1]
    np.testing.assert_array_equal(frames[:, :height], without)
    return frames[:, height:, :, 0] < 200


@pytest.mark.parametrize("shape", [(4, 8, 8), (4, 8, 8, 3)])
def test_labels_are_captions_in_the_middle_below_the_frames(shape, tmp_path):
    images = [coarse(*shape, seed=i) for i in range(3)]
    without, _, _ = read(plot.save_animation(images, tmp_path / "a.gif"))
    frames, _, _ = read(plot.save_animation(images, tmp_path / "a.gif", labels=["step 1", 22222, "W" * 40]))
    captions = ink(frames, without)
    widths = []
    for caption in captions:
        columns = np.flatnonzero(caption.any(axis=0))
        assert 0 < columns[0] and columns[-1] < caption.shape[1] - 1, "cut off"
        assert abs(columns[0] + columns[-1] - caption.shape[1]) <= 6, "not in the middle"
        assert not caption[[0, -1]].any()
        widths.append(np.ptp(columns))
    assert max(widths[:2]) < 80 and widths[2] > 0.8 * captions.shape[2], "long captions are written smaller"


def colored(color, size=(2.0, 1.5)):
    return Figure(figsize=size, facecolor=color)


def test_figures_are_frames_too(tmp_path):
    frames, _, _ = read(plot.save_animation(map(colored, ["#ff8000", "#0000ff"]), tmp_path / "a.gif"))
    assert frames.shape == (2, 150, 200, 3), "100 pixels an inch"
    np.testing.assert_array_equal(frames[:, 5, 5], [[255, 128, 0], [0, 0, 255]])
    labeled, _, _ = read(plot.save_animation(map(colored, ["#ff8000", "#0000ff"]), tmp_path / "a.gif", labels=[1, 2]))
    assert ink(labeled, frames).any(axis=(1, 2)).all()


def test_the_path_comes_back_and_its_folder_is_made(tmp_path):
    path = tmp_path / "pictures" / "new" / "a.GIF"
    assert plot.save_animation([coarse(1, 4, 4)], str(path)) == path
    assert [file.name for file in path.parent.iterdir()] == ["a.GIF"]


@pytest.mark.parametrize("what", ["a frame", "writing"])
def test_a_failure_leaves_the_old_file_and_nothing_else(what, tmp_path, monkeypatch):
    path = plot.save_animation([coarse(1, 4, 4)], tmp_path / "a.gif")
    old = path.read_bytes()

    def frames():
        yield coarse(1, 4, 4, seed=1)
        if what == "a frame":
            raise RuntimeError("broken")

    def half(image, file, *arguments, **options):
        file.write_bytes(b"GIF89a")
        raise RuntimeError("broken")

    if what == "writing":
        monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(RuntimeError, match="broken"):
        plot.save_animation(frames(), path)
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("frames", "options", "error", "message"),
    [
        ([], {}, ValueError, "save_animation: got no frames"),
        (
            [coarse(4, 8, 8), coarse(3, 8, 8)],
            {},
            ShapeError,
            r"frame 1 is images of shape \(3, 8, 8\), expected images of shape \(4, 8, 8\)",
        ),
        (
            [coarse(4, 8, 8), colored("red")],
            {},
            ShapeError,
            r"frame 1 is a Figure of 2.00 x 1.50 inches, expected images of shape",
        ),
        (
            [colored("red"), colored("red", (2.0, 1.0))],
            {},
            ShapeError,
            "a Figure of 2.00 x 1.00 inches, expected a Figure of 2.00 x 1.50",
        ),
        ([coarse(8, 8)], {}, ShapeError, r"got frame 0 of shape \(8, 8\), expected at least one image"),
        ([coarse(4, 8, 8), np.full((4, 8, 8), np.nan)], {}, ValueError, "frame 1 with NaN or infinity"),
        ([coarse(4, 8, 8)] * 2, {"labels": ["a"]}, ShapeError, "got 1 labels for 2 frames, expected one for each"),
        ([coarse(4, 8, 8)], {"labels": ["a", "b"]}, ShapeError, "got 2 labels for 1 frames"),
        ([coarse(4, 8, 8)], {"seconds_per_frame": 0.01}, ValueError, "got seconds_per_frame 0.01, expected at least 0.02"),
        ([coarse(4, 8, 8)], {"path": "a.png"}, ValueError, "got path 'a.png', expected one that ends in '.gif'"),
    ],
)
def test_animation_refuses(frames, options, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        plot.save_animation(frames, **({"path": "a.gif"} | options))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("columns", [None, 1, 4])
def test_the_grid_has_the_columns_that_are_asked_for(columns, tmp_path):
    images = coarse(5, 8, 8)
    (frame,), _, _ = read(plot.save_animation([images], tmp_path / "a.gif", columns=columns))
    expected = np.broadcast_to((255 * images).round()[..., None], (5, 8, 8, 3))
    np.testing.assert_array_equal(in_grid(frame, 5, 8, columns or 3), expected)


@pytest.mark.parametrize("shape", [(5, 8, 8, 1), (5, 8, 8, 3)], ids=["gray", "RGB"])
def test_tiles_are_the_images_pixel_by_pixel(shape, tmp_path):
    images = pictures(*shape)
    path = plot.save_tiles(HostedElsewhere(images), tmp_path / "folder" / "a.png", columns=4)
    with Image.open(path) as file:
        picture = np.asarray(file.convert("RGB"))
    np.testing.assert_array_equal(in_grid(picture, 5, 8, 4), np.broadcast_to((255 * images).round(), (5, 8, 8, 3)))
    assert list(path.parent.iterdir()) == [path]


def test_tiles_refuse_another_kind_of_file_and_what_is_not_an_image(tmp_path):
    with pytest.raises(ValueError, match="save_tiles: got path 'a.jpg', expected one that ends in '.png'"):
        plot.save_tiles(coarse(4, 8, 8), "a.jpg")
    with pytest.raises(ShapeError, match=r"got images of shape \(8, 8\)"):
        plot.save_tiles(coarse(8, 8), tmp_path / "a.png")


def test_walks_go_there_and_back_side_by_side(tmp_path):
    walks = coarse(2, 4, 8, 8, 1)
    frames, seconds, _ = read(plot.save_walks(walks, tmp_path / "walk.gif", 0.1))
    assert len(frames) == 6 and seconds[0] == 0.1
    for frame, step in zip(frames, (0, 1, 2, 3, 2, 1), strict=True):
        expected = np.broadcast_to((255 * walks[:, step]).round(), (2, 8, 8, 3))
        np.testing.assert_array_equal(in_grid(frame, 2, 8, 2), expected)
    with pytest.raises(ShapeError, match=r"save_walks: got images of shape \(4, 8, 8, 1\), expected \(rows, columns, h, w, c\)"):
        plot.save_walks(walks[0], tmp_path / "other.gif")
    assert not (tmp_path / "other.gif").exists()
