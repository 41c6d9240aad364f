"""Clouds of points and paths in the plane: what they show is what they were given."""

import numpy as np
import pytest
from matplotlib.contour import QuadContourSet

from minigen import plot
from minigen.errors import ShapeError
from minigen.plot.points import arrowheads
from tests.plot.drawn import HostedElsewhere, pictures, texts

# point_cloud


def clouds(axes):
    """Label -> points of the clouds of one panel, the lowest first."""
    drawn = sorted(axes.collections, key=lambda collection: collection.zorder)
    return {cloud.get_label(): np.asarray(cloud.get_offsets()) for cloud in drawn if not isinstance(cloud, QuadContourSet)}


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_cloud_shows_the_generated_points_over_all_real_ones():
    points, real = pictures(50, 2) * 3 - 1, pictures(20, 2, seed=1) * [4, 1]
    figure = plot.point_cloud(HostedElsewhere(points), HostedElsewhere(real), "Ring")
    (axes,) = figure.axes
    drawn = clouds(axes)
    assert list(drawn) == ["real", "generated"] == legend_of(figure)
    np.testing.assert_array_equal(drawn["generated"], points)
    np.testing.assert_array_equal(drawn["real"], real)
    margin = 0.15 * np.ptp(real[:, 0])
    for limits, column in ((axes.get_xlim(), real[:, 0]), (axes.get_ylim(), real[:, 1])):
        np.testing.assert_allclose(limits, (column.min() - margin, column.max() + margin), rtol=1e-6)
    assert axes.get_aspect() == 1 and figure.get_suptitle() == "Ring"
    assert len({cloud.get_facecolor()[0].tobytes() for cloud in axes.collections}) == 2


def test_cloud_says_how_many_points_lie_outside():
    real = [[0.0, 0], [10, 10]]  # the margin is 1.5
    inside = [[5, 5], [-1.5, 11.5], [11.4, -1.4]]
    assert texts(plot.point_cloud(inside, real)) == []
    outside = [[-1.6, 5], [11.6, 5], [5, -1.6], [5, 11.6], [12, 12]]
    assert texts(plot.point_cloud(inside + outside, real)) == ["5 outside"]
    assert texts(plot.point_cloud(np.full((1234, 2), 20.0), real)) == ["1,234 outside"]


def test_cloud_without_real_points_is_seen_as_a_whole():
    figure = plot.point_cloud([[0.0, 0], [2, 1]])
    (axes,) = figure.axes
    assert list(clouds(axes)) == ["generated"] and figure.legends == []
    np.testing.assert_allclose([axes.get_xlim(), axes.get_ylim()], [(-0.3, 2.3), (-0.3, 1.3)])


def test_field_lies_behind_the_points_each_value_at_its_place():
    x, y = np.linspace(-2, 2, 9), np.linspace(0, 1, 5)
    values = np.broadcast_to(x, (5, 9))  # the score is x, so that the contour of a level lies at that x
    figure = plot.point_cloud([[0.0, 0.5]], [[-2.0, 0], [2, 1]], field=(x, y, HostedElsewhere(values)))
    axes, scale = figure.axes
    (contours,) = (collection for collection in axes.collections if isinstance(collection, QuadContourSet))
    assert axes.collections[0] is contours and contours.zorder <= min(cloud.zorder for cloud in axes.collections)
    for path, low, high in zip(contours.get_paths(), contours.levels[:-1], contours.levels[1:], strict=True):
        box = path.get_extents()
        np.testing.assert_allclose([box.x0, box.x1, box.y0, box.y1], [max(low, -2), min(high, 2), 0, 1], atol=1e-12)
    assert scale.get_ylabel() == "score"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"points": np.ones((3, 3))}, ShapeError, r"points of shape \(3, 3\), expected \(n, 2\)"),
        ({"reference": np.ones((0, 2))}, ShapeError, r"reference of shape \(0, 2\)"),
        ({"points": [[0, np.nan]]}, ValueError, "points with NaN or infinity"),
        (
            {"field": ([0, 1], [0, 1, 2], np.ones((2, 3)))},
            ShapeError,
            r"shapes \(2,\), \(3,\) and \(2, 3\), expected x \(w,\), y \(h,\)",
        ),
        ({"field": ([0], [0, 1], np.ones((2, 1)))}, ShapeError, "w and h at least 2"),
        ({"field": ([0, 1], [0, 1], np.full((2, 2), np.inf))}, ValueError, "NaN or infinity in field"),
        ({"field": ([0, 1], [1, 0], np.ones((2, 2)))}, ValueError, "is not increasing"),
    ],
)
def test_cloud_refuses(changes, error, message):
    with pytest.raises(error, match=message):
        plot.point_cloud(**({"points": np.eye(3, 2)} | changes))


# point_clouds


