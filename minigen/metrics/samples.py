"""Generated images evaluated by a network that was trained on real ones: all metrics in one call."""

from typing import Any, Protocol

import numpy as np

from minigen.metrics.classes import class_histogram, reverse_kl
from minigen.metrics.features import frechet_distance, kernel_distance
from minigen.metrics.neighbors import nearest_neighbor_test, precision_recall


class FeatureExtractor(Protocol):
    """Whose features tell how alike two images look: `models.attribute_classifier.AttributeClassifier`, for example."""

    def features(self, images: Any) -> np.ndarray:
        """Images (n, h, w, c) in [0, 1] -> features (n, d), on the host."""


class Evaluator(FeatureExtractor, Protocol):
    """One that also says what is seen: `models.classifier.FeatureClassifier`, for example."""

    def predict(self, images: Any) -> np.ndarray:
        """Images -> classes (n,)."""


COMPARED = 5000  # examples that are compared pairwise


def evaluate_samples(
    evaluator: Evaluator, samples: np.ndarray, real: np.ndarray, others: np.ndarray | None = None
) -> dict[str, float]:
    """Name -> value, for generated images against real ones, in the space of the evaluator's features.

    "Fréchet distance" and "kernel distance" (0 for equal distributions), "precision" and "recall" (k = 3), "1-NN on real" and
    "1-NN on fake" (1/2 if indistinguishable), "rarest class" (its share of the samples, in fair shares: 1 if all classes are
    equally frequent; classes up to the largest observed) and "reverse KL" of the classes from the real ones', in nats, a class
    without real images counting as one image. With `others`, real images that are not in `real` but from the same distribution,
    also "Fréchet floor" and "kernel floor", their distances from `real`: no generator can be expected to score below them. (The
    test split of `data.load("glyphs")` has other fonts: use a second part of the training split.)

    samples: (n, h, w, c), real and others at least n such images, all in [0, 1]; n of each are used, because the distances depend
    on their number, and at most 5,000 for neighbors. Scores of different evaluators, or different n, are not comparable: print
    `evaluator.fingerprint()` and n with them. Raises ValueError for fewer real images than samples.
    """
    for name, images in (("real", real), ("others", others)):
        if images is not None and len(images) < len(samples):
            raise ValueError(
                f"evaluate_samples: got {len(samples)} samples and {len(images)} {name} images, expected as many or more"
            )
    real = real[: len(samples)]
    fake_features, real_features = evaluator.features(samples), evaluator.features(real)
    few_real, few_fake = (features[: min(len(samples), len(real), COMPARED)] for features in (real_features, fake_features))
    predicted = evaluator.predict(samples), evaluator.predict(real)
    classes = int(max(labels.max() for labels in predicted)) + 1
    histogram, true = (class_histogram(labels, classes) for labels in predicted)
    manifold, neighbors = precision_recall(few_real, few_fake), nearest_neighbor_test(few_real, few_fake)
    scores = {
        "Fréchet distance": frechet_distance(real_features, fake_features),
        "kernel distance": kernel_distance(real_features, fake_features, block_size=min(1000, len(few_real))).mean,
        "precision": manifold.precision,
        "recall": manifold.recall,
        "1-NN on real": neighbors.on_real,
        "1-NN on fake": neighbors.on_fake,
        "rarest class": float(histogram.min() * classes / histogram.sum()),
        "reverse KL": reverse_kl(histogram, np.maximum(true, 1)),
    }
    if others is not None:
        other_features = evaluator.features(others[: len(samples)])
        scores["Fréchet floor"] = frechet_distance(real_features, other_features)
        scores["kernel floor"] = kernel_distance(real_features, other_features, block_size=min(1000, len(few_real))).mean
    return scores
