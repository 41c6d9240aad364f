"""k nearest neighbors, against a loop."""

from collections import Counter

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import distances, knn_accuracy


def naive_accuracy(codes, labels, k, test_codes, test_labels, leave_one_out):
    correct = 0
    for i, query in enumerate(test_codes):
        distances = [(np.linalg.norm(query - c), j) for j, c in enumerate(codes) if not (leave_one_out and i == j)]
        nearest = [labels[j] for _, j in sorted(distances)[:k]]
        votes = Counter(nearest)
        winner = next(label for label in nearest if votes[label] == max(votes.values()))
        correct += winner == test_labels[i]
    return correct / len(test_codes)


@pytest.fixture(params=[1, 1 << 18], ids=["one row a chunk", "one chunk"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(distances, "_CHUNK", request.param)


def overlapping_classes(seed, n):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n) * 10
    return rng.standard_normal((n, 3)) + labels[:, None] / 20 + 100, labels


@pytest.mark.parametrize("k", [1, 2, 4, 5, 39])
def test_leave_one_out_equals_the_loop(k, chunk):
    codes, labels = overlapping_classes(0, 40)
    assert knn_accuracy(codes, labels, k) == naive_accuracy(codes, labels, k, codes, labels, True)


@pytest.mark.parametrize("k", [1, 2, 4, 5, 40])
def test_accuracy_on_a_test_set_equals_the_loop(k, chunk):
    (codes, labels), (test_codes, test_labels) = overlapping_classes(1, 40), overlapping_classes(2, 30)
    measured = knn_accuracy(codes, labels, k, test_codes, test_labels)
    assert measured == naive_accuracy(codes, labels, k, test_codes, test_labels, False)


def test_ties_go_to_the_class_of_the_nearest():
    codes, labels = np.array([[1.0], [-2.0], [-3.0], [4.0], [99.0]]), np.array(["far", "a", "a", "far", "b"])
    assert knn_accuracy(codes, labels, 4, np.zeros((1, 1)), ["far"]) == 1
    assert knn_accuracy(codes, labels, 3, np.zeros((1, 1)), ["a"]) == 1


def test_an_example_is_not_its_own_neighbor():
    assert knn_accuracy(np.array([[0.0], [1.0]]), np.array([0, 1]), k=1) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones(4), np.ones(4)), ShapeError, r"codes of shape \(4,\)"),
        ((np.ones((4, 2)), np.ones((4, 1))), ShapeError, r"labels of shape \(4, 1\), expected \(4,\) as in codes"),
        ((np.ones((4, 2)), np.ones(4), 4), ValueError, "k is 4, expected 1 to 3"),
        ((np.ones((4, 2)), np.ones(4), 0), ValueError, "k is 0"),
        ((np.ones((4, 2)), np.ones(4), 5, np.ones((3, 2)), np.ones(3)), ValueError, "k is 5, expected 1 to 4"),
        ((np.ones((4, 2)), np.ones(4), 1, np.ones((3, 2))), ValueError, "no test_labels"),
        ((np.ones((4, 2)), np.ones(4), 1, None, np.ones(3)), ValueError, "no test_codes"),
        ((np.ones((4, 2)), np.ones(4), 1, np.ones((3, 5)), np.ones(3)), ShapeError, r"\(3, 5\), expected \(m, 2\)"),
        ((np.full((4, 2), np.nan), np.ones(4), 1), ValueError, "NaN or infinity in codes"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        knn_accuracy(*arguments)
