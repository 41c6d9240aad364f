"""Trivial samplers: what a generator must beat before it has learned anything.

None of them knows what an image is. Each takes images (n, h, w, c) in [0, 1], or as bytes, of which it remembers a little or
everything, and a random generator, and returns `count` images in [0, 1]. No float copy of all images is ever made.
"""

from collections.abc import Iterator

import numpy as np

from minigen.baselines.spoiling import double_exposures
from minigen.data.pixels import as_pixels, blocks
from minigen.utils.checks import check_seed, is_whole

COMPONENTS = 50  # of the Gaussian that keeps the largest variances only
CLUSTERS = 10  # Gaussians in the mixture
COPIES = 10, 100, 1000  # different training images, over and over
LARGEST = 2**28  # values of the images that samplers look at: more take longer, and make no difference
WEIGHTS = 2**26  # random numbers that a Gaussian draws at a time


class Gaussian:
    """The Gaussian with the mean and the covariance of a set of images, as a sampler of images; values are clipped to [0, 1].

    components: only the directions of the k largest variances are kept, if k is given.

    A sum of all images' deviations from the mean with weights N(0, 1 / n) has exactly their covariance: to sample from all
    components, no matrix has to be decomposed.
    """

    def __init__(self, images: np.ndarray, components: int | None = None, seed: int = 0):
        root = Root(images)
        self.mean, self.root = root.mean.reshape(images.shape[1:]), root
        if components is not None:
            directions = principal_directions(root, components, np.random.default_rng(check_seed("trivial samplers", seed)))
            self.root = np.linalg.qr(root @ directions, mode="r") @ directions.T

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, h, w, c), float32."""
        made = np.empty((count, *self.mean.shape), np.float32)
        together = max(1, WEIGHTS // len(self.root))
        for start in range(0, count, together):
            part = made[start : start + together]
            weights = rng.standard_normal((len(part), len(self.root)), dtype=np.float32)
            np.clip(self.mean + (weights @ self.root).reshape(part.shape), 0, 1, out=part)
        return made


class Root:
    """A root of the covariance of images, root^T root: their deviations from the mean, divided by sqrt(n), as a matrix (n, d).

    It is made block by block for each product `root @ right` and `left @ root`, and never as a whole. mean: (d,).
    """

    __array_ufunc__ = None  # so that NumPy leaves `left @ root` to this class

    def __init__(self, images: np.ndarray):
        self.images, self.mean = images, mean_of(images).ravel()
        self.shape = len(images), self.mean.size

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Some rows at a time."""
        for block in blocks(self.images):
            rows = np.subtract(block.reshape(len(block), -1), self.mean, dtype=np.float32)
            rows /= np.float32(np.sqrt(len(self)))
            yield rows

    def __matmul__(self, right: np.ndarray) -> np.ndarray:
        return np.concatenate([rows @ right for rows in self])

    def __rmatmul__(self, left: np.ndarray) -> np.ndarray:
        total, done = np.zeros((len(left), self.shape[1]), np.float32), 0
        for rows in self:
            total += left[:, done : done + len(rows)] @ rows
            done += len(rows)
        return total


def mean_of(images: np.ndarray) -> np.ndarray:
    """The mean of images, summed in float64: (n, h, w, c) -> (h, w, c), float32."""
    return (sum(block.sum(axis=0, dtype=np.float64) for block in blocks(images)) / len(images)).astype(np.float32)


def principal_directions(deviations: np.ndarray | Root, k: int, rng: np.random.Generator, steps: int = 4) -> np.ndarray:
    """The k directions of largest variance, nearly: (n, d) -> (d, k), orthonormal. By subspace iteration from random directions.

    `baselines.pca` finds them exactly, from a decomposition of the whole matrix.
    """
    found = np.linalg.qr(rng.standard_normal((deviations.shape[1], k + 10), dtype=np.float32))[0]
    for _ in range(steps):
        found = np.linalg.qr(((deviations @ found).T @ deviations).T)[0]
    _, _, rotation = np.linalg.svd(deviations @ found, full_matrices=False)
    return found @ rotation[:k].T


