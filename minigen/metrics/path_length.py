"""How smooth a generator is: how much its images change with a small step in latent space."""

from typing import Any, NamedTuple

import numpy as np

from minigen.metrics.checks import checked_arrays
from minigen.metrics.samples import FeatureExtractor
from minigen.utils.arcs import great_circle

BATCH = 250  # pairs of images held at a time
DROPPED = 1  # percent of the distances, at either end
REPEATED = 1e-4  # pixels of one code may differ by rounding, not by more


class PathLength(NamedTuple):
    """Mean over the kept pairs, and its standard error.

    The error is that of a trimmed mean: the standard deviation of all distances (n - 1 in its denominator), those dropped
    replaced by the nearest kept one, / (share kept * sqrt(n)) (Tukey & McLaughlin 1963).
    """

    mean: float
    standard_error: float

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the 95 % confidence interval, mean -+ 1.96 standard errors."""
        return self.mean - 1.96 * self.standard_error, self.mean + 1.96 * self.standard_error


def perceptual_path_length(
    generator: Any,
    evaluator: FeatureExtractor,
    space: str = "z",
    n: int = 2000,
    eps: float = 1e-4,
    ends: bool = False,
    seed: int = 0,
) -> PathLength:
    """Perceptual path length: how much images change along a path between two codes, squared; lower is smoother.

        E d(G(g(t)), G(g(t + eps))) / eps^2,    d(x, y) = | f(x) / |f(x)| - f(y) / |f(y)| |^2

    the squared speed at which the evaluator's features f turn, for a path of duration 1. space "z": g runs at constant speed on
    the great circle between two latent vectors from N(0, I), both scaled to the length sqrt(latent_dim), near which all of them
    lie. "w": on the straight line between map(z1) and map(z2). t ~ U[0, 1), or 0 with `ends`: straight lines leave the region of
    W that mapped codes fill, so that their ends may score better than their middles. Distances below the 1st and above the 99th
    percentile of the n are dropped.

    Features are divided by their length, as LPIPS does, so that their scale does not matter; zero vectors stay zero. Still,
    scores of different evaluators are not comparable. Paths in Z and in W are: both join the same pairs of codes.

    eps, the paper's: rounding to float32 leaves errors of about 3e-7 in features of length 1, which add (3e-7 / eps)^2, 1e-5,
    for any generator: scores below 1e-3 mean little, and with eps = 1e-5 those below 0.1. A longer step cuts corners: for a DCGAN
    with random weights, and scores from 0.01 to 4, eps = 1e-3 lost 0.2 to 8 %, 1e-4 at most 1 % (measured in float64).

    generator: with draw(z (n, latent_dim)) -> images (n, h, w, c) in [0, 1], on the host, the same for the same code, so noise
    inputs are fixed; with a W also map(z) -> w (n, d) and draw_styles(w) -> images.  n: pairs, at least 2; from 101 on some are
    dropped.
    seed: of pairs and t; the streams of `minigen.seed` are not touched.
    Computed in float64 from the features on. Raises ValueError for an unknown space, "w" of a generator without map and
    draw_styles, n below 2, eps outside (0, 1), a generator that draws different images for one code, and features that are not
    finite; ShapeError for features that are not (n, k). Source: Karras et al. 2019, section 4.1.
    """
    if space not in ("z", "w"):
        raise ValueError(f"perceptual_path_length: got space {space!r}, expected 'z' or 'w'")
    if space == "w" and not (hasattr(generator, "map") and hasattr(generator, "draw_styles")):
        raise ValueError(f"perceptual_path_length: {type(generator).__name__} has no W (no map and draw_styles); use space='z'")
    if n < 2 or not 0.0 < eps < 1.0:
        raise ValueError(f"perceptual_path_length: got n = {n} and eps = {eps}, expected at least 2, and 0 < eps < 1")
    rng = np.random.default_rng(seed)
    draw = generator.draw if space == "z" else generator.draw_styles
    distances = []
    for start in range(0, n, BATCH):
        pairs = min(BATCH, n - start)
        first, second = rng.standard_normal((2, pairs, generator.latent_dim))
        t = np.zeros((pairs, 1)) if ends else rng.random((pairs, 1))
        if space == "w":
            first, second = (np.asarray(generator.map(z.astype(np.float32))) for z in (first, second))
        between = _on_sphere if space == "z" else _on_line
        codes = [between(first.astype(np.float64), second.astype(np.float64), time).astype(np.float32) for time in (t, t + eps)]
        images = [draw(code) for code in codes]
        if not start:
            _check_repeats(images[0], draw(codes[0]), type(generator).__name__)
        x, y = (_directions(evaluator.features(each), pairs) for each in images)
        distances.append(((x - y) ** 2).sum(axis=1) / eps**2)
    return _trimmed(np.concatenate(distances))


def _on_line(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """a + t (b - a): (n, d), t (n, 1) -> (n, d)."""
    return a + t * (b - a)


def _on_sphere(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The same on the arc between two directions, at the length sqrt(d)."""
    a, b = (np.sqrt(x.shape[1]) * x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    return great_circle(a, b, t)[:, 0]


def _directions(features: np.ndarray, images: int) -> np.ndarray:
    """Features (n, k) of that many images, in float64, each vector divided by its length; zero vectors stay."""
    (features,) = checked_arrays("perceptual_path_length", f"({images}, k) for {images} images", features=features)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths > 0, lengths, 1.0)


def _check_repeats(images: np.ndarray, again: np.ndarray, generator: str) -> None:
    """Raise unless the same codes gave the same images: noise between the ends of a step would drown the step."""
    off = float(np.abs(np.asarray(images) - again).max())
    if not off <= REPEATED:
        raise ValueError(
            f"perceptual_path_length: {generator} drew the same codes twice, and the pixels differ by {off:.3g}; "
            "expected the same images: fix its noise"
        )


def _trimmed(distances: np.ndarray) -> PathLength:
    """Mean of the distances (n,) between the two percentiles, and its standard error."""
    low = np.percentile(distances, DROPPED, method="lower")
    high = np.percentile(distances, 100 - DROPPED, method="higher")
    kept = distances[(low <= distances) & (distances <= high)]
    share = len(kept) / len(distances)
    moved = np.clip(distances, low, high)
    return PathLength(float(kept.mean()), float(moved.std(ddof=1) / (share * np.sqrt(len(distances)))))
