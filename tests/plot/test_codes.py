"""Maps, planes and histograms of codes: what they show is what they were given."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.offsetbox import AnnotationBbox
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from minigen import plot
from minigen.errors import ShapeError
from minigen.plot.codes import plane_through
from tests.plot.drawn import HostedElsewhere, pictures

# code_map


def test_map_shows_every_point_in_the_color_of_its_class():
    points, labels = pictures(40, 2), np.arange(40) % 12
    names = [f"class {i}" for i in range(13)]
    (axes,) = plot.code_map(HostedElsewhere(points), labels, names, title="Codes").axes
    classes = [c for c in axes.collections if isinstance(c, PathCollection)]
    for i, scatter in enumerate(classes):
        np.testing.assert_array_equal(scatter.get_offsets(), points[labels == i], err_msg=f"class {i}")
        np.testing.assert_array_equal(scatter.get_facecolor()[0], to_rgba(plot.PALETTE[i % 10], alpha=0.75))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names[:12], "classes present, in order"
    first, eleventh = (classes[i].get_paths()[0].vertices for i in (0, 10))
    assert first.shape != eleventh.shape, "two classes of one color have the same marker"


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
        ({"points": np.full((3, 2), np.nan)}, ValueError, "points with NaN or infinity"),
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
    corners = plane_through(points).reshape(3, 4).T
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


# activation_histograms


def histograms(figure):
    """[(shares in percent, edges, mean marked)] of the upper and of the lower row, each from left to right."""
    panels = [(axes.patches[0].get_data(), axes.lines[0].get_xdata()) for axes in figure.axes]
    drawn = [(data.values, data.edges, mean[0]) for data, mean in panels]
    return drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]


def test_histograms_show_the_share_of_activations_and_of_units():
    codes = {"half": np.tile([[0.0, 0.9], [1.0, 0.9]], (5, 1)), "low": HostedElsewhere(np.full((4, 3), 0.1))}
    figure = plot.activation_histograms(codes, title="Activations")
    (half, low), (half_units, low_units) = histograms(figure)

    def found(histogram):
        shares, edges, _ = histogram
        return {round(float(edges[i]), 3): float(shares[i]) for i in np.flatnonzero(shares)}

    assert found(half) == {0.0: 25, 0.9: 50, 0.975: 25}, "a bar begins at its left edge; 1 is in the last"
    assert found(half_units) == {0.5: 50, 0.9: 50}
    assert found(low) == found(low_units) == {0.1: 100}
    assert [panel[2] for panel in (half, half_units)] == [0.7, 0.7]
    assert [panel[2] for panel in (low, low_units)] == pytest.approx([0.1, 0.1])
    above, below = figure.axes[:2], figure.axes[2:]
    assert [axes.get_title() for axes in above] == ["half", "low"]
    assert [axes.get_legend().get_texts()[0].get_text() for axes in above] == ["mean 0.7", "mean 0.1"]
    assert {axes.get_xlabel() for axes in above} == {"activation"}
    assert {axes.get_xlabel() for axes in below} == {"mean activation of a unit"}
    assert (above[0].get_ylabel(), below[0].get_ylabel()) == ("activations, %", "units, %")
    assert figure.get_suptitle() == "Activations"


def test_all_histograms_have_one_scale_that_holds_every_activation():
    codes = {"sigmoid": pictures(50, 4), "selu": 5 * pictures(50, 4, seed=1) - 1}
    figure = plot.activation_histograms(codes)
    for shares, edges, _ in sum(histograms(figure), []):
        assert (edges[0], edges[-1]) == (codes["selu"].min(), codes["selu"].max())
        assert shares.sum() == pytest.approx(100)
    above, below = figure.axes[:2], figure.axes[2:]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert len({axes.get_ylim() for axes in above}) == len({axes.get_ylim() for axes in below}) == 1


@pytest.mark.parametrize(("n", "scale"), [(101, "linear"), (102, "log")])
def test_shares_beyond_two_decades_are_on_a_logarithmic_scale(n, scale):
    code = np.zeros((n, 1))
    code[0] = 1
    above, below = plot.activation_histograms({"sparse": code}).axes
    assert above.get_yscale() == scale and below.get_yscale() == "linear"


def test_the_rarest_share_shown_is_a_hundredth_of_a_percent():
    code = np.zeros((100_000, 1))
    code[0] = 1
    above, _ = plot.activation_histograms({"sparse": code}).axes
    assert above.get_ylim() == (0.01, 100)
    code[:100] = 1
    above, _ = plot.activation_histograms({"sparse": code}).axes
    assert above.get_ylim() == (0.05, 100)


def test_codes_of_0_and_1_may_be_booleans():
    shares, edges, mean = histograms(plot.activation_histograms({"bits": np.array([[True, False]])}))[0][0]
    assert (shares[0], shares[-1], mean) == (50, 50, 0.5)


@pytest.mark.parametrize(
    ("codes", "error", "message"),
    [
        ({}, ValueError, "got no codes"),
        ({"a": pictures(5)}, ShapeError, r"got 'a' of shape \(5,\), expected \(n, units\)"),
        ({"a": pictures(5, 2), "b": pictures(0, 2)}, ShapeError, r"got 'b' of shape \(0, 2\)"),
        ({"a": [[0.0, np.nan]]}, ValueError, "got 'a' with NaN or infinity"),
    ],
)
def test_histograms_refuse(codes, error, message):
    with pytest.raises(error, match=message):
        plot.activation_histograms(codes)
