"""The evaluator of any other pictures: trained to tell their classes, if they have several, and real ones from spoiled ones."""

from pathlib import Path

import numpy as np

from minigen.backend import random
from minigen.baselines import spoiling
from minigen.data import Dataset, as_pixels
from minigen.errors import DataError
from minigen.evaluators.classifiers import ATTRIBUTES_RATE, BATCH_SIZE, train_once
from minigen.evaluators.faces import SPOILED
from minigen.models.attribute_classifier import AttributeClassifier

CLASS = "class"  # the factor beside "spoiled"
STEPS = 500  # of its training, by default, however few the pictures are
MOST = 8000  # pictures, and as many spoiled ones


def picture_evaluator(
    train: Dataset, epochs: int | None = None, cache: Path | None = None, progress: bool = True
) -> AttributeClassifier:
    """An AttributeClassifier with the factor "spoiled" and, if there are several classes, "class".

    It is trained on at most 8,000 images of `train`, and on the same, spoiled in one of seven ways (`baselines.spoiling`). Which
    one it must tell, and so it looks at details, also of pictures without classes. It knows the training images: with few of
    them, those held out look less real to it. epochs: by default as many as make 500 steps. Trained or loaded as
    `evaluators.attribute_classifier` is. Raises DataError unless the images are squares with a side of at least 8.
    """
    height, width, channels = train.images.shape[1:]
    if height != width or height < 8:
        raise DataError(
            f"{train.name}: there is no evaluator for images of {height} x {width}, but for squares with a side of at least 8"
        )
    with random.fork_rng():
        images, factors = examples(train[:MOST])
        levels = {CLASS: len(train.class_names), SPOILED: len(spoiling.KINDS) + 1}
        model = AttributeClassifier({name: levels[name] for name in factors}, height, channels)
        epochs = epochs or -(-STEPS * BATCH_SIZE // len(images))
        train_once(model, f"{train.name}-spoiled", (images, *factors.values()), epochs, cache, progress, ATTRIBUTES_RATE)
    return model


def examples(train: Dataset) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Real images, then the same ones spoiled, and their factors; a spoiled one keeps its class."""
    real = as_pixels(train.images)
    spoiled, kind = spoiling.spoil(real, np.random.default_rng(0))
    factors = {SPOILED: np.concatenate([np.zeros(len(real), np.int64), kind])}
    if len(train.class_names) > 1:
        factors = {CLASS: np.concatenate([train.labels, train.labels])} | factors
    return np.concatenate([real, spoiled]), factors
