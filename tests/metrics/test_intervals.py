"""Confidence intervals: published quantiles, the formula by hand, and how often they cover the truth."""

from math import sqrt

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import t_interval, wilson_interval
from minigen.metrics.intervals import student_quantile

# Two-sided 95 %, as printed in any table of Student's t.
TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 11: 2.201,
         14: 2.145, 19: 2.093, 29: 2.045, 30: 2.042, 60: 2.000, 120: 1.980}  # fmt: skip


@pytest.mark.parametrize("degrees", TABLE)
def test_quantiles_are_those_of_the_tables(degrees):
    assert student_quantile(degrees) == pytest.approx(TABLE[degrees], abs=6e-4)


def test_quantiles_in_closed_form():
    assert student_quantile(1) == pytest.approx(np.tan(0.475 * np.pi), rel=1e-12)
    assert student_quantile(2) == pytest.approx(0.95 / sqrt(2 * 0.975 * 0.025), rel=1e-12)
    z = 1.959963985  # the normal quantile, and the first term of Fisher's expansion around it
    assert student_quantile(2000) == pytest.approx(z + (z**3 + z) / (4 * 2000), rel=1e-6)


def test_the_interval_of_five_runs_by_hand():
    mean, half_width = t_interval([1.0, 2.0, 3.0, 4.0, 10.0])
    assert mean == 4.0 and half_width == pytest.approx(2.776445 * sqrt((9 + 4 + 1 + 0 + 36) / 4) / sqrt(5), rel=1e-6)


def test_intervals_are_over_the_last_axis():
    values = np.random.default_rng(0).standard_normal((2, 3, 4))
    means, half_widths = t_interval(values)
    assert means.shape == half_widths.shape == (2, 3)
    assert (means[1, 2], half_widths[1, 2]) == t_interval(values[1, 2])


def test_intervals_cover_the_true_mean_in_95_of_100_experiments():
    means, half_widths = t_interval(np.random.default_rng(0).normal(7.0, 2.0, (20_000, 5)))
    covered = (abs(means - 7.0) <= half_widths).mean()
    assert covered == pytest.approx(0.95, abs=4 * sqrt(0.95 * 0.05 / 20_000))


# -- of a share ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("successes", "trials", "low", "high"), [  # Newcombe 1998, table I, method 3
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
])  # fmt: skip
def test_wilson_intervals_are_those_of_the_published_table(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_the_ends_of_a_wilson_interval_are_where_the_score_test_turns():
    """Wilson's interval: all p that n p +- 1.96 sqrt(n p (1 - p)) does not tell from what was seen."""
    for end in wilson_interval(30, 100):
        assert abs(0.3 - end) / sqrt(end * (1 - end) / 100) == pytest.approx(1.959964, rel=1e-6)
    assert wilson_interval(np.int64(100), 100) == pytest.approx((1 - wilson_interval(0, 100)[1], 1.0), rel=1e-12)


def test_wilson_intervals_cover_the_probability_in_95_of_100_experiments():
    for p in (0.02, 0.3, 0.5):
        counts = np.random.default_rng(0).binomial(1000, p, 4000)
        ends = np.array([wilson_interval(int(count), 1000) for count in counts])
        covered = ((ends[:, 0] <= p) & (p <= ends[:, 1])).mean()
        assert covered == pytest.approx(0.95, abs=0.015)


def test_wrong_counts_are_refused():
    for successes, trials in ((-1, 10), (11, 10), (0, 0)):
        with pytest.raises(ValueError, match=f"got {successes} successes of {trials} trials"):
            wilson_interval(successes, trials)
    with pytest.raises(TypeError, match="successes are counted in whole numbers, got 0.5"):
        wilson_interval(0.5, 10)


# -- refusals -------------------------------------------------------------------------------------------------------------


def test_wrong_values_are_refused():
    for values in (3.0, [], [1.0]):
        with pytest.raises(ShapeError, match="at least two runs"):
            t_interval(values)
    with pytest.raises(ValueError, match="NaN or infinity"):
        t_interval([1.0, np.nan])
