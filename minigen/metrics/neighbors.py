"""Metrics by distances between examples: precision and recall, the two-sample test, memorization, diversity, classes of codes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from minigen.backend.host import whole_array
from minigen.metrics.checks import check_count, checked_arrays, checked_examples
from minigen.metrics.distances import nearest, squared_distances
from minigen.utils.checks import check_seed

_DRAWN = 256  # examples compared for diversity: a tenth of a second at 64 x 64 x 3 pixels, and enough to see a collapse


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


@dataclass(frozen=True, eq=False)
class NearestTraining:
    """The training image nearest to each fake, for comparison side by side.

    indices: (n,) int64, into train.  distances: (n,), Euclidean, in the unit of the images; 0 for a copy.
    memorization_ratio: median of distances / median distance of the held-out images from the training image nearest to each.
    1: the fakes are as new as new images; near 0: copies. None without held-out images.
    """

    indices: np.ndarray
    distances: np.ndarray
    memorization_ratio: float | None


def nearest_training(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray | None = None) -> NearestTraining:
    """Finds the training image nearest to each generated one (any one, in a tie), and how new the fakes are.

    The ratio needs held-out images from the distribution of the training images (the test split of `data.load("glyphs")` is not:
    it has other fonts). Blurry images are near everything, and have a ratio below 1 without being copies: look at the pairs.

    fake: (n, ...), train: (m, ...), held_out: (l, ...), each image flattened; pixels, or the features of a classifier.
    Computed in float64. Raises ShapeError for shapes that do not fit, ValueError for no images, for values that are not finite,
    and if half of held_out are copies of training images.
    """
    sets = {"fake": fake, "train": train} | ({} if held_out is None else {"held_out": held_out})
    fake, train, *others = checked_examples("nearest_training", 1, dtype=None, **sets)
    indices, distances = nearest(fake, train)
    ratio = None
    for images in others:
        typical = float(np.median(nearest(images, train)[1]))
        if typical == 0:
            raise ValueError(
                "nearest_training: got held_out of which half or more are copies of images in train, "
                "expected images that are not in it"
            )
        ratio = float(np.median(distances)) / typical
    return NearestTraining(indices, distances, ratio)


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
    sets = {name: _drawn(whole_array(values), seed) for name, values in sets.items()}
    means = [_mean_distance(x) for x in checked_examples("pairwise_diversity", 2, **sets)]
    if reference is None:
        return means[0]
    if means[1] == 0:
        raise ValueError("pairwise_diversity: got a reference whose examples are all the same, expected different ones")
    return means[0] / means[1]


def _drawn(x: np.ndarray, seed: int) -> np.ndarray:
    """At most _DRAWN of the examples."""
    rng = np.random.default_rng(check_seed("pairwise_diversity", seed))
    return x[rng.choice(len(x), _DRAWN, replace=False)] if x.ndim and len(x) > _DRAWN else x


def _mean_distance(x: np.ndarray) -> float:
    """Mean Euclidean distance between two different examples: the n distances of an example from itself are 0."""
    total = sum(float(np.sqrt(distances).sum()) for _, distances in squared_distances(x, x))
    return total / (len(x) * (len(x) - 1))


def knn_accuracy(
    codes: np.ndarray, labels: np.ndarray, k: int = 5, test_codes: np.ndarray | None = None, test_labels: np.ndarray | None = None
) -> float:
    """Fraction of examples whose class is the majority among their k nearest neighbors (Euclidean).

    With codes and labels alone: leave-one-out, each example against all the others. With a test set: each
    test example against codes. When classes tie for the majority, the one with the nearest member wins. Neighbors at exactly the
    same distance come in any order.

    codes: (n, d), labels: (n,), test_codes: (m, d), test_labels: (m,) -> accuracy in [0, 1].
    k: 1 to n, or to n - 1 in leave-one-out.
    Raises ShapeError for shapes that do not fit, ValueError for k out of range, codes that are not finite, or
    an incomplete test set.
    Source: Cover & Hart 1967.
    """
    if (test_codes is None) != (test_labels is None):
        missing = "test_codes" if test_codes is None else "test_labels"
        raise ValueError(f"knn_accuracy: got no {missing}, expected test_codes and test_labels together")
    leave_one_out = test_codes is None
    (codes,) = checked_arrays("knn_accuracy", "(n, d)", codes=codes)
    (labels,) = checked_arrays("knn_accuracy", f"({len(codes)},) as in codes", dtype=None, labels=labels)
    queries, query_labels = codes, labels
    if not leave_one_out:
        (queries,) = checked_arrays("knn_accuracy", f"(m, {codes.shape[1]}) as in codes", test_codes=test_codes)
        of_queries = f"({len(queries)},) as in test_codes"
        (query_labels,) = checked_arrays("knn_accuracy", of_queries, dtype=None, test_labels=test_labels)
    check_count("knn_accuracy", "k", k, least=1, most=len(codes) - leave_one_out)  # available neighbors

    correct = 0
    for rows, distances in squared_distances(queries, None if leave_one_out else codes):
        closest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        order = np.take_along_axis(distances, closest, axis=1).argsort(axis=1)
        classes = labels[np.take_along_axis(closest, order, axis=1)]
        # votes[i, j]: neighbors with the class of neighbor j; argmax takes the first, so the nearest.
        votes = (classes[:, :, None] == classes[:, None, :]).sum(axis=2)
        predicted = np.take_along_axis(classes, votes.argmax(axis=1)[:, None], axis=1)[:, 0]
        correct += int((predicted == query_labels[rows]).sum())
    return correct / len(queries)