def mean_image(images: np.ndarray, count: int) -> np.ndarray:
    """The mean of all images, over and over."""
    return np.repeat(mean_of(images)[None], count, axis=0)


def gaussian_per_class(images: np.ndarray, labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """One Gaussian of the pixels for each class. labels: (n,); the classes alternate in the result, from the lowest."""
    made = np.empty((count, *images.shape[1:]), np.float32)
    classes = np.unique(labels)
    for number, label in enumerate(classes):
        places = np.arange(number, count, len(classes))
        if len(places):
            made[places] = Gaussian(images[labels == label]).sample(len(places), rng)
    return made


def gaussian_mixture(images: np.ndarray, count: int, rng: np.random.Generator, steps: int = 10) -> np.ndarray:
    """One Gaussian of the pixels for each of ten clusters, found by k-means on at most 50 principal components."""
    root = Root(images)
    codes = root @ principal_directions(root, max(1, min(COMPONENTS, root.shape[1] - 10)), rng)
    centers = codes[rng.choice(len(codes), min(CLUSTERS, len(codes)), replace=False)]
    for _ in range(steps):
        distances = (centers**2).sum(axis=1) - 2 * codes @ centers.T
        clusters = distances.argmin(axis=1)
        centers = np.stack(
            [codes[clusters == k].mean(axis=0) if (clusters == k).any() else center for k, center in enumerate(centers)]
        )
    drawn = clusters[rng.integers(len(clusters), size=count)]
    made = np.empty((count, *images.shape[1:]), np.float32)
    for k in np.unique(drawn):
        made[drawn == k] = Gaussian(images[clusters == k]).sample(int((drawn == k).sum()), rng)
    return made


def trivial_samples(
    images: np.ndarray, labels: np.ndarray, count: int, seed: int = 0, copies: bool = True
) -> Iterator[tuple[str, np.ndarray]]:
    """Every trivial sampler: its name and `count` images, one sampler at a time.

    "mean image", "one Gaussian of the pixels", "its 50 largest components", "one Gaussian per class" (if there are several),
    "mixture of 10 Gaussians", "double exposures" (means of two training images), and with `copies` "10 training images",
    "100 training images" ..., over and over. Those of one class only have no Gaussian per class. A sampler of copies with as
    many images as are asked for, or more, is left out: it would be real images.

    images: (n, h, w, c) in [0, 1], or as bytes, of which the first are used if they are very large; labels: (n,).
    Raises ValueError for fewer than 2 images and a count below 1.
    """
    if len(images) < 2:
        raise ValueError(f"trivial_samples: got {len(images)} image, expected at least 2, and better thousands")
    if not is_whole(count) or count < 1:
        raise ValueError(f"trivial_samples: got count {count!r}, expected at least 1")
    rng = np.random.default_rng(check_seed("trivial samplers", seed))
    images, labels = (each[: max(2, LARGEST // images[0].size)] for each in (images, labels))
    yield "mean image", mean_image(images, count)
    yield "one Gaussian of the pixels", Gaussian(images).sample(count, rng)
    if images[0].size > COMPONENTS + 10:
        yield f"its {COMPONENTS} largest components", Gaussian(images, COMPONENTS).sample(count, rng)
    if len(np.unique(labels)) > 1:
        yield "one Gaussian per class", gaussian_per_class(images, labels, count, rng)
    yield f"mixture of {CLUSTERS} Gaussians", gaussian_mixture(images, count, rng)
    exposed = as_pixels(images[rng.integers(len(images), size=max(count, 2))])
    yield "double exposures", double_exposures(exposed, rng)[:count]
    for different in COPIES if copies else ():
        if different < min(count, len(images)):
            few = as_pixels(images[rng.choice(len(images), different, replace=False)])
            yield f"{different:,} training images", few[np.arange(count) % different]
