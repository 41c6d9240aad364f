"""Codes and their neighbors: do examples of one class lie together?"""

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.metrics.checks import check_count, checked_matrix
from minigen.metrics.distances import squared_distances


def knn_accuracy(
    codes: np.ndarray, labels: np.ndarray, k: int = 5, test_codes: np.ndarray | None = None, test_labels: np.ndarray | None = None
) -> float:
    """Fraction of examples whose class is the majority among their k nearest neighbors (Euclidean).

    With codes and labels alone: leave-one-out, each example against all the others. With a test set: each
    test example against codes. When classes tie for the majority, the one with the nearest member wins. Neighbors at exactly the
    same distance come in any order.

    codes: (n, d), labels: (n,), test_codes: (m, d), test_labels: (m,) -> accuracy in [0, 1].
    k: 1 to n, or to n - 1 in leave-one-out.
    Raises ShapeError for shapes that do not fit, ValueError for k out of range, codes that are not finite, or
    an incomplete test set.
    Source: Cover & Hart 1967.
    """
    codes, labels = _labeled(codes, labels, "codes", "labels")
    leave_one_out = test_codes is None and test_labels is None
    if leave_one_out:
        queries, query_labels = codes, labels
    elif test_codes is None or test_labels is None:
        missing = "test_codes" if test_codes is None else "test_labels"
        raise ValueError(f"knn_accuracy: got no {missing}, expected test_codes and test_labels together")
    else:
        queries, query_labels = _labeled(test_codes, test_labels, "test_codes", "test_labels")
        if queries.shape[1] != codes.shape[1]:
            raise ShapeError(f"knn_accuracy: got test_codes of shape {queries.shape}, expected (m, {codes.shape[1]}) as in codes")
    check_count("knn_accuracy", "k", k, least=1, most=len(codes) - leave_one_out)  # available neighbors

    correct = 0
    for rows, distances in squared_distances(queries, None if leave_one_out else codes):
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        order = np.take_along_axis(distances, nearest, axis=1).argsort(axis=1)
        classes = labels[np.take_along_axis(nearest, order, axis=1)]
        # votes[i, j]: neighbors with the class of neighbor j; argmax takes the first, so the nearest.
        votes = (classes[:, :, None] == classes[:, None, :]).sum(axis=2)
        predicted = np.take_along_axis(classes, votes.argmax(axis=1)[:, None], axis=1)[:, 0]
        correct += int((predicted == query_labels[rows]).sum())
    return correct / len(queries)


def _labeled(codes: np.ndarray, labels: np.ndarray, codes_name: str, labels_name: str) -> tuple[np.ndarray, np.ndarray]:
    """codes as a finite float64 matrix with one label for each row, else an error that says what they are."""
    codes, labels = checked_matrix("knn_accuracy", codes_name, codes), whole_array(labels)
    if labels.shape != codes.shape[:1]:
        raise ShapeError(f"knn_accuracy: got {labels_name} of shape {labels.shape}, expected ({len(codes)},) as in {codes_name}")
    return codes, labels
