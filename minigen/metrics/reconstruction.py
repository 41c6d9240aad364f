"""Reconstruction errors, and their lower bound."""

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError


def reconstruction_mse(x: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error mean((x - y)^2), over all elements, in the squared unit of x; summed in float64.

    x, y: arrays of the same shape; they are not broadcast.
    Raises ShapeError if the shapes differ, ValueError if the arrays are empty.
    """
    x, y = whole_array(x), whole_array(y)
    if x.shape != y.shape:
        raise ShapeError(f"reconstruction_mse: got shapes {x.shape} and {y.shape}, expected the same shape")
    if x.size == 0:
        raise ValueError(f"reconstruction_mse: got arrays of shape {x.shape}, expected at least one element")
    # float64 before the difference: unsigned bytes would wrap around.
    return float(np.mean(np.subtract(x, y, dtype=np.float64) ** 2))


def bernoulli_entropy(x: np.ndarray) -> float:
    """The smallest binary cross entropy that any prediction of the targets x can have, in nats per pixel.

        mean( -x log x - (1 - x) log(1 - x) ),   with 0 log 0 = 0,   over all elements

    Cross entropy is smallest if the prediction equals the target, and then it is the target's entropy: 0
    for black and white pixels, up to log 2 = 0.693 for gray ones. Compare a loss with this, not with 0.

    x: targets in [0, 1], any shape.
    Raises ValueError if x is empty or has a value outside [0, 1].
    """
    x = whole_array(x, dtype=np.float64)
    if x.size == 0:
        raise ValueError(f"bernoulli_entropy: got an array of shape {x.shape}, expected at least one element")
    low, high = x.min(), x.max()
    if not (low >= 0 and high <= 1):  # NaN fails too
        raise ValueError(f"bernoulli_entropy: got values from {low} to {high}, expected targets in [0, 1]")
    return float(-np.mean(_x_log_x(x) + _x_log_x(1 - x)))


def _x_log_x(x: np.ndarray) -> np.ndarray:
    """x log x, and its limit 0 at x = 0."""
    return x * np.log(np.maximum(x, np.finfo(np.float64).tiny))
