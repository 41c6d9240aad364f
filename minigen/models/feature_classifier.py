"""The classifier whose features later metrics stand on."""

from typing import Any

import numpy as np

from minigen import nn
from minigen.autograd import no_grad
from minigen.backend import to_numpy
from minigen.data import Batches
from minigen.models.classifier import BATCH, Classifier


class FeatureClassifier(Classifier):
    """A small convolutional network: 28 x 28 -> conv 16 -> pool -> conv 32 -> pool -> 64 features -> classes, with ReLU.

        features = relu(flatten(pool(relu(conv(pool(relu(conv(x))))))) W + b),   (n, 64)

    What a network trained on ImageNet is to photographs, this is to small grey images: distances between its features are
    closer to what one sees than distances between pixels. `training.feature_classifier` trains it; its `fingerprint()` belongs
    beside every score made with it.
    """

    def __init__(self, classes: int = 10):
        super().__init__(nn.Sequential(
            nn.Conv2d(1, 16, 3, activation="relu"), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, activation="relu"), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dense(7 * 7 * 32, 64, activation="relu"),
        ), classes)

    def features(self, images: Any) -> np.ndarray:
        """Images (n, 28, 28, 1) in [0, 1] -> features (n, 64), on the host; computed in batches, outside any graph."""
        with no_grad():
            batches = Batches(images, batch_size=BATCH, seed=0, shuffle=False)
            return np.concatenate([to_numpy(self.encoder(batch)) for batch in batches])
