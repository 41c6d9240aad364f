"""The variational autoencoder of portraits: both networks are convolutional."""

from itertools import pairwise
from typing import Any

from minigen import nn
from minigen.models.autoencoders.variational import VariationalAutoencoder
from minigen.nn.batching import in_batches
from minigen.utils.checks import doublings


class ConvolutionalVariationalAutoencoder(VariationalAutoencoder):
    """A variational autoencoder of square images, (side, side, channels) with a side of 8, 16 ... 1024 pixels.

    The encoder halves the side down to 4 by convolutions of 4 x 4 and stride 2, the decoder doubles it back by transposed ones;
    a kernel whose size the stride divides covers all pixels equally often. Batch normalization and leaky ReLU (0.2) after each,
    but the last. There are `maps` feature maps at the finest resolution, twice as many at the next, four times as many below. The
    encoder sees pixels from -2 to 2, whose mean is near 0.

    beta = 1 is the bound of a Gaussian with variance 1/2. The likeliest variance is the mean squared error per pixel (Rybkin et
    al. 2021, section 4): of faces 0.007 after 18 epochs of `minigen train conv-vae --resolution 64 --images 20000 --batch-size
    32`, and so beta would be 0.015. The less beta is, the more codes carry (there 33 nats), and the longer they take to become
    normal: of what was drawn from N(0, I) then, by eye a third was no face. `vae-faces-64` was trained with beta = 2.

    Everything else is as in `VariationalAutoencoder`. Raises ValueError for another side.
    """

    def __init__(
        self,
        side: int = 64,
        channels: int = 3,
        latent_dim: int = 32,
        beta: float = 1.0,
        reconstruction: str = "mse",
        maps: int = 24,
    ):
        halvings = doublings(side)
        if halvings == 0:
            raise ValueError(f"{type(self).__name__} halves images at least once: the side is 8 or more, got {side}")
        down = (channels, *(maps * min(2**i, 4) for i in range(halvings)))
        coarse = (4, 4, down[-1])
        self.encoder = nn.Sequential(
            *(
                layer
                for before, after in pairwise(down)
                for layer in (nn.Conv2d(before, after, 4, stride=2, bias=False), *normalized(after))
            ),
            nn.Flatten(),
        )
        self.set_posterior(16 * down[-1], latent_dim, beta, reconstruction)
        self.decoder = nn.Sequential(
            nn.Dense(latent_dim, 16 * down[-1], bias=False),
            nn.Reshape(coarse),
            *normalized(down[-1]),
            *(
                layer
                for before, after in pairwise(down[:0:-1])
                for layer in (nn.ConvTranspose2d(before, after, 4, stride=2, bias=False), *normalized(after))
            ),
            nn.ConvTranspose2d(down[1], channels, 4, stride=2),
        )

    @in_batches
    def encode(self, x: Any) -> tuple[Any, Any]:
        """Images (n, side, side, channels) -> mean and logvar of q(z|x), each (n, latent_dim)."""
        return super().encode(4.0 * (x - 0.5))


def normalized(features: int) -> tuple[nn.Module, nn.Module]:
    """What follows a convolution."""
    return nn.BatchNorm(features), nn.LeakyReLU(0.2)
