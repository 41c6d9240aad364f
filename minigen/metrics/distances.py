"""Distances between the examples of two sets, a chunk at a time: what every metric that looks at neighbors stands on."""

from collections.abc import Iterator

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError

_CHUNK = 1 << 18  # distances held at once: 2 MiB in float64, so that what is done to them next finds them in the cache


def squared_distances(queries: np.ndarray, references: np.ndarray | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared Euclidean distances of some queries after the others: yields (rows of queries, distances (rows, m)).

        |q - r|^2 = |q|^2 + |r|^2 - 2 q.r,   after about the mean of the references is taken from both, so that less of it cancels

    That mean is rounded to a multiple of a power of two, no larger than the spread: of integers, or of other multiples of one
    power of two, the distances are then exact, and equal ones compare as equal.

    What is not above the rounding error of that sum becomes 0: a copy is at distance 0, and so is what lies nearer to its
    reference than about 2e-8 sqrt(d) of their distance from the mean. Without references each query is measured against the
    others, and its distance from itself is infinite.

    queries: (n, d), references: (m, d), both float64.
    """
    others = queries if references is None else references
    center = others.mean(axis=0)
    spread = np.abs(others - center).max()
    if spread > 0:
        unit = 2.0 ** np.floor(np.log2(spread))
        center = np.rint(center / unit) * unit
    others = others - center
    squares, doubled = (others**2).sum(axis=1), -2 * others.T
    rounding = (others.shape[1] + 1) * np.finfo(np.float64).eps  # of three sums of d products, relative to |q|^2 + |r|^2
    step = max(1, _CHUNK // len(others))
    for start in range(0, len(queries), step):
        rows = slice(start, min(start + step, len(queries)))
        chunk = queries[rows] - center
        sums = (chunk**2).sum(axis=1)[:, None] + squares
        distances = chunk @ doubled
        distances += sums
        sums *= rounding
        distances *= distances > sums  # several times faster than an assignment through a mask
        if references is None:
            distances[np.arange(len(chunk)), np.arange(rows.start, rows.stop)] = np.inf
        yield rows, distances


def nearest(queries: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the reference nearest to each query, any of equally near ones, and its Euclidean distance.

    queries: (n, d), references: (m, d), both float64 -> (n,) int64 and (n,).
    """
    indices = np.concatenate([distances.argmin(axis=1) for _, distances in squared_distances(queries, references)])
    return indices, np.linalg.norm(queries - references[indices], axis=1)  # from the difference itself: nothing cancels


def checked_examples(metric: str, least: int, **sets: np.ndarray) -> list[np.ndarray]:
    """Sets of examples (n, ...) as finite float64 matrices (n, d), each example flattened.

    Raises ShapeError for what is no set of examples and for examples of different shapes, ValueError for fewer than `least` of
    them and for values that are not finite, naming the metric and the set.
    """
    arrays = {name: whole_array(values) for name, values in sets.items()}
    shapes = ", ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
    if any(array.ndim < 2 or 0 in array.shape[1:] for array in arrays.values()):
        raise ShapeError(f"{metric}: got {shapes}, expected (n, ...): n examples of at least one number each")
    if len({array.shape[1:] for array in arrays.values()}) > 1:
        raise ShapeError(f"{metric}: got {shapes}, expected examples of the same shape")
    checked = []
    for name, array in arrays.items():
        if len(array) < least:
            raise ValueError(f"{metric}: got {shapes}, expected at least {least} in {name}")
        checked.append(array.reshape(len(array), -1).astype(np.float64, copy=False))
        if not np.isfinite(checked[-1]).all():
            raise ValueError(f"{metric}: got NaN or infinity in {name}, expected finite numbers")
    return checked
