"""Accuracy of a classifier."""

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.metrics.checks import check_classes


def accuracy(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Share of the examples whose predicted class is their label, in [0, 1].

    predictions: classes (n,), integers, or logits or probabilities (n, classes), of which the largest is the prediction (the
    first, in a tie).  labels: (n,) integers. Raises ShapeError for shapes that do not fit, TypeError for classes or labels that
    are not integers, ValueError for no examples, for NaN, and for a label without a column.
    """
    predictions, labels = whole_array(predictions), whole_array(labels)
    if predictions.ndim not in (1, 2) or labels.shape != predictions.shape[:1]:
        raise ShapeError(
            f"accuracy: got predictions of shape {predictions.shape} and labels of shape {labels.shape}, "
            "expected (n,) or (n, classes), and (n,)"
        )
    if not len(labels):
        raise ValueError("accuracy: got no examples, expected at least one")
    check_classes("accuracy", "labels", labels, predictions.shape[1] if predictions.ndim == 2 else None)
    if np.isnan(predictions).any():
        raise ValueError("accuracy: got NaN in the predictions")
    if predictions.ndim == 2:
        predictions = predictions.argmax(axis=1)
    check_classes("accuracy", "predictions", predictions)
    return float((predictions == labels).mean())
