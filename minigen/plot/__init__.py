"""Every picture of the library. Each function returns a matplotlib Figure, for save_figure; save_animation writes a GIF of many
frames, save_tiles a PNG of many images, fast.

Images are floats in [0, 1], (n, h, w) or (n, h, w, 1) for gray and (n, h, w, 3) for RGB, as NumPy arrays or Tensors. Arrays that
do not fit raise ShapeError. What cannot be drawn raises ValueError: values that are not finite, pixels outside [0, 1] (beyond a
twentieth of the brightest, by which a linear decoder may overshoot: the caller decides whether to clip), nothing at all, and
settings out of their range. The figures do not use pyplot: they need no display, and are freed like any object. All are imported
on first use: matplotlib takes a while.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigen.plot.animation import save_animation, save_tiles, save_walks
    from minigen.plot.charts import bars, compared_curves, curves, histograms, table, training_curves
    from minigen.plot.codes import activation_histograms, code_map, plane_fit
    from minigen.plot.figure import PALETTE, save_figure
    from minigen.plot.images import equation, filters, image_grid, image_rows, interpolation_grid, manifold_grid, walk_grid
    from minigen.plot.points import point_cloud, point_clouds, trajectories

__all__ = [
    "PALETTE",
    "activation_histograms",
    "bars",
    "code_map",
    "compared_curves",
    "curves",
    "equation",
    "filters",
    "histograms",
    "image_grid",
    "image_rows",
    "interpolation_grid",
    "manifold_grid",
    "plane_fit",
    "point_cloud",
    "point_clouds",
    "save_animation",
    "save_figure",
    "save_tiles",
    "save_walks",
    "table",
    "training_curves",
    "trajectories",
    "walk_grid",
]

FILES = ("animation", "charts", "codes", "figure", "images", "points")


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """plot.bars, plot.curves ...: found in its file on first access, an ordinary attribute from then on."""
        for file in FILES if name in __all__ else ():
            module = import_module(f"minigen.plot.{file}")
            if hasattr(module, name):
                return globals().setdefault(name, getattr(module, name))
        if name in FILES:
            return import_module(f"minigen.plot.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return [*__all__, *FILES]
