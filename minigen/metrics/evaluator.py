"""What looks at generated images for a metric: a network, and that it has learned on real ones."""

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
