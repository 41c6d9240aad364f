"""Every picture of the library. Each function returns a matplotlib Figure, for save_figure; save_animation writes a GIF of many
frames, save_tiles a PNG of many images, fast.

Images are floats in [0, 1], (n, h, w) or (n, h, w, 1) for gray and (n, h, w, 3) for RGB, as NumPy arrays or Tensors. Arrays that
do not fit raise ShapeError. What cannot be drawn raises ValueError: values that are not finite, pixels outside [0, 1], which a
linear decoder may give (the caller decides whether to clip), nothing at all, and settings out of their range. The figures do not
use pyplot: they need no display, and are freed like any object.
"""

from minigen.plot.animation import save_animation, save_tiles
from minigen.plot.charts import bars, curves, histograms, table, training_curves
from minigen.plot.codes import activation_histograms, code_map, plane_fit
from minigen.plot.figure import PALETTE, save_figure
from minigen.plot.images import equation, filters, image_grid, image_rows, interpolation_grid, manifold_grid
from minigen.plot.points import point_cloud, point_clouds, trajectories

__all__ = [
    "PALETTE",
    "activation_histograms",
    "bars",
    "code_map",
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
    "table",
    "training_curves",
    "trajectories",
]
