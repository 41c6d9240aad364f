"""PSNR, SSIM and sharpness, against loops, closed forms and PyTorch."""

from math import exp, inf, log10

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import psnr, sharpness, ssim


def images(seed, *shape):
    return np.random.default_rng(seed).random(shape)


def pairs(seed, *shape):
    """Images, and the same with noise of a strength that differs from image to image."""
    x = images(seed, *shape)
    strength = np.linspace(0.05, 0.8, shape[0]).reshape(-1, 1, 1, 1)
    return x, (1 - strength) * x + strength * images(seed + 1, *shape)


# -- PSNR --------------------------------------------------------------------------------------------------------


def test_psnr_equals_the_loop():
    x, y = pairs(0, 3, 4, 5, 2)
    values = [10 * log10(1 / (sum((p - q) ** 2 for p, q in zip(a.ravel(), b.ravel())) / 40)) for a, b in zip(x, y)]
    assert psnr(x, y) == pytest.approx(sum(values) / 3, rel=1e-13)


def test_psnr_is_the_mean_over_images_not_that_of_the_pooled_error():
    x = np.full((2, 3, 3, 1), 0.5)
    y = x + np.array([0.1, 0.01]).reshape(2, 1, 1, 1)
    assert psnr(x, y) == pytest.approx((20 + 40) / 2, rel=1e-12)


def test_psnr_of_equal_images_is_infinite():
    x = images(1, 2, 3, 3, 1)
    assert psnr(x, x) == inf
    y = x.copy()
    y[0, 0, 0, 0] = 0
    assert psnr(x, y) == inf, "one of the two is still equal"


def test_psnr_of_bytes_equals_that_of_their_fractions():
    x, y = (np.random.default_rng(seed).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8) for seed in (2, 3))
    assert psnr(x, y, peak=255) == pytest.approx(psnr(x / 255, y / 255), rel=1e-13)


# -- SSIM --------------------------------------------------------------------------------------------------------


