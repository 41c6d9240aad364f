"""Accuracy, against the count by hand."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import accuracy


def test_accuracy_of_classes_and_of_logits_equals_the_count():
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((50, 4)), rng.integers(0, 4, 50)
    right = sum(1 for row, label in zip(logits.tolist(), labels.tolist()) if row.index(max(row)) == label)
    assert 0 < right < 50
    assert accuracy(logits, labels) == accuracy(logits.argmax(axis=1), labels) == right / 50


def test_in_a_tie_the_first_class_is_the_prediction():
    assert accuracy([[1.0, 1.0], [0.0, 0.0]], [0, 1]) == 0.5


@pytest.mark.parametrize(("predictions", "labels", "error", "message"), [
    ([0, 1], [0], ShapeError, r"shape \(2,\) and labels of shape \(1,\)"),
    ([0, 1], [[0, 1]], ShapeError, r"labels of shape \(1, 2\)"),
    (np.zeros((2, 3, 4)), [0, 1], ShapeError, r"expected \(n, classes\) and \(n,\)"),
    (np.zeros(0, int), np.zeros(0, int), ShapeError, "at least 1 along"),
    ([[0.0, np.nan]], [0], ValueError, "NaN"),
    ([[0.0, 1.0]], [2], ValueError, "labels from 2 to 2, expected 0 to 1"),
    ([[0.0, 1.0]], [-1], ValueError, "labels from -1 to -1"),
    ([0.9, 0.1], [1, 0], TypeError, "predictions as float64, expected integers"),
    ([1, 0], [1.0, 0.0], TypeError, "labels as float64, expected integers"),
])  # fmt: skip
def test_wrong_arguments_are_refused(predictions, labels, error, message):
    with pytest.raises(error, match=message):
        accuracy(predictions, labels)
