"""Whom mixed images follow: by hand, and where a continuous feature lies on the way from one parent to the other."""

import numpy as np
import pytest

from minigen import metrics
from minigen.errors import ShapeError

rng = np.random.default_rng(5)
FIRST, SECOND = rng.standard_normal((2, 50))


def test_discrete_features_count_where_the_parents_differ():
    first, second, mixed = np.array([0, 1, 2, 0, 1]), np.array([1, 1, 0, 2, 0]), np.array([1, 0, 2, 1, 0])
    assert metrics.style_attribution(first, second, mixed) == 2 / 4  # the second pair does not count, the fourth follows neither
    assert metrics.style_attribution(first, second, second) == 1.0 and metrics.style_attribution(first, second, first) == 0.0


def test_bools_are_discrete():
    assert metrics.style_attribution(np.array([True, False]), np.array([False, True]), np.array([False, False])) == 0.5


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0, -0.5, 1.5])
def test_a_continuous_feature_scores_the_share_of_the_way_it_moves(share):
    assert metrics.style_attribution(FIRST, SECOND, FIRST + share * (SECOND - FIRST)) == pytest.approx(share, abs=1e-12)


def test_changes_independent_of_the_parents_do_not_count():
    way = SECOND - FIRST
    aside = rng.standard_normal(50)
    aside -= aside @ way / (way @ way) * way
    assert metrics.style_attribution(FIRST, SECOND, FIRST + 0.25 * way + aside) == pytest.approx(0.25, abs=1e-12)


def test_exchanged_parents_score_one_minus_the_share():
    mixed = np.where(rng.random(50) < 0.5, FIRST, SECOND)
    assert metrics.style_attribution(FIRST, SECOND, mixed) + metrics.style_attribution(SECOND, FIRST, mixed) == pytest.approx(
        1.0, abs=1e-12
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((FIRST, SECOND[:3], FIRST), ShapeError, r"got first of shape \(50,\) and second of shape \(3,\) and"),
        ((FIRST[:, None], SECOND[:, None], FIRST[:, None]), ShapeError, r"expected \(n,\) each"),
        ((FIRST, FIRST, SECOND), ValueError, "the two parents never differ"),
        ((np.zeros(3, int), np.zeros(3, int), np.ones(3, int)), ValueError, "the two parents never differ"),
        ((FIRST, np.where(FIRST > 0, np.nan, FIRST), SECOND), ValueError, "NaN or infinity"),
        ((FIRST[:0], FIRST[:0], FIRST[:0]), ShapeError, "at least 1 along each axis"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        metrics.style_attribution(*arguments)
