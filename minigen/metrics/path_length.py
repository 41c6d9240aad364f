"""How smooth a generator is: how much its images change with a small step in latent space."""

from typing import Any

import numpy as np

from minigen.metrics.checks import checked_arrays
from minigen.metrics.intervals import Estimate
from minigen.metrics.samples import FeatureExtractor
from minigen.utils.arcs import great_circle
from minigen.utils.checks import check_seed

BATCH = 250  # pairs of images held at a time
DROPPED = 1  # percent of the distances, at either end
REPEATED = 1e-4  # pixels of one code may differ by rounding, not by more


def perceptual_path_length(
    generator: Any,
    evaluator: FeatureExtractor,
    space: str = "z",
    n: int = 2000,
    eps: float = 1e-4,
    ends: bool = False,
    seed: int = 0,
) -> Estimate:
    """Perceptual path length: how much images change along a path between two codes, squared; lower is smoother.

        E d(G(g(t)), G(g(t + eps))) / eps^2,    d(x, y) = | f(x) / |f(x)| - f(y) / |f(y)| |^2

    the squared speed at which the evaluator's features f turn, for a path of duration 1. space "z": g runs at constant speed on
    the great circle between two latent vectors from N(0, I), both scaled to the length sqrt(latent_dim), near which all of them
    lie. "w": on the straight line between map(z1) and map(z2). t ~ U[0, 1), or 0 with `ends`: straight lines leave the region of
    W that mapped codes fill, so that their ends may score better than their middles. Distances below the 1st and above the 99th
    percentile of the n are dropped; the standard error is that of such a trimmed mean.

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
    rng = np.random.default_rng(check_seed("perceptual_path_length", seed))
    draw = generator.draw if space == "z" else generator.draw_styles
    distances = []
    for start in range(0, n, BATCH):
        pairs = min(BATCH, n - start)
        first, second = rng.standard_normal((2, pairs, generator.latent_dim))
        t = np.zeros((pairs, 1)) if ends else rng.random((pairs, 1))
        if space == "w":
            first, second = (np.asarray(generator.map(z.astype(np.float32))) for z in (first, second))
        codes = [_between(first.astype(np.float64), second.astype(np.float64), time, space) for time in (t, t + eps)]
        images = [draw(code) for code in codes]
        if not start:
            off = float(np.abs(np.asarray(images[0]) - draw(codes[0])).max())
            if not off <= REPEATED:  # noise between the ends of a step would drown the step
                raise ValueError(
                    f"perceptual_path_length: {type(generator).__name__} drew the same codes twice, and the pixels differ by "
                    f"{off:.3g}; expected the same images: fix its noise"
                )
        x, y = (_directions(evaluator.features(each), pairs) for each in images)
        distances.append(((x - y) ** 2).sum(axis=1) / eps**2)
    return _trimmed(np.concatenate(distances))


def _between(a: np.ndarray, b: np.ndarray, t: np.ndarray, space: str) -> np.ndarray:
    """a + t (b - a), and in Z the same on the arc between both directions, at the length sqrt(d): (n, d), t (n, 1) -> (n, d)."""
    if space == "w":
        return (a + t * (b - a)).astype(np.float32)
    a, b = (np.sqrt(x.shape[1]) * x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    return great_circle(a, b, t)[:, 0].astype(np.float32)


def _directions(features: np.ndarray, images: int) -> np.ndarray:
    """Features (n, k) of that many images, in float64, each vector divided by its length; zero vectors stay."""
    (features,) = checked_arrays("perceptual_path_length", f"({images}, k) for {images} images", features=features)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths > 0, lengths, 1.0)


def _trimmed(distances: np.ndarray) -> Estimate:
    """Mean of the distances (n,) between the two percentiles, and its standard error.

    That of a trimmed mean: the standard deviation of all distances, those dropped replaced by the nearest kept one,
    / (share kept * sqrt(n)) (Tukey & McLaughlin 1963).
    """
    low = np.percentile(distances, DROPPED, method="lower")
    high = np.percentile(distances, 100 - DROPPED, method="higher")
    kept = distances[(low <= distances) & (distances <= high)]
    share = len(kept) / len(distances)
    moved = np.clip(distances, low, high)
    return Estimate(float(kept.mean()), float(moved.std(ddof=1) / (share * np.sqrt(len(distances)))))
