"""Classifiers trained on generated images."""

from typing import NamedTuple

from minigen import metrics
from minigen.backend import random
from minigen.data import Dataset
from minigen.evaluators.features import fit_evaluator
from minigen.models.classifier import FeatureClassifier


class TrainOnFake(NamedTuple):
    """Accuracies on real held-out images, in [0, 1]: of the nearest generated image's class, and of a network."""

    nearest: float
    network: float


def train_on_fake(fake: Dataset, test: Dataset, epochs: int = 4, progress: bool = True) -> TrainOnFake:
    """How well classifiers trained only on generated images classify real ones: how much of the classes they contain.

    fake: generated images and the labels they were conditioned on.  test: real ones.  Two classifiers: the class of the nearest
    generated image, in pixels (Radford et al. 2016, supplementary section 8.1), and a `FeatureClassifier`
    trained as the evaluator is. Compare with training on as many real images; fakes that are wrong, or all alike, score lower.
    The caller's random streams are not touched. Raises what `metrics.knn_accuracy` and `fit` raise.
    """
    flat = [images.reshape(len(images), -1) for images in (fake.images, test.images)]
    nearest = metrics.knn_accuracy(flat[0], fake.labels, k=1, test_codes=flat[1], test_labels=test.labels)
    with random.fork_rng():
        student = FeatureClassifier(len(fake.class_names))
        fit_evaluator(student, (fake.images, fake.labels), epochs, progress)
    return TrainOnFake(nearest, student.accuracy(test.images, test.labels))
