"""Histories, curves and bars: what they show is what they were given."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from minigen import plot
from minigen.errors import ShapeError
from tests.plot.drawn import HostedElsewhere, texts

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
    ("values", "scale"), [([1, 0.01], "linear"), ([1, 0.0099], "log"), ([1000, 0], "linear"), ([1000, -1], "linear")]
)
def test_curves_are_logarithmic_beyond_two_decades(values, scale):
    (axes,) = plot.training_curves({"epoch": [1, 2], "loss": values}).axes
    assert axes.get_yscale() == scale


@pytest.mark.parametrize("clock", ["epoch", "step"])
def test_curves_are_drawn_against_the_clock_of_the_history(clock):
    other = {"epoch": "step", "step": "epoch"}[clock]
    loss, second = plot.training_curves({clock: [10, 20], "loss": [3, 2], other: [1, 1]}).axes
    np.testing.assert_array_equal(loss.lines[0].get_xydata(), [[10, 3], [20, 2]])
    assert (loss.get_xlabel(), second.get_xlabel(), second.get_ylabel()) == (clock, clock, other)


def test_panels_draw_their_columns_together_and_leave_out_the_others():
    history = {
        "step": [1, 2],
        "critic loss": [1, 2],
        "generator loss": [3, 4],
        "modes": [5, 6],
        "validation modes": [7, 8],
        "seconds": [0, 1],
    }
    panels = {"losses": ["generator loss", "critic loss"], "modes": ["modes", "validation modes"]}
    losses, modes = plot.training_curves(history, panels=panels).axes
    for axes, (panel, names) in zip((losses, modes), panels.items(), strict=True):
        assert axes.get_ylabel() == panel
        assert [line.get_ydata().tolist() for line in axes.lines] == [history[name] for name in names]
        assert [text.get_text() for text in axes.get_legend().get_texts()] == names
        assert [line.get_color() for line in axes.lines] == list(plot.PALETTE[:2])
    assert [line.get_linestyle() for line in (*losses.lines, *modes.lines)] == ["-", "-", "-", "--"]
    (alone,) = plot.training_curves(history, panels={"modes of 8": ["modes"]}).axes
    assert alone.get_legend() is None and alone.get_ylabel() == "modes of 8"


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ({}, "got panels {}, expected at least one"),
        ({"losses": []}, "got panels {'losses': \\[\\]}, expected at least one, each with at least one column"),
        ({"losses": ["los"]}, "panel 'losses': no column 'los' to draw; did you mean 'loss'"),
    ],
)
def test_panels_refuse(panels, message):
    with pytest.raises(ValueError, match=message):
        plot.training_curves({"step": [1], "loss": [2]}, panels=panels)


@pytest.mark.parametrize(
    ("history", "error", "message"),
    [
        ({"loss": [1, 2]}, ValueError, r"\['loss'\], expected 'epoch' or 'step'"),
        ({"epoch": [1, 2]}, ValueError, "at least one more"),
        ({"epoch": [], "loss": []}, ValueError, "not empty"),
        ({"epoch": [1, 2], "loss": [1]}, ShapeError, r"'loss' of shape \(1,\) and 'epoch' of shape \(2,\)"),
        ({"step": [1, 2], "loss": [1]}, ShapeError, r"'loss' of shape \(1,\) and 'step' of shape \(2,\)"),
    ],
)
def test_curves_refuse(history, error, message):
    with pytest.raises(error, match=message):
        plot.training_curves(history)


# compared_curves

RUNS = {
    "a": {"epoch": [1, 2], "loss": [3, 2], "validation loss": [4, np.nan], "kl": [1, 1]},
    "b": {"epoch": [1, 2, 3], "loss": [6, 5, 4], "only b's": [1, 2, 3]},
    "c": {"step": [10, 20], "loss": [9, 8]},
    "d": {"step": [10], "loss": [7], "kl": [1]},
}


def test_runs_are_drawn_in_the_panels_of_what_they_have_in_common():
    epochs, steps = plot.compared_curves(RUNS).axes
    assert [(axes.get_xlabel(), axes.get_ylabel()) for axes in (epochs, steps)] == [("epoch", "loss"), ("step", "loss")]
    drawn = [[line.get_xydata().tolist() for line in axes.lines] for axes in (epochs, steps)]
    assert drawn == [[[[1, 3], [2, 2]], [[1, 4]], [[1, 6], [2, 5], [3, 4]]], [[[10, 9], [20, 8]], [[10, 7]]]]
    assert [line.get_linestyle() for line in epochs.lines] == ["-", "--", "-"]
    first, validation, second = (line.get_color() for line in epochs.lines)
    assert first == validation != second and len({line.get_color() for axes in (epochs, steps) for line in axes.lines}) == 4


def test_the_legend_names_the_runs_that_are_drawn():
    def legend(*names):
        figure = plot.compared_curves({name: RUNS[name] for name in names})
        return [text.get_text() for text in figure.legends[0].get_texts()]

    assert legend("a", "b", "c") == ["a", "b", "validation"] and legend("c", "d") == ["c", "d"]


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        ({}, "compared_curves: got no histories"),
        ({"a": RUNS["a"]}, "no two of a have a column in common"),
        ({"a": RUNS["a"], "c": RUNS["c"]}, "no two of a, c have a column in common"),
        ({"a": {"loss": [1]}}, r"compared_curves: 'a': got columns \['loss'\], expected 'epoch' or 'step'"),
    ],
)
def test_compared_curves_refuse(histories, message):
    with pytest.raises(ValueError, match=message):
        plot.compared_curves(histories)


# curves

THREE, TWELVE = np.array([1.0, 2, 4]), np.arange(1.0, 13)


def intervals(axes):
    """(n, 2, 2): both ends of each error bar, in the order of the lines."""
    return [np.array(bar.get_segments()) for container in axes.containers for bar in container.lines[2]]


def test_curves_at_few_points_have_error_bars_of_the_right_size():
    lines = {"with": HostedElsewhere(THREE + 1), "within": ([5, 6, 7], [1, 0, 0.5])}
    figure = plot.curves(THREE, lines, xlabel="labels", ylabel="accuracy", title="Worth")
    (axes,) = figure.axes
    drawn = [container.lines[0] for container in axes.containers]
    np.testing.assert_array_equal([line.get_xdata() for line in drawn], [THREE, THREE])
    np.testing.assert_array_equal([line.get_ydata() for line in drawn], [[2, 3, 5], [5, 6, 7]])
    (ends,) = intervals(axes)
    np.testing.assert_array_equal(ends, [[[1, 4], [1, 6]], [[2, 6], [2, 6]], [[4, 6.5], [4, 7.5]]])
    assert len({line.get_color() for line in drawn}) == len({line.get_marker() for line in drawn}) == 2
    assert (axes.get_xlabel(), axes.get_ylabel(), figure.get_suptitle()) == ("labels", "accuracy", "Worth")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["with", "within"]
    assert axes.get_xscale() == "linear"


def test_curves_at_many_points_have_bands_of_the_right_size():
    (axes,) = plot.curves(TWELVE, {"a": (TWELVE, TWELVE / 2), "b": TWELVE}, xlabel="x", ylabel="y").axes
    np.testing.assert_array_equal([line.get_xydata() for line in axes.lines], [np.stack([TWELVE, TWELVE], 1)] * 2)
    (band,) = axes.collections
    (path,) = band.get_paths()
    corners = {tuple(corner) for corner in path.vertices}
    assert corners == {(x, x / 2) for x in TWELVE} | {(x, 3 * x / 2) for x in TWELVE}
    np.testing.assert_array_equal(band.get_facecolor()[0, :3], to_rgb(axes.lines[0].get_color()))


def test_few_points_on_a_logarithmic_axis_are_its_ticks():
    (axes,) = plot.curves([100, 500, 2000], {"a": THREE}, xlabel="x", ylabel="y", logx=True).axes
    assert axes.get_xscale() == "log" and axes.get_legend() is None
    assert axes.get_xticks().tolist() == [100, 500, 2000] and axes.get_xticks(minor=True).size == 0
    assert [text.get_text() for text in axes.get_xticklabels()] == ["100", "500", "2000"]
    (axes,) = plot.curves(TWELVE, {"a": TWELVE}, xlabel="x", ylabel="y", logx=True).axes
    assert axes.get_xscale() == "log"


def test_there_is_no_tick_between_whole_numbers():
    (axes,) = plot.curves([1, 2, 3], {"a": THREE}, xlabel="epoch", ylabel="y").axes
    axes.figure.draw_without_rendering()
    assert {1, 2, 3} <= set(axes.get_xticks()) and all(tick == round(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize("x", [THREE, TWELVE], ids=["bars", "band"])
def test_intervals_that_reach_0_leave_a_logarithmic_axis_readable(x):
    y = 1 / x**4
    (axes,) = plot.curves(x, {"a": (y, y * (1 - 1e-12)), "b": (y, 2 * y)}, xlabel="x", ylabel="y", logy=True).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    low, high = axes.get_ylim()
    assert y.min() / 10 <= low < y.min() and high > 3 * y.max()


@pytest.mark.parametrize(
    ("x", "lines", "logx", "error", "message"),
    [
        (THREE, {}, False, ValueError, "curves: got no lines"),
        ([], {"a": []}, False, ShapeError, r"curves: got x of shape \(0,\), expected \(n,\)"),
        (np.ones((3, 1)), {"a": THREE}, False, ShapeError, r"got x of shape \(3, 1\)"),
        (THREE, {"a": [1, 2]}, False, ShapeError, r"got line 'a' of shape \(2,\), expected \(3,\)"),
        (THREE, {"a": (THREE, [1])}, False, ShapeError, r"line 'a' with half widths of shape \(1,\)"),
        (THREE, {"a": np.stack([THREE, THREE])}, False, ShapeError, r"shape \(2, 3\), .* or a tuple of two: values, half widths"),
        (THREE, {"a": [1, np.nan, 2]}, False, ValueError, "line 'a' with NaN or infinity"),
        (THREE, {"a": (THREE, -THREE)}, False, ValueError, "line 'a' with a half width of -4, expected 0 or more"),
        ([0, 1, 2], {"a": THREE}, True, ValueError, "x goes down to 0, expected positive values for a logarithmic axis"),
    ],
)
def test_lines_refuse(x, lines, logx, error, message):
    with pytest.raises(error, match=message):
        plot.curves(x, lines, xlabel="x", ylabel="y", logx=logx)


@pytest.mark.parametrize("lowest", [0.0, -2.0])
def test_lines_on_a_logarithmic_axis_are_positive(lowest):
    lines = {"a": THREE, "b": [1, lowest, 1]}
    with pytest.raises(ValueError, match=f"line 'b' goes down to {lowest:g}, expected positive values for a logarithmic axis"):
        plot.curves(THREE, lines, xlabel="x", ylabel="y", logy=True)


# bars


def test_bars_have_the_height_of_their_values_and_intervals_of_the_right_size():
    figure = plot.bars({"plain": 0.25, "L1": (np.float32(0.5), 0.125), "KL": (-2, 0)}, ylabel="error", title="Sparse")
    (axes,) = figure.axes
    assert [patch.get_height() for patch in axes.patches] == [0.25, 0.5, -2]
    assert [patch.get_y() for patch in axes.patches] == [0, 0, 0]
    ends = np.concatenate([np.array(bar.get_segments()) for bar in axes.collections])
    np.testing.assert_array_equal(ends, [[[1, 0.375], [1, 0.625]], [[2, -2], [2, -2]]])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["plain", "L1", "KL"]
    centers = [patch.get_x() + patch.get_width() / 2 for patch in axes.patches]
    np.testing.assert_allclose(centers, axes.get_xticks(), err_msg="a bar stands over its label")
    assert (axes.get_ylabel(), figure.get_suptitle()) == ("error", "Sparse")


def test_many_bars_lie_the_first_on_top_and_their_labels_have_room():
    heights = {f"a remedy of number {i}": (i - 4.0, i / 4) for i in range(16)}
    figure = plot.bars(heights, ylabel="modes", title="Remedies")
    (axes,) = figure.axes
    assert [patch.get_width() for patch in axes.patches] == [value for value, _ in heights.values()]
    assert [patch.get_x() for patch in axes.patches] == [0] * 16
    ends = np.concatenate([np.array(bar.get_segments()) for bar in axes.collections])
    np.testing.assert_array_equal(ends, [[[v - w, i], [v + w, i]] for i, (v, w) in enumerate(heights.values())])
    assert [text.get_text() for text in axes.get_yticklabels()] == list(heights)
    centers = [patch.get_y() + patch.get_height() / 2 for patch in axes.patches]
    np.testing.assert_allclose(centers, axes.get_yticks(), atol=1e-12, err_msg="a bar lies beside its label")
    bottom, top = axes.get_ylim()
    assert bottom > 15 and top < 0, "the first bar is on top"
    assert texts(figure)[-1] == "11" and (axes.get_xlabel(), axes.get_ylabel()) == ("modes", "")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in (*axes.get_yticklabels(), *axes.texts)]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert figure.get_size_inches()[0] <= 8


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.98765, "0.988"), (0.0001234, "0.000123"), (12.0, "12"), (98765.4, "98,765"), (-0.5, "\N{MINUS SIGN}0.5")],
)
def test_bars_say_their_value(value, text):
    (axes,) = plot.bars({16: value}, ylabel="y").axes
    assert texts(axes.figure) == [text]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["16"]


@pytest.mark.parametrize(
    ("heights", "error", "message"),
    [
        ({}, ValueError, "bars: got no bars"),
        ({"a": [1, 2]}, ShapeError, r"bars: got 'a' of shape \(2,\), expected one value, or a tuple of two"),
        ({"a": (1, 2, 3)}, ShapeError, r"shape \(3,\), expected one value"),
        ({"a": float("nan")}, ValueError, "got 'a' with NaN or infinity"),
        ({"a": (1, -1)}, ValueError, "got 'a' with a half width of -1"),
    ],
)
def test_bars_refuse(heights, error, message):
    with pytest.raises(error, match=message):
        plot.bars(heights, ylabel="y")


# histograms


def test_histograms_hold_shares_over_each_sets_own_range():
    sets = {"even": HostedElsewhere(np.linspace(0, 1, 100).reshape(4, 25)), "two": np.array([-5.0, -5.0, -5.0, 20.0])}
    even, two = plot.histograms(sets, xlabel="weight", title="Weights").axes
    for axes, low, high, title in ((even, 0, 1, "even"), (two, -5, 20, "two")):
        left, right = axes.patches[0].get_x(), axes.patches[-1].get_x() + axes.patches[-1].get_width()
        np.testing.assert_allclose([left, right], [low, high], atol=1e-12)
        np.testing.assert_allclose(sum(patch.get_height() for patch in axes.patches), 100)
        assert axes.get_xlabel() == "weight" and axes.get_title() == title
    np.testing.assert_allclose([patch.get_height() for patch in even.patches], 2.0)
    assert [two.patches[0].get_height(), two.patches[-1].get_height()] == [75, 25]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "histograms: got no sets"),
        ({"a": []}, r"got 'a' of shape \(0,\), expected at least one value"),
        ({"a": [1, np.nan]}, "got 'a' with NaN or infinity"),
    ],
)
def test_histograms_refuse(values, message):
    with pytest.raises(ValueError, match=message):
        plot.histograms(values, xlabel="x")


# -- tables ------------------------------------------------------------------------------------------------------


def test_a_table_shows_each_number_where_it_belongs():
    axes = plot.table({"a": [0.25, 1.0], "b": [-0.5, 0.001]}, ["x", "y"]).axes[0]
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (0, 0): "0.25",
        (1, 0): "1.00",
        (0, 1): "\N{MINUS SIGN}0.50",
        (1, 1): "0.00",
    }
    assert [label.get_text() for label in axes.get_xticklabels()] == ["x", "y"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0.25, 1.0], [-0.5, 0.001]])


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ({}, ValueError, "got no rows"),
        ({"a": [1.0]}, ShapeError, r"row 'a' of shape \(1,\)"),
        ({"a": [1.0, np.nan]}, ValueError, "row 'a' with NaN"),
    ],
)
def test_misuse_of_a_table(rows, error, message):
    with pytest.raises(error, match=message):
        plot.table(rows, ["x", "y"])
