"""A classifier on an encoder, which may be pretrained on another task."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigen import losses, metrics, nn, ops
from minigen.nn.batching import outputs


class Classifier(nn.Module):
    """Softmax regression on the features of an encoder.

        p(class|x) = softmax(encoder(x) W + b),   loss = mean over examples of -log p(label|x), in nats

    `encoder`: any module from examples of shape `input_shape` to features of any shape; it becomes part of the classifier. For
    transfer, give it a copy, `copy.deepcopy(autoencoder.encoder)`: once trained, it no longer fits its decoder. To keep it
    frozen, give the optimizer `head.parameters()` only (a BatchNorm's running statistics would still move). Training takes
    examples=(images, labels), labels (n,) from 0 to classes - 1.
    """

    def __init__(self, encoder: nn.Module, classes: int = 10, input_shape: tuple[int, ...] = (28, 28, 1)):
        self.encoder = encoder
        features = math.prod(encoder.output_shape(input_shape))
        self.head = nn.Sequential(nn.Flatten(), nn.Dense(features, classes))

    def forward(self, x: Any) -> Any:
        """Examples (n, ...) -> logits (n, classes)."""
        return self.head(self.encoder(x))

    def loss(self, x: Any, labels: Any) -> tuple[Any, dict[str, Any]]:
        """Cross entropy in nats, mean over the examples; the total and its named terms."""
        nll = losses.cross_entropy(self(x), labels)
        return nll, {"cross_entropy": nll}

    def predict(self, x: Any) -> np.ndarray:
        """Examples (n, ...) -> their most likely classes, (n,) integers on the host; in evaluation mode, in batches."""
        return outputs(self, self, x).argmax(axis=1)

    def probabilities(self, x: Any) -> np.ndarray:
        """Examples (n, ...) -> p(class|x), (n, classes), on the host; in evaluation mode, in batches."""
        return np.asarray(ops.softmax(outputs(self, self, x)))

    def accuracy(self, x: np.ndarray, labels: np.ndarray) -> float:
        """Share of the examples (n, ...) whose most likely class is their label."""
        return metrics.accuracy(self.predict(x), labels)

    def summary_children(self) -> Iterator[tuple[str, nn.Module]]:
        """The order of application, for a summary."""
        return iter((("encoder", self.encoder), ("head", self.head)))
