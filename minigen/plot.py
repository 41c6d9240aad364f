"""Every picture of the library. Each function returns a matplotlib Figure, for figure.savefig("name.png").

Images are floats in [0, 1], (n, h, w) or (n, h, w, 1) for grey and (n, h, w, 3) for RGB, as NumPy arrays or
Tensors; values outside, which a linear decoder may give, are shown as the nearer of 0 and 1. The figures know
nothing of pyplot: they need no screen, and they are gone when nobody holds them.
"""

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import MaxNLocator

from minigen.errors import ShapeError

# Ten colours that readers with any colour vision can tell apart (Petroff 2021, "Accessible color sequences").
PALETTE = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
_MARKERS = "os^Dv"  # class 10 has the colour of class 0 and the next marker
_GAP = 0.08  # white between images, in widths of an image


def image_grid(
    images: Any, columns: int | None = None, title: str | None = None, labels: Sequence[Any] | None = None
) -> Figure:
    """Images side by side, row by row, as square as can be unless columns says otherwise.

    images: (n, h, w) or (n, h, w, c) in [0, 1].  labels: n texts, one below each image.
    Raises ShapeError for images or labels that do not fit, ValueError for values that are not finite floats
    or columns below 1.
    """
    images = _images(images, "images")
    n, (height, width) = len(images), images.shape[1:3]
    if columns is None:
        columns = ceil(sqrt(n))
    if columns < 1:
        raise ValueError(f"image_grid: columns is {columns}, expected at least 1")
    if labels is not None and len(labels) != n:
        raise ShapeError(f"image_grid: got {len(labels)} labels for {n} images, expected one for each")
    columns = min(columns, n)
    row_height = height / width + _GAP + (0.22 if labels is not None else 0)
    axes = _canvas(columns, ceil(n / columns) * row_height, width, title)
    for i, image in enumerate(images):
        left, top = i % columns * (1 + _GAP), i // columns * row_height
        _place(axes, image, left, top)
        if labels is not None:
            below = top + height / width + 0.03
            axes.text(left + 0.5, below, str(labels[i]), ha="center", va="top", fontsize=9)
    return axes.figure


