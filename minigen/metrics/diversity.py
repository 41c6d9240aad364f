"""How different generated images are from one another."""

import numpy as np

from minigen.backend.host import whole_array
from minigen.metrics.checks import checked_examples
from minigen.metrics.distances import squared_distances

_MOST = 256  # samples compared: about a tenth of a second at 64 x 64 x 3 pixels, and enough to see a collapse


def pairwise_diversity(samples: np.ndarray, reference: np.ndarray | None = None, seed: int = 0) -> float:
    """Mean distance between two different samples, as a share of the reference's; near 0 they have collapsed onto one image.

        mean over i != j of |x_i - x_j|,   of samples  /  of reference

    From more than 256 examples 256 are drawn, so that it is cheap enough to watch during training. About 1 is right; c different
    images, repeated, still have about 1 - 1 / c: `precision_recall` and `class_histogram` detect that collapse.

    samples: (n, ...), reference: (m, ...), each example flattened, n and m at least 2; without a reference the mean distance
    itself, in the unit of the samples.  seed: of the draw. Distances are Euclidean, in float64. Raises ShapeError for shapes that
    do not fit, ValueError for too few examples, for values that are not finite among those drawn, and for a reference whose
    examples are all the same.
    """
    sets = {"samples": samples} | ({} if reference is None else {"reference": reference})
    drawn = {name: _drawn(whole_array(values), seed) for name, values in sets.items()}
    means = [_mean_distance(x) for x in checked_examples("pairwise_diversity", 2, **drawn)]
    if reference is None:
        return means[0]
    if means[1] == 0:
        raise ValueError("pairwise_diversity: got a reference whose examples are all the same, expected different ones")
    return means[0] / means[1]


def _drawn(x: np.ndarray, seed: int) -> np.ndarray:
    """x, or a random subset of the examples to compare."""
    if not x.ndim or len(x) <= _MOST:
        return x
    return x[np.random.default_rng(seed).choice(len(x), _MOST, replace=False)]


def _mean_distance(x: np.ndarray) -> float:
    """Mean Euclidean distance between two different examples: the n distances of an example from itself are 0."""
    total = sum(float(np.sqrt(distances).sum()) for _, distances in squared_distances(x, x))
    return total / (len(x) * (len(x) - 1))
