"""The nearest-neighbor test: against a loop, and the four ways to be wrong, each exactly."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import distances, knn_accuracy, nearest_neighbor_test

rng = np.random.default_rng(0)
REAL, FAKE = rng.standard_normal((30, 3)), rng.standard_normal((30, 3)) + 0.8
MANY = rng.standard_normal((2, 40, 300))  # two samples of one distribution, in many dimensions


@pytest.fixture(params=[1, 1 << 18], ids=["one row a chunk", "one chunk"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(distances, "_CHUNK", request.param)


def test_equals_the_loop(chunk):
    examples = [(x, kind) for kind in (0, 1) for x in (REAL, FAKE)[kind]]
    rightly = [[], []]
    for i, (x, kind) in enumerate(examples):
        others = [(np.linalg.norm(x - y), other) for j, (y, other) in enumerate(examples) if j != i]
        rightly[kind].append(min(others)[1] == kind)
    expected = np.mean(rightly), np.mean(rightly[0]), np.mean(rightly[1])
    np.testing.assert_allclose(nearest_neighbor_test(REAL, FAKE), expected, rtol=1e-14)
    assert nearest_neighbor_test(REAL, FAKE).accuracy == pytest.approx(
        knn_accuracy(np.concatenate([REAL, FAKE]), np.arange(60) // 30, k=1), rel=1e-14
    )


def test_fakes_elsewhere_are_always_recognized():
    assert nearest_neighbor_test(REAL, REAL + 100) == (1, 1, 1)


def test_copies_are_never_recognized():
    assert nearest_neighbor_test(REAL, REAL[::-1]) == (0, 0, 0)


def test_too_little_and_too_much_variety_hide_in_the_mean():
    """In d dimensions nearly all distances between N(0, s^2 I) and N(0, t^2 I) are sqrt(d (s^2 + t^2)): least to the narrower."""
    real, other = MANY
    assert nearest_neighbor_test(real, 0.5 * other) == (0.5, 0, 1)
    assert nearest_neighbor_test(real, 2.0 * other) == (0.5, 1, 0)


def test_exchanging_the_sets_exchanges_the_parts():
    accuracy, on_real, on_fake = nearest_neighbor_test(REAL, FAKE)
    assert nearest_neighbor_test(FAKE, REAL) == pytest.approx((accuracy, on_fake, on_real), rel=1e-14)


def test_ties_count_half():
    """At 0 lie examples of both kinds; every other example is nearest to one of its own."""
    assert nearest_neighbor_test([[0.0], [0.0], [9.0], [9.0]], [[0.0], [0.0], [5.0], [5.5]]) == (0.75, 0.75, 0.75)
    collapsed = np.ones((6, 2))
    assert nearest_neighbor_test(collapsed, collapsed) == (0.5, 0.5, 0.5)


def test_samples_of_one_distribution_have_an_accuracy_just_below_half():
    """Of 3 others 1 is of your own kind: over all ways to divide 4 points into two pairs, the mean accuracy is 1/3."""
    points = rng.standard_normal((4, 2))
    divisions = [([0, a], [b for b in (1, 2, 3) if b != a]) for a in (1, 2, 3)]
    accuracies = [nearest_neighbor_test(points[real], points[fake]).accuracy for real, fake in divisions]
    assert np.mean(accuracies) == pytest.approx(1 / 3, rel=1e-14)


@pytest.mark.parametrize("arguments, error, message", [
    ((REAL, FAKE[:, :2]), ShapeError, r"nearest_neighbor_test: got real of shape \(30, 3\), fake of shape \(30, 2\)"),
    ((REAL, FAKE[:20]), ValueError, "30 real and 20 fake examples, expected equally many"),
    ((REAL[:1], FAKE[:1]), ValueError, "at least 2 in real"),
    ((REAL, FAKE * np.nan), ValueError, "NaN or infinity in fake"),
])  # fmt: skip
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        nearest_neighbor_test(*arguments)