def image_rows(rows: Mapping[str, Any], title: str | None = None) -> Figure:
    """Rows of images that belong together column by column, e.g. {"original": x, "reconstruction": y}.

    rows: row label -> images (n, h, w) or (n, h, w, c) in [0, 1], the same n in every row; resolutions may
    differ.
    Raises ShapeError if a row's images do not fit, ValueError if there is no row or for values that are not
    finite floats.
    """
    if not rows:
        raise ValueError("image_rows: got no rows, expected at least one, as in {'original': images}")
    images = {label: _images(row, f"row {label!r}") for label, row in rows.items()}
    lengths = {label: len(row) for label, row in images.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError(
            f"image_rows: got rows of different lengths {lengths}, expected as many images in each"
        )
    first = next(iter(images.values()))
    heights = {label: row.shape[1] / row.shape[2] for label, row in images.items()}
    finest = max(row.shape[2] for row in images.values())
    axes = _canvas(len(first), sum(heights.values()) + _GAP * len(rows), finest, title, list(images))
    top = 0.0
    for label, row in images.items():
        for i, image in enumerate(row):
            _place(axes, image, i * (1 + _GAP), top)
        axes.text(-0.12, top + heights[label] / 2, label, ha="right", va="center", fontsize=10)
        top += heights[label] + _GAP
    return axes.figure


def training_curves(history: Mapping[str, Sequence[float]], title: str | None = None) -> Figure:
    """Every column of a training history against the epoch, one panel a quantity.

    A column "validation NAME" is drawn dashed in the panel of NAME. A panel whose values are all positive and
    span more than two decades has a logarithmic axis. NaN stands for "not measured in this epoch".

    history: column name -> numbers, all of one length, among them "epoch".
    Raises ValueError without "epoch" or without anything to draw, ShapeError if lengths differ.
    """
    if "epoch" not in history or len(history) < 2 or len(history["epoch"]) == 0:
        raise ValueError(
            f"training_curves: got columns {list(history)}, expected 'epoch' and at least one more, not empty"
        )
    columns = {name: np.asarray(column, dtype=np.float64) for name, column in history.items()}
    epochs = columns.pop("epoch")
    for name, column in columns.items():
        if column.shape != epochs.shape or epochs.ndim != 1:
            raise ShapeError(
                f"training_curves: got column {name!r} of shape {column.shape} and 'epoch' of shape "
                f"{epochs.shape}, expected plain lists of the same length"
            )
    quantities = list(dict.fromkeys(name.removeprefix("validation ") for name in columns))
    across = len(quantities) if len(quantities) <= 3 else ceil(sqrt(len(quantities)))
    down = ceil(len(quantities) / across)
    figure = _figure((6.0 if across == 1 else 4.2 * across, 3.8 * down), title)
    for i, quantity in enumerate(quantities):
        axes = figure.add_subplot(down, across, i + 1)
        drawn = []
        for name, label, colour, dashes in (
            (quantity, "training", PALETTE[0], "-"),
            (f"validation {quantity}", "validation", PALETTE[6], "--"),
        ):
            if name in columns:
                measured = np.isfinite(columns[name])
                marker = "o" if measured.sum() <= 30 else None
                style = {
                    "color": colour,
                    "linewidth": 1.8,
                    "marker": marker,
                    "markersize": 3.5,
                    "label": label,
                }
                axes.plot(epochs[measured], columns[name][measured], dashes, **style)
                drawn.append(columns[name][measured])
        values = np.concatenate(drawn)
        if len(values) and values.min() > 0 and values.max() / values.min() > 100:
            axes.set_yscale("log")
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        _open_frame(axes)
        if f"validation {quantity}" in columns:
            axes.legend(frameon=False)
    return figure


def code_map(
    points: Any,
    labels: Any,
    class_names: Sequence[Any],
    images: Any | None = None,
    title: str | None = None,
    minimum_distance: float = 0.06,
) -> Figure:
    """Codes in the plane (of t-SNE, or of a 2-D latent space), coloured by class, with some of their images.

    An image is shown at its point if every image shown so far is at least minimum_distance away, in fractions
    of the longer side of the map; images are drawn about as large as they can be without overlap.

    points: (n, 2).  labels: (n,) integers, indices of class_names.
    images: (n, h, w) or (n, h, w, c) in [0, 1], one a point.
    Raises ShapeError for arrays that do not fit, ValueError for points that are not finite, labels out of
    range or a minimum_distance that is not positive.
    """
    points = _points(points, "points", 2)
    labels = _host(labels)
    if labels.shape != points.shape[:1]:
        raise ShapeError(
            f"code_map: got labels of shape {labels.shape}, expected ({len(points)},), one a point"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError(
            f"code_map: got labels of {labels.dtype} from {labels.min()} to {labels.max()}, "
            f"expected integers from 0 to {len(class_names) - 1}, indices of class_names"
        )
    if minimum_distance <= 0:
        raise ValueError(f"code_map: minimum_distance is {minimum_distance}, expected more than 0")

    longer_side = 7.0  # inches
    width, height = np.maximum(longer_side * np.ptp(points, axis=0) / _longer_side(points), 4.0)
    figure = _figure((width + 1.5, height + 1.0), title)
    axes = figure.add_subplot()
    size = float(np.clip(600 / sqrt(len(points)), 6, 40))
    present = np.unique(labels)
    for label in present:
        marker = _MARKERS[label // len(PALETTE) % len(_MARKERS)]
        style = {"s": size, "alpha": 0.75, "linewidths": 0, "color": _colour(label), "marker": marker}
        axes.scatter(*points[labels == label].T, label=str(class_names[label]), **style)
    if images is not None:
        images = _images(images, "images")
        if len(images) != len(points):
            raise ShapeError(
                f"code_map: got {len(images)} images for {len(points)} points, expected one for each"
            )
        # Squares with centres d apart cannot overlap if their sides are d / sqrt(2). An inch has 72 points.
        side = minimum_distance / sqrt(2) * longer_side * 72
        for i in _spread_out(points, minimum_distance):
            picture = OffsetImage(_rgb(images[i]), zoom=0.8 * side / max(images.shape[1:3]))
            frame = {"edgecolor": _colour(labels[i]), "linewidth": 1.6}
            axes.add_artist(AnnotationBbox(picture, points[i], pad=0.08, bboxprops=frame))
    axes.set(xlabel="dimension 1", ylabel="dimension 2")
    axes.set_aspect("equal", adjustable="datalim")
    _open_frame(axes)
    columns = ceil(len(present) / 18)
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(1, 1), frameon=False, handletextpad=0.1, ncols=columns
    )
    for handle in legend.legend_handles:
        handle.set_sizes([40])
        handle.set_alpha(1)
    return figure


def plane_fit(points: Any, reconstructed: Any, codes: Any, title: str | None = None) -> Figure:
    """A 2-D subspace of 3-D data. Left: points, reconstructions and the plane these lie in; right: codes.

    The plane is the least-squares plane of the reconstructions. A grey line joins each point and its
    reconstruction: the reconstruction error.

    points, reconstructed: (n, 3).  codes: (n, 2).
    Raises ShapeError for arrays that do not fit, ValueError for values that are not finite.
    """
    points, reconstructed = _points(points, "points", 3), _points(reconstructed, "reconstructed", 3)
    codes = _points(codes, "codes", 2)
    if not len(points) == len(reconstructed) == len(codes):
        raise ShapeError(
            f"plane_fit: got {len(points)} points, {len(reconstructed)} reconstructions and {len(codes)} "
            "codes, expected as many of each"
        )
    figure = _figure((11.0, 5.2), title)
    figure.get_layout_engine().set(wspace=0.08)
    space = figure.add_subplot(1, 2, 1, projection="3d")
    space.plot_surface(*_plane_through(reconstructed), color=PALETTE[3], alpha=0.25, linewidth=0, shade=False)
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
    plane.scatter(*codes.T, color=PALETTE[6], s=16)
    plane.set(xlabel="$z_1$", ylabel="$z_2$", title="2-D codes")
    plane.set_aspect("equal", adjustable="datalim")
    plane.grid(color="0.9")
    plane.set_axisbelow(True)
    _open_frame(plane)
    return figure


def _figure(size: tuple[float, float], title: str | None) -> Figure:
    """A figure of this size in inches that no pyplot manages."""
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    FigureCanvasAgg(figure)
    if title is not None:
        figure.suptitle(title, fontsize=13)
    return figure


def _canvas(
    columns: int, height: float, pixels: int, title: str | None, row_labels: Sequence[str] = ()
) -> Axes:
    """Bare axes, y downwards, for columns images, each 1 wide and pixels pixels wide, in a total height."""
    inches = min(max(0.8, pixels / 100), 12 / columns)
    width = columns * (1 + _GAP) - _GAP
    # A letter is about 0.08 inches wide beside the rows, 0.12 in the title.
    beside = 0.08 * max((len(label) + 2 for label in row_labels), default=0)
    across = max(inches * width + beside, 0.12 * len(title or "")) + 0.2
    axes = _figure((across, inches * height + (0.5 if title else 0.2)), title).add_subplot()
    axes.set_aspect("equal")
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    return axes


def _place(axes: Axes, image: np.ndarray, left: float, top: float) -> None:
    """Draw an image one unit wide with its upper left corner at (left, top), y pointing downwards."""
    bottom = top + image.shape[0] / image.shape[1]
    limits = axes.axis()  # imshow would zoom in on the image
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(left, left + 1, bottom, top), aspect="equal")
    axes.axis(limits)


def _host(x: Any) -> np.ndarray:
    """The values of a Tensor, an array or a list, as an array on the host."""
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x)


