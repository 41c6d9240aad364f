"""The pictures: what they show is what they were given."""

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.offsetbox import AnnotationBbox
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from minigen import plot
from minigen.errors import ShapeError


class HostedElsewhere:
    """Stands for a Tensor: NumPy cannot read it, .numpy() can."""

    def __init__(self, values):
        self.values = values

    def numpy(self):
        return self.values

    def __array__(self, dtype=None, copy=None):
        raise TypeError("use .numpy()")


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def shown(figure):
    """The arrays of the images in a figure's only axes, in reading order, and their upper left corners."""
    (axes,) = figure.axes
    assert not axes.axison, "a picture has an axis"
    placed = [(image.get_extent(), np.asarray(image.get_array())) for image in axes.images]
    placed.sort(key=lambda image: (image[0][3], image[0][0]))
    return [array for _, array in placed], [(extent[0], extent[3]) for extent, _ in placed]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


# image_grid


@pytest.mark.parametrize(
    "shape", [(7, 6, 4), (7, 6, 4, 1), (7, 6, 4, 3)], ids=["grey", "grey, channel", "RGB"]
)
def test_grid_shows_the_images_in_reading_order(shape):
    images = pictures(*shape)
    arrays, corners = shown(plot.image_grid(images, columns=3))
    np.testing.assert_array_equal(arrays, images[..., 0] if shape[3:] == (1,) else images)
    assert len({x for x, _ in corners}) == 3 and len({y for _, y in corners}) == 3


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (5, 3), (9, 3), (10, 4)])
def test_grid_is_as_square_as_can_be(n, columns):
    _, corners = shown(plot.image_grid(pictures(n, 2, 2)))
    assert len({x for x, _ in corners}) == columns


def test_grid_takes_tensors_a_title_and_labels():
    images = pictures(4, 3, 3, 1)
    figure = plot.image_grid(HostedElsewhere(images), title="Samples", labels=[3, 1, "two", 0])
    np.testing.assert_array_equal(shown(figure)[0], images[..., 0])
    assert figure.get_suptitle() == "Samples"
    assert texts(figure) == ["3", "1", "two", "0"]


def test_grey_is_shown_on_the_scale_from_0_to_1_and_colours_are_clipped(caplog):
    (grey,) = plot.image_grid(np.full((1, 2, 2), 0.3)).axes[0].images
    assert grey.get_clim() == (0, 1) and grey.get_cmap().name == "gray"
    (arrays, _) = shown(plot.image_grid(np.array([-0.5, 0.5, 1.5]).reshape(1, 1, 1, 3)))
    np.testing.assert_array_equal(arrays[0], [[[0, 0.5, 1]]])
    assert caplog.text == "", "matplotlib complained about the range"


def test_grid_leaves_the_images_as_they_are():
    images = pictures(2, 3, 3, 3) * 2
    before = images.copy()
    plot.image_grid(images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("images", "options", "error", "message"),
    [
        (pictures(28, 28), {}, ShapeError, r"images of shape \(28, 28\), expected at least one image"),
        (pictures(0, 28, 28), {}, ShapeError, r"shape \(0, 28, 28\)"),
        (pictures(2, 28, 28, 2), {}, ShapeError, r"shape \(2, 28, 28, 2\)"),
        (np.zeros((2, 4, 4), np.uint8), {}, ValueError, "with uint8, .*divide by 255"),
        (np.full((2, 4, 4), np.nan), {}, ValueError, "NaN or infinity"),
        (pictures(2, 4, 4), {"columns": 0}, ValueError, "columns is 0"),
        (pictures(2, 4, 4), {"labels": [1]}, ShapeError, "1 labels for 2 images"),
    ],
)
def test_grid_refuses(images, options, error, message):
    with pytest.raises(error, match=message):
        plot.image_grid(images, **options)


# image_rows


def test_rows_show_each_mapping_entry_beside_its_label():
    original, reconstruction = pictures(5, 4, 4, 3), HostedElsewhere(pictures(5, 8, 8, 3, seed=1))
    figure = plot.image_rows({"original": original, "reconstruction": reconstruction}, title="Held out")
    arrays, corners = shown(figure)
    np.testing.assert_array_equal(arrays[:5], original)
    np.testing.assert_array_equal(arrays[5:], reconstruction.values)
    assert [x for x, _ in corners[:5]] == [x for x, _ in corners[5:]], "columns are not aligned"
    assert texts(figure) == ["original", "reconstruction"]
    assert figure.get_suptitle() == "Held out"


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ({}, ValueError, "got no rows"),
        ({"a": pictures(3, 2, 2), "b": pictures(4, 2, 2)}, ShapeError, r"\{'a': 3, 'b': 4\}"),
        ({"a": pictures(3, 2, 2), "b": pictures(3, 4)}, ShapeError, r"row 'b' of shape \(3, 4\)"),
    ],
)
def test_rows_refuse(rows, error, message):
    with pytest.raises(error, match=message):
        plot.image_rows(rows)


