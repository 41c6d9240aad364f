"""A classifier on an encoder, which may be pretrained on another task; and the one whose features metrics use."""

import math
from typing import Any

import numpy as np

from minigen import losses, metrics, nn, ops
from minigen.models.sizes import checked_maps
from minigen.nn.batching import outputs


class Classifier(nn.Module):
    """Softmax regression on the features of an encoder.

        p(class|x) = softmax(encoder(x) W + b),   loss = mean over examples of -log p(label|x), in nats

    `encoder`: any module from examples of shape `input_shape` to features of any shape; it becomes part of the classifier. For
    transfer, give it a copy, `copy.deepcopy(autoencoder.encoder)`: once trained, it no longer fits its decoder. To keep it
    frozen, give the optimizer `head.parameters()` only (a BatchNorm's running statistics would still move). Training takes
    examples=(images, labels), labels (n,) from 0 to classes - 1.
    """

    in_order = ("encoder", "head")

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


class FeatureClassifier(Classifier):
    """A small convolutional network: 28 x 28 -> conv 16 -> pool -> conv 32 -> pool -> 64 features -> classes, with ReLU.

        features = relu(flatten(pool(relu(conv(pool(relu(conv(x))))))) W + b),   (n, 64)

    What a network trained on ImageNet is to photographs, this is to small gray images: distances between its features are closer
    to perception than distances between pixels. `evaluators.feature_classifier` trains it; report its `fingerprint()` with every
    score.
    """

    def __init__(self, classes: int = 10, feature_maps: tuple[int, int] = (16, 32), features: int = 64):
        first, second = checked_maps(feature_maps, 2)
        super().__init__(
            nn.Sequential(
                nn.Conv2d(1, first, 3, activation="relu"),
                nn.MaxPool2d(2),
                nn.Conv2d(first, second, 3, activation="relu"),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Dense(7 * 7 * second, features, activation="relu"),
            ),
            classes,
        )

    def features(self, images: Any) -> np.ndarray:
        """Images (n, 28, 28, 1) in [0, 1] -> features (n, 64), on the host; in evaluation mode, in batches."""
        return outputs(self, self.encoder, images)
