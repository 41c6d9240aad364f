"""How far apart two sets of features are: the Fréchet distance, and the kernel distance, which is unbiased."""

from typing import NamedTuple

import numpy as np

from minigen.metrics.checks import check_count, checked_arrays, checked_examples
from minigen.utils.checks import check_seed

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
    mean1, cov1, mean2, cov2 = checked_arrays(
        "frechet_gaussians", "(d,), (d, d), (d,) and (d, d)", mean1=mean1, cov1=cov1, mean2=mean2, cov2=cov2
    )
    return _distance(mean1, _root("cov1", cov1), mean2, _root("cov2", cov2))


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


def _root(name: str, covariance: np.ndarray) -> np.ndarray:
    """The root of a covariance (d, d), else an error that says what it is."""
    if np.abs(covariance - covariance.T).max() > _ROUNDING * np.abs(covariance).max():
        raise ValueError(f"frechet_gaussians: got {name} that is not symmetric, expected a covariance")
    variances, directions = np.linalg.eigh(covariance)
    if variances[0] < -_ROUNDING * max(variances[-1], 0.0):
        raise ValueError(f"frechet_gaussians: got {name} with the eigenvalue {variances[0]:.6g}, expected none below 0")
    # Below this an eigenvalue of a singular covariance is rounding, of either sign.
    variances[variances < len(covariance) * np.finfo(np.float64).eps * variances[-1]] = 0.0
    return np.sqrt(variances)[:, None] * directions.T


class KernelDistance(NamedTuple):
    """A mean over blocks and their standard deviation (blocks - 1 in its denominator; NaN for a single block).

    Blocks are drawn from the same examples, so that the deviation is not a standard error: it measures the error of one block.
    """

    mean: float
    deviation: float


def kernel_distance(
    real: np.ndarray, fake: np.ndarray, blocks: int = 10, block_size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Squared maximum mean discrepancy of two sets of features under the cubic kernel, mean over random blocks; 0 is best.

        MMD^2 = mean over i != j of k(x_i, x_j)  +  mean over i != j of k(y_i, y_j)  -  2 mean over all i, j of k(x_i, y_j)
        k(x, y) = (x.y / d + 1)^3

    x and y: a block, block_size examples of each set, drawn without repetition. The estimate is unbiased at any block size: for
    two sets of one distribution its expectation is 0, so that it is sometimes negative, and sets of any size can be compared. It
    compares only means, covariances and third moments. For N(0, s^2 I) and N(0, t^2 I) it is 3 (s^2 - t^2)^2 / d: it is
    insensitive to noise spread over many features, such as raw pixels. With the Inception network's features it is called KID.

    real: (n, ...), fake: (m, ...), each example flattened to d values, preferably the features of a classifier. block_size: 2 to
    min(n, m).  seed: of the blocks.
    Computed in float64. Raises ShapeError for shapes that do not fit, ValueError for too few examples, values that are not
    finite, no blocks, and a block_size out of range.
    Source: Binkowski et al. 2018; Gretton et al. 2012, lemma 6.
    """
    real, fake = checked_examples("kernel_distance", 2, real=real, fake=fake)
    check_count("kernel_distance", "blocks", blocks, least=1)
    of = f"{len(real)} real and {len(fake)} fake examples"
    check_count("kernel_distance", "block_size", block_size, least=2, most=min(len(real), len(fake)), of=of)
    rng = np.random.default_rng(check_seed("kernel_distance", seed))
    estimates = np.array(
        [squared_mmd(*(x[rng.choice(len(x), block_size, replace=False)] for x in (real, fake))) for _ in range(blocks)]
    )
    return KernelDistance(float(estimates.mean()), float(estimates.std(ddof=1)) if blocks > 1 else float("nan"))


def squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased estimate of MMD^2 under the cubic kernel, as in `kernel_distance`. x: (n, d), y: (m, d), n and m at least 2."""
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2 * float(_cubic(x, y).mean())


def _mean_of_pairs(x: np.ndarray) -> float:
    """Mean of the kernel over pairs of different examples: pairs of an example with itself would bias it."""
    kernel = _cubic(x, x)
    return float(kernel.sum() - kernel.trace()) / (len(x) * (len(x) - 1))


def _cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(x.y / d + 1)^3 of all pairs. (n, d), (m, d) -> (n, m)."""
    linear = x @ y.T / x.shape[1] + 1
    return linear * linear * linear  # NumPy's power of 3 is many times slower
