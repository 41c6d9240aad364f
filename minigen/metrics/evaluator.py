"""The networks, trained on real images, that metrics use to evaluate generated ones."""

from typing import Any, Protocol

import numpy as np


class FeatureExtractor(Protocol):
    """A network whose features measure how similar two images look, such as `models.AttributeClassifier`."""

    def features(self, images: Any) -> np.ndarray:
        """Images (n, h, w, c) in [0, 1] -> features (n, d), on the host."""


class Evaluator(FeatureExtractor, Protocol):
    """One that also predicts classes, such as `models.FeatureClassifier`."""

    def predict(self, images: Any) -> np.ndarray:
        """Images -> classes (n,)."""
