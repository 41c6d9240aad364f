"""Coverage of modes and classes by a generator."""

from dataclasses import dataclass

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.metrics.checks import check_classes, checked_examples
from minigen.metrics.distances import nearest


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
    Raises ShapeError if labels is not (n,), TypeError if they are not integers, ValueError for none or one out of range.
    """
    labels = whole_array(labels)
    if labels.ndim != 1:
        raise ShapeError(f"class_histogram: got labels of shape {labels.shape}, expected (n,)")
    if not len(labels):
        raise ValueError("class_histogram: got no labels, expected at least one")
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
    p = _shares("histogram", histogram)
    q = _shares("reference", np.ones(len(p)) if reference is None else reference)
    if p.shape != q.shape:
        raise ShapeError(f"reverse_kl: got histogram of shape {p.shape} and reference of shape {q.shape}, expected the same")
    seen = p > 0
    impossible = np.flatnonzero(seen & (q == 0))
    if len(impossible):
        raise ValueError(
            f"reverse_kl: got class {impossible[0]} in {p[impossible[0]]:.3g} of the histogram and never in the "
            "reference, expected only classes of the reference"
        )
    # Negative only by rounding.
    return max(float(np.sum(p[seen] * np.log(p[seen] / q[seen]))), 0.0)


def _shares(name: str, counts: np.ndarray) -> np.ndarray:
    """counts as shares of their sum, else an error that says what they are."""
    counts = whole_array(counts, dtype=np.float64)
    if counts.ndim != 1 or not len(counts):
        raise ShapeError(f"reverse_kl: got {name} of shape {counts.shape}, expected (m,) with at least one class")
    if not (np.isfinite(counts) & (counts >= 0)).all() or not counts.any():
        raise ValueError(
            f"reverse_kl: got {name} with values from {counts.min():.6g} to {counts.max():.6g}, "
            "expected finite counts or shares of at least 0, not all of them 0"
        )
    return counts / counts.sum()
