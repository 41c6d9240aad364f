"""Quality and variety separately: precision and recall of a generator."""

from typing import NamedTuple

import numpy as np

from minigen.metrics.checks import check_count, checked_examples
from minigen.metrics.distances import squared_distances


class PrecisionRecall(NamedTuple):
    """precision: share of the fakes that look real.  recall: share of the real examples that could be fakes. In [0, 1]."""

    precision: float
    recall: float


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Precision and recall by nearest neighbors: does an example lie in the region of the other set?

        region of a set = union of the balls around its examples, each as far as its k-th nearest neighbor in the set
        precision = share of fake in the region of real,   recall = share of real in the region of fake

    A generator of few but good images has precision without recall. Both values depend on k, n and m: compare only at equal ones.
    Recall relies on the region of the fakes: noise that scatters them enlarges their balls, and recall rises. Precision does not
    see what is missing.

    real: (n, ...), fake: (m, ...), each example flattened, preferably the features of a classifier. k: 1 to min(n, m) - 1.
    Distances are Euclidean, in float64. Raises ShapeError for shapes that do not fit, ValueError for too few examples, values
    that are not finite, and k out of range.
    Source: Kynkaanniemi et al. 2019, equations 1 and 2.
    """
    real, fake = checked_examples("precision_recall", 2, real=real, fake=fake)
    of = f"{len(real)} real and {len(fake)} fake examples"
    check_count("precision_recall", "k", k, least=1, most=min(len(real), len(fake)) - 1, of=of)  # available neighbors
    real_radii, fake_radii = _squared_radii(real, k), _squared_radii(fake, k)
    precise, recalled = 0, np.zeros(len(real), dtype=bool)
    for rows, distances in squared_distances(fake, real):
        precise += int((distances <= real_radii).any(axis=1).sum())
        recalled |= (distances <= fake_radii[rows, None]).any(axis=0)
    return PrecisionRecall(precise / len(fake), float(recalled.mean()))


def _squared_radii(x: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each example from its k-th nearest neighbor. (n, d) -> (n,)."""
    return np.concatenate([np.partition(distances, k - 1, axis=1)[:, k - 1] for _, distances in squared_distances(x)])