# training_curves


def test_curves_draw_training_and_validation_of_a_quantity_together():
    history = {"epoch": [1, 2, 3], "loss": [3, 2, 1.5], "kl": [1, 2, 3], "validation loss": [4, np.nan, 2]}
    loss, kl = plot.training_curves(history, title="VAE").axes
    assert [axes.get_ylabel() for axes in (loss, kl)] == ["loss", "kl"]
    assert [axes.get_xlabel() for axes in (loss, kl)] == ["epoch", "epoch"]
    training, validation = (line.get_xydata() for line in loss.lines)
    np.testing.assert_array_equal(training, [[1, 3], [2, 2], [3, 1.5]])
    np.testing.assert_array_equal(validation, [[1, 4], [3, 2]], err_msg="NaN should be left out")
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["training", "validation"]
    assert kl.get_legend() is None


@pytest.mark.parametrize(
    ("values", "scale"),
    [([1, 0.01], "linear"), ([1, 0.0099], "log"), ([1000, 0], "linear"), ([1000, -1], "linear")],
)
def test_curves_are_logarithmic_beyond_two_decades(values, scale):
    (axes,) = plot.training_curves({"epoch": [1, 2], "loss": values}).axes
    assert axes.get_yscale() == scale


@pytest.mark.parametrize(
    ("history", "error", "message"),
    [
        ({"loss": [1, 2]}, ValueError, r"\['loss'\], expected 'epoch'"),
        ({"epoch": [1, 2]}, ValueError, "at least one more"),
        ({"epoch": [], "loss": []}, ValueError, "not empty"),
        ({"epoch": [1, 2], "loss": [1]}, ShapeError, r"'loss' of shape \(1,\) and 'epoch' of shape \(2,\)"),
    ],
)
def test_curves_refuse(history, error, message):
    with pytest.raises(error, match=message):
        plot.training_curves(history)


# code_map


def test_map_shows_every_point_in_the_colour_of_its_class():
    points, labels = pictures(40, 2), np.arange(40) % 12
    names = [f"class {i}" for i in range(13)]
    (axes,) = plot.code_map(HostedElsewhere(points), labels, names, title="Codes").axes
    classes = [c for c in axes.collections if isinstance(c, PathCollection)]
    for i, scatter in enumerate(classes):
        np.testing.assert_array_equal(scatter.get_offsets(), points[labels == i], err_msg=f"class {i}")
        np.testing.assert_array_equal(scatter.get_facecolor()[0], to_rgba(plot.PALETTE[i % 10], alpha=0.75))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names[:12], (
        "classes present, in order"
    )
    first, eleventh = (classes[i].get_paths()[0].vertices for i in (0, 10))
    assert first.shape != eleventh.shape, "two classes of one colour have the same marker"


def thumbnails(figure):
    return [artist for artist in figure.axes[0].artists if isinstance(artist, AnnotationBbox)]


@pytest.mark.parametrize("distance", [0.1, 0.3])
def test_map_places_its_images_apart_and_leaves_no_room_for_another(distance):
    points = pictures(300, 2) * [10, 5]
    images = pictures(300, 4, 4, 1)
    placed = thumbnails(plot.code_map(points, np.zeros(300, int), ["one"], images, minimum_distance=distance))
    where = np.array([thumbnail.xy for thumbnail in placed])
    longer_side = np.ptp(points, axis=0).max()
    between = np.linalg.norm(where[:, None] - where, axis=2) + np.diag(np.full(len(where), np.inf))
    assert between.min() >= distance * longer_side
    nearest = np.linalg.norm(points[:, None] - where, axis=2).min(axis=1)
    assert (nearest < distance * longer_side).all(), "an image could still have been placed"
    for thumbnail in placed:
        (index,) = np.flatnonzero((points == thumbnail.xy).all(axis=1))
        data = np.asarray(thumbnail.offsetbox.get_data())
        np.testing.assert_array_equal(data, np.repeat(images[index], 3, axis=2))


