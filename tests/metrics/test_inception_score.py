"""The Inception Score's formula: a plain loop, its two ends, and what it cannot see."""

import math

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import inception_score


def test_it_equals_the_loop():
    p = np.random.default_rng(0).dirichlet([0.3] * 4, 30)
    scores = []
    for part in (p[:10], p[10:20], p[20:]):
        mean = [sum(row[c] for row in part) / 10 for c in range(4)]
        kl = sum(row[c] * math.log(row[c] / mean[c]) for row in part for c in range(4)) / 10
        scores.append(math.exp(kl))
    found = inception_score(p, splits=3)
    assert found.mean == pytest.approx(sum(scores) / 3, rel=1e-12)
    assert found.deviation == pytest.approx(np.std(scores), rel=1e-9)


def test_its_ends():
    clear = np.tile(np.eye(5), (20, 1))
    assert inception_score(clear) == pytest.approx((5, 0)), "every class, each clearly"
    assert inception_score(clear[:5], splits=1).mean == pytest.approx(5), "one image of each class is enough for the best score"
    assert inception_score(np.tile(np.eye(5)[2], (20, 1))) == pytest.approx((1, 0)), "one class only"
    assert inception_score(np.full((20, 5), 0.2)) == pytest.approx((1, 0)), "nothing clear"


def test_probabilities_of_a_float32_softmax_are_taken():
    p = np.random.default_rng(1).dirichlet([0.3] * 10, 1000).astype(np.float32)
    assert 1 < inception_score(p).mean < 10


@pytest.mark.parametrize("probabilities, splits, error, message", [
    (np.ones(3), 1, ShapeError, r"probabilities of shape \(3,\), expected \(n, classes\)"),
    (np.ones((0, 3)), 1, ShapeError, r"expected \(n, classes\), at least 1 along"),
    (np.full((5, 2), 0.5), 10, ValueError, "splits is 10 for 5 samples, expected 1 to 5"),
    (np.full((5, 2), 0.5), 0, ValueError, "splits is 0"),
    (np.ones((5, 2)), 1, ValueError, "a sum of 2, expected at least 0 and a sum of 1 in each row; logits need a softmax"),
    (np.array([[-0.5, 1.5]]), 1, ValueError, "probabilities of at least -0.5"),
    (np.full((5, 2), np.nan), 1, ValueError, "NaN or infinity in probabilities"),
])  # fmt: skip
def test_it_refuses(probabilities, splits, error, message):
    with pytest.raises(error, match=message):
        inception_score(probabilities, splits)
