"""The evaluators: one recipe, Adam with a learning rate that falls along a cosine, batches of 64, and a cache of the results."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigen import metrics, optim
from minigen.backend import random
from minigen.data import Dataset, as_pixels
from minigen.errors import DataError
from minigen.models.attribute_classifier import AttributeClassifier, kinds
from minigen.models.classifier import FeatureClassifier
from minigen.nn import Module
from minigen.training import fit
from minigen.training.cache import train_or_load
from minigen.training.examples import checksum
from minigen.utils.files import cached

RECIPE = 1  # counts up when a network or its training changes, so that old files are not read
EPOCHS = 4  # of a feature classifier
BATCH_SIZE = 64
RATE, ATTRIBUTES_RATE = 2e-3, 4e-3


def feature_classifier(
    train: Dataset, epochs: int = EPOCHS, cache: Path | None = None, progress: bool = True
) -> FeatureClassifier:
    """A FeatureClassifier trained on `train` with a fixed seed, loaded from the cache if that was done before.

    Four epochs on MNIST take about a minute on two cores and end near 99 % test accuracy. The file is in `cache` (default:
    minigen/features in the user's cache folder), named by the data's checksum, so that other data never get these weights; a file
    that is damaged or of another version is reported on stderr, and replaced. The caller's random streams are not touched.
    """
    with random.fork_rng():
        model = FeatureClassifier(len(train.class_names))
        train_once(model, train.name, (train.images, train.labels), epochs, cache, progress)
    return model


def attribute_classifier(
    train: Dataset, epochs: int = 5, cache: Path | None = None, progress: bool = True
) -> AttributeClassifier:
    """An AttributeClassifier of all factors of `train` that vary, trained or loaded as `feature_classifier` is.

    Five epochs on 8,000 faces of 32 x 32 take about a minute on one core; on 2,000 others it then predicts the discrete factors
    with an accuracy of 99.9 % or more, and explains 70 % (smile) to 96 % (skin) of the variance of the continuous ones. Its file
    is also named by the factors. Raises DataError for a data set without a known factor that varies, or with images that are not
    square.
    """
    if len(train) % BATCH_SIZE == 1:  # a batch of one has no variance for BatchNorm
        train = train[:-1]
    factors = {
        name: values.astype(np.float32) if values.dtype.kind == "f" else values
        for name, values in train.factors.items()
        if values.min() < values.max()
    }
    height, width, channels = train.images.shape[1:]
    if not factors or height != width:
        raise DataError(
            f"attribute_classifier: {train.name} has {len(factors)} factors that vary and images of "
            f"{height} x {width}, expected at least one factor, and square images"
        )
    names = checksum([np.frombuffer("\n".join(factors).encode(), dtype=np.uint8)])
    with random.fork_rng():
        model = AttributeClassifier(kinds(factors), resolution=height, channels=channels)
        model.standardize(factors)
        examples = (train.images, *factors.values())
        train_once(model, f"{train.name}-attributes-{names:08x}", examples, epochs, cache, progress, ATTRIBUTES_RATE)
    return model


class TrainOnFake(NamedTuple):
    """Accuracies on real held-out images, in [0, 1]: of the nearest generated image's class, and of a network."""

    nearest: float
    network: float


def train_on_fake(fake: Dataset, test: Dataset, epochs: int = EPOCHS, progress: bool = True) -> TrainOnFake:
    """How well classifiers trained only on generated images classify real ones: how much of the classes they contain.

    fake: generated images and the labels they were conditioned on.  test: real ones.  Two classifiers: the class of the nearest
    generated image, in pixels (Radford et al. 2016, supplementary section 8.1), and a `FeatureClassifier` trained as the
    evaluator is. Compare with training on as many real images; fakes that are wrong, or all alike, score lower. The caller's
    random streams are not touched. Raises what `metrics.knn_accuracy` and `fit` raise.
    """
    flat = [as_pixels(images).reshape(len(images), -1) for images in (fake.images, test.images)]
    nearest = metrics.knn_accuracy(flat[0], fake.labels, k=1, test_codes=flat[1], test_labels=test.labels)
    with random.fork_rng():
        student = FeatureClassifier(len(fake.class_names))
        fit_evaluator(student, (fake.images, fake.labels), epochs, progress)
    return TrainOnFake(nearest, student.accuracy(test.images, test.labels))


def train_once(
    model: Module,
    name: str,
    examples: tuple[np.ndarray, ...],
    epochs: int,
    cache: Path | None,
    progress: bool,
    rate: float = RATE,
) -> None:
    """Train a new evaluator, or load the weights that the same examples gave before."""
    made_of = f"{name}-{checksum(examples):08x}-epochs{epochs}-recipe{RECIPE}"
    path = cache / f"{made_of}.npz" if cache else cached("features", f"{made_of}.npz")
    train_or_load(model, path, made_of, lambda: fit_evaluator(model, examples, epochs, progress, rate))


def fit_evaluator(model: Module, examples: tuple[np.ndarray, ...], epochs: int, progress: bool, rate: float = RATE) -> None:
    """Train an evaluator by the one recipe."""
    total = epochs * -(-len(examples[0]) // BATCH_SIZE)
    optimizer = optim.Adam(model.parameters(), lr=optim.schedules.cosine(rate, total))
    fit(model, examples, optimizer=optimizer, epochs=epochs, batch_size=BATCH_SIZE, progress=progress)
