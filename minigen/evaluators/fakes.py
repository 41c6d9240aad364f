"""What classifiers learn from generated images."""

from typing import NamedTuple

from minigen import metrics
from minigen.backend import random
from minigen.data import Dataset
from minigen.evaluators.features import fit_evaluator
from minigen.models.feature_classifier import FeatureClassifier


class TrainOnFake(NamedTuple):
    """Accuracies on real held-out images, in [0, 1]: of the nearest generated image's class, and of a network."""

    nearest: float
    network: float


def train_on_fake(fake: Dataset, test: Dataset, epochs: int = 4, progress: bool = True) -> TrainOnFake:
    """What classifiers that have learned from generated images only know of real ones: how much of the classes is in them.

    fake: generated images and the labels that were asked for.  test: real ones.  Two classifiers: the class of the nearest
    generated image, in pixels (Radford et al. 2016, supplementary section 8.1), and a `FeatureClassifier`
    trained as the evaluator is. Compare with what as many real images teach; fakes that are wrong, or all alike, stay below it.
    The random streams of the caller are left alone. Raises what `metrics.knn_accuracy` and `fit` raise.
    """
    flat = [images.reshape(len(images), -1) for images in (fake.images, test.images)]
    nearest = metrics.knn_accuracy(flat[0], fake.labels, k=1, test_codes=flat[1], test_labels=test.labels)
    with random.fork_rng():
        student = FeatureClassifier(len(fake.class_names))
        fit_evaluator(student, (fake.images, fake.labels), epochs, progress)
    return TrainOnFake(nearest, student.accuracy(test.images, test.labels))
