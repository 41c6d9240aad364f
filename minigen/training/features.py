"""The feature classifier, trained once for a data set and kept."""

import os
import zlib
from pathlib import Path

import numpy as np

from minigen import optim
from minigen.backend import random, seed
from minigen.data.dataset import Dataset
from minigen.errors import CheckpointError, StateError
from minigen.models.feature_classifier import FeatureClassifier
from minigen.training import checkpoint
from minigen.training.reconstruction import fit

RECIPE = 1  # counts up when the network or its training changes, so that old files are not read
BATCH_SIZE = 64
LEARNING_RATE = 2e-3


def feature_classifier(train: Dataset, epochs: int = 4, cache: Path | None = None, progress: bool = True) -> FeatureClassifier:
    """A FeatureClassifier trained on `train`, read from the cache if that was done before.

    Adam with a learning rate that falls along a cosine, batches of 64, a fixed seed; the random streams of the caller are left
    alone. Four epochs on MNIST take about a minute on two cores and end near 99 % test accuracy. The file lies under
    `cache` (default: minigen/features in the user's cache folder), named by the data's checksum, so that other data never meet
    these weights; a file that is damaged or of another version is made anew.
    """
    path = (cache or cache_folder()) / f"{train.name}-{checksum(train):08x}-epochs{epochs}-recipe{RECIPE}.npz"
    streams = random.state_dict()
    try:
        seed(0)
        model = FeatureClassifier(len(train.class_names))
        try:
            model.load_state_dict(checkpoint.load(path)[0]["model"])
        except (FileNotFoundError, CheckpointError, StateError, KeyError):
            path.parent.mkdir(parents=True, exist_ok=True)  # if that fails, then before the work
            total = epochs * -(-len(train) // BATCH_SIZE)
            optimizer = optim.Adam(model.parameters(), lr=optim.schedules.cosine(LEARNING_RATE, total))
            fit(model, (train.images, train.labels), optimizer=optimizer, epochs=epochs, batch_size=BATCH_SIZE, progress=progress)
            checkpoint.save(path, {"model": model.state_dict()}, {"fingerprint": model.fingerprint()})
    finally:
        random.load_state_dict(streams)
    model.eval()
    return model


def checksum(dataset: Dataset) -> int:
    """CRC-32 of images and labels."""
    images = zlib.crc32(np.ascontiguousarray(dataset.images).data)
    return zlib.crc32(np.ascontiguousarray(dataset.labels).data, images)


def cache_folder() -> Path:
    """Where the user keeps what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "minigen", "features")
