"""Codes and latent spaces: maps, subspaces, histograms of activations."""

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from minigen.errors import ShapeError
from minigen.plot.figure import (
    MARKERS,
    PALETTE,
    check_some,
    checked_array,
    checked_images,
    checked_points,
    color_of,
    enlarge_marks,
    host,
    new_figure,
    open_frame,
)


def code_map(
    points: Any,
    labels: Any,
    class_names: Sequence[Any],
    images: Any | None = None,
    title: str | None = None,
    minimum_distance: float = 0.06,
) -> Figure:
    """Codes in the plane (of t-SNE, or of a 2-D latent space), colored by class, with some of their images.

    An image is shown at its point if every image shown so far is at least minimum_distance away, in fractions
    of the longer side of the map; images are drawn about as large as possible without overlap.

    points: (n, 2).  labels: (n,) integers, indices of class_names.
    images: (n, h, w) or (n, h, w, c) in [0, 1], one for each point.
    """
    points = checked_points(points, "points", 2)
    labels = host(labels)
    if labels.shape != points.shape[:1]:
        raise ShapeError(f"code_map: got labels of shape {labels.shape}, expected ({len(points)},), one for each point")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError(
            f"code_map: got labels of {labels.dtype} from {labels.min()} to {labels.max()}, "
            f"expected integers from 0 to {len(class_names) - 1}, indices of class_names"
        )
    if minimum_distance <= 0:
        raise ValueError(f"code_map: minimum_distance is {minimum_distance}, expected more than 0")

    longer_side = 7.0  # inches
    width, height = np.maximum(longer_side * np.ptp(points, axis=0) / longer_side_of(points), 4.0)
    figure = new_figure((width + 1.5, height + 1.0), title)
    axes = figure.add_subplot()
    size = float(np.clip(600 / sqrt(len(points)), 6, 40))
    present = np.unique(labels)
    for label in present:
        marker = MARKERS[label // len(PALETTE) % len(MARKERS)]
        style: dict[str, Any] = {"s": size, "alpha": 0.75, "linewidths": 0, "color": color_of(label), "marker": marker}
        axes.scatter(*points[labels == label].T, label=str(class_names[label]), **style)
    if images is not None:
        images = checked_images(images, "images")
        if len(images) != len(points):
            raise ShapeError(f"code_map: got {len(images)} images for {len(points)} points, expected one for each")
        # Squares with centers d apart cannot overlap if their sides are d / sqrt(2). An inch has 72 points.
        side = minimum_distance / sqrt(2) * longer_side * 72
        for i in spread_out(points, minimum_distance):
            gray = images.ndim == 3  # as RGB, because OffsetImage would stretch its contrast
            picture = OffsetImage(
                np.repeat(images[i, ..., None], 3, axis=2) if gray else images[i], zoom=0.8 * side / max(images.shape[1:3])
            )
            frame = {"edgecolor": color_of(labels[i]), "linewidth": 1.6}
            axes.add_artist(AnnotationBbox(picture, points[i], pad=0.08, bboxprops=frame))
    axes.set(xlabel="dimension 1", ylabel="dimension 2")
    axes.set_aspect("equal", adjustable="datalim")
    open_frame(axes)
    columns = ceil(len(present) / 18)
    legend = axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, handletextpad=0.1, ncols=columns)
    enlarge_marks(legend, 40)
    return figure


def plane_fit(points: Any, reconstructed: Any, codes: Any, title: str | None = None) -> Figure:
    """A 2-D subspace of 3-D data. Left: points, reconstructions and their plane; right: codes.

    The plane is the least-squares plane of the reconstructions. Gray lines, the errors, join points and their reconstructions.

    points, reconstructed: (n, 3).  codes: (n, 2).
    """
    points, reconstructed = checked_points(points, "points", 3), checked_points(reconstructed, "reconstructed", 3)
    codes = checked_points(codes, "codes", 2)
    if not len(points) == len(reconstructed) == len(codes):
        raise ShapeError(
            f"plane_fit: got {len(points)} points, {len(reconstructed)} reconstructions and {len(codes)} "
            "codes, expected as many of each"
        )
    figure = new_figure((11.0, 5.2), title, apart=0.08)
    space = figure.add_subplot(1, 2, 1, projection="3d")
    space.plot_surface(*plane_through(reconstructed), color=PALETTE[3], alpha=0.25, linewidth=0, shade=False)
    for point, foot in zip(points, reconstructed, strict=True):
        space.plot(*np.stack([point, foot]).T, color="0.45", linewidth=0.7)
    space.scatter(*points.T, color=PALETTE[0], s=16, depthshade=False, label="points")
    space.scatter(*reconstructed.T, color=PALETTE[6], s=10, depthshade=False, label="reconstructions")
    space.set(title="3-D data and the plane of its reconstructions")
    space.set(xlabel="$x_1$", ylabel="$x_2$", zlabel="$x_3$")
    space.set_aspect("equal")  # so that an orthogonal projection looks orthogonal
    space.locator_params(nbins=5)
    space.legend(frameon=False, loc="upper left")
    plane = figure.add_subplot(1, 2, 2)
    plane.scatter(codes[:, 0], codes[:, 1], color=PALETTE[6], s=16)
    plane.set(xlabel="$z_1$", ylabel="$z_2$", title="2-D codes")
    plane.set_aspect("equal", adjustable="datalim")
    plane.grid(color="0.9")
    plane.set_axisbelow(True)
    open_frame(plane)
    return figure


