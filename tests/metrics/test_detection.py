"""Anomaly detection: the area against pair counting, thresholds against their exact distribution."""

from math import comb, sqrt

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import alarm_threshold, auroc, false_alarm_interval


def counted(normal, anomalous):
    """The definition: over all pairs."""
    pairs = [(a > b) + (a == b) / 2 for a in anomalous for b in normal]
    return sum(pairs) / len(pairs)


# -- the area ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [2, 5, 1000], ids=["mostly ties", "many ties", "few ties"])
@pytest.mark.parametrize(("n", "m"), [(2, 2), (7, 40), (60, 13)])
def test_the_area_is_the_share_of_pairs_in_order(levels, n, m):
    rng = np.random.default_rng([levels, n])
    normal, anomalous = rng.integers(0, levels, n), rng.integers(levels // 5, levels, m)
    assert auroc(normal, anomalous).value == pytest.approx(counted(normal, anomalous), abs=1e-14)


def test_the_area_of_perfect_uninformative_and_inverted_scores():
    assert auroc([0.0, 1.0, -np.inf], [2.0, np.inf]) == (1.0, 0.0)
    assert auroc([2.0, 3.0], [0.0, 1.0]) == (0.0, 0.0)
    assert auroc([1.0, 1.0, 1.0], [1.0, 1.0]) == (0.5, 0.0)


def test_only_the_order_of_scores_matters():
    rng = np.random.default_rng(0)
    normal, anomalous = rng.standard_normal(50), rng.normal(0.7, 2.0, 30)
    assert auroc(normal, anomalous) == auroc(np.exp(normal), np.exp(anomalous))
    swapped = auroc(-anomalous, -normal)  # the low scores of normal examples are high scores of -normal
    assert swapped == pytest.approx(auroc(normal, anomalous), abs=1e-14)


def test_the_interval_by_hand():
    # Anomalies 2, 4 over normals 1, 3, 5: shares below 1/3, 2/3; shares above 1, 1/2, 0.
    area = auroc([1.0, 3.0, 5.0], [2.0, 4.0])
    assert area.value == 0.5
    assert area.half_width == pytest.approx(1.959964 * sqrt((1 / 18) / 2 + 0.25 / 3), rel=1e-6)


def test_the_interval_covers_the_true_area_in_95_of_100_experiments():
    rng, truth, experiments = np.random.default_rng(0), 0.7602499389065233, 4000  # Phi(1 / sqrt 2)
    areas = [auroc(rng.standard_normal(80), rng.normal(1.0, 1.0, 60)) for _ in range(experiments)]
    covered = np.mean([abs(area.value - truth) <= area.half_width for area in areas])
    assert covered == pytest.approx(0.95, abs=4 * sqrt(0.95 * 0.05 / experiments) + 0.005)  # the normal law is an approximation


# -- the threshold -----------------------------------------------------------------------------------------------


def test_the_threshold_is_an_order_statistic():
    scores = np.random.default_rng(0).permutation(99.0 + np.arange(99))
    assert alarm_threshold(scores, 0.05) == 99.0 + 94  # the 95th of 99: 0.95 * 100
    assert alarm_threshold([5.0, 7.0, 3.0], 0.25) == 7.0
    assert alarm_threshold(np.arange(19.0)) == 18.0, "nineteen are enough for one in twenty"


def test_the_expected_share_of_false_alarms_is_the_rate():
    """Exactly, in the mean over thresholds: (n + 1 - k) / (n + 1) of them, whatever the distribution."""
    rng, n, experiments = np.random.default_rng(0), 39, 40_000
    calibration = rng.exponential(size=(experiments, n)) ** 3
    thresholds = np.array([alarm_threshold(scores, 0.1) for scores in calibration])
    alarms = (rng.exponential(size=experiments) ** 3 > thresholds).mean()
    assert alarms == pytest.approx(0.1, abs=4 * sqrt(0.1 * 0.9 / experiments))


def beta_binomial(f, tested, c, k):
    """P(f) as a ratio of binomial coefficients: the places of the tested among the calibrated, all orders alike likely."""
    return comb(f + c - 1, f) * comb(tested - f + k - 1, tested - f) / comb(tested + c + k - 1, tested)


@pytest.mark.parametrize(("calibrated", "tested", "rate", "k"), [(39, 50, 0.1, 36), (199, 120, 0.05, 190), (19, 7, 0.05, 19)])
def test_the_interval_is_that_of_the_beta_binomial_distribution(calibrated, tested, rate, k):
    probabilities = [beta_binomial(f, tested, calibrated + 1 - k, k) for f in range(tested + 1)]
    assert sum(probabilities) == pytest.approx(1)
    low, high = (round(end * tested) for end in false_alarm_interval(calibrated, tested, rate))
    assert sum(probabilities[:low]) <= 0.005 < sum(probabilities[: low + 1])
    assert sum(probabilities[high + 1 :]) <= 0.005 < sum(probabilities[high:])


def test_the_interval_holds_for_detectors_drawn_at_random():
    rng, experiments = np.random.default_rng(1), 4000
    low, high = false_alarm_interval(99, 200)
    rates = [(rng.standard_normal(200) > alarm_threshold(rng.standard_normal(99))).mean() for _ in range(experiments)]
    inside = np.mean([low <= rate <= high for rate in rates])
    assert 0.99 - 4 * sqrt(0.99 * 0.01 / experiments) <= inside < 0.9999


def test_with_many_examples_the_interval_closes_around_the_rate():
    low, high = false_alarm_interval(99_999, 20_000)
    width = 2.5758 * sqrt(0.05 * 0.95 * (1 / 20_000 + 1 / 100_000))  # of a normal law
    assert (low, high) == pytest.approx((0.05 - width, 0.05 + width), abs=3e-4)


# -- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: auroc([1.0], [1.0, 2.0]), ShapeError, r"auroc: got normal of shape \(1,\) and .*, at least 2 along each axis"),
    (lambda: auroc([1.0, 2.0], [[1.0, 2.0]]), ShapeError, r"auroc: got .* anomalous of shape \(1, 2\)"),
    (lambda: auroc([1.0, 2.0], [1.0, np.nan]), ValueError, "auroc: got NaN in anomalous"),
    (lambda: alarm_threshold(np.arange(18.0)), ValueError, "got 18 normal scores, expected at least 19 for a rate of 0.05"),
    (lambda: alarm_threshold(np.arange(9.0), 1.0), ValueError, "got rate 1.0, expected a share of false alarms between 0 and 1"),
    (lambda: alarm_threshold([]), ShapeError, r"normal of shape \(0,\)"),
    (lambda: false_alarm_interval(18, 10), ValueError, "false_alarm_interval: got 18 normal scores"),
    (lambda: false_alarm_interval(100, 0), ValueError, "got 0 tested examples, expected at least 1"),
])  # fmt: skip
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
