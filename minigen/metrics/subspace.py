"""Linear subspaces: principal component analysis, and the angles between two subspaces."""

from dataclasses import dataclass

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError


@dataclass(frozen=True, eq=False)
class PCA:
    """The k directions of largest variance of a data set, the best linear autoencoder with k code units.

    mean: (d,).  components: (d, k), orthonormal columns, by descending variance; each column's element of
    largest magnitude is positive.  explained: (k,) variances along the components.  discarded: the
    min(n, d) - k variances that were left out (the covariance's other eigenvalues, if any, are zero).
    Variances are sums over n divided by n, so discarded.sum() is the mean squared distance of an example of
    the fitted data from its reconstruction, and discarded.sum() / d is its reconstruction_mse.
    """

    mean: np.ndarray
    components: np.ndarray
    explained: np.ndarray
    discarded: np.ndarray

    def project(self, x: np.ndarray) -> np.ndarray:
        """Codes (x - mean) components. x: (n, d) -> (n, k)."""
        return (checked_matrix(x, "x", columns=len(self.mean)) - self.mean) @ self.components

    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """Projection onto the subspace: mean + project(x) components^T. x: (n, d) -> (n, d)."""
        return self.project(x) @ self.components.T + self.mean


def pca(x: np.ndarray, k: int) -> PCA:
    """Principal component analysis in closed form.

        x - mean = U diag(s) V^T,   components = V[:, :k],   variances = s^2 / n

    By the Eckart-Young theorem no linear autoencoder with k code units has a smaller mean squared error on x.
    Computed in float64.

    x: (n, d).  k: 1 to min(n, d).
    Raises ShapeError if x is not (n, d), ValueError if k is out of range or x is not finite.
    Source: Pearson 1901; Eckart & Young 1936; Baldi & Hornik 1989 for the linear autoencoder.
    """
    x = checked_matrix(x, "x")
    if not 1 <= k <= min(x.shape):
        raise ValueError(f"pca: k is {k}, expected 1 to min(n, d) = {min(x.shape)} for x of shape {x.shape}")
    mean = x.mean(axis=0)
    # R of x = QR has the singular values and right vectors of x; the n x d left vectors are never needed.
    _, s, vt = np.linalg.svd(np.linalg.qr(x - mean, mode="r"), full_matrices=False)
    components = vt[:k].T
    largest = components[np.abs(components).argmax(axis=0), np.arange(k)]
    variances = s**2 / len(x)
    return PCA(mean, components * np.sign(largest), variances[:k], variances[k:])


def principal_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Principal angles between the column spans of a and b, in degrees, ascending, each in [0, 90].

        cosines = singular values of Qa^T Qb,   sines = singular values of Qb - Qa Qa^T Qb,
        with Qa, Qb orthonormal bases of the spans, and Qb the one with no more columns

    The cosine of a small angle is 1 to the last bit (arccos sees nothing below 1e-6 degrees in float64), and
    so is the sine of a large one; arctan2 of both is accurate at every angle.

    a: (d, p), b: (d, q), each with linearly independent columns -> (min(p, q),).
    Raises ShapeError if a or b is not a matrix or their rows differ in number, ValueError if columns are
    linearly dependent or not finite.
    Source: Bjorck & Golub 1973; Knyazev & Argentati 2002.
    """
    qa, qb = _orthonormal_basis(a, "a"), _orthonormal_basis(b, "b")
    if len(qa) != len(qb):
        raise ShapeError(f"principal_angles: got {len(qa)} rows in a and {len(qb)} in b, expected the same number")
    if qa.shape[1] < qb.shape[1]:
        qa, qb = qb, qa
    inner = qa.T @ qb
    cosines = np.linalg.svd(inner, compute_uv=False)
    sines = np.linalg.svd(qb - qa @ inner, compute_uv=False)
    return np.degrees(np.arctan2(sines[::-1], cosines))


def _orthonormal_basis(a: np.ndarray, name: str) -> np.ndarray:
    """Orthonormal columns with the span of a's."""
    a = checked_matrix(a, name)
    # The scale of a column does not move the span, so it must not decide the rank either.
    norms = np.linalg.norm(a, axis=0)
    u, s, _ = np.linalg.svd(a / np.where(norms > 0, norms, 1), full_matrices=False)
    rank = int((s > s[0] * max(a.shape) * np.finfo(np.float64).eps).sum())
    if rank < a.shape[1]:
        raise ValueError(f"principal_angles: {name} of shape {a.shape} has rank {rank}, expected linearly independent columns")
    return u


def checked_matrix(x: np.ndarray, name: str, columns: int | None = None) -> np.ndarray:
    """x as a finite float64 matrix, or an error that says what it is instead."""
    x = whole_array(x, dtype=np.float64)
    if x.ndim != 2 or 0 in x.shape or columns not in (None, x.shape[1]):
        expected = "(rows, columns)" if columns is None else f"(rows, {columns})"
        raise ShapeError(f"got {name} of shape {x.shape}, expected a non-empty matrix {expected}")
    if not np.isfinite(x).all():
        raise ValueError(f"got NaN or infinity in {name}, expected finite numbers")
    return x
