"""The variational autoencoder: codes are distributions, and the decoder is a generative model."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from minigen import losses, nn, ops
from minigen.autograd import no_grad
from minigen.backend import Array, asarray, random
from minigen.errors import suggestion
from minigen.losses.reduction import check_matching, check_unit_interval, reduce
from minigen.models.sizes import Shape, image_shape
from minigen.nn.batching import Batched, in_batches, one_pass
from minigen.utils.checks import check_drawn, check_numbers

LIKELIHOODS = ("bce", "mse")


class VariationalAutoencoder(Batched):
    """784-150-100-(10, 10)-100-150-784 with SELU (Kingma & Welling 2014; the book's network, 269,504 parameters).

        q(z|x) = N(mean(x), diag exp(logvar(x))),   p(z) = N(0, I),   z = mean + exp(logvar / 2) * noise
        loss = E_q[-log p(x|z)] + beta * KL(q(z|x) || p(z)),   in nats per image (a sum over pixels, a mean over the batch)

    With beta = 1 the loss is the negative evidence lower bound, -log p(x) or more; another beta (Higgins et al. 2017) trades
    reconstruction for a simpler posterior. `reconstruction` names p(x|z), pixel by pixel:

    "bce": Bernoulli, from logits. A gray value in [0, 1] counts as the probability that the pixel is white, so that the loss is
           the expected one of images binarized at random each time, and never below their entropy
           (`metrics.bernoulli_entropy` * 784). Images outside [0, 1]: ValueError (not checked on a GPU).
    "mse": Gaussian with fixed variance 1/2: -log p = (x - x^)^2 + log(pi) / 2, a density, whose normalization is 784 log(pi) / 2
    = 449 nats. The variance is the book's: its loss, mean over pixels of (x - x^)^2 + KL / 784, is ours without
           that constant, divided by 784.

    `shape`: of an image; the docstrings below assume (28, 28, 1).  `condition`: the number of additional inputs of both networks;
    used by the conditional form. Raises ValueError for a negative beta or an unknown reconstruction.
    """

    encoder: nn.Module
    decoder: nn.Module

    def __init__(
        self,
        latent_dim: int = 10,
        beta: float = 1.0,
        reconstruction: str = "bce",
        hidden: Sequence[int] = (150, 100),
        condition: int = 0,
        shape: Shape = (28, 28, 1),
    ):
        pixels = math.prod(image_shape(type(self).__name__, shape))
        down, up = (pixels + condition, *hidden), (latent_dim + condition, *reversed(hidden))
        self.encoder = nn.Sequential(nn.Flatten(), *selu_layers(down))
        self.set_posterior(down[-1], latent_dim, beta, reconstruction)
        self.decoder = nn.Sequential(*selu_layers(up), nn.Dense(up[-1], pixels), nn.Reshape(shape))

    def set_posterior(self, features: int, latent_dim: int, beta: float, reconstruction: str) -> None:
        """q(z|x) from the encoder's features, by a dense layer each for mean and logvar; and the objective."""
        check_numbers(type(self).__name__, beta=beta)
        if not 0.0 <= beta < math.inf:
            raise ValueError(f"beta weighs the KL divergence: at least 0 and finite, got {beta}")
        if reconstruction not in LIKELIHOODS:
            raise ValueError(f"unknown reconstruction {reconstruction!r}: {suggestion(reconstruction, LIKELIHOODS)}")
        self.latent_dim, self.beta, self.reconstruction = latent_dim, beta, reconstruction
        self.mean, self.logvar = nn.Dense(features, latent_dim), nn.Dense(features, latent_dim)
        self.sampling = nn.Sampling()

    @in_batches
    def encode(self, x: Any) -> tuple[Any, Any]:
        """Images (n, 28, 28, 1) -> mean and logvar of q(z|x), each (n, latent_dim)."""
        h = self.encoder(x)
        return self.mean(h), self.logvar(h)

    @in_batches
    def decode(self, z: Any) -> Any:
        """Codes (n, latent_dim) -> logits ("bce") or pixel values ("mse"), (n, 28, 28, 1)."""
        return self.decoder(z)

    def forward(self, x: Any, noise: Any = None) -> Any:
        return self.decode(self.sampling(*self.encode(x), noise))

    # -- the objective -------------------------------------------------------------------------------------------

    @one_pass()
    def loss(self, x: Any, noise: Any = None) -> tuple[Any, dict[str, Any]]:
        """The total and its terms "reconstruction" and "kl" (without beta), in nats per image.

        One sample of z per image, from `noise` (n, latent_dim) ~ N(0, 1) if given.
        """
        mean, logvar = self.encode(x)
        return self.bound(x, self.decode(self.sampling(mean, logvar, noise)), mean, logvar)

    def bound(self, x: Any, y: Any, mean: Any, logvar: Any) -> tuple[Any, dict[str, Any]]:
        """The loss and its terms, from the decoder's outputs y and the posterior's parameters."""
        kl = losses.kl_normal(mean, logvar)
        reconstruction = reduce(self.pixel_nll(x, y), "batchmean")
        return reconstruction + self.beta * kl, {"reconstruction": reconstruction, "kl": kl}

    @in_batches
    def log_likelihood(self, x: Any, z: Any) -> Any:
        """log p(x|z) per image, in nats: x (n, 28, 28, 1), z (n, latent_dim) -> (n,)."""
        return self.log_likelihood_from_logits(x, self.decode(z))

    def log_likelihood_from_logits(self, x: Any, y: Any) -> Any:
        """log p(x|z) from the decoder's outputs y at z: (n,)."""
        return -ops.flatten(self.pixel_nll(x, y), 1).sum(axis=1)

    def pixel_nll(self, x: Any, y: Any) -> Any:
        """-log p(x|z) of each pixel, in nats, from the decoder's outputs y: the shape of x."""
        check_matching("reconstruction", y, x)
        if self.reconstruction == "mse":
            return ops.square(y - x) + 0.5 * math.log(math.pi)
        check_unit_interval("reconstruction", x)
        return ops.sigmoid_cross_entropy(y, x)

    # -- generated images ---------------------------------------------------------------------------------------

    @no_grad()
    @in_batches
    def pixels(self, z: Any) -> Any:
        """Codes (n, latent_dim) -> images in [0, 1], the mean of p(x|z), in evaluation mode, outside any graph."""
        with self.eval_mode():
            return self.pixels_from_logits(self.decode(z))

    def pixels_from_logits(self, y: Any) -> Any:
        """The decoder's outputs as pixels in [0, 1]."""
        return ops.sigmoid(y) if self.reconstruction == "bce" else ops.clip(y, low=0.0, high=1.0)

    @no_grad()
    @in_batches
    def reconstruct(self, x: Any) -> Any:
        """Images -> their reconstructions in [0, 1] from the mean of q(z|x), in evaluation mode, outside any graph."""
        with self.eval_mode():
            return self.pixels(self.encode(x)[0])

    def sample(self, n: int) -> Any:
        """n images in [0, 1] from the prior: z ~ N(0, I), drawn on the host, so that a seed gives the same on every backend."""
        return self.pixels(self.prior(n))

    def prior(self, n: int) -> Array:
        """n codes from N(0, I): (n, latent_dim). ValueError for n < 1."""
        check_drawn(n)
        dtype = self.parameters()[0].dtype
        return asarray(random.stream("latent").standard_normal((n, self.latent_dim), dtype=dtype))


def selu_layers(widths: Sequence[int]) -> list[nn.Dense]:
    """Dense layers with SELU from each width to the next."""
    return [nn.Dense(inputs, outputs, activation="selu") for inputs, outputs in pairwise(widths)]
