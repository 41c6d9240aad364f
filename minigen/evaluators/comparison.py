"""Generated images beside everything that they must be told from: trivial samplers, copies, and real images held out."""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np

from minigen import data, metrics
from minigen.baselines import trivial_samples
from minigen.data import Dataset, as_pixels
from minigen.errors import DataError

MEASURED = 5000  # samples at most: distances and neighbors depend on their number, which is the same for all that is compared
NEARNESS = 1000  # of them whose nearest training images are looked for
DRAWN = 256  # samples of a class at most, of which pairs are compared
HELD_OUT_SEED = 1  # of glyphs that no generator sees: the training split has seed 0
COPY = 0.1  # as near to a training image, as a share of a held-out image's typical distance from one

Features = Callable[[np.ndarray], np.ndarray]
Examples = TypeVar("Examples", Dataset, np.ndarray)


class Scores(NamedTuple):
    """How images compare with real ones, in an evaluator's space.

    distance: Fréchet, from real images.  precision, recall: in [0, 1], k = 3.  newness: median distance from the nearest training
    image, as a share of that of held-out images: near 1 for new images, 0 for copies.  copies: share of them at less than a
    tenth of that distance.
    """

    distance: float
    precision: float
    recall: float
    newness: float
    copies: float


class Comparison:
    """Real images in an evaluator's space, and how others compare with them.

    features: images -> (n, d), such as an evaluator's.  images, labels: what generators are trained on, also as bytes if
    `features` takes them, as evaluators do.  held_out: real images of the same distribution that are not among them.  n: how many
    of each set are compared, at most 5,000 and at most `held_out`; of more real ones a choice at random.
    Figures of different n, or different evaluators, are not comparable. Raises DataError if there are too few real images.
    """

    def __init__(self, features: Features, images: np.ndarray, labels: np.ndarray, held_out: np.ndarray, n: int = MEASURED):
        self.features, self.images, self.labels = features, images, labels
        self.n = min(n, MEASURED)
        for name, real in (("training", images), ("held-out", held_out)):
            if len(real) < self.n:
                raise DataError(f"comparison: got {len(real):,} {name} images, expected at least n = {self.n:,}")
        if self.n < 5:
            raise DataError(
                f"comparison: n is {self.n}, expected at least 5, and better thousands: precision looks at 3 neighbors"
            )
        order = np.random.default_rng(0).permutation(len(images))[: self.n]
        self.real_images, self.held_out_images = as_pixels(images[order]), as_pixels(at_random(held_out, self.n))
        self.known = features(images)
        self.real, self.held_out = self.known[order], features(self.held_out_images)
        self.typical = float(np.median(metrics.nearest_training(self.held_out[:NEARNESS], self.known).distances))

    def scores(self, images: np.ndarray) -> Scores:
        """Of generated images, of which the first n are taken. DataError for fewer."""
        if len(images) < self.n:
            raise DataError(f"comparison: got {len(images):,} images, expected at least n = {self.n:,}")
        return self.of_features(self.features(images[: self.n]))

    def of_features(self, fake: np.ndarray) -> Scores:
        """Of n images, by their features."""
        manifold = metrics.precision_recall(self.real, fake)
        near = metrics.nearest_training(fake[:NEARNESS], self.known).distances
        return Scores(
            metrics.frechet_distance(self.real, fake),
            manifold.precision,
            manifold.recall,
            float(np.median(near)) / self.typical,
            float((near < COPY * self.typical).mean()),
        )

    @cached_property
    def floor(self) -> Scores:
        """Of real images held out: no generator can be expected to do better."""
        return self.of_features(self.held_out)

    @cached_property
    def trivial(self) -> dict[str, Scores]:
        """Of every trivial sampler, by name; see `baselines.trivial_samples`."""
        return {name: self.scores(made) for name, made in trivial_samples(self.images, self.labels, self.n)}


def within_classes(comparison: Comparison, samples: np.ndarray, asked: np.ndarray) -> dict[int, float]:
    """Class -> the mean distance between two samples for which it was asked, as a share of two real images of that class.

    1: as different as real images of a class; near 0: one image of each class, over and over. asked: (n,) classes. At most 256 of
    a class are compared. Raises DataError for a class of the training images with fewer than 2 images of either kind.
    """
    shares = {}
    for label in np.unique(comparison.labels):
        made, real = samples[asked == label], comparison.known[comparison.labels == label]
        if min(len(made), len(real)) < 2:
            raise DataError(
                f"within_classes: got {len(made)} samples and {len(real)} real ones of class {label}, expected at least 2 of each"
            )
        shares[int(label)] = metrics.pairwise_diversity(comparison.features(made[:DRAWN]), real)
    return shares


def held_out(test: Dataset, count: int) -> np.ndarray:
    """At most `count` real images that generators have not seen, of the distribution of those that they have.

    Those of the test split, but for glyphs, whose test split has other fonts: new ones in the training fonts.
    """
    if test.name == "glyphs":
        return data.load("glyphs", train_size=count, test_size=1, seed=HELD_OUT_SEED)[0].images
    return at_random(test, count).images


def at_random(examples: Examples, count: int) -> Examples:
    """`count` of the examples of a data set or array, always the same ones and in the same order; all as they are if there are no
    more.

    Not the first ones: the first 5,000 of MNIST's test split are by other writers than the last 5,000.
    """
    if count >= len(examples):
        return examples
    return examples[np.random.default_rng(0).permutation(len(examples))[:count]]
