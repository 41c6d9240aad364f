"""The feature classifier, trained once per data set and cached."""

from pathlib import Path

import numpy as np

from minigen import optim
from minigen.backend import random
from minigen.data import Dataset
from minigen.models.classifier import FeatureClassifier
from minigen.nn import Module
from minigen.training import fit
from minigen.training.cache import train_or_load
from minigen.training.examples import checksum
from minigen.utils.files import cached

RECIPE = 1  # counts up when the network or its training changes, so that old files are not read
BATCH_SIZE = 64
LEARNING_RATE = 2e-3


def feature_classifier(train: Dataset, epochs: int = 4, cache: Path | None = None, progress: bool = True) -> FeatureClassifier:
    """A FeatureClassifier trained on `train`, loaded from the cache if that was done before.

    Adam with a learning rate that falls along a cosine, batches of 64, a fixed seed; the caller's random streams are not touched.
    Four epochs on MNIST take about a minute on two cores and end near 99 % test accuracy. The file is in `cache` (default:
    minigen/features in the user's cache folder), named by the data's checksum, so that other data never get these weights; a file
    that is damaged or of another version is reported on stderr, and replaced.
    """
    with random.fork_rng():
        model = FeatureClassifier(len(train.class_names))
        train_once(model, train.name, (train.images, train.labels), RECIPE, epochs, cache, progress)
    return model


def train_once(
    model: Module,
    name: str,
    examples: tuple[np.ndarray, ...],
    recipe: int,
    epochs: int,
    cache: Path | None,
    progress: bool,
    learning_rate: float = LEARNING_RATE,
) -> None:
    """Train a new evaluator, or load the weights that the same examples gave before.

    The file is in the folder `cache`, or in the user's cache, named by the checksum of the examples.
    """
    made_of = f"{name}-{checksum(examples):08x}-epochs{epochs}-recipe{recipe}"
    path = cache / f"{made_of}.npz" if cache else cached("features", f"{made_of}.npz")
    train_or_load(model, path, made_of, lambda: fit_evaluator(model, examples, epochs, progress, learning_rate))


def fit_evaluator(
    model: Module, examples: tuple[np.ndarray, ...], epochs: int, progress: bool, learning_rate: float = LEARNING_RATE
) -> None:
    """Train an evaluator by the one recipe: Adam, a learning rate that falls along a cosine, batches of 64."""
    total = epochs * -(-len(examples[0]) // BATCH_SIZE)
    optimizer = optim.Adam(model.parameters(), lr=optim.schedules.cosine(learning_rate, total))
    fit(model, examples, optimizer=optimizer, epochs=epochs, batch_size=BATCH_SIZE, progress=progress)