def naive_ssim(x, y):
    """Equation 13 of Wang et al. 2004, window by window."""
    weights = np.array([[exp(-((i - 5) ** 2 + (j - 5) ** 2) / (2 * 1.5**2)) for j in range(11)] for i in range(11)])
    weights /= weights.sum()
    n, h, w, c = x.shape
    values = []
    for image in range(n):
        for channel in range(c):
            for i in range(h - 10):
                for j in range(w - 10):
                    a, b = x[image, i : i + 11, j : j + 11, channel], y[image, i : i + 11, j : j + 11, channel]
                    ma, mb = (weights * a).sum(), (weights * b).sum()
                    va, vb = (weights * (a - ma) ** 2).sum(), (weights * (b - mb) ** 2).sum()
                    cov = (weights * (a - ma) * (b - mb)).sum()
                    values.append((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    return np.mean(values)


@pytest.mark.parametrize("shape", [(2, 13, 15, 1), (1, 11, 11, 3), (2, 12, 11, 2)])
def test_ssim_equals_the_loop(shape):
    x, y = pairs(4, *shape)
    assert ssim(x, y) == pytest.approx(naive_ssim(x, y), rel=1e-10)


def test_ssim_equals_torch_with_the_window_as_one_kernel():
    torch = pytest.importorskip("torch")
    x, y = pairs(5, 3, 28, 28, 3)
    line = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    kernel = torch.outer(line, line) / line.sum() ** 2

    def mean(images):
        return torch.nn.functional.conv2d(images.permute(0, 3, 1, 2).reshape(-1, 1, 28, 28), kernel[None, None])

    a, b = torch.from_numpy(x), torch.from_numpy(y)
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    value = ((2 * ma * mb + 0.01**2) * (2 * cov + 0.03**2) / ((ma**2 + mb**2 + 0.01**2) * (va + vb + 0.03**2))).mean()
    assert ssim(x, y) == pytest.approx(float(value), rel=1e-10)


def test_ssim_of_equal_images_is_one_and_it_is_symmetric():
    x, y = pairs(6, 2, 14, 14, 1)
    assert ssim(x, x) == pytest.approx(1, abs=1e-12)
    assert ssim(x, y) == pytest.approx(ssim(y, x), rel=1e-12)


def test_ssim_of_flat_images_compares_their_brightness():
    a, b = 0.2, 0.7
    x, y = np.full((1, 12, 12, 1), a), np.full((1, 12, 12, 1), b)
    assert ssim(x, y) == pytest.approx((2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4), rel=1e-10)


def test_ssim_of_a_negative_has_the_opposite_sign():
    """Stripes about the mean 1/2: every window of x and of 1 - x has nearly the mean 1/2, and the covariance is -variance."""
    x = np.tile([0.0, 1.0], 8)[None, :, None, None] * np.ones((1, 16, 16, 1))
    assert ssim(x, 1 - x) == pytest.approx((-2 * 0.25 + 9e-4) / (2 * 0.25 + 9e-4), abs=1e-3)


def test_ssim_takes_float32_and_bools():
    x = images(7, 1, 12, 12, 1) > 0.5
    assert ssim(x, x.astype(np.float32)) == pytest.approx(1, abs=1e-12)


# -- sharpness ---------------------------------------------------------------------------------------------------


def test_sharpness_equals_the_loop():
    x = images(8, 2, 4, 5, 2)
    values = []
    for n, i, j, c in np.ndindex(2, 2, 3, 2):
        around = x[n, i, j + 1, c] + x[n, i + 2, j + 1, c] + x[n, i + 1, j, c] + x[n, i + 1, j + 2, c]
        values.append((4 * x[n, i + 1, j + 1, c] - around) ** 2)
    assert sharpness(x) == pytest.approx(np.mean(values), rel=1e-13)


def test_sharpness_of_polynomials():
    i, j = np.mgrid[:6, :7].astype(float)
    for image, energy in ((3 * i - 2 * j + 1, 0), (i**2, 4), (i**2 + j**2, 16), ((-1.0) ** (i + j), 64)):
        assert sharpness(image[None, :, :, None]) == energy


def test_blur_lowers_sharpness_by_its_transfer_function():
    """A wave of angular frequency t passes the blur (x[i-1] + x[i] + x[i+1]) / 3 times (1 + 2 cos t) / 3."""
    t = 2 * np.pi / 8
    wave = np.cos(t * np.arange(24))[None, :, None, None] * np.ones((1, 24, 5, 1))
    blurred = (wave[:, :-2] + wave[:, 1:-1] + wave[:, 2:]) / 3
    share = sharpness(blurred) / sharpness(wave[:, 1:-1])
    assert share == pytest.approx(((1 + 2 * np.cos(t)) / 3) ** 2, rel=1e-12)


# -- what is refused ---------------------------------------------------------------------------------------------

GOOD = np.full((2, 12, 12, 1), 0.5)


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (
            GOOD,
            GOOD[:1],
            ShapeError,
            r"got x of shape \(2, 12, 12, 1\) and y of shape \(1, 12, 12, 1\), expected images \(n, h, w, c\), of one shape",
        ),
        (GOOD[0], GOOD[0], ShapeError, r"got x of shape \(12, 12, 1\) and"),
        (GOOD[:0], GOOD[:0], ShapeError, r"got x of shape \(0, 12, 12, 1\)"),
        (GOOD, GOOD - 0.6, ValueError, r"got y with values from -0.1 to -0.1, expected \[0, 1\]; clip"),
        (255 * GOOD, GOOD, ValueError, r"got x with values from 127.5 to 127.5, expected \[0, 1\]; .* divide bytes by 255"),
        (GOOD, GOOD * np.nan, ValueError, "got NaN or infinity in y"),
    ],
)
def test_wrong_images_are_refused(metric, x, y, error, message):
    with pytest.raises(error, match=f"{metric.__name__}: {message}"):
        metric(x, y)


def test_images_smaller_than_the_window_are_refused():
    with pytest.raises(ShapeError, match="ssim: got images of 12 x 10 pixels, expected at least 11 x 11"):
        ssim(GOOD[:, :, :10], GOOD[:, :, :10])
    with pytest.raises(ShapeError, match="sharpness: got images of 2 x 12 pixels, expected at least 3 x 3"):
        sharpness(GOOD[:, :2])
    with pytest.raises(ValueError, match="sharpness: got NaN or infinity in x"):
        sharpness(GOOD * np.inf)
