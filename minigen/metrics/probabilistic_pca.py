"""Probabilistic principal component analysis: the linear Gaussian model of data, fitted in closed form."""

from dataclasses import dataclass

import numpy as np

from minigen.metrics.subspace import PCA, pca


@dataclass(frozen=True, eq=False)
class ProbabilisticPCA:
    """x = W z + mean + noise,  z ~ N(0, I_k),  noise ~ N(0, variance I_d): the maximum likelihood fit to a data set.

    principal: the PCA it rests on, with mean (d,), components U (d, k) and eigenvalues `explained` (k,).
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
        """Mean (n, k) and variances (k,) of p(z|x), which is N(mean, diag variances): orthogonal columns keep codes apart."""
        explained = self.principal.explained
        return self.principal.project(x) * np.sqrt(explained - self.variance) / explained, self.variance / explained


def probabilistic_pca(x: np.ndarray, k: int) -> ProbabilisticPCA:
    """The k-dimensional probabilistic PCA of largest likelihood, in closed form, in float64.

        variance = mean of the d - k smallest eigenvalues of the covariance,   W = U (Lambda - variance I)^(1/2)

    with U the first k principal components and Lambda their eigenvalues (variances divided by n). It is what the best linear
    variational autoencoder with k latent variables must find.

    x: (n, d).  k: 1 to min(n, d), and below d, for else no dimension is left for the noise.
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
