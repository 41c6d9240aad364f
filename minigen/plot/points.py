"""Points in the plane: generated points of toy data sets, and the paths of two-player games."""

from collections.abc import Mapping, Sequence
from math import sqrt
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from minigen.errors import ShapeError, suggestion
from minigen.plot.figure import (
    PALETTE,
    check_some,
    checked_points,
    color_of,
    enlarge_marks,
    grid_of,
    host,
    new_figure,
    open_frame,
)

REAL, GENERATED = "0.65", PALETTE[0]
SCORES = LinearSegmentedColormap.from_list("scores", ["#ffffff", "#fde9c9", "#f7b878", "#e08a3c"])  # points stay in sight


def point_cloud(
    points: Any, reference: Any | None = None, title: str | None = None, field: tuple[Any, Any, Any] | None = None
) -> Figure:
    """Generated points in the plane over real ones, both axes on the same scale.

    The picture holds all real points and a margin around them; the number of generated ones outside is written in a corner.
    Without real points, it holds the generated ones.

    points: (n, 2).  reference: (m, 2), real points.
    field: (x (w,), y (h,), values (h, w)), the critic's score at (x[j], y[i]) as values[i, j], drawn behind the points;
    x and y increase.
    """
    points = checked_points(points, "points", 2)
    reference = None if reference is None else checked_points(reference, "reference", 2)
    limits = limits_around(points if reference is None else reference)
    width, height = np.maximum(4.8 * np.diff(limits)[:, 0] / np.diff(limits).max(), 1.5)  # inches
    beside, below = 0.8 if field is None else 1.7, 0.5 if reference is None else 0.8
    figure = new_figure((width + beside, height + below + (0.4 if title else 0)), title)
    axes = figure.add_subplot()
    if field is not None:
        scores = axes.contourf(*checked_field(field), levels=14, cmap=SCORES)
        figure.colorbar(scores, ax=axes, label="score", shrink=0.8)
    draw_cloud(axes, points, reference, limits, 4.8)
    open_frame(axes)
    if reference is not None:
        name_clouds(figure)
    return figure


def point_clouds(panels: Mapping[str, Any], reference: Any, columns: int | None = None, title: str | None = None) -> Figure:
    """Generated points of several methods over the same real ones, one panel for each, row by row, all on the same scale.

    Every panel holds all real points and a margin around them; the number of generated ones outside is written in a corner.

    panels: name -> generated points (n, 2).  reference: (m, 2), real points.  columns: None: as square as possible.
    """
    check_some("point_clouds", "panels", panels, "{'generated': points}")
    columns, rows = grid_of(len(panels), columns, "point_clouds")
    clouds = {name: checked_points(points, f"panel {name!r}", 2) for name, points in panels.items()}
    reference = checked_points(reference, "reference", 2)
    limits = limits_around(reference)
    inches = 2.4 if columns <= 3 else 1.8
    letters = int(13 * inches)  # of a panel's name in a line
    names = [fill(str(name), letters) for name in clouds]
    lines = max(name.count("\n") + 1 for name in names)
    width, height = np.diff(limits)[:, 0]
    row = inches * height / width + 0.05 + 0.15 * lines
    size = columns * inches + 0.2, rows * row + (0.9 if title else 0.5)
    figure = new_figure(size, title)
    for i, (name, points) in enumerate(zip(names, clouds.values(), strict=True)):
        axes = figure.add_subplot(rows, columns, i + 1)
        draw_cloud(axes, points, reference, limits, inches)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("0.8")
        axes.set_title(name, fontsize=9)
    name_clouds(figure)
    return figure


