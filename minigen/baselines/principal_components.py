"""Principal component analysis, and the linear Gaussian model of which it is the maximum likelihood fit; both in closed form."""

from dataclasses import dataclass

import numpy as np

from minigen.metrics.checks import checked_arrays


@dataclass(frozen=True, eq=False)
class PCA:
    """The k directions of largest variance of a data set, the best linear autoencoder with k code units.

    mean: (d,).  components: (d, k), orthonormal columns, by descending variance; each column's element of
    largest magnitude is positive.  explained: (k,) variances along the components.  discarded: the
    min(n, d) - k remaining variances (the covariance's other eigenvalues, if any, are zero).
    Variances are sums over n divided by n, so discarded.sum() is the mean squared distance of an example of
    the fitted data from its reconstruction, and discarded.sum() / d is its reconstruction_mse.
    """

    mean: np.ndarray
    components: np.ndarray
    explained: np.ndarray
    discarded: np.ndarray

    def project(self, x: np.ndarray) -> np.ndarray:
        """Codes (x - mean) components. x: (n, d) -> (n, k)."""
        (x,) = checked_arrays("PCA", f"(n, {len(self.mean)})", x=x)
        return (x - self.mean) @ self.components

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
    (x,) = checked_arrays("pca", "(n, d)", x=x)
    if not 1 <= k <= min(x.shape):
        raise ValueError(f"pca: k is {k}, expected 1 to min(n, d) = {min(x.shape)} for x of shape {x.shape}")
    mean = x.mean(axis=0)
    # R of x = QR has the singular values and right vectors of x; the n x d left vectors are never needed.
    _, s, vt = np.linalg.svd(np.linalg.qr(x - mean, mode="r"), full_matrices=False)
    components = vt[:k].T
    largest = components[np.abs(components).argmax(axis=0), np.arange(k)]
    variances = s**2 / len(x)
    return PCA(mean, components * np.sign(largest), variances[:k], variances[k:])


@dataclass(frozen=True, eq=False)
class ProbabilisticPCA:
    """x = W z + mean + noise,  z ~ N(0, I_k),  noise ~ N(0, variance I_d): the maximum likelihood fit to a data set.

    principal: the underlying PCA, with mean (d,), components U (d, k) and eigenvalues `explained` (k,).
    variance: of the noise, the mean of the d - k discarded eigenvalues.
    """

    principal: PCA
    variance: float

    @property
    def weight(self) -> np.ndarray:
        """W = U sqrt(diag(explained - variance)): (d, k). Any rotation W R is as likely; this one has orthogonal columns."""
        return self.principal.components * np.sqrt(self.principal.explained - self.variance)

    def log_likelihood(self, x: np.ndarray) -> np.ndarray:
        """log N(x; mean, W W^T + variance I) of each example, in nats: (n, d) -> (n,)."""
        codes = self.principal.project(x)
        (d, k), explained = self.principal.components.shape, self.principal.explained
        outside = ((x - self.principal.mean) ** 2).sum(axis=1) - (codes**2).sum(axis=1)
        squares = (codes**2 / explained).sum(axis=1) + outside / self.variance
        return -0.5 * (d * np.log(2 * np.pi) + np.log(explained).sum() + (d - k) * np.log(self.variance) + squares)

    def posterior(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean (n, k) and variances (k,) of p(z|x), which is N(mean, diag variances): orthogonal columns make it diagonal."""
        explained = self.principal.explained
        return self.principal.project(x) * np.sqrt(explained - self.variance) / explained, self.variance / explained


def probabilistic_pca(x: np.ndarray, k: int) -> ProbabilisticPCA:
    """The k-dimensional probabilistic PCA of largest likelihood, in closed form, in float64.

        variance = mean of the d - k smallest eigenvalues of the covariance,   W = U (Lambda - variance I)^(1/2)

    with U the first k principal components and Lambda their eigenvalues (variances divided by n). The best linear variational
    autoencoder with k latent variables must find it.

    x: (n, d).  k: 1 to min(n, d), and below d, so that a dimension is left for the noise.
    Raises ShapeError if x is not (n, d); ValueError for k out of range, for x that is not finite, or that lies in a k-dimensional
    plane, where the likelihood has no maximum.
    Source: Tipping & Bishop 1999, equations 7 and 8.
    """
    principal = pca(x, k)
    d = len(principal.mean)
    if k >= d:
        raise ValueError(f"probabilistic_pca: k is {k}, expected less than the {d} dimensions of x")
    variance = principal.discarded.sum() / (d - k)
    if not variance > principal.explained[0] * np.finfo(np.float64).eps:
        raise ValueError(
            f"probabilistic_pca: x lies in a {k}-dimensional plane, where the likelihood has no maximum: expected a smaller k"
        )
    return ProbabilisticPCA(principal, float(variance))
