"""The linear variational autoencoder: probabilistic principal component analysis by gradient descent."""

import math
from typing import Any

from minigen import nn, ops
from minigen.autograd import Parameter
from minigen.losses.reduction import check_matching
from minigen.models.autoencoders.variational import VariationalAutoencoder
from minigen.nn import init
from minigen.nn.batching import in_batches


class LinearVariationalAutoencoder(VariationalAutoencoder):
    """Linear encoder, linear decoder, Gaussian noise of learned variance (Lucas et al. 2019; Dai et al. 2018).

        q(z|x) = N(x V + c, diag exp(posterior_logvar)),   p(z) = N(0, I),   p(x|z) = N(z W + b, exp(noise_logvar) I)
        loss = E_q[-log p(x|z)] + KL(q(z|x) || p(z)),   in nats per example

    The generative model is probabilistic PCA (Tipping & Bishop 1999), whose maximum likelihood is known in closed form
    (`baselines.probabilistic_pca`). There the true posterior is Gaussian, and diagonal if the rows of W are orthogonal: so the
    best bound is tight, minus the loss is the log-likelihood, and the rows of W are the principal axes themselves. Examples are
    rows (n, features), of any values.
    """

    decoder: nn.Dense

    def __init__(self, features: int = 3, latent_dim: int = 2):
        self.latent_dim, self.beta = latent_dim, 1.0
        self.encoder = nn.Dense(features, latent_dim)
        self.posterior_logvar = Parameter(init.zeros((latent_dim,)))
        self.sampling = nn.Sampling()
        self.decoder = nn.Dense(latent_dim, features)
        self.noise_logvar = Parameter(init.zeros((1,)))

    @in_batches
    def encode(self, x: Any) -> tuple[Any, Any]:
        """Examples (n, features) -> mean and logvar of q(z|x), each (n, latent_dim); the logvar is the same for all."""
        mean = self.encoder(x)
        return mean, ops.broadcast_to(self.posterior_logvar, shape=mean.shape)

    def pixel_nll(self, x: Any, y: Any) -> Any:
        """-log p(x|z) of each feature, in nats: ((x - y)^2 / variance + log(2 pi variance)) / 2."""
        check_matching("reconstruction", y, x)
        return 0.5 * (ops.square(y - x) * ops.exp(-self.noise_logvar) + self.noise_logvar + math.log(2.0 * math.pi))

    @in_batches
    def elbo(self, x: Any) -> Any:
        """The evidence lower bound of each example, with its expectation over z in closed form: (n, features) -> (n,), in nats.

        E_q |x - z W - b|^2 = |x - mean W - b|^2 + sum_j variance_j |W_j|^2
        """
        mean, logvar = self.encode(x)
        spread = (ops.exp(self.posterior_logvar) * ops.square(self.decoder.weight).sum(axis=1)).sum()
        expected = -0.5 * spread * ops.exp(-self.noise_logvar) + self.log_likelihood(x, mean)
        return expected - ops.kl_standard_normal(mean, logvar).sum(axis=1)

    def pixels_from_logits(self, y: Any) -> Any:
        """The values themselves: features have no range."""
        return y
