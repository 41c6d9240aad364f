"""Toy data sets of points: a tilted plane for PCA, Gaussian mixtures for mode coverage."""

from dataclasses import dataclass

import numpy as np

from minigen.utils.checks import check_seed


def tilted_plane(n: int = 60, noise: float = 0.1, seed: int = 4) -> np.ndarray:
    """Points of 3-D space near a tilted plane: the chapter's data set for PCA with a linear autoencoder.

        a ~ U[-0.5, 3 pi / 2 - 0.5],   e1, e2, e3 ~ N(0, 1)
        x1 = cos(a) + sin(a) / 2 + noise e1 / 2,   x2 = 0.7 sin(a) + noise e2 / 2,
        x3 = 0.1 x1 + 0.3 x2 + noise e3,   then centered

    The defaults give the chapter's own 60 points. -> (n, 3) float32, each column of mean 0.
    Raises ValueError if n < 1.
    """
    check_count(n)
    seed = check_seed("tilted_plane", seed)
    rng = np.random.RandomState(seed)  # the generator of the chapter's cells, so that the points are the same
    angle = rng.rand(n) * 3 * np.pi / 2 - 0.5
    x = np.empty((n, 3))
    x[:, 0] = np.cos(angle) + np.sin(angle) / 2 + noise * rng.randn(n) / 2
    x[:, 1] = np.sin(angle) * 0.7 + noise * rng.randn(n) / 2
    x[:, 2] = x[:, 0] * 0.1 + x[:, 1] * 0.3 + noise * rng.randn(n)
    return (x - x.mean(axis=0)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """A sample from equally likely isotropic Gaussians, with the centers and std needed to count covered modes.

    points: (n, 2) float32.  modes: (n,) int64, the mode each point was drawn from.
    centers: (modes, 2) float32.  std: the standard deviation of every mode along each axis.
    """

    points: np.ndarray
    modes: np.ndarray
    centers: np.ndarray
    std: float


def gaussian_ring(n: int, modes: int = 8, radius: float = 1.0, std: float = 0.01, seed: int = 0) -> GaussianMixture:
    """Gaussians evenly spaced on a circle, the first at angle 0, counted counterclockwise.

    The defaults are those of PacGAN (Lin et al. 2018). Raises ValueError if n or modes is below 1.
    """
    if modes < 1:
        raise ValueError(f"gaussian_ring: got modes {modes}, expected at least 1")
    angle = 2 * np.pi * np.arange(modes) / modes
    return mixture(n, radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), std, seed)


def gaussian_grid(n: int, side: int = 5, spacing: float = 2.0, std: float = 0.05, seed: int = 0) -> GaussianMixture:
    """Gaussians on a square grid of side x side points around 0, row by row from the lower left.

    The defaults, 25 modes on {-4, -2, 0, 2, 4}^2, are those of PacGAN (Lin et al. 2018).
    Raises ValueError if n or side is below 1.
    """
    if side < 1:
        raise ValueError(f"gaussian_grid: got side {side}, expected at least 1")
    line = spacing * (np.arange(side) - (side - 1) / 2)
    y, x = np.meshgrid(line, line, indexing="ij")
    return mixture(n, np.stack([x.ravel(), y.ravel()], axis=1), std, seed)


def mixture(n: int, centers: np.ndarray, std: float, seed: int) -> GaussianMixture:
    check_count(n)
    rng = np.random.default_rng(check_seed("a mixture", seed))
    modes = rng.integers(len(centers), size=n)
    points = centers[modes] + std * rng.standard_normal((n, 2))
    return GaussianMixture(points.astype(np.float32), modes, centers.astype(np.float32), std)


def check_count(n: int) -> None:
    if n < 1:
        raise ValueError(f"got n = {n}, expected at least 1 point")
