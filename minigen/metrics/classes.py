"""Metrics of classes: a classifier's accuracy, and how well a generator covers modes and classes."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minigen.metrics.checks import check_classes, check_count, checked_arrays, checked_examples
from minigen.metrics.distances import nearest


def accuracy(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Share of the examples whose predicted class is their label, in [0, 1].

    predictions: classes (n,), integers, or logits or probabilities (n, classes), of which the largest is the prediction (the
    first, in a tie).  labels: (n,) integers. Raises ShapeError for shapes that do not fit and for no examples, TypeError for
    classes or labels that are not integers, ValueError for NaN and for a label without a column.
    """
    shapes = "(n,) and (n,)" if np.ndim(predictions) == 1 else "(n, classes) and (n,)"
    predictions, labels = checked_arrays("accuracy", shapes, dtype=None, infinite=True, predictions=predictions, labels=labels)
    check_classes("accuracy", "labels", labels, predictions.shape[1] if predictions.ndim == 2 else None)
    if predictions.ndim == 2:
        predictions = predictions.argmax(axis=1)
    check_classes("accuracy", "predictions", predictions)
    return float((predictions == labels).mean())


@dataclass(frozen=True, eq=False)
class ModeCoverage:
    """How generated points cover the modes of a mixture of Gaussians.

    modes: the number captured, with at least one point of high quality nearest to them.  high_quality: share of the points within
    three standard deviations of the nearest mode, in [0, 1].  histogram: (m,) int64, points of high quality nearest to each mode.
    reverse_kl: of that histogram from equal shares, in nats; NaN if no point is of high quality.
    """

    modes: int
    high_quality: float
    histogram: np.ndarray
    reverse_kl: float


def mode_coverage(points: np.ndarray, centers: np.ndarray, std: float) -> ModeCoverage:
    """Counts the modes that points of high quality reach, and how evenly they do.

        nearest mode:   argmin over j of |x - center_j|,   Euclidean
        high quality:   |x - center of the nearest mode| <= 3 std
        reverse KL:     over the points of high quality alone; the others belong to no mode

    In two dimensions a perfect sampler scores 1 - exp(-9 / 2) = 98.9 % high quality, not 100 % (less in more dimensions), and
    n points of it have a reverse KL of about (m - 1) / 2n instead of 0. Count modes at equal n: one lucky point captures a mode.

    points: (n, d).  centers: (m, d).  std: the standard deviation of every mode along each axis.
    `mode_coverage(points, ring.centers, ring.std)` evaluates points against `synthetic.gaussian_ring` or `gaussian_grid`.
    Raises ShapeError for shapes that do not fit, ValueError for no points, for values that are not finite, and for a std that
    is not positive.
    Source: Srivastava et al. 2017 (VEEGAN); Lin et al. 2018 (PacGAN).
    """
    points, centers = checked_examples("mode_coverage", 1, points=points, centers=centers)
    if not 0 < std < np.inf:
        raise ValueError(f"mode_coverage: got std {std}, expected a positive number")
    modes, distances = nearest(points, centers)
    histogram = np.bincount(modes[distances <= 3 * std], minlength=len(centers))
    good = int(histogram.sum())
    divergence = reverse_kl(histogram) if good else float("nan")
    return ModeCoverage(int(np.count_nonzero(histogram)), good / len(points), histogram, divergence)


def class_histogram(labels: np.ndarray, classes: int) -> np.ndarray:
    """How often each class occurs; `(histogram > 0).sum()` classes are captured.

    For stacked digits, labels combine a classifier's labels of the parts: 10 * first + second, of 100 classes.

    labels: (n,) integers from 0 to classes - 1 -> (classes,) int64.
    Raises ShapeError for another shape and for no labels, TypeError unless they are integers, ValueError for one out of range.
    """
    (labels,) = checked_arrays("class_histogram", "(n,)", dtype=None, labels=labels)
    check_classes("class_histogram", "labels", labels, classes)
    return np.bincount(labels.astype(np.int64), minlength=classes)


def reverse_kl(histogram: np.ndarray, reference: np.ndarray | None = None) -> float:
    """Kullback-Leibler divergence of the generated classes from the reference's, in nats; 0 for equal shares.

        sum over classes of   p log(p / q),   0 log 0 = 0

    p: the share of each class in histogram.  q: its share in reference, or 1 / m each. A missing class costs little, a single
    class log(m). n examples drawn with the shares q have about (m - 1) / 2n instead of 0.

    histogram, reference: (m,) counts or shares, at least 0.
    Raises ShapeError for shapes that do not fit, ValueError for values that are negative or not finite, that are all 0, and for a
    generated class that the reference lacks: its divergence is infinite. Source: Lin et al. 2018 (PacGAN).
    """
    sets: dict[str, Any] = {"histogram": histogram, "reference": np.ones(np.shape(histogram)) if reference is None else reference}
    for name, counts in zip(sets, checked_arrays("reverse_kl", "(m,) each", **sets)):
        if counts.min() < 0 or not counts.any():
            between = f"from {counts.min():.6g} to {counts.max():.6g}"
            raise ValueError(f"reverse_kl: got {name} with values {between}, expected counts or shares of at least 0, not all 0")
        sets[name] = counts / counts.sum()
    p, q = sets.values()
    seen = p > 0
    impossible = np.flatnonzero(seen & (q == 0))
    if len(impossible):
        raise ValueError(
            f"reverse_kl: got class {impossible[0]} in {p[impossible[0]]:.3g} of the histogram and never in the "
            "reference, expected only classes of the reference"
        )
    # Negative only by rounding.
    return max(float(np.sum(p[seen] * np.log(p[seen] / q[seen]))), 0.0)


class InceptionScore(NamedTuple):
    """The mean over parts of the samples and their standard deviation (over n, as it is always reported)."""

    mean: float
    deviation: float


def inception_score(probabilities: np.ndarray, splits: int = 10) -> InceptionScore:
    """The Inception Score's formula for any classifier: high if each sample shows a class clearly, and all classes occur.

        exp( mean over samples of KL( p(class|x) || mean p(class) ) ),   for each of the `splits` parts of the samples

    From 1 (all samples look the same to the classifier) to the number of classes. It asks only what classes samples show: one
    perfect image of each class, over and over, has the highest score, and no real image is looked at. Compare with the score of
    real images by the same classifier, at equal n and splits; only scores by the Inception network are *the* Inception Score.

    probabilities: (n, classes), p(class|x), at least 0 with sums of 1.  splits: 1 to n, parts of as many samples, in their order.
    Raises ShapeError for another shape, ValueError for splits out of range, values that are not finite, and rows that are no
    distributions. Source: Salimans et al. 2016, section 4.
    """
    (probabilities,) = checked_arrays("inception_score", "(n, classes)", probabilities=probabilities)
    check_count("inception_score", "splits", splits, least=1, most=len(probabilities), of=f"{len(probabilities)} samples")
    sums = probabilities.sum(axis=1)
    if probabilities.min() < 0 or np.abs(sums - 1).max() > 1e-4:
        worst = sums[np.abs(sums - 1).argmax()]
        raise ValueError(
            f"inception_score: got probabilities of at least {probabilities.min():.6g} with a sum of {worst:.6g}, expected "
            "at least 0 and a sum of 1 in each row; logits need a softmax"
        )
    scores = []
    for part in np.array_split(probabilities, splits):
        marginal = part.mean(axis=0)
        ratio = np.divide(part, marginal, out=np.ones_like(part), where=part > 0)  # 0 log 0 = 0
        scores.append(np.exp((part * np.log(ratio)).sum(axis=1).mean()))
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))
