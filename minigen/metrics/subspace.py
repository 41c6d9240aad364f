"""The angles between two linear subspaces."""

import numpy as np

from minigen.metrics.checks import checked_arrays


def principal_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Principal angles between the column spans of a and b, in degrees, ascending, each in [0, 90].

        cosines = singular values of Qa^T Qb,   sines = singular values of Qb - Qa Qa^T Qb,
        with Qa, Qb orthonormal bases of the spans, and Qb the one with no more columns

    The cosine of a small angle rounds to 1 (arccos sees nothing below 1e-6 degrees in float64), and so does the
    sine of a large one; arctan2 of both is accurate at every angle.

    a: (d, p), b: (d, q), each with linearly independent columns -> (min(p, q),).
    Raises ShapeError if a or b is not a matrix or their rows differ in number, ValueError if columns are
    linearly dependent or not finite.
    Source: Bjorck & Golub 1973; Knyazev & Argentati 2002.
    """
    a, b = checked_arrays("principal_angles", "(d, p) and (d, q)", a=a, b=b)
    qa, qb = _orthonormal_basis(a, "a"), _orthonormal_basis(b, "b")
    if qa.shape[1] < qb.shape[1]:
        qa, qb = qb, qa
    inner = qa.T @ qb
    cosines = np.linalg.svd(inner, compute_uv=False)
    sines = np.linalg.svd(qb - qa @ inner, compute_uv=False)
    return np.degrees(np.arctan2(sines[::-1], cosines))


def _orthonormal_basis(a: np.ndarray, name: str) -> np.ndarray:
    """Orthonormal columns with the span of a's."""
    # The scale of a column does not change the span, so it must not affect the rank either.
    norms = np.linalg.norm(a, axis=0)
    u, s, _ = np.linalg.svd(a / np.where(norms > 0, norms, 1), full_matrices=False)
    rank = int((s > s[0] * max(a.shape) * np.finfo(np.float64).eps).sum())
    if rank < a.shape[1]:
        raise ValueError(f"principal_angles: {name} of shape {a.shape} has rank {rank}, expected linearly independent columns")
    return u
