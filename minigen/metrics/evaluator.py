"""The networks, trained on real images, that metrics use to evaluate generated ones."""

from typing import Any, Protocol

import numpy as np


class FeatureExtractor(Protocol):
    """Whose features tell how alike two images look: `models.attribute_classifier.AttributeClassifier`, for example."""

    def features(self, images: Any) -> np.ndarray:
        """Images (n, h, w, c) in [0, 1] -> features (n, d), on the host."""


class Evaluator(FeatureExtractor, Protocol):
    """One that also says what is seen: `models.feature_classifier.FeatureClassifier`, for example."""

    def predict(self, images: Any) -> np.ndarray:
        """Images -> classes (n,)."""
