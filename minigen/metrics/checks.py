"""What metrics demand of their arguments, checked before anything is computed."""

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError


def checked_matrix(x: np.ndarray, name: str, columns: int | None = None) -> np.ndarray:
    """x as a finite float64 matrix, or an error that says what it is instead."""
    x = whole_array(x, dtype=np.float64)
    if x.ndim != 2 or 0 in x.shape or columns not in (None, x.shape[1]):
        expected = "(rows, columns)" if columns is None else f"(rows, {columns})"
        raise ShapeError(f"got {name} of shape {x.shape}, expected a non-empty matrix {expected}")
    if not np.isfinite(x).all():
        raise ValueError(f"got NaN or infinity in {name}, expected finite numbers")
    return x
