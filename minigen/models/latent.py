"""Ways through a latent space."""

import numpy as np

from minigen.errors import ShapeError


def great_circle(start: np.ndarray, end: np.ndarray, n: int) -> np.ndarray:
    """n latent vectors from each start to its end, both included, in equal steps along the arc between them.

        (sin((1 - t) w) u + sin(t w) v) / sin w,   u, v: the two directions, w: the angle between them, t = 0 ... 1

    times a length that goes from the start's to the end's in equal steps. Vectors drawn from N(0, I) in d dimensions all have
    lengths near sqrt(d); the straight line between two of them runs through the middle, where hardly any vector lies and no
    generator was trained (White 2016). Opposite directions, between which there are many arcs, are joined by the straight line.

    start, end: (k, d) -> (k, n, d), float32. n: at least 2.
    Raises ShapeError for shapes that do not fit, ValueError for n below 2 and for a vector of length 0, which has no direction.
    """
    start, end = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    if start.ndim != 2 or start.shape != end.shape:
        raise ShapeError(f"great_circle: got start of shape {start.shape} and end of shape {end.shape}, expected (k, d) both")
    if n < 2:
        raise ValueError(f"great_circle: n counts both ends, at least 2, got {n}")
    lengths = np.linalg.norm(start, axis=1), np.linalg.norm(end, axis=1)
    if not all(length.all() for length in lengths):
        raise ValueError("great_circle: got a vector of length 0, which has no direction")
    u, v = (vectors / length[:, None] for vectors, length in zip((start, end), lengths))
    angle = 2 * np.arctan2(np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1))[:, None, None]
    t = np.linspace(0, 1, n)[None, :, None]
    apart = np.sin(angle) > 1e-6  # elsewhere the arc is a point, or one of many
    sine = np.where(apart, np.sin(angle), 1.0)
    of_u = np.where(apart, np.sin((1 - t) * angle) / sine, 1 - t)
    of_v = np.where(apart, np.sin(t * angle) / sine, t)
    length = (1 - t) * lengths[0][:, None, None] + t * lengths[1][:, None, None]
    return ((of_u * u[:, None] + of_v * v[:, None]) * length).astype(np.float32)
