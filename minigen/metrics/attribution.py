"""Style attribution: which of two mixed images a feature of the result comes from."""

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.metrics.checks import check_finite


def style_attribution(first: np.ndarray, second: np.ndarray, mixed: np.ndarray) -> float:
    """How far a feature of mixed images follows the second of the two images they were mixed from: 0 not at all, 1 completely.

        discrete:     the share of the images whose level is the second's, of those whose two parents have different levels
        continuous:   slope b of the regression  mixed - first = b (second - first),
                      b = sum (mixed - first)(second - first) / sum (second - first)^2

    first, second, mixed: (n,) each, an evaluator's predictions for the two images and the mixed one; a feature is discrete if
    its dtype is an integer or a bool. With the styles of some layers from the second image, it measures how much these layers
    determine the feature (Karras et al. 2019, section 3.1, show it in pictures). Errors of the evaluator pull it toward 1/2 for a
    feature that no layer changes. Raises ShapeError unless all are (n,), ValueError for parents that never differ and for values
    that are not finite.
    """
    first, second, mixed = (whole_array(values) for values in (first, second, mixed))
    if first.ndim != 1 or not first.shape == second.shape == mixed.shape:
        raise ShapeError(f"style_attribution: got shapes {first.shape}, {second.shape}, {mixed.shape}, expected (n,) three times")
    differ = first != second
    if not differ.any():
        raise ValueError("style_attribution: the two parents never differ in this feature, so nothing can follow either of them")
    if first.dtype.kind in "iub":
        return float((mixed[differ] == second[differ]).mean())
    first, way, gone = first.astype(np.float64), second.astype(np.float64) - first, mixed.astype(np.float64) - first
    check_finite("style_attribution", "a feature", np.append(way, gone))
    return float(gone @ way / (way @ way))