def test_images_of_the_map_do_not_overlap():
    points = pictures(2000, 2)
    figure = plot.code_map(points, np.zeros(2000, int), ["one"], pictures(2000, 4, 4))
    figure.canvas.draw()
    boxes = [thumbnail.patch.get_window_extent() for thumbnail in thumbnails(figure)]
    assert len(boxes) > 50
    overlapping = sum(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert overlapping == 0


@pytest.mark.parametrize("points", [[[1.0, 2.0]], [[1.0, 2.0]] * 3, [[0.0, 0.0], [0.0, 5.0]]])
def test_map_of_points_without_extent_can_be_drawn(points):
    figure = plot.code_map(points, np.zeros(len(points), int), ["one"], pictures(len(points), 4, 4))
    figure.canvas.draw()
    assert len(thumbnails(figure)) == len(np.unique(points, axis=0))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"points": np.ones((3, 3))}, ShapeError, r"points of shape \(3, 3\), expected \(n, 2\)"),
        ({"points": np.ones((0, 2))}, ShapeError, "n at least 1"),
        ({"points": np.full((3, 2), np.nan)}, ValueError, "NaN or infinity in points"),
        ({"labels": [0, 1]}, ShapeError, r"labels of shape \(2,\), expected \(3,\)"),
        ({"labels": [0, 1, 2]}, ValueError, "from 0 to 2, expected integers from 0 to 1"),
        ({"labels": [0, 1, -1]}, ValueError, "from -1 to 1"),
        ({"labels": [0.0, 1.0, 1.0]}, ValueError, "labels of float64"),
        ({"images": np.ones((2, 4, 4))}, ShapeError, "2 images for 3 points"),
        ({"minimum_distance": 0}, ValueError, "minimum_distance is 0"),
    ],
)
def test_map_refuses(changes, error, message):
    arguments = {"points": np.eye(3, 2), "labels": [0, 1, 1], "class_names": ["a", "b"]}
    with pytest.raises(error, match=message):
        plot.code_map(**(arguments | changes))


# plane_fit


def test_plane_fit_shows_points_reconstructions_and_codes_and_a_plane_through_the_reconstructions():
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((20, 2))
    reconstructed = codes @ [[1, 0.5, 0.2], [-0.3, 1, 0.6]] + [1, 2, 3]
    points = reconstructed + 0.1 * rng.standard_normal((20, 3))
    space, plane = plot.plane_fit(points, reconstructed, codes).axes
    surface, drawn_points, drawn_reconstructions = space.collections
    np.testing.assert_allclose(np.stack(drawn_points._offsets3d, axis=1), points)
    np.testing.assert_allclose(np.stack(drawn_reconstructions._offsets3d, axis=1), reconstructed)
    assert isinstance(surface, Poly3DCollection)
    errors = [np.stack(line.get_data_3d(), axis=1) for line in space.lines]
    np.testing.assert_allclose(errors, np.stack([points, reconstructed], axis=1))
    np.testing.assert_array_equal(plane.collections[0].get_offsets(), codes)
    assert [space.get_xlabel(), space.get_ylabel(), space.get_zlabel()] == ["$x_1$", "$x_2$", "$x_3$"]
    assert [plane.get_xlabel(), plane.get_ylabel()] == ["$z_1$", "$z_2$"]


def test_the_plane_holds_the_reconstructions():
    axes = np.array([[1, 0.5, 0.2], [-0.3, 1, 0.6]])
    points = np.random.default_rng(0).standard_normal((20, 2)) @ axes + [1, 2, 3]
    corners = plot._plane_through(points).reshape(3, 4).T
    np.testing.assert_allclose((corners - [1, 2, 3]) @ np.cross(*axes), 0, atol=1e-12)
    origin, along_u, along_v = corners[:3]
    for direction in (along_u - origin, along_v - origin):
        where = (points - origin) @ direction / (direction @ direction)
        assert where.min() > 0 and where.max() < 1, "a point lies outside the rectangle"


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((5, 2), (5, 3), (5, 2)), r"points of shape \(5, 2\), expected \(n, 3\)"),
        (((5, 3), (5, 2), (5, 2)), r"reconstructed of shape \(5, 2\)"),
        (((5, 3), (5, 3), (5, 3)), r"codes of shape \(5, 3\), expected \(n, 2\)"),
        (((5, 3), (4, 3), (5, 2)), "5 points, 4 reconstructions and 5 codes"),
    ],
)
def test_plane_fit_refuses(shapes, message):
    with pytest.raises(ShapeError, match=message):
        plot.plane_fit(*(pictures(*shape) for shape in shapes))


# All of them


def test_figures_are_freed_when_dropped_and_can_be_saved(tmp_path):
    figure = plot.image_grid(pictures(4, 3, 3), title="Samples")
    figure.savefig(tmp_path / "samples.png")
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")
    reference = weakref.ref(figure)
    del figure
    gc.collect()
    assert reference() is None, "something still holds the figure"


def test_no_figure_needs_pyplot():
    program = """
import sys, io
import numpy as np
from minigen import plot
images, points, three = np.zeros((4, 5, 5)), np.eye(4, 2), np.eye(4, 3)
for figure in (
    plot.image_grid(images, labels=range(4)),
    plot.image_rows({"a": images}),
    plot.training_curves({"epoch": [1], "loss": [2]}),
    plot.code_map(points, np.zeros(4, int), ["one"], images),
    plot.plane_fit(three, three, points),
):
    figure.savefig(io.BytesIO())
assert "matplotlib.pyplot" not in sys.modules, "pyplot was imported"
"""
    root = Path(plot.__file__).parents[1]
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
    assert result.returncode == 0, result.stderr