def _images(images: Any, name: str) -> np.ndarray:
    """images as (n, h, w) grey or (n, h, w, 3) RGB in [0, 1], or an error that says what they are instead."""
    images = _host(images)
    if images.ndim not in (3, 4) or 0 in images.shape or (images.ndim == 4 and images.shape[3] not in (1, 3)):
        raise ShapeError(
            f"got {name} of shape {images.shape}, "
            "expected at least one image, (n, h, w), (n, h, w, 1) or (n, h, w, 3)"
        )
    if images.dtype.kind != "f" or not np.isfinite(images).all():
        wrong = images.dtype if images.dtype.kind != "f" else "NaN or infinity"
        raise ValueError(f"got {name} with {wrong}, expected finite floats in [0, 1] (bytes: divide by 255)")
    if images.shape[3:] == (1,):
        images = images[..., 0]
    return images if images.ndim == 3 else images.clip(0, 1)


def _points(points: Any, name: str, dimensions: int) -> np.ndarray:
    """points as a finite (n, dimensions) array, or an error that says what they are instead."""
    points = _host(points)
    if points.ndim != 2 or len(points) == 0 or points.shape[1] != dimensions:
        raise ShapeError(f"got {name} of shape {points.shape}, expected (n, {dimensions}) with n at least 1")
    if not np.isfinite(points).all():
        raise ValueError(f"got NaN or infinity in {name}, expected finite coordinates")
    return points


def _rgb(image: np.ndarray) -> np.ndarray:
    """A grey (h, w) or RGB image as RGB in [0, 1]: OffsetImage would stretch the contrast of a grey one."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2).clip(0, 1)


def _colour(label: int) -> str:
    return PALETTE[label % len(PALETTE)]


def _open_frame(axes: Axes) -> None:
    """Leave of the frame the two sides that carry the scales."""
    axes.spines[["top", "right"]].set_visible(False)


def _longer_side(points: np.ndarray) -> float:
    """The longer side of the rectangle around points, or 1 if they are all the same."""
    return float(np.ptp(points, axis=0).max()) or 1.0


def _spread_out(points: np.ndarray, minimum_distance: float) -> list[int]:
    """Indices, first come first served, of points that keep the distance, in fractions of the longer side."""
    points = points / _longer_side(points)
    free = np.ones(len(points), dtype=bool)
    chosen = []
    for i, point in enumerate(points):
        if free[i]:
            chosen.append(i)
            free &= ((points - point) ** 2).sum(axis=1) >= minimum_distance**2
    return chosen


def _plane_through(points: np.ndarray) -> np.ndarray:
    """Corners (3, 2, 2) of a rectangle in the least-squares plane of points that holds their projections."""
    centre = points.mean(axis=0)
    axes = np.linalg.svd(points - centre)[2][:2]
    low, high = np.sort((points - centre) @ axes.T, axis=0)[[0, -1]]
    margin = 0.08 * (high - low)
    u, v = np.meshgrid(*np.stack([low - margin, high + margin]).T)
    return (centre + u[..., None] * axes[0] + v[..., None] * axes[1]).transpose(2, 0, 1)
