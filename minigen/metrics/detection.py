"""Anomaly detection by a score: how well it ranks anomalies, and a threshold with a known rate of false alarms."""

from math import ceil, exp, lgamma, sqrt
from typing import NamedTuple

import numpy as np

from minigen.metrics.checks import checked_arrays
from minigen.metrics.intervals import NORMAL


class Auroc(NamedTuple):
    """An area under the ROC curve, in [0, 1], and the half width of its 95 % confidence interval."""

    value: float
    half_width: float


def auroc(normal: np.ndarray, anomalous: np.ndarray) -> Auroc:
    """Area under the ROC curve: how often an anomalous example scores higher than a normal one, ties counting half.

        A = 1/(m n) sum over i, j of h(a_i, b_j),   h(a, b) = 1 if a > b, 1/2 if a = b, else 0
        A +- 1.96 sqrt( var_i(mean_j h) / m  +  var_j(mean_i h) / n )        (variances with m - 1 and n - 1)

    1: every anomaly (a_i, m of them) has a higher score than every normal example (b_j, n of them); 0.5: the score is
    uninformative; below it, normal examples score higher than anomalies. It depends neither on a threshold nor on the shares of
    the two kinds. The mean is exact, from ranks, in O((m + n) log(m + n)). The interval covers a new draw of examples, not
    another detector; if all pairs agree its width is 0, which is too small.

    normal: (n,), anomalous: (m,), scores that are high for anomalies; at least two of each.
    Raises ShapeError for other shapes, ValueError for NaN; infinite scores are allowed.
    Source: Hanley & McNeil 1982; DeLong et al. 1988, equations 4 to 6.
    """
    normal, anomalous = checked_arrays("auroc", "(n,) and (m,)", least=2, infinite=True, normal=normal, anomalous=anomalous)
    above_normal = _share_below(anomalous, normal)
    below_anomalous = 1 - _share_below(normal, anomalous)
    variance = above_normal.var(ddof=1) / len(anomalous) + below_anomalous.var(ddof=1) / len(normal)
    return Auroc(float(above_normal.mean()), NORMAL * sqrt(variance))


def alarm_threshold(normal: np.ndarray, rate: float = 0.05) -> float:
    """The score above which to raise an alarm, from held-out normal examples, so that false alarms are rare.

        the k-th smallest of n scores,   k = ceil((1 - rate) (n + 1))

    A share of at most `rate` of new normal examples from the same distribution is expected above it, whatever the distribution of
    the scores: the rank of a new one among n + 1 is uniform. The plain quantile guarantees that only for large n. The examples
    must be new to the detector: training examples score too low.

    normal: (n,) finite scores, n at least 1 / rate - 1, so that k exists.
    Raises ShapeError for another shape, ValueError for NaN, a rate outside (0, 1), and too few scores.
    Source: Vovk et al. 2005, section 2 (inductive conformal prediction).
    """
    (normal,) = checked_arrays("alarm_threshold", "(n,)", infinite=True, normal=normal)
    return float(np.sort(normal)[_place("alarm_threshold", len(normal), rate) - 1])


def false_alarm_interval(calibrated: int, tested: int, rate: float = 0.05) -> tuple[float, float]:
    """The interval of false alarm rates that contains 99 of 100 detectors: `tested` new examples, a threshold from `calibrated`.

        P(f false alarms) = C(tested, f) B(f + c, tested - f + k) / B(c, k),     c = calibrated + 1 - k,  k of `alarm_threshold`

    The beta-binomial distribution: the true rate of a threshold that is the k-th of n scores is Beta(n + 1 - k, k), and given
    that rate, alarms are counted independently. Exact for every continuous distribution of the scores. The interval excludes at
    most half a percent at either end, and includes its ends.

    Raises ValueError for a rate outside (0, 1), too few calibrated, or tested below 1.
    Source: Wilks 1941 (tolerance limits); Vovk 2012.
    """
    if tested < 1:
        raise ValueError(f"false_alarm_interval: got {tested} tested examples, expected at least 1")
    k = _place("false_alarm_interval", calibrated, rate)
    c = calibrated + 1 - k

    def log_beta(a: float, b: float) -> float:
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    ways = [lgamma(tested + 1) - lgamma(f + 1) - lgamma(tested - f + 1) for f in range(tested + 1)]
    probabilities = [exp(way + log_beta(f + c, tested - f + k) - log_beta(c, k)) for f, way in enumerate(ways)]
    ascending = np.cumsum(probabilities)
    descending = np.cumsum(probabilities[::-1])
    low, high = (int((tail <= 0.005).sum()) for tail in (ascending, descending))
    return low / tested, (tested - high) / tested


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each score the share of the others that lie below it, ties counting half: (n,), (m,) -> (n,)."""
    others = np.sort(others)
    return (others.searchsorted(scores, "left") + others.searchsorted(scores, "right")) / (2 * len(others))


def _place(metric: str, n: int, rate: float) -> int:
    """The k for which at most a share `rate` of new scores is expected above the k-th smallest of n, or an error."""
    if not 0 < rate < 1:
        raise ValueError(f"{metric}: got rate {rate}, expected a share of false alarms between 0 and 1")
    k = ceil((1 - rate) * (n + 1) - 1e-9)  # rounding, not a missing example
    if k > n:
        raise ValueError(f"{metric}: got {n} normal scores, expected at least {ceil(1 / rate - 1 - 1e-9)} for a rate of {rate:g}")
    return k
