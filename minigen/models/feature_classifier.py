"""The classifier whose features metrics use."""

from typing import Any

import numpy as np

from minigen import nn
from minigen.models.classifier import Classifier
from minigen.nn.batching import outputs


class FeatureClassifier(Classifier):
    """A small convolutional network: 28 x 28 -> conv 16 -> pool -> conv 32 -> pool -> 64 features -> classes, with ReLU.

        features = relu(flatten(pool(relu(conv(pool(relu(conv(x))))))) W + b),   (n, 64)

    What a network trained on ImageNet is to photographs, this is to small gray images: distances between its features are closer
    to perception than distances between pixels. `evaluators.feature_classifier` trains it; report its `fingerprint()` with every
    score.
    """

    def __init__(self, classes: int = 10, feature_maps: tuple[int, int] = (16, 32), features: int = 64):
        first, second = feature_maps
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
