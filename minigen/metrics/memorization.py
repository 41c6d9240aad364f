"""Are generated images new? The nearest training image of each."""

from dataclasses import dataclass

import numpy as np

from minigen.metrics.checks import checked_examples
from minigen.metrics.distances import nearest


@dataclass(frozen=True, eq=False)
class NearestTraining:
    """The training image nearest to each fake, for comparison side by side.

    indices: (n,) int64, into train.  distances: (n,), Euclidean, in the unit of the images; 0 for a copy.
    memorization_ratio: median of distances / median distance of the held-out images from the training image nearest to each.
    1: the fakes are as new as new images; near 0: copies. None without held-out images.
    """

    indices: np.ndarray
    distances: np.ndarray
    memorization_ratio: float | None


def nearest_training(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray | None = None) -> NearestTraining:
    """Finds the training image nearest to each generated one (any one, in a tie), and how new the fakes are.

    The ratio needs held-out images from the distribution of the training images (the test split of `data.load("glyphs")` is not:
    it has other fonts). Blurry images are near everything, and have a ratio below 1 without being copies: look at the pairs.

    fake: (n, ...), train: (m, ...), held_out: (l, ...), each image flattened; pixels, or the features of a classifier.
    Computed in float64. Raises ShapeError for shapes that do not fit, ValueError for no images, for values that are not finite,
    and if half of held_out are copies of training images.
    """
    sets = {"fake": fake, "train": train} | ({} if held_out is None else {"held_out": held_out})
    fake, train, *others = checked_examples("nearest_training", 1, **sets)
    indices, distances = nearest(fake, train)
    ratio = None
    for images in others:
        typical = float(np.median(nearest(images, train)[1]))
        if typical == 0:
            raise ValueError(
                "nearest_training: got held_out of which half or more are copies of images in train, "
                "expected images that are not in it"
            )
        ratio = float(np.median(distances)) / typical
    return NearestTraining(indices, distances, ratio)
