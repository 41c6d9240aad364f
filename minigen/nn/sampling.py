"""The random layer of a variational autoencoder."""

from minigen import ops
from minigen.autograd import TensorLike
from minigen.backend import random
from minigen.nn.module import ElementwiseModule
from minigen.utils.checks import check_same_shape


class Sampling(ElementwiseModule):
    """mean + exp(logvar / 2) * noise, noise ~ N(0, 1): a sample of N(mean, exp(logvar)) that gradients pass through.

    mean, logvar: (n, latent_dim) -> (n, latent_dim). `noise`, of the same shape, is drawn unless it is given. It
    samples in evaluation too, where the bound is still an expectation over z; for a deterministic result use the mean. From
    logvar = 20 on the standard deviation stays at e^10. Raises ShapeError for noise of another shape.
    Source: Kingma & Welling 2014, section 2.4 (the reparameterization trick).
    """

    def forward(self, mean: TensorLike, logvar: TensorLike, noise: TensorLike | None = None) -> TensorLike:
        if noise is None:
            noise = random.normal(mean.shape, dtype=mean.dtype)
        check_same_shape(repr(self), mean=mean, logvar=logvar, noise=noise)
        return ops.reparameterize(mean, logvar, noise)
