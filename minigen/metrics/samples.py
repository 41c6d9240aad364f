"""Everything a judge can say of generated images, in one go."""

from typing import Any, Protocol

import numpy as np

from minigen.metrics.coverage import class_histogram, reverse_kl
from minigen.metrics.frechet import frechet_distance
from minigen.metrics.kernel import kernel_distance
from minigen.metrics.precision_recall import precision_recall
from minigen.metrics.two_sample import nearest_neighbour_test

COMPARED = 5000  # examples that are compared with one another, one by one


class Judge(Protocol):
    """What judges: `models.FeatureClassifier`, for example."""

    def features(self, images: Any) -> np.ndarray:
        """Images (n, h, w, c) in [0, 1] -> features (n, d)."""

    def predict(self, images: Any) -> np.ndarray:
        """Images -> classes (n,)."""


def judge_samples(judge: Judge, samples: np.ndarray, real: np.ndarray, held_out: np.ndarray | None = None) -> dict[str, float]:
    """Name -> number, of generated images beside real ones, in the space of the judge's features.

    "Frechet distance" and "kernel distance" (0 for equal distributions), "precision" and "recall" (k = 3), "1-NN on real" and
    "1-NN on fake" (1/2 if nothing tells them apart), "rarest class" (its share of the samples, in fair shares: 1 if all classes
    are equally frequent) and "reverse KL" of the classes from the real ones', in nats. With `held_out` real images also
    "Frechet floor", their distance from `real`: no generator can be expected below it.

    samples: (n, h, w, c), real: (m, h, w, c), held_out, all in [0, 1]. Frechet distances from as many of `real` as there are
    samples, for they depend on the numbers; neighbours from at most 5,000 of each. Scores of different judges, and of different
    n, cannot be compared: print `judge.fingerprint()` and n beside them.
    """
    real = real[:len(samples)]
    fake_features, real_features = judge.features(samples), judge.features(real)
    few_real, few_fake = (features[:min(len(samples), len(real), COMPARED)] for features in (real_features, fake_features))
    judged = judge.predict(samples), judge.predict(real)
    classes = int(max(labels.max() for labels in judged)) + 1
    histogram, true = (class_histogram(labels, classes) for labels in judged)
    manifold, neighbours = precision_recall(few_real, few_fake), nearest_neighbour_test(few_real, few_fake)
    scores = {
        "Frechet distance": frechet_distance(real_features, fake_features),
        "kernel distance": kernel_distance(real_features, fake_features, block_size=min(1000, len(few_real))).mean,
        "precision": manifold.precision, "recall": manifold.recall,
        "1-NN on real": neighbours.on_real, "1-NN on fake": neighbours.on_fake,
        "rarest class": float(histogram.min() * classes / histogram.sum()),
        "reverse KL": reverse_kl(histogram, np.maximum(true, 1)),
    }
    if held_out is not None:
        scores["Frechet floor"] = frechet_distance(real_features, judge.features(held_out[:len(samples)]))
    return scores
