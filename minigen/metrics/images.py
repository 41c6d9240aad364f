"""Image quality: signal-to-noise ratio, structural similarity, sharpness; reconstruction errors and their lower bound."""

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.metrics.checks import checked_arrays

_WINDOW = 11  # pixels along a side of the window of SSIM ...
_SIGMA = 1.5  # ... and the standard deviation of its Gaussian weights, in pixels
_C1, _C2 = 0.01**2, 0.03**2  # (K1 L)^2 and (K2 L)^2 with L = 1: they keep the quotients finite where an image is flat


def psnr(x: np.ndarray, y: np.ndarray, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio in decibels, the mean over images; higher is closer.

        10 log10(peak^2 / mse),   mse = mean over the image's pixels and channels of (x - y)^2

    Infinite if any image equals its partner. Halving the error adds 6.02 dB.

    x, y: images (n, h, w, c) with values in [0, peak]; peak is 255 for bytes.
    Raises ShapeError for shapes that are not (n, h, w, c) or differ, ValueError for values outside [0, peak].
    """
    x, y = _pair("psnr", x, y, peak)
    mse = ((x - y) ** 2).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return float(np.mean(20 * np.log10(peak) - 10 * np.log10(mse)))


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Structural similarity, the mean over images; 1 for equal images, at most 1, negative for inverted structure.

        SSIM = (2 mx my + C1) (2 cov + C2) / ((mx^2 + my^2 + C1) (vx + vy + C2)),   C1 = 0.01^2,   C2 = 0.03^2

    Means mx and my, variances vx and vy and the covariance are those of a window of 11 x 11 pixels with Gaussian weights (sigma
    1.5, sum 1; variances are not corrected for bias). An image's value is the mean over channels and over the windows that lie
    entirely inside it, (h - 10) x (w - 10) of them, as in the authors' reference; nothing is padded, nothing is downsampled.

    x, y: images (n, h, w, c) with values in [0, 1], at least 11 x 11 pixels.
    Raises ShapeError for shapes that are not (n, h, w, c), differ or are too small, ValueError for values outside [0, 1].
    Source: Wang et al. 2004, equation 13.
    """
    x, y = _pair("ssim", x, y, 1.0)
    _check_size("ssim", x, _WINDOW)
    mx, my = _window_mean(x), _window_mean(y)
    vx, vy = _window_mean(x * x) - mx * mx, _window_mean(y * y) - my * my
    cov = _window_mean(x * y) - mx * my
    luminance = (2 * mx * my + _C1) / (mx * mx + my * my + _C1)
    return float(np.mean(luminance * (2 * cov + _C2) / (vx + vy + _C2)))


def sharpness(x: np.ndarray) -> float:
    """Energy of the Laplacian, the mean over images; blur lowers it, as does anything else that flattens edges.

        mean of (4 x[i, j] - x[i-1, j] - x[i+1, j] - x[i, j-1] - x[i, j+1])^2,   over inner pixels, channels and images

    Compare it only between images of one resolution and one kind; noise raises it too.

    x: images (n, h, w, c), at least 3 x 3 pixels; in the squared unit of x.
    Raises ShapeError for another shape, ValueError if x is not finite.
    """
    (x,) = checked_arrays("sharpness", "images (n, h, w, c)", x=x)
    _check_size("sharpness", x, 3)
    inner, up, down, left, right = x[:, 1:-1, 1:-1], x[:, :-2, 1:-1], x[:, 2:, 1:-1], x[:, 1:-1, :-2], x[:, 1:-1, 2:]
    return float(np.mean((4 * inner - up - down - left - right) ** 2))


def _window_mean(x: np.ndarray) -> np.ndarray:
    """Gaussian mean of each window. (n, h, w, c) -> (n, h - 10, w - 10, c)."""
    taps = np.exp(-0.5 * ((np.arange(_WINDOW) - _WINDOW // 2) / _SIGMA) ** 2)
    taps /= taps.sum()
    # The Gaussian is separable.
    rows, columns = x.shape[1] - _WINDOW + 1, x.shape[2] - _WINDOW + 1
    x = sum(tap * x[:, i : i + rows] for i, tap in enumerate(taps))
    return sum(tap * x[:, :, i : i + columns] for i, tap in enumerate(taps))


def _pair(metric: str, x: np.ndarray, y: np.ndarray, peak: float) -> tuple[np.ndarray, np.ndarray]:
    """x and y as float64 images of one shape in [0, peak], else an error that says what they are."""
    x, y = checked_arrays(metric, "images (n, h, w, c), of one shape", x=x, y=y)
    for name, images in (("x", x), ("y", y)):
        low, high = images.min(), images.max()
        if low < 0 or high > peak:
            raise ValueError(
                f"{metric}: got {name} with values from {low:.6g} to {high:.6g}, expected [0, {peak:g}]; "
                "clip the output of a linear decoder, divide bytes by 255"
            )
    return x, y


def _check_size(metric: str, x: np.ndarray, side: int) -> None:
    """Raise ShapeError for images with fewer pixels along a side."""
    if min(x.shape[1:3]) < side:
        raise ShapeError(f"{metric}: got images of {x.shape[1]} x {x.shape[2]} pixels, expected at least {side} x {side}")


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
