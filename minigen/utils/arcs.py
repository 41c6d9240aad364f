"""Arcs: the paths on the sphere between two directions."""

import numpy as np


def great_circle(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points at the times t on the arcs from each start (t = 0) to its end (t = 1).

        (sin((1 - t) w) u + sin(t w) v) / sin w,   u, v: the two directions, w: the angle between them

    times a length that is interpolated linearly from the start's to the end's. Opposite directions, which many arcs join, are
    joined by the straight line.

    start, end: (k, d), without zero vectors.  t: (n,), the same times on every arc, or (k, n) -> (k, n, d), float64.
    """
    start, end = (vectors.astype(np.float64, copy=False) for vectors in (start, end))
    lengths = [np.linalg.norm(vectors, axis=1)[:, None, None] for vectors in (start, end)]
    u, v = (vectors[:, None] / length for vectors, length in zip((start, end), lengths))
    angle = 2 * np.arctan2(np.linalg.norm(u - v, axis=2), np.linalg.norm(u + v, axis=2))[..., None]
    t = t[..., None]
    apart = np.sin(angle) > 1e-6  # elsewhere the arc is a point, or one of many
    sine = np.where(apart, np.sin(angle), 1.0)
    of_u = np.where(apart, np.sin((1 - t) * angle) / sine, 1 - t)
    of_v = np.where(apart, np.sin(t * angle) / sine, t)
    return (of_u * u + of_v * v) * ((1 - t) * lengths[0] + t * lengths[1])
