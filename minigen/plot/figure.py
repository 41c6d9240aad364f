"""Shared by all pictures: the figure, the colors, and checks of the data."""

from collections.abc import Callable, Sized
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend

from minigen.backend.host import whole_array
from minigen.errors import ShapeError, conversion, to_unit_interval
from minigen.utils.files import replacing

# Ten colors that readers with any color vision can distinguish (Petroff 2021, "Accessible color sequences").
PALETTE = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
MARKERS = "os^Dv"  # class 10 has the color of class 0 and the next marker
ROUNDING = 1e-4  # how far a pixel may always lie outside [0, 1]: invisible to the eye, and in a byte
OVERSHOOT = 0.05  # the same in shares of the brightest pixel: a decoder without a sigmoid; [-1, 1] and bytes reach much farther


def new_figure(size: tuple[float, float], title: str | None, apart: float | None = None) -> Figure:
    """A figure of this size in inches, or wider if the title needs it, not managed by pyplot.

    apart: the room between panels side by side, as a fraction of the figure; None: matplotlib's usual one.
    """
    letters = max(map(len, (title or "").splitlines()), default=0)
    width = max(size[0], 0.1 * letters + 0.2)
    figure = Figure(figsize=(width, size[1]), dpi=150, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=apart))
    FigureCanvasAgg(figure)
    if title is not None:
        figure.suptitle(title, fontsize=13)
    return figure


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure in the format of the path's suffix; return its path. All formats but JPEG embed the figure's title.

    An existing file is replaced atomically.
    """
    path = Path(path)
    titles = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    title = {"Title": " ".join(next(filter(None, titles), "").split())}
    form = path.suffix.lower().removeprefix(".")
    with replacing(path) as temporary:
        figure.savefig(temporary, format=form, metadata=None if form in ("jpg", "jpeg") else title)
    return path


def host(x: Any) -> np.ndarray:
    """The values of a Tensor, an array or a list, as an array on the host."""
    return whole_array(x.numpy() if hasattr(x, "numpy") else x)


def checked_images(images: Any, name: str) -> np.ndarray:
    """images as (n, h, w) gray or (n, h, w, 3) RGB in [0, 1], else an error that says what they are.

    ValueError for pixels outside [0, 1]: clipped silently, bytes would be white, and half of [-1, 1] black. Only what rounding,
    or a decoder without bounds, adds is clipped: a twentieth of the brightest pixel, which is too little for what lies around 0,
    such as the images of an untrained generator.
    """
    images = host(images)
    if images.ndim not in (3, 4) or 0 in images.shape or (images.ndim == 4 and images.shape[3] not in (1, 3)):
        raise ShapeError(
            f"got {name} of shape {images.shape}, expected at least one image, (n, h, w), (n, h, w, 1) or (n, h, w, 3)"
        )
    if images.dtype.kind not in "fiub":
        raise ValueError(f"got {name} of dtype {images.dtype}, expected floats in [0, 1]")
    low, high = float(images.min()), float(images.max())
    if images.dtype.kind != "f":
        how = conversion(np.dtype("uint8") if high > 1 else images.dtype, "float32")
        raise ValueError(f"got {name} of dtype {images.dtype} from {low:g} to {high:g}, expected floats in [0, 1]: {how}")
    if not np.isfinite([low, high]).all():
        raise ValueError(f"got {name} with NaN or infinity, expected finite pixels in [0, 1]")
    if -low > max(ROUNDING, OVERSHOOT * high) or high > 1.0 + OVERSHOOT:
        raise ValueError(f"got {name} from {low:.4g} to {high:.4g}, expected pixels in [0, 1]: {to_unit_interval(low, high)}")
    if images.shape[3:] == (1,):
        images = images[..., 0]
    return images.clip(0.0, 1.0)


def checked_array(values: Any, name: str, fits: Callable[[tuple[int, ...]], bool], expected: str) -> np.ndarray:
    """values as a finite array whose shape fits, else an error that says what they are.  name: as in "curves: got x"."""
    values = host(values)
    if not fits(values.shape):
        raise ShapeError(f"{name} of shape {values.shape}, expected {expected}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} with NaN or infinity, expected finite values")
    return values


def checked_points(points: Any, name: str, dimensions: int) -> np.ndarray:
    """points as a finite (n, dimensions) array, else an error that says what they are."""
    expected = f"(n, {dimensions}) with n at least 1"
    return checked_array(points, f"got {name}", lambda shape: shape[:1] > (0,) and shape[1:] == (dimensions,), expected)


def check_some(function: str, what: str, given: Sized, example: str) -> None:
    """Raise ValueError if there is nothing to draw."""
    if not given:
        raise ValueError(f"{function}: got no {what}, expected at least one, as in {example}")


def grid_of(n: int, columns: int | None, function: str) -> tuple[int, int]:
    """The columns and rows of n panels: as square as possible unless `columns` says otherwise, of which ValueError if below 1."""
    if columns is not None and columns < 1:
        raise ValueError(f"{function}: columns is {columns}, expected at least 1")
    columns = min(columns or ceil(sqrt(n)), n)
    return columns, ceil(n / columns)


def open_frame(axes: Axes) -> None:
    """Keep only the two sides of the frame that carry the scales."""
    axes.spines[["top", "right"]].set_visible(False)


def enlarge_marks(legend: Legend, size: float) -> None:
    """Marks of clouds that can be seen, in a legend: of this area in square points, and opaque."""
    for handle in legend.legend_handles:
        assert isinstance(handle, PathCollection)  # what `scatter` puts there
        handle.set_sizes([size])
        handle.set_alpha(1)


def color_of(label: int) -> str:
    return PALETTE[label % len(PALETTE)]
