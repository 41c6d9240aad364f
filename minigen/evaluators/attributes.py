"""The attribute classifier, trained once per data set and cached."""

from pathlib import Path

import numpy as np

from minigen.backend import random
from minigen.data import Dataset
from minigen.errors import DataError
from minigen.evaluators.features import BATCH_SIZE, train_once
from minigen.models.attribute_classifier import AttributeClassifier, kinds
from minigen.training.examples import checksum

RECIPE = 1  # counts up when the network or its training changes, so that old files are not read
LEARNING_RATE = 4e-3


def attribute_classifier(
    train: Dataset, epochs: int = 5, cache: Path | None = None, progress: bool = True
) -> AttributeClassifier:
    """An AttributeClassifier of all factors of `train` that vary, loaded from the cache if it was trained before.

    Adam with a learning rate that falls along a cosine, batches of 64, a fixed seed; the caller's random streams are not touched.
    Five epochs on 8,000 faces of 32 x 32 take about a minute on one core; on 2,000 others it then predicts the discrete factors
    with an accuracy of 99.9 % or more, and explains 70 % (smile) to 96 % (skin) of the variance of the continuous ones. The file
    is in `cache` (default: minigen/features in the user's cache folder), named by the checksums of the data and of the factors'
    names; a file that is damaged or of another version is replaced. Raises DataError for a data set without a known factor that
    varies, or with images that are not square.
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
        train_once(model, f"{train.name}-attributes-{names:08x}", examples, RECIPE, epochs, cache, progress, LEARNING_RATE)
    return model
