"""The best linear denoiser, in closed form: the optimum of a linear denoising autoencoder."""

from dataclasses import dataclass

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.metrics.checks import check_count, checked_arrays


@dataclass(frozen=True, eq=False)
class WienerFilter:
    """The best affine denoiser of its rank k, x^ = x~ weight + bias with weight = encoder decoder.

    mean: (d,) of the clean examples.  encoder: (d, k).  decoder: (k, d), orthonormal rows, by descending share of the variance.
    errors: (k,), of the first 1, 2, ..., k codes: the expected squared error on the fitted examples, mean over features
    and examples, expectation over the noise.
    """

    mean: np.ndarray
    encoder: np.ndarray
    decoder: np.ndarray
    errors: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """encoder decoder, (d, d)."""
        return self.encoder @ self.decoder

    @property
    def bias(self) -> np.ndarray:
        """mean - mean weight, (d,): the mean is mapped to itself."""
        return self.mean - self.mean @ self.encoder @ self.decoder

    @property
    def error(self) -> float:
        """The expected squared error with all k codes."""
        return float(self.errors[-1])

    def truncated(self, rank: int) -> "WienerFilter":
        """The best affine denoiser through `rank` codes, 1 to k. Raises ValueError for a rank out of range."""
        check_count("WienerFilter.truncated", "rank", rank, least=1, most=len(self.errors))
        return WienerFilter(self.mean, self.encoder[:, :rank], self.decoder[:rank], self.errors[:rank])

    def denoise(self, noisy: np.ndarray) -> np.ndarray:
        """Noisy examples (n, d) -> estimates of the clean ones (n, d), in float64."""
        (noisy,) = checked_arrays("WienerFilter", f"(n, {len(self.mean)})", noisy=noisy)
        return (noisy - self.mean) @ self.encoder @ self.decoder + self.mean


def wiener_filter(x: np.ndarray, noise_variance: float | np.ndarray) -> WienerFilter:
    """The affine map that best restores x from x~ = x + noise, and, truncated, the best one through k codes.

        m = mean(x),   C = cov(x),   N = diag(noise_variance),   S = C (C + N)^-1 C = V diag(s) V^T
        full rank:  weight = (C + N)^-1 C,             error = (trace(C) - trace(S)) / d
        k codes:    weight = (C + N)^-1 C V_k V_k^T,   error = (trace(C) - s_1 - ... - s_k) / d;   bias = m - m weight

    V_k: the k eigenvectors of S with the largest eigenvalues s (reduced-rank regression). With one noise variance v for all
    features these are the principal components, each shrunk by lambda / (lambda + v); without noise it is PCA.

    The noise may depend on x: it only has to have mean zero given x, and total covariance N.
    So the formula holds for dropout at rate p, with noise_variance = p / (1 - p) * mean(x^2), one for each feature. Masking is
    dropout times 1 - p: divide masked examples by 1 - p first.

    x: (n, d) clean examples.  noise_variance: a scalar or (d,), in the squared unit of x.
    Covariances are divided by n; computed in float64. Raises ShapeError for shapes that do not fit, ValueError for variances
    that are negative or infinite, and for x that is not finite. Source: Wiener 1949; Izenman 1975 for the reduced rank.
    """
    x, noise_variance = _examples("wiener_filter", x, noise_variance)
    n, d = x.shape
    mean = x.mean(axis=0)
    centered = x - mean
    covariance = centered.T @ centered / n
    # A feature that neither varies nor is noisy makes the sum singular; it carries no information on the others, and stays at its
    # mean.
    inverse = np.linalg.pinv(covariance + np.diag(noise_variance), rcond=d * np.finfo(np.float64).eps, hermitian=True)
    regression = inverse @ covariance
    explained, vectors = (part[..., ::-1] for part in np.linalg.eigh(covariance @ regression))
    errors = (np.trace(covariance) - explained.cumsum()) / d
    return WienerFilter(mean, regression @ vectors, vectors.T, errors)


def denoising_error(x: np.ndarray, noise_variance: float | np.ndarray, weight: np.ndarray, bias: np.ndarray) -> float:
    """The expected squared error of x^ = x~ weight + bias, for x~ = x + noise; mean over features and examples.

        mean (x weight + bias - x)^2 + sum_j noise_variance_j |row j of weight|^2 / d

    The expectation over the noise is exact, nothing is drawn. weight: (d, d), bias: (d,); the rest, and the errors raised, as in
    `wiener_filter`, which is optimal among maps of its rank.
    """
    x, noise_variance = _examples("denoising_error", x, noise_variance)
    d = x.shape[1]
    weight, bias = checked_arrays("denoising_error", f"({d}, {d}) and ({d},)", weight=weight, bias=bias)
    systematic = np.mean((x @ weight + bias - x) ** 2)
    return float(systematic + noise_variance @ (weight**2).sum(axis=1) / d)


def _examples(function: str, x: np.ndarray, noise_variance: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (n, d) and one variance for each feature (d,), else an error that says what they are."""
    (x,), variance = checked_arrays(function, "(n, d)", x=x), whole_array(noise_variance, dtype=np.float64)
    if variance.shape not in ((), x.shape[1:]):
        expected = f"a number or ({x.shape[1]},), one for each feature"
        raise ShapeError(f"{function}: got noise_variance of shape {variance.shape}, expected {expected}")
    if not (np.isfinite(variance) & (variance >= 0)).all():
        between = f"from {variance.min()} to {variance.max()}"
        raise ValueError(f"{function}: got noise_variance {between}, expected at least 0 and finite")
    return x, np.broadcast_to(variance, x.shape[1:])
