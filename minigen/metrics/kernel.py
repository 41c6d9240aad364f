"""Kernel distance: how far apart two sets of features are, without the bias of the Fréchet distance."""

from typing import NamedTuple

import numpy as np

from minigen.metrics.checks import check_count, checked_examples


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
    rng = np.random.default_rng(seed)
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
