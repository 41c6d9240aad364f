"""t-SNE in plain loops: van der Maaten & Hinton 2008, with the settings of its authors' later code."""

import math

import numpy as np


def conditional_probabilities(x: np.ndarray, perplexity: float) -> np.ndarray:
    """Equation 1: Gaussian neighbors, each with the precision that gives its row the perplexity, 2^(entropy in bits)."""
    n = len(x)
    p = np.zeros((n, n))
    for i in range(n):
        others = [j for j in range(n) if j != i]
        squares = np.array([((x[i] - x[j]) ** 2).sum() for j in others])
        low, high = 0.0, 1e6
        for _ in range(200):
            beta = (low + high) / 2
            row = np.exp(-beta * (squares - squares.min()))
            row /= row.sum()
            entropy = -sum(q * math.log2(q) for q in row if q > 0)
            low, high = (beta, high) if 2**entropy > perplexity else (low, beta)
        p[i, others] = row
    return p


def joint_probabilities(x: np.ndarray, perplexity: float) -> np.ndarray:
    """Section 3.1: p_ij = (p_j|i + p_i|j) / 2n."""
    p = conditional_probabilities(x, perplexity)
    return (p + p.T) / (2 * len(x))


def gradient(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Equation 5: 4 sum_j (p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2)."""
    differences = y[:, None] - y[None]
    nearness = 1.0 / (1.0 + (differences**2).sum(axis=2))
    np.fill_diagonal(nearness, 0.0)
    q = nearness / nearness.sum()
    return 4.0 * (((p - q) * nearness)[..., None] * differences).sum(axis=1)


def principal_plane(x: np.ndarray) -> np.ndarray:
    """Where the map starts (Kobak & Berens 2019): two principal components, the first of deviation 1e-4; signs are free."""
    centered = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centered.T @ centered)
    plane = centered @ vectors[:, ::-1][:, :2]
    return plane * 1e-4 / plane[:, 0].std()


def descended(p: np.ndarray, y: np.ndarray, iterations: int, rate: float, exaggeration: float = 12.0) -> np.ndarray:
    """Algorithm 1 and section 3.4, from y: gains of 0.2 more or a fifth less, momentum 0.5 and exaggeration, then 0.8 and none.

    The authors' later code has 12 times for the first 250 iterations, where the paper has 4 times for 50.
    """
    velocity, gains = np.zeros_like(y), np.ones_like(y)
    exaggerated = min(250, iterations // 2)  # minigen's own rule for fewer than 500
    for t in range(iterations):
        slope = gradient(exaggeration * p if t < exaggerated else p, y)
        for index in np.ndindex(y.shape):
            downhill = (slope[index] > 0) != (velocity[index] > 0)
            gains[index] = max(gains[index] + 0.2 if downhill else gains[index] * 0.8, 0.01)
        velocity = (0.5 if t < exaggerated else 0.8) * velocity - rate * gains * slope
        y = y + velocity
        y = y - y.mean(axis=0)
    return y
