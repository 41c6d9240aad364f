"""Whether weights give the figures on their card, in seconds: those of few samples, by an evaluator that nobody has to train."""

import numpy as np

from minigen import evaluators, metrics
from minigen.backend import random, seed
from minigen.data import as_pixels
from minigen.evaluators.faces import RESOLUTION
from minigen.pretrained.weights import opened
from minigen.recipes import inputs
from minigen.recipes.config import Config

SAMPLES, SEED = 1000, 0
BLOCK = 4  # pixels along the side of what is averaged where no evaluator is in the package


def check_figures(name: str) -> dict[str, float]:
    """Fréchet distance, precision and recall of 1,000 samples with seed 0 of a trained model, against training images.

    The same on every machine but for rounding: `card(name).check` has what they were when the model was packed. Faces are seen by
    the evaluator in the package, those of more than 32 x 32 pixels shrunk to that; other images as the means of 4 x 4 pixels.
    So these figures are not those of `card(name).metrics`, and only good to recognize the weights. Raises what
    `pretrained.opened` and the loader of its data raise.
    """
    _, _, config, trained = opened(name)
    train, _ = inputs.load_examples(config.data, min(SAMPLES, config.examples), config.resolution)
    with random.fork_rng():
        seed(SEED)
        samples = inputs.unpadded(config.as_images(trained.sample(SAMPLES)), train.images.shape[1])
    real, fake = (features(config, images) for images in (as_pixels(train.images), samples))
    precision, recall = metrics.precision_recall(real, fake)
    return {"Fréchet distance": metrics.frechet_distance(real, fake), "precision": precision, "recall": recall}


def features(config: Config, images: np.ndarray) -> np.ndarray:
    """(n, h, w, c) -> (n, d), without any training."""
    if config.data == "faces" and config.resolution >= RESOLUTION:
        return evaluators.face_evaluator().features(means(images, config.resolution // RESOLUTION))
    return means(images, BLOCK).reshape(len(images), -1)


def means(images: np.ndarray, block: int) -> np.ndarray:
    """The means of blocks of pixels: (n, h, w, c) -> (n, h / block, w / block, c)."""
    n, h, w, c = images.shape
    return images.reshape(n, h // block, block, w // block, block, c).mean(axis=(2, 4))