def activation_histograms(codes: Mapping[str, Any], title: str | None = None) -> Figure:
    """How active the units of a code are: all activations above, each unit's mean activation below.

    One column for each code, all on the same scales, which include 0 and 1; a dashed line marks the mean of all activations. The
    shares of activations are on a logarithmic scale if they span more than two decades, as those of sparse codes do;
    then nothing below 0.01 % is visible.

    codes: name -> activations (n examples, units), in units of the activation function.
    """
    check_some("activation_histograms", "codes", codes, "{'plain': codes}")
    activations = {
        name: checked_array(
            host(code).astype(np.float64),
            f"activation_histograms: got {name!r}",
            lambda shape: len(shape) == 2 and 0 not in shape,
            "(n, units), neither of them 0",
        )
        for name, code in codes.items()
    }
    low = min(0.0, min(code.min() for code in activations.values()))
    high = max(1.0, max(code.max() for code in activations.values()))
    edges = np.linspace(low, high, 41)
    figure = new_figure((0.6 + 3.4 * len(activations), 5.6), title)
    panels = figure.subplots(2, len(activations), sharey="row", squeeze=False)
    for (name, code), (above, below) in zip(activations.items(), panels.T, strict=True):
        for axes, values in ((above, code.ravel()), (below, code.mean(axis=0, dtype=np.float64))):
            axes.stairs(percent(values, edges), edges, fill=True, color=PALETTE[0])
            axes.axvline(code.mean(), color=PALETTE[6], linestyle="--", linewidth=1.8, label=f"mean {code.mean():.3g}")
            axes.set_xlim(low, high)
            open_frame(axes)
        above.set(title=name, xlabel="activation")
        above.legend(frameon=False)
        below.set_xlabel("mean activation of a unit")
    panels[0, 0].set_ylabel("activations, %")
    panels[1, 0].set_ylabel("units, %")
    shares = np.concatenate([percent(code.ravel(), edges) for code in activations.values()])
    smallest = shares[shares > 0].min()
    if shares.max() > 100 * smallest:
        panels[0, 0].set(yscale="log", ylim=(max(smallest / 2, 0.01), 100))
        panels[0, 0].yaxis.set_major_formatter("{x:g}")
    return figure


def percent(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The share of values, in percent, between adjacent edges."""
    return 100 * np.histogram(values, edges)[0] / len(values)


def longer_side_of(points: np.ndarray) -> float:
    """The longer side of the rectangle around points, or 1 if they are all the same."""
    return float(np.ptp(points, axis=0).max()) or 1.0


def spread_out(points: np.ndarray, minimum_distance: float) -> list[int]:
    """Indices, greedily in order, of points that keep the distance, in fractions of the longer side."""
    points = points / longer_side_of(points)
    free = np.ones(len(points), dtype=bool)
    chosen = []
    for i, point in enumerate(points):
        if free[i]:
            chosen.append(i)
            free &= ((points - point) ** 2).sum(axis=1) >= minimum_distance**2
    return chosen


def plane_through(points: np.ndarray) -> np.ndarray:
    """Corners (3, 2, 2) of a rectangle in the least-squares plane of points that holds their projections."""
    center = points.mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(points - center)[2][:2]
    low, high = np.sort((points - center) @ axes.T, axis=0)[[0, -1]]
    margin = 0.08 * (high - low)
    u, v = np.meshgrid(*np.stack([low - margin, high + margin]).T)
    return (center + u[..., None] * axes[0] + v[..., None] * axes[1]).transpose(2, 0, 1)
