"""The nearest-neighbor two-sample test: can two sets of examples be distinguished?"""

from typing import NamedTuple

import numpy as np

from minigen.metrics.checks import checked_examples
from minigen.metrics.distances import squared_distances


class NearestNeighborTest(NamedTuple):
    """on_real, on_fake: share of the set that its nearest neighbors classify correctly, in [0, 1].  accuracy: of both
    together."""

    accuracy: float
    on_real: float
    on_fake: float


def nearest_neighbor_test(real: np.ndarray, fake: np.ndarray) -> NearestNeighborTest:
    """Leave-one-out accuracy of the 1-nearest-neighbor classifier of real against fake: 1/2 each if they are indistinguishable.

    Each example gets the class of its nearest neighbor among all others; if both kinds are equally near, it counts half. The two
    parts show what is wrong; their mean, the accuracy, hides it where they differ:

        on_real  on_fake
        1        1        fakes lie elsewhere, or miss much of the real set
        0        1        fakes vary less: crowded in the middle, they are nearest to real examples and to one another
        1        0        fakes vary more, as under noise: then the real examples are nearest to all
        0        0        fakes are copies of real examples

    Samples of one distribution have an expected accuracy of (n - 1) / (2n - 1), because an example has n - 1 others of its own
    kind and n of the other.

    real, fake: (n, ...) each, each example flattened, preferably the features of a classifier. n: at least 2.
    Distances are Euclidean, in float64. Raises ShapeError for shapes that do not fit, ValueError for sets of different size,
    too few examples, or values that are not finite.
    Source: Lopez-Paz & Oquab 2017; Xu et al. 2018.
    """
    real, fake = checked_examples("nearest_neighbor_test", 2, real=real, fake=fake)
    n = len(real)
    if len(fake) != n:
        raise ValueError(
            f"nearest_neighbor_test: got {n} real and {len(fake)} fake examples, expected equally many; "
            "take a subset of the larger one"
        )
    # For each example of both sets, its squared distances from the nearest real one and the nearest fake one.
    nearest_real, nearest_fake = np.concatenate(
        [
            np.stack([distances[:, :n].min(axis=1), distances[:, n:].min(axis=1)], axis=1)
            for _, distances in squared_distances(np.concatenate([real, fake]))
        ]
    ).T
    taken_for_real = (nearest_real < nearest_fake) + 0.5 * (nearest_real == nearest_fake)
    on_real, on_fake = float(taken_for_real[:n].mean()), float(1 - taken_for_real[n:].mean())
    return NearestNeighborTest((on_real + on_fake) / 2, on_real, on_fake)
