"""What holds for every picture."""

import gc
import io
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from minigen import plot
from tests.plot.drawn import pictures

ROOT = Path(plot.__file__).parents[2]
TITLE = "A title that is longer than the picture below it would be wide"
POINTS, THREE = np.eye(4, 2), np.eye(4, 3)

# One call of each function, with little to draw, so that long texts have to find room.
EVERY = {
    "activation_histograms": lambda title: plot.activation_histograms({"plain": pictures(9, 2)}, title),
    "bars": lambda title: plot.bars({"a label that is long": 1.0, "b": (-1.0, 0.5)}, ylabel="mean squared error", title=title),
    "bars that lie": lambda title: plot.bars({f"a label that is long {i}": -1e-5 * i for i in range(5)}, ylabel="y", title=title),
    "code_map": lambda title: plot.code_map(POINTS, np.zeros(4, int), ["a class with a name"], pictures(4, 5, 5), title),
    "compared_curves": lambda title: plot.compared_curves(
        {"a run with a name": {"epoch": [1], "loss": [2]}, "runs/b": {"epoch": [1], "loss": [1e-9]}}, title
    ),
    "curves": lambda title: plot.curves([1, 2], {"a": [1e-4, 2e-4]}, xlabel="epoch", ylabel="loss", title=title, logx=True),
    "equation": lambda title: plot.equation(
        {"a term with\na name": pictures(3, 5, 5), "b": pictures(3, 5, 5)}, "-", pictures(3, 3, 5, 5, 1), title
    ),
    "filters": lambda title: plot.filters(pictures(3, 3, 1, 2), title),
    "filters of two channels": lambda title: plot.filters(pictures(3, 3, 2, 1), title),
    "histograms": lambda title: plot.histograms({"a set with a name": [1e-4, 2e-4]}, xlabel="weight", title=title),
    "image_grid": lambda title: plot.image_grid(pictures(4, 5, 5), title=title, labels=range(4)),
    "image_rows": lambda title: plot.image_rows({"a row with a name": pictures(1, 5, 5)}, title),
    "interpolation_grid": lambda title: plot.interpolation_grid(pictures(2, 2, 5, 5, 1), title),
    "manifold_grid": lambda title: plot.manifold_grid(pictures(2, 2, 5, 5, 1), [-10.5, 10.5], [0.001, 0.002], title),
    "plane_fit": lambda title: plot.plane_fit(THREE, THREE, POINTS, title),
    "point_cloud": lambda title: plot.point_cloud(POINTS, title=title),
    "point_cloud over a field": lambda title: plot.point_cloud(POINTS, POINTS * [9, 1], title, ([0, 1], [0, 1], np.eye(2))),
    "point_clouds": lambda title: plot.point_clouds({"a method with a name": POINTS}, POINTS - 2, title=title),
    "table": lambda title: plot.table({"a row with a name": [0.1, -1e-5]}, ["a column", "another"], title),
    "training_curves": lambda title: plot.training_curves({"epoch": [1], "loss": [2]}, title),
    "training_curves in panels": lambda title: plot.training_curves(
        {"step": [1], "a": [2], "b": [1e-9]}, title, {"c": ["a", "b"]}
    ),
    "trajectories": lambda title: plot.trajectories({"a line with a name": POINTS}, xlabel="x", ylabel="y", title=title),
    "walk_grid": lambda title: plot.walk_grid(pictures(2, 3, 5, 5, 1), title),
    "walk_grid of names": lambda title: plot.walk_grid(
        pictures(2, 3, 5, 5, 3), title, ["a row with a name", "two\nlines"], [-1.5, "a step", 2], [1]
    ),
}


def test_every_picture_is_here():
    assert {name.split()[0] for name in EVERY} == set(plot.__all__) - {
        "PALETTE",
        "save_animation",
        "save_figure",
        "save_tiles",
        "save_walks",
    }


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("title", [None, TITLE], ids=["without a title", "with a title"])
def test_nothing_is_cut_off(name, title):
    figure = EVERY[name](title)
    figure.draw_without_rendering()
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert 0 <= drawn.x0 <= drawn.x1 <= width and 0 <= drawn.y0 <= drawn.y1 <= height, (drawn, width, height)
    assert figure.get_suptitle() == (title or "")


@pytest.mark.parametrize("name", EVERY)
def test_figures_can_be_saved_and_are_freed_when_dropped(name):
    figure, file = EVERY[name]("Title"), io.BytesIO()
    figure.savefig(file, dpi=20)
    assert file.getvalue().startswith(b"\x89PNG")
    reference = weakref.ref(figure)
    del figure
    gc.collect()
    assert reference() is None, "something still holds the figure"


def test_no_figure_needs_pyplot():
    program = """
import io, sys
from tests.plot.test_every import EVERY
for draw in EVERY.values():
    draw("Title").savefig(io.BytesIO(), dpi=20)
assert "matplotlib.pyplot" not in sys.modules, "pyplot was imported"
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