def trajectories(
    lines: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    equilibrium: tuple[float, float] = (0.0, 0.0),
    exact: Mapping[str, Any] | None = None,
) -> Figure:
    """Paths of games of two players in the plane of their two parameters, both axes on the same scale.

    A ring marks the start of a path, arrowheads its direction, a cross the equilibrium. A closed form, if given, is drawn over
    its path as a dotted line: the two agree where the dots follow the middle of the path.

    lines: label -> path (n, 2), from its start to its end.  equilibrium: (x, y).
    exact: labels of lines -> closed form (m, 2).
    """
    check_some("trajectories", "lines", lines, "{'gradient descent': path}")
    paths = {label: checked_points(path, f"line {label!r}", 2) for label, path in lines.items()}
    closed = {label: checked_points(path, f"closed form {label!r}", 2) for label, path in (exact or {}).items()}
    for label in closed:
        if label not in paths:
            raise ValueError(f"trajectories: a closed form of {label!r}, which is not in lines; {suggestion(label, paths)}")
    figure = new_figure((6.0, 6.0), title)
    axes = figure.add_subplot()
    axes.set_aspect("equal", adjustable="datalim")
    for i, (label, path) in enumerate(paths.items()):
        axes.plot(*path.T, color=color_of(i), linewidth=1.6, label=label)
        for (x, y), angle in arrowheads(path):  # a triangle, which points up unless rotated
            axes.plot(x, y, color=color_of(i), marker=(3, 0, angle - 90), markersize=9, zorder=2.5)
    for i, path in enumerate(closed.values()):
        axes.plot(*path.T, ":", color="black", linewidth=1.2, label="closed form" if i == 0 else None)
    for i, path in enumerate(paths.values()):
        style: dict[str, Any] = {"markeredgecolor": "black", "markerfacecolor": "white", "markersize": 7}
        axes.plot(*path[0], "o", label="start" if i == 0 else None, zorder=3, **style)
    axes.plot(*equilibrium, "x", color="black", markersize=10, markeredgewidth=2, label="equilibrium", zorder=3)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    open_frame(axes)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_cloud(axes: Axes, points: np.ndarray, reference: np.ndarray | None, limits: np.ndarray, inches: float) -> None:
    """Generated points over real ones within limits, in axes about `inches` wide."""
    if reference is not None:
        axes.scatter(reference[:, 0], reference[:, 1], s=6 * mark_size(reference, inches), color=REAL, linewidths=0, label="real")
    style: dict[str, Any] = {"color": GENERATED, "alpha": 0.6, "linewidths": 0, "label": "generated"}
    axes.scatter(points[:, 0], points[:, 1], s=mark_size(points, inches), **style)
    axes.set(xlim=limits[0], ylim=limits[1], aspect="equal")
    outside = int(((points < limits[:, 0]) | (points > limits[:, 1])).any(axis=1).sum())
    if outside:
        note: dict[str, Any] = {"size": 8, "ha": "right", "va": "bottom", "transform": axes.transAxes}
        backdrop = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1}
        axes.text(0.98, 0.02, f"{outside:,} outside", bbox=backdrop, **note)


def mark_size(points: np.ndarray, inches: float) -> float:
    """The area of a point's mark, in square points (of print): the more points and the smaller the axes, the smaller."""
    return float(np.clip(35 * inches / sqrt(len(points)), 0.4 * inches, 25))


def name_clouds(figure: Figure) -> None:
    """One legend of the two clouds, below a figure, with visible marks."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, handletextpad=0.1)
    enlarge_marks(legend, 30)


def limits_around(points: np.ndarray) -> np.ndarray:
    """((left, right), (bottom, top)) around points, with a margin of 15 % of the longer side."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * ((high - low).max() or 1.0)
    return np.stack([low - margin, high + margin], axis=1)


def arrowheads(path: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Three places on a path, a quarter of its length apart, and the angle there in degrees; none on a path without length."""
    steps = np.diff(path, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    walked = lengths.cumsum()
    if not walked.size or walked[-1] == 0:
        return []
    heads = []
    for part in (0.25, 0.5, 0.75):
        i = int(np.searchsorted(walked, part * walked[-1]))
        place = path[i] + steps[i] * (part * walked[-1] - (walked[i] - lengths[i])) / lengths[i]
        heads.append((place, float(np.degrees(np.arctan2(steps[i, 1], steps[i, 0])))))
    return heads


def checked_field(field: Sequence[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A field as finite increasing arrays x (w,), y (h,) and values (h, w), else an error that says what they are."""
    x, y, values = (host(part).astype(np.float64) for part in field)
    if x.ndim != 1 or y.ndim != 1 or values.shape != (len(y), len(x)) or min(values.shape) < 2:
        raise ShapeError(
            f"point_cloud: got a field of shapes {x.shape}, {y.shape} and {values.shape}, "
            "expected x (w,), y (h,) and values (h, w), with w and h at least 2"
        )
    if not all(np.isfinite(part).all() for part in (x, y, values)):
        raise ValueError("point_cloud: got NaN or infinity in field, expected finite coordinates and values")
    if (np.diff(x) <= 0).any() or (np.diff(y) <= 0).any():
        raise ValueError("point_cloud: the x or y of field is not increasing, expected coordinates in increasing order")
    return x, y, values
