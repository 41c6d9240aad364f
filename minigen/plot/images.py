"""Images: in grids, in rows, and laid out over a latent space; and weights as images."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, prod
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import Formatter, MaxNLocator

from minigen.errors import ShapeError
from minigen.plot.figure import PALETTE, check_some, checked_array, checked_images, grid_of, host, new_figure

GAP = 0.08  # white between images, in widths of an image


def image_grid(images: Any, columns: int | None = None, title: str | None = None, labels: Sequence[Any] | None = None) -> Figure:
    """Images side by side, row by row, as square as possible unless columns says otherwise.

    images: (n, h, w) or (n, h, w, c) in [0, 1].  labels: n strings, one below each image.
    """
    images = checked_images(images, "images")
    n, (height, width) = len(images), images.shape[1:3]
    columns, rows = grid_of(n, columns, "image_grid")
    if labels is not None and len(labels) != n:
        raise ShapeError(f"image_grid: got {len(labels)} labels for {n} images, expected one for each")
    row_height = height / width + GAP + (0.22 if labels is not None else 0)
    figure, axes = canvas(columns, rows * row_height, width, title)
    for i, image in enumerate(images):
        left, top = i % columns * (1 + GAP), i // columns * row_height
        place(axes, image, left, top)
        if labels is not None:
            below = top + height / width + 0.03
            axes.text(left + 0.5, below, str(labels[i]), ha="center", va="top", fontsize=9)
    return figure


def image_rows(rows: Mapping[str, Any], title: str | None = None) -> Figure:
    """Rows of images that belong together column by column, e.g. {"original": x, "reconstruction": y}.

    rows: row label -> images (n, h, w) or (n, h, w, c) in [0, 1], the same n in every row; resolutions may differ.
    """
    check_some("image_rows", "rows", rows, "{'original': images}")
    images = {label: checked_images(row, f"row {label!r}") for label, row in rows.items()}
    lengths = {label: len(row) for label, row in images.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError(f"image_rows: got rows of different lengths {lengths}, expected as many images in each")
    first = next(iter(images.values()))
    heights = {label: row.shape[1] / row.shape[2] for label, row in images.items()}
    finest = max(row.shape[2] for row in images.values())
    beside = 0.1 * max(len(line) + 2 for label in rows for line in label.split("\n"))  # 0.1 inches for each letter
    figure, axes = canvas(len(first), sum(heights.values()) + GAP * len(rows), finest, title, beside)
    top = 0.0
    for label, row in images.items():
        for i, image in enumerate(row):
            place(axes, image, i * (1 + GAP), top)
        axes.text(-0.12, top + heights[label] / 2, label, ha="right", va="center", fontsize=10)
        top += heights[label] + GAP
    return figure


def interpolation_grid(images: Any, title: str | None = None, anchors: Iterable[tuple[int, int]] | None = None) -> Figure:
    """A grid of interpolated images; the anchors, between which they were interpolated, are framed.

    images: (rows, columns, h, w, c) in [0, 1], c 1 or 3.  anchors: (row, column) pairs; None: the four corners.
    Raises IndexError for an anchor outside the grid.
    """
    images = checked_table(images, "interpolation_grid")
    rows, columns = images.shape[:2]
    anchors = [(0, 0), (0, -1), (-1, 0), (-1, -1)] if anchors is None else list(anchors)
    figure = image_grid(images.reshape(-1, *images.shape[2:]), columns, title)
    ratio = images.shape[2] / images.shape[3]
    for row, column in anchors:
        if not (-rows <= row < rows and -columns <= column < columns):
            raise IndexError(f"interpolation_grid: anchor ({row}, {column}) is outside the {rows} rows and {columns} columns")
        frame(figure.axes[0], ratio, column % columns * (1 + GAP), row % rows * (ratio + GAP))
    return figure


def walk_grid(
    walks: Any,
    title: str | None = None,
    labels: Sequence[Any] | None = None,
    steps: Sequence[Any] | None = None,
    framed: Iterable[int] = (0, -1),
) -> Figure:
    """Walks through a latent space, a row each, with a label at its left, and the steps below their columns.

    walks: (rows, k, h, w, c) in [0, 1], c 1 or 3, as `interpolate` and `walk` of a trained model make them.  framed: the columns
    of what one walks between, or starts from. Raises IndexError for one that is not there. `save_walks` makes an animation.
    """
    walks = checked_table(walks, "walk_grid")
    rows, columns = walks.shape[:2]
    for name, given, n in (("labels", labels, rows), ("steps", steps, columns)):
        if given is not None and len(given) != n:
            raise ShapeError(f"walk_grid: got {len(given)} {name} for {rows} walks of {columns} images, expected {n}")
    ratio = walks.shape[2] / walks.shape[3]
    beside = 0.1 * max((len(line) + 2 for label in labels or () for line in str(label).split("\n")), default=0)
    below = 0.0 if steps is None else 0.3
    figure, axes = canvas(columns, rows * (ratio + GAP) + below, walks.shape[3], title, beside)
    for i, j in np.ndindex(rows, columns):
        place(axes, walks[i, j], j * (1 + GAP), i * (ratio + GAP))
    for column in framed:
        if not -columns <= column < columns:
            raise IndexError(f"walk_grid: framed column {column} is outside the {columns} columns")
        for i in range(rows):
            frame(axes, ratio, column % columns * (1 + GAP), i * (ratio + GAP))
    for i, label in enumerate(labels or ()):
        axes.text(-0.12, i * (ratio + GAP) + ratio / 2, str(label), ha="right", va="center", fontsize=10)
    for j, step in enumerate([] if steps is None else steps):
        text = Formatter.fix_minus(f"{step:g}" if isinstance(step, (int, float)) else str(step))
        axes.text(j * (1 + GAP) + 0.5, rows * (ratio + GAP) + 0.04, text, ha="center", va="top", fontsize=9)
    return figure


def manifold_grid(images: Any, x: Any, y: Any, title: str | None = None) -> Figure:
    """The images of a grid of 2-D codes: edge to edge, each at the position of its code.

    z1 grows to the right and z2 upward, whatever the order of x and y. All images have the same size, even if the coordinates are
    not evenly spaced, such as quantiles of a normal prior.

    images: (rows, columns, h, w, c) in [0, 1], c 1 or 3; images[i, j] is decoded from (z1, z2) = (x[j], y[i]).
    x: (columns,) and y: (rows,), coordinates in units of the code, each increasing or decreasing.
    """
    images = checked_table(images, "manifold_grid")
    (rows, columns, height, width), channels = images.shape[:4], images.shape[4:]
    x, y = checked_coordinates(x, "x", columns), checked_coordinates(y, "y", rows)
    images = images[np.argsort(y)][:, np.argsort(x)][::-1]  # the first row of a picture is at the top
    mosaic = images.swapaxes(1, 2).reshape(rows * height, columns * width, *channels)
    across = min(max(3.0, 0.4 * columns, columns * width / 100), 7.0)  # inches
    down = across * mosaic.shape[0] / mosaic.shape[1]
    figure = new_figure((across + 0.9, down + (1.1 if title else 0.8)), title)
    axes = figure.add_subplot()
    axes.imshow(mosaic, cmap="gray", vmin=0, vmax=1, extent=(-0.5, columns - 0.5, -0.5, rows - 0.5), aspect=height / width)
    axes.xaxis.set_ticks(*round_ticks(np.sort(x)))
    axes.yaxis.set_ticks(*round_ticks(np.sort(y)))
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    return figure


def equation(terms: Mapping[str, Any], signs: Sequence[str], result: Any, title: str | None = None) -> Figure:
    """Arithmetic with images in a latent space: a column for each term, and at the end the result.

    A column shows examples of a concept and below them, framed, the image of their mean; the signs are between the framed images.
    The result is a grid: the sum in the center, also framed, and its neighbors around it.

    terms: label -> images (k + 1, h, w, c) in [0, 1], the same k in each: the examples, then the image of their mean.
    signs: one less than terms, such as "-+".  result: (rows, columns, h, w, c), of the same h, w and c; c: 1 or 3.
    Source: Radford et al. 2016, figure 7.
    """
    if not terms or len(signs) != len(terms) - 1:
        raise ValueError(f"equation: got {len(terms)} terms and {len(signs)} signs, expected one sign between adjacent terms")
    columns = {label: checked_images(images, f"term {label!r}") for label, images in terms.items()}
    result = checked_table(result, "equation")
    shapes = {label: images.shape for label, images in columns.items()}
    first = next(iter(shapes.values()))
    if len(set(shapes.values())) > 1 or result.shape[2:] != first[1:]:
        raise ShapeError(
            f"equation: got terms of shapes {shapes} and a result of shape {result.shape}, expected the same number "
            "of images in each term, all of one size"
        )
    ratio = first[1] / first[2]
    row, apart = ratio + GAP, 0.5  # of a row and between columns, in widths of an image
    bottom = max(first[0] - 1, result.shape[0] - 1) * row + apart / 2  # upper edge of the framed images
    across = len(columns) * (1 + apart) + result.shape[1] * (1 + GAP)
    figure, axes = canvas(ceil(across), bottom + row + 0.5, first[2], title)
    axes.set(xlim=(-GAP, across), ylim=(bottom + row, -0.5))

    for i, ((label, images), sign) in enumerate(zip(columns.items(), (*signs, "="))):
        left = i * (1 + apart)
        for k, image in enumerate(images[:-1]):
            place(axes, image, left, bottom - apart / 2 - (len(images) - 1 - k) * row)
        place(axes, images[-1], left, bottom)
        frame(axes, ratio, left, bottom)
        axes.text(left + 0.5, bottom - apart / 2 - (len(images) - 1) * row - GAP, label, ha="center", va="bottom", fontsize=10)
        axes.text(left + 1 + apart / 2, bottom + row / 2, Formatter.fix_minus(sign), ha="center", va="center", fontsize=18)
    middle = result.shape[0] // 2, result.shape[1] // 2
    for i, j in np.ndindex(result.shape[:2]):
        left, top = len(columns) * (1 + apart) + j * (1 + GAP), bottom + (i + 1 - result.shape[0]) * row
        place(axes, result[i, j], left, top)
        if (i, j) == middle:
            frame(axes, ratio, left, top)
    return figure


def filters(weights: Any, title: str | None = None, shape: tuple[int, ...] | None = None) -> Figure:
    """The weights of a first layer's units as images, red above 0, blue below, white 0.

    Each filter is scaled by its own largest absolute weight, the same for all its input channels. Filters of one input
    channel lie in a grid as square as possible; of several, a column is a filter and a row an input channel.

    weights: kernels (h, w, in channels, filters), or dense columns (h * w, units) with shape=(h, w), or
    (h * w * c, units) with shape=(h, w, c).
    """
    kernels = checked_kernels(weights, shape)
    height, width, channels, n = kernels.shape
    largest = np.abs(kernels).max(axis=(0, 1, 2))
    scaled = kernels / np.where(largest > 0, largest, 1)
    tiles = scaled.transpose(2, 3, 0, 1).reshape(-1, height, width)
    columns, rows = grid_of(len(tiles), n if channels > 1 else None, "filters")
    row_height = height / width + GAP
    across, down = columns * (1 + GAP) - GAP, rows * row_height - GAP
    figure, axes = canvas(columns, down, width, title, beside=1.0)
    for i, tile in enumerate(tiles):
        place(axes, tile, i % columns * (1 + GAP), i // columns * row_height, "RdBu_r", -1)
    if channels > 1:
        axes.text(-0.12, down / 2, "input channels", ha="right", va="center", rotation="vertical")
        axes.text(across / 2, down + 0.12, "filters", ha="center", va="top")
    scale = axes.inset_axes((1 + 0.2 / across, 0, 0.15 / across, 1))
    figure.colorbar(axes.images[0], cax=scale)
    scale.set_yticks([-1, 0, 1], [r"$-\max|w|$", "0", r"$\max|w|$"])
    return figure


def canvas(columns: int, height: float, pixels: int, title: str | None, beside: float = 0) -> tuple[Figure, Axes]:
    """A figure, and its bare axes, y downwards, for columns images, each 1 wide and pixels pixels wide, in a total height.

    beside: room for labels, in inches.
    """
    inches = min(max(0.8, pixels / 100), 12 / columns)
    width = columns * (1 + GAP) - GAP
    size = inches * width + beside + 0.2, inches * height + (0.5 if title else 0.2)
    figure = new_figure(size, title)
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    return figure, axes


def place(axes: Axes, image: np.ndarray, left: float, top: float, colors: str = "gray", lowest: float = 0) -> None:
    """Draw an image one unit wide with its upper left corner at (left, top), y pointing downward."""
    bottom = top + image.shape[0] / image.shape[1]
    limits = axes.axis()  # imshow would zoom in on the image
    axes.imshow(image, cmap=colors, vmin=lowest, vmax=1, extent=(left, left + 1, bottom, top), aspect="equal")
    axes.axis(limits)


def frame(axes: Axes, ratio: float, left: float, top: float) -> None:
    """Frame the image of this ratio, height / width, that was placed at (left, top)."""
    corner = left - GAP / 2, top - GAP / 2
    axes.add_patch(Rectangle(corner, 1 + GAP, ratio + GAP, fill=False, edgecolor=PALETTE[6], linewidth=2.5, clip_on=False))


def checked_table(images: Any, function: str) -> np.ndarray:
    """images as (rows, columns, h, w) gray or (rows, columns, h, w, 3) RGB in [0, 1], or an error."""
    images = host(images)
    if images.ndim != 5 or 0 in images.shape or images.shape[4] not in (1, 3):
        raise ShapeError(
            f"{function}: got images of shape {images.shape}, expected (rows, columns, h, w, c) with c 1 or 3, none of them 0"
        )
    flat = checked_images(images.reshape(-1, *images.shape[2:]), "images")
    return flat.reshape(*images.shape[:2], *flat.shape[1:])


def checked_coordinates(coordinates: Any, name: str, n: int) -> np.ndarray:
    """Coordinates as a finite, monotonic (n,) array, else an error."""
    expected = f"({n},), one for each {'column' if name == 'x' else 'row'} of images"
    coordinates = checked_array(
        host(coordinates).astype(np.float64), f"manifold_grid: got {name}", lambda shape: shape == (n,), expected
    )
    steps = np.diff(coordinates)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError(f"manifold_grid: got {name} = {coordinates}, expected finite, strictly monotonic values")
    return coordinates


def checked_kernels(weights: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    """weights as finite (h, w, in channels, filters) kernels, or an error."""
    weights = host(weights)
    if shape is not None:
        if len(shape) not in (2, 3) or weights.ndim != 2 or len(weights) != prod(shape):
            raise ShapeError(
                f"filters: got weights of shape {weights.shape} and shape={tuple(shape)}, expected dense columns "
                "(h * w, units) with shape=(h, w), or (h * w * c, units) with shape=(h, w, c)"
            )
        weights = weights.reshape(*shape, *(() if len(shape) == 3 else (1,)), -1)
    expected = "kernels (h, w, in channels, filters), or dense columns (h * w, units) with shape=(h, w)"
    return checked_array(weights, "filters: got weights", lambda shape: len(shape) == 4 and 0 not in shape, expected)


def round_ticks(coordinates: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Round numbers within increasing coordinates: their positions, in indices of the coordinates, and their labels."""
    low, high, places = coordinates[0], coordinates[-1], np.arange(len(coordinates))
    candidates = np.asarray(MaxNLocator(min(8, len(coordinates)), steps=[1, 2, 5, 10]).tick_values(low, high))
    ticks = candidates[(candidates >= low) & (candidates <= high)] if len(coordinates) > 1 else coordinates
    return np.interp(ticks, coordinates, places), [Formatter.fix_minus(f"{tick:g}") for tick in ticks]
