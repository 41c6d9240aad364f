"""How probable a variational autoencoder finds images: lower bounds on their log-likelihood, in nats per image.

The model is any object with

    encode(x) -> (mean, logvar)    of q(z|x) = N(mean, diag exp(logvar)), each (n, d)
    log_likelihood(x, z) -> (n,)   log p(x|z) in nats, summed over an image's pixels

and the prior N(0, I). Noise is drawn on the host, so that a seed gives the same noise on every backend and for every model. For
values comparable with the literature, images must be black and white: only then does a Bernoulli decoder define a probability.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigen import ops
from minigen.autograd import no_grad
from minigen.backend import asarray, random, to_numpy
from minigen.errors import NonFiniteError, ShapeError
from minigen.metrics.intervals import Estimate
from minigen.utils.checks import check_seed
from minigen.utils.progress import bar


def elbo(
    model: Any, x: np.ndarray, samples: int = 1, batch_size: int = 256, seed: int | None = None, progress: bool = False
) -> Estimate:
    """Evidence lower bound, the mean over images, in nats per image: at most log p(x), higher is better.

        mean over samples of log p(x|z) - KL(q(z|x) || p(z)),   z ~ q(z|x)
        KL = 1/2 sum_j (mean_j^2 + exp(logvar_j) - 1 - logvar_j)

    The KL is the closed form, not sampled. beta is not part of it, even if the model was trained with one.

    x: images (n, ...), in the model's dtype; model in evaluation mode.  samples: noise vectors for each image.
    batch_size: images at a time, each with one z.
    seed: of the noise; None takes it from the stream "noise" of `minigen.seed`.  progress: show a bar.
    Raises ShapeError if the model's outputs do not fit, NonFiniteError if they are not finite, ValueError for no images, no
    samples or a batch_size below 1. Source: Kingma & Welling 2014, equation 3 and appendix B.
    """
    bounds = []
    for likelihoods, _, mean, logvar in _posterior_samples("elbo", model, x, samples, batch_size, seed, progress):
        kl = ops.kl_standard_normal(mean, logvar).sum(axis=1)
        bounds.append(likelihoods.mean(axis=0) - kl)
    return _estimate("elbo", bounds)


def importance_weighted_nll(
    model: Any, x: np.ndarray, k: int = 50, batch_size: int = 256, seed: int | None = None, progress: bool = False
) -> Estimate:
    """Negative log-likelihood by importance sampling, the mean over images, in nats per image: lower is better.

        -log( mean over k of  p(x|z) p(z) / q(z|x) ),   z ~ q(z|x)

    In expectation an upper bound of -log p(x), falling with k; for k = 1 it is the negative ELBO. The standard error does not
    cover how far the bound lies above -log p(x): compare two k for that.

    Arguments, and the errors raised, as in `elbo`; k: samples of z for each image. Source: Burda et al. 2016, equation 8.
    """
    bounds = []
    for likelihoods, z, mean, logvar in _posterior_samples("importance_weighted_nll", model, x, k, batch_size, seed, progress):
        # log p(z) - log q(z|x); the constants of the two densities cancel.
        log_ratio = 0.5 * ((z - mean) ** 2 / np.exp(logvar) + logvar - z**2).sum(axis=2)
        log_weights = likelihoods + log_ratio
        greatest = log_weights.max(axis=0)
        bounds.append(-(greatest + np.log(np.exp(log_weights - greatest).mean(axis=0))))
    return _estimate("importance_weighted_nll", bounds)


def _posterior_samples(
    metric: str, model: Any, x: np.ndarray, samples: int, batch_size: int, seed: int | None, progress: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Batch by batch, in float64: log p(x|z) (samples, n), z (samples, n, d), and its mean and logvar, (n, d) each."""
    if len(x) < 1 or samples < 1 or batch_size < 1:
        raise ValueError(f"{metric}: got {len(x)} images, {samples} samples and batch_size {batch_size}, expected at least 1")
    source = random.stream("noise") if seed is None else np.random.default_rng(check_seed(metric, seed))
    with bar(total=len(x), desc=metric, unit="ex", show=progress, leave=False) as shown:
        for start in range(0, len(x), batch_size):
            batch = asarray(x[start : start + batch_size])
            n = len(batch)
            with no_grad():
                mean, logvar = (to_numpy(part) for part in model.encode(batch))
                if mean.ndim != 2 or len(mean) != n or logvar.shape != mean.shape:
                    raise ShapeError(
                        f"{metric}: got encode(x) of shapes {mean.shape} and {logvar.shape} for {n} images, "
                        f"expected mean and logvar, ({n}, d) each"
                    )
                noise = source.standard_normal((samples, *mean.shape))
                # As the model sees it: rounded to its dtype, so that all densities are evaluated at the same z.
                z = (mean + np.exp(logvar / 2) * noise).astype(mean.dtype)
                likelihoods = np.stack([to_numpy(model.log_likelihood(batch, asarray(code))) for code in z])
            if likelihoods.shape != (samples, n):
                raise ShapeError(
                    f"{metric}: got log_likelihood(x, z) of shape {likelihoods.shape[1:]} for {n} images, "
                    f"expected ({n},): the sum over an image's pixels"
                )
            likelihoods, z, mean, logvar = (part.astype(np.float64) for part in (likelihoods, z, mean, logvar))
            yield likelihoods, z, mean, logvar
            shown.update(n)


def _estimate(metric: str, parts: list[np.ndarray]) -> Estimate:
    """Mean of the bounds of all images, which come in parts, and its standard error, which covers the images and the noise."""
    bounds = np.concatenate(parts)
    finite = np.isfinite(bounds)
    if not finite.all():
        worst = int(np.argmin(finite))
        raise NonFiniteError(f"{metric}: got {bounds[worst]} for image {worst}, expected a finite value")
    deviation = bounds.std(ddof=1) if len(bounds) > 1 else np.nan
    return Estimate(float(bounds.mean()), float(deviation / np.sqrt(len(bounds))))
