"""Fréchet distance: how far apart two sets of features are, measured by their means and covariances."""

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.metrics.checks import check_finite, checked_examples

_ROUNDING = 1e-5  # tolerance of a covariance, relative to its largest eigenvalue: the error of sums in float32


def frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of features, squared as it is always reported; 0 is best.

    `frechet_gaussians` of the means and the covariances, sums over n divided by n - 1. With the features of the Inception
    network it is called FID; its values cannot be compared with those from other features. It sees nothing beyond covariances. It
    is biased: for two samples of one distribution it is positive and falls with n about as 1 / n, so compare at equal n, and
    report n and the distance of one real set from another.

    real: (n, ...), fake: (m, ...), each example flattened to d values, preferably the features of a classifier. n, m: at least 2;
    up to d it is well defined, but mostly bias. Computed in float64. Raises ShapeError for shapes that do not fit, ValueError for
    too few examples or values that are not finite. Source: Heusel et al. 2017, equation 6.
    """
    real, fake = checked_examples("frechet_distance", 2, real=real, fake=fake)
    return _distance(*_fitted(real), *_fitted(fake))


def frechet_gaussians(mean1: np.ndarray, cov1: np.ndarray, mean2: np.ndarray, cov2: np.ndarray) -> float:
    """Fréchet distance (2-Wasserstein distance) of two Gaussians, squared.

        |mean1 - mean2|^2 + trace(C1 + C2 - 2 (C1^(1/2) C2 C1^(1/2))^(1/2))

    Covariances may be singular, as those of dead units are.

    mean1, mean2: (d,).  cov1, cov2: (d, d), symmetric without negative eigenvalues.
    Computed in float64. Raises ShapeError for shapes that do not fit, ValueError for values that are not finite and matrices
    that are not covariances.
    Source: Dowson & Landau 1982.
    """
    mean1, root1 = _gaussian("1", mean1, cov1)
    mean2, root2 = _gaussian("2", mean2, cov2)
    if mean1.shape != mean2.shape:
        raise ShapeError(
            f"frechet_gaussians: got mean1 of shape {mean1.shape} and mean2 of shape {mean2.shape}, expected the same shape"
        )
    return _distance(mean1, root1, mean2, root2)


def _distance(mean1: np.ndarray, root1: np.ndarray, mean2: np.ndarray, root2: np.ndarray) -> float:
    """Squared Fréchet distance of two Gaussians whose covariances are root^T root.

    trace (C1^(1/2) C2 C1^(1/2))^(1/2) is the sum of the singular values of C1^(1/2) C2^(1/2), which are the same for any roots.
    This avoids square roots of eigenvalues that lost their digits to squaring: a dead unit's 1e-17 would become 3e-9.
    """
    overlap = np.linalg.svd(root1 @ root2.T, compute_uv=False).sum()
    squared = ((mean1 - mean2) ** 2).sum() + (root1**2).sum() + (root2**2).sum() - 2 * overlap
    # The traces are at least twice the overlap (Cauchy-Schwarz), so anything below 0 is rounding.
    return max(float(squared), 0.0)


def _fitted(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and root of the covariance of x: (n, d) -> (d,) and (min(n, d), d)."""
    mean = x.mean(axis=0)
    # x - mean = Q R gives (x - mean)^T (x - mean) = R^T R: the covariance itself, with squared values, is never formed.
    return mean, np.linalg.qr(x - mean, mode="r") / np.sqrt(len(x) - 1)


def _gaussian(number: str, mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and root of the covariance, else an error that says what they are."""
    mean, covariance = whole_array(mean, dtype=np.float64), whole_array(covariance, dtype=np.float64)
    if mean.ndim != 1 or not len(mean) or covariance.shape != 2 * mean.shape:
        raise ShapeError(
            f"frechet_gaussians: got mean{number} of shape {mean.shape} and cov{number} of shape "
            f"{covariance.shape}, expected (d,) and (d, d)"
        )
    check_finite("frechet_gaussians", f"mean{number} or cov{number}", np.append(mean, covariance))
    if np.abs(covariance - covariance.T).max() > _ROUNDING * np.abs(covariance).max():
        raise ValueError(f"frechet_gaussians: got cov{number} that is not symmetric, expected a covariance")
    variances, directions = np.linalg.eigh(covariance)
    if variances[0] < -_ROUNDING * max(variances[-1], 0.0):
        raise ValueError(f"frechet_gaussians: got cov{number} with the eigenvalue {variances[0]:.6g}, expected none below 0")
    # Below this an eigenvalue of a singular covariance is rounding, of either sign.
    variances[variances < len(mean) * np.finfo(np.float64).eps * variances[-1]] = 0.0
    return mean, np.sqrt(variances)[:, None] * directions.T
