"""The feature classifier, trained once for a data set and kept; and what it can learn from generated images."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigen import metrics, optim
from minigen.backend import random
from minigen.data.dataset import Dataset
from minigen.errors import CheckpointError, StateError
from minigen.models.feature_classifier import FeatureClassifier
from minigen.nn import Module
from minigen.training import checkpoint
from minigen.training.fitting import fit
from minigen.training.run import checksum
from minigen.utils.files import cached, keeping
from minigen.utils.reading import shortened

RECIPE = 1  # counts up when the network or its training changes, so that old files are not read
BATCH_SIZE = 64
LEARNING_RATE = 2e-3


def feature_classifier(train: Dataset, epochs: int = 4, cache: Path | None = None, progress: bool = True) -> FeatureClassifier:
    """A FeatureClassifier trained on `train`, read from the cache if that was done before.

    Adam with a learning rate that falls along a cosine, batches of 64, a fixed seed; the random streams of the caller are left
    alone. Four epochs on MNIST take about a minute on two cores and end near 99 % test accuracy. The file lies under
    `cache` (default: minigen/features in the user's cache folder), named by the data's checksum, so that other data never meet
    these weights; a file that is damaged or of another version is told on stderr, and made anew.
    """
    with random.aside():
        model = FeatureClassifier(len(train.class_names))
        train_or_load(model, train.name, (train.images, train.labels), RECIPE, epochs, cache, progress)
    return model


class TrainOnFake(NamedTuple):
    """Accuracies on real held-out images, in [0, 1]: of the nearest generated image's class, and of a network."""

    nearest: float
    network: float


def train_on_fake(fake: Dataset, test: Dataset, epochs: int = 4, progress: bool = True) -> TrainOnFake:
    """What classifiers know of real images that have learned from generated ones only: how much of the classes is in them.

    fake: generated images and the labels that were asked for.  test: real ones.  Two classifiers: the class of the nearest
    generated image, in pixels (Radford et al. 2016, supplementary section 8.1), and a `FeatureClassifier`
    trained as the evaluator is. Beside it belongs what as many real images teach; below it lie fakes that are wrong, or all
    alike. The random streams of the caller are left alone. Raises what `metrics.knn_accuracy` and `fit` raise.
    """
    flat = [images.reshape(len(images), -1) for images in (fake.images, test.images)]
    nearest = metrics.knn_accuracy(flat[0], fake.labels, k=1, test_codes=flat[1], test_labels=test.labels)
    with random.aside():
        student = FeatureClassifier(len(fake.class_names))
        learn(student, (fake.images, fake.labels), epochs, progress)
    return TrainOnFake(nearest, student.accuracy(test.images, test.labels))


def train_or_load(
    model: Module,
    name: str,
    examples: tuple[np.ndarray, ...],
    recipe: int,
    epochs: int,
    cache: Path | None,
    progress: bool,
    learning_rate: float = LEARNING_RATE,
) -> None:
    """Train a model that has just been made, or read what the same examples have made of such a one; then evaluation mode.

    The file lies in the folder `cache`, or in the user's cache, named by the checksum of the examples. One that is damaged, or
    was made of others, or whose weights are not those that were learned, is told on stderr and made anew. Where none can be
    written, that is said, and the model serves nevertheless.
    """
    made_of = f"{name}-{checksum(examples):08x}-epochs{epochs}-recipe{recipe}"
    path = cache / f"{made_of}.npz" if cache else cached("features", f"{made_of}.npz")
    if not read_kept(path, "model", model, made_of):
        learn(model, examples, epochs, progress, learning_rate)
        keep(path, "model", model, made_of)
    model.eval()


def keep(path: Path | None, part: str, model: Module, made_of: str) -> None:
    """Write a trained model to a file, if that can be done, for `read_kept`. made_of: what it has learned, and how."""
    if path:
        with keeping():
            checkpoint.save(path, {part: model.state_dict()}, {"made of": made_of, "fingerprint": model.fingerprint()})


def read_kept(path: Path | None, part: str, model: Module, made_of: str) -> bool:
    """Read the weights of a model that was trained before; False if there is no file that can be trusted.

    Of a file that is there, and is damaged, of another version, or not of this model, a line on stderr says so.
    """
    if path is None:
        return False
    before = model.state_dict()
    try:
        with checkpoint.opened(path) as saved:
            if saved.header.get("made of") != made_of:
                raise CheckpointError(f"{path} was made of {shortened(saved.header.get('made of'))}, not of {made_of}")
            model.load_state_dict(saved.fitting(part, model))
            if saved.header.get("fingerprint") != model.fingerprint():
                model.load_state_dict(before)
                raise CheckpointError(f"{path} holds other weights than those that were trained")
    except FileNotFoundError:
        return False
    except (CheckpointError, StateError) as error:
        named = "" if str(path) in str(error) else f"{path}: "
        print(f"minigen: {named}{error}; it is trained anew", file=sys.stderr)
        return False
    return True


def learn(
    model: Module, examples: tuple[np.ndarray, ...], epochs: int, progress: bool, learning_rate: float = LEARNING_RATE
) -> None:
    """Train an evaluator by the one recipe: Adam, a learning rate that falls along a cosine, batches of 64."""
    total = epochs * -(-len(examples[0]) // BATCH_SIZE)
    optimizer = optim.Adam(model.parameters(), lr=optim.schedules.cosine(learning_rate, total))
    fit(model, examples, optimizer=optimizer, epochs=epochs, batch_size=BATCH_SIZE, progress=progress)
