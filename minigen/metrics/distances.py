"""Distances between the examples of two sets, a chunk at a time: the basis of every metric that uses neighbors."""

from collections.abc import Iterator

import numpy as np

_CHUNK = 1 << 18  # distances held at a time: 2 MiB in float64, so that they stay in the cache for the next operation
_VALUES = 1 << 23  # values of references held in float64 at a time by `nearest`: 64 MiB


def squared_distances(queries: np.ndarray, references: np.ndarray | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared Euclidean distances of the queries, chunk by chunk: yields (rows of queries, distances (rows, m)).

        |q - r|^2 = |q|^2 + |r|^2 - 2 q.r,   after subtracting the approximate mean of the references from both

    That mean, which reduces cancellation, is rounded to a multiple of a power of two, no larger than the largest deviation from
    it: for integers, or other multiples of one power of two, the distances are then exact, and equal ones compare as equal.
    Distances within the rounding error of that sum become 0: a copy is at distance 0, and so is a query nearer to its reference
    than about 2e-8 sqrt(d) of their distance from the mean. Without references each query is compared with the others, and its
    distance from itself is infinite.

    queries: (n, d), references: (m, d), both float64.
    """
    others = queries if references is None else references
    center = others.mean(axis=0)
    largest = np.abs(others - center).max()
    if largest > 0:
        unit = 2.0 ** np.floor(np.log2(largest))
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
        if references is None:
            distances[np.arange(len(chunk)), np.arange(rows.start, rows.stop)] = np.inf
        if distances.min() <= rounding * sums.max():  # seldom: most sets have no copies
            sums *= rounding
            distances *= distances > sums  # several times faster than an assignment through a mask
        yield rows, distances


def nearest(queries: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the reference nearest to each query (any one, in a tie), and its Euclidean distance.

    queries: (n, d), references: (m, d), real numbers of any dtype -> (n,) int64 and (n,). In float64, which a block of the
    references is at a time: they may be all images of a data set.
    """
    queries = queries.astype(np.float64, copy=False)
    indices, shortest = np.zeros(len(queries), dtype=np.int64), np.full(len(queries), np.inf)
    step = max(1, _VALUES // references.shape[1])
    for start in range(0, len(references), step):
        for rows, distances in squared_distances(queries, references[start : start + step].astype(np.float64, copy=False)):
            nearest_here = distances.argmin(axis=1)
            found = distances[np.arange(len(distances)), nearest_here]
            nearer = found < shortest[rows]
            indices[rows][nearer], shortest[rows][nearer] = start + nearest_here[nearer], found[nearer]
    return indices, np.linalg.norm(queries - references[indices], axis=1)  # from the difference itself: nothing cancels