@pytest.mark.parametrize(("n", "columns", "expected"), [(5, None, 3), (16, None, 4), (3, 2, 2), (2, 9, 2)])
def test_clouds_of_several_methods_share_reference_limits_and_legend(n, columns, expected):
    real = pictures(20, 2) * [2, 1]
    panels = {f"method {i}": HostedElsewhere(pictures(10, 2, seed=i) + i / 10) for i in range(n)}
    figure = plot.point_clouds(panels, real, columns, "Remedies")
    assert [axes.get_title() for axes in figure.axes] == list(panels)
    for axes, points in zip(figure.axes, panels.values(), strict=True):
        drawn = clouds(axes)
        np.testing.assert_array_equal(drawn["real"], real)
        np.testing.assert_array_equal(drawn["generated"], points.values)
        assert axes.axis() == figure.axes[0].axis() and axes.get_aspect() == 1
        low, high = np.reshape(axes.axis(), (2, 2)).T
        outside = sum(any(point < low) or any(point > high) for point in points.values)
        assert [text.get_text() for text in axes.texts] == ([f"{outside} outside"] if outside else [])
    grid = figure.axes[0].get_subplotspec().get_gridspec()
    assert grid.ncols == expected and grid.nrows == -(-n // expected)
    assert legend_of(figure) == ["real", "generated"] and figure.get_suptitle() == "Remedies"


def test_long_names_of_methods_do_not_run_into_each_other():
    names = [f"a remedy with a name that is rather long, number {i}" for i in range(8)]
    figure = plot.point_clouds({name: np.eye(2) for name in names}, np.eye(2), columns=4)
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize(
    ("panels", "columns", "error", "message"),
    [
        ({}, None, ValueError, "point_clouds: got no panels"),
        ({"a": np.eye(2)}, 0, ValueError, "columns is 0, expected at least 1"),
        ({"a": np.eye(2), "b": np.eye(3)}, None, ShapeError, r"panel 'b' of shape \(3, 3\)"),
    ],
)
def test_clouds_refuse(panels, columns, error, message):
    with pytest.raises(error, match=message):
        plot.point_clouds(panels, np.eye(2), columns)


# trajectories

SPIRAL = np.stack([np.cos(np.arange(30) / 5), np.sin(np.arange(30) / 5)], axis=1) * 1.02 ** np.arange(30)[:, None]


def test_trajectories_show_paths_closed_forms_starts_and_the_equilibrium():
    lines = {"simultaneous": HostedElsewhere(SPIRAL), "alternating": SPIRAL[:9] / 2}
    figure = plot.trajectories(
        lines, xlabel="generator", ylabel="critic", title="xy", equilibrium=(1, 2), exact={"simultaneous": SPIRAL + 0.01}
    )
    (axes,) = figure.axes
    paths = {line.get_label(): line for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 1}
    np.testing.assert_array_equal(paths["simultaneous"].get_xydata(), SPIRAL)
    np.testing.assert_array_equal(paths["alternating"].get_xydata(), SPIRAL[:9] / 2)
    (dots,) = (line for line in axes.lines if line.get_linestyle() == ":")
    np.testing.assert_array_equal(dots.get_xydata(), SPIRAL + 0.01)
    assert dots.get_color() == "black" and axes.lines.index(dots) > axes.lines.index(paths["simultaneous"])
    marks = {mark: [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == mark] for mark in "ox"}
    assert marks == {"o": [[[1, 0]], [[0.5, 0]]], "x": [[[1, 2]]]}
    assert legend_of(figure) == ["simultaneous", "alternating", "closed form", "start", "equilibrium"]
    assert (axes.get_xlabel(), axes.get_ylabel(), figure.get_suptitle()) == ("generator", "critic", "xy")
    assert axes.get_aspect() == 1


def test_arrowheads_point_along_their_path_in_its_color():
    (axes,) = plot.trajectories({"down": [[0, 8], [0, 4], [0, 0]], "left": [[0, 0], [-8, 0]]}, xlabel="x", ylabel="y").axes
    heads = [line for line in axes.lines if isinstance(line.get_marker(), tuple)]
    assert [head.get_xydata().tolist() for head in heads] == [[[0, 6]], [[0, 4]], [[0, 2]], [[-2, 0]], [[-4, 0]], [[-6, 0]]]
    turned = [head.get_marker()[2] for head in heads]  # degrees, against the clock, of a triangle that points up
    assert turned == [-180, -180, -180, 90, 90, 90]
    assert [head.get_color() for head in heads] == [plot.PALETTE[0]] * 3 + [plot.PALETTE[1]] * 3


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([[0, 0], [2, 0], [2, 6]], [((2, 0), 0), ((2, 2), 90), ((2, 4), 90)]),
        ([[0, 0], [0, 0], [4, 4], [4, 4]], [((1, 1), 45), ((2, 2), 45), ((3, 3), 45)]),
        ([[1, 1]], []),
        ([[1, 1], [1, 1]], []),
    ],
    ids=["a corner", "a rest", "one point", "no way"],
)
def test_arrowheads_divide_the_length_of_a_path(path, expected):
    heads = arrowheads(np.array(path, dtype=np.float64))
    assert [place.tolist() for place, _ in heads] == [pytest.approx(place) for place, _ in expected]
    assert [angle for _, angle in heads] == [angle for _, angle in expected]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"lines": {}}, ValueError, "trajectories: got no lines"),
        ({"lines": {"a": [1, 2]}}, ShapeError, r"line 'a' of shape \(2,\), expected \(n, 2\)"),
        ({"lines": {"a": [[np.inf, 0]]}}, ValueError, "line 'a' with NaN or infinity"),
        ({"exact": {"a": np.eye(3)}}, ShapeError, r"closed form 'a' of shape \(3, 3\)"),
        ({"exact": {"aa": np.eye(2)}}, ValueError, "a closed form of 'aa', which is not in lines; did you mean 'a'"),
    ],
)
def test_trajectories_refuse(changes, error, message):
    with pytest.raises(error, match=message):
        plot.trajectories(**({"lines": {"a": np.eye(2)}, "xlabel": "x", "ylabel": "y"} | changes))
