"""The random layer of a variational autoencoder."""

from typing import Any

from minigen import ops
from minigen.backend import random
from minigen.errors import ShapeError
from minigen.nn.module import ElementwiseModule


class Sampling(ElementwiseModule):
    """mean + exp(logvar / 2) * noise, noise ~ N(0, 1): a sample of N(mean, exp(logvar)) that gradients pass through.

    mean, logvar: (n, latent_dim) -> (n, latent_dim). `noise`: the numbers, of the same shape, if they are to be given rather
    than drawn. It samples in evaluation too, where the bound is still an expectation over z; for one answer without chance use
    the mean. From logvar = 20 on the standard deviation stays at e^10. Raises ShapeError for another shape of noise.
    Source: Kingma & Welling 2014, section 2.4 (the reparameterization trick).
    """

    def forward(self, mean: Any, logvar: Any, noise: Any = None) -> Any:
        if tuple(mean.shape) != tuple(logvar.shape):
            raise ShapeError(f"{self!r}: mean has shape {tuple(mean.shape)}, logvar {tuple(logvar.shape)}; expected the same")
        if noise is None:
            noise = random.normal(mean.shape, dtype=mean.dtype)
        elif tuple(noise.shape) != tuple(mean.shape):
            raise ShapeError(
                f"{self!r} expects noise of shape {tuple(mean.shape)}, one number for each latent variable of each "
                f"example, got {tuple(noise.shape)}"
            )
        return ops.reparameterize(mean, logvar, noise)
