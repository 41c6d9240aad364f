"""The variational autoencoder of portraits: both networks are convolutional."""

import math
from itertools import pairwise
from typing import Any

from minigen import nn
from minigen.models.autoencoders.variational import VariationalAutoencoder
from minigen.models.sizes import Shape, doubling, halved, halvings, image_shape
from minigen.nn.batching import in_batches

SIDES = (8, 1024)  # pixels, the fewest and the most
COARSEST = 7  # at most so many along the shorter side of the smallest maps, and at least 4


class ConvolutionalVariationalAutoencoder(VariationalAutoencoder):
    """A variational autoencoder of portraits, (64, 64, 3), or of images of another `shape`, with sides of 8 to 1024 pixels.

    Convolutions of 4 x 4 and stride 2 in the encoder halve the image, rounded up, until its shorter side has 4 to 7 pixels, from
    64 pixels 4; transposed ones in the decoder double it back. A kernel whose size the stride divides covers all pixels equally
    often. Batch normalization and leaky ReLU (0.2) after each, but the last. There are `maps` feature maps at the finest
    resolution, twice as many at the next, four times as many below. The encoder sees pixels from -2 to 2, whose mean is near 0.

    beta = 1 is the bound of a Gaussian with variance 1/2. The likeliest variance is the mean squared error per pixel (Rybkin et
    al. 2021, section 4): of faces 0.007 after 18 epochs of `minigen train conv-vae --resolution 64 --images 20000 --batch-size
    32`, and so beta would be 0.015. The less beta is, the more codes carry (there 33 nats), and the longer they take to become
    normal: of what was drawn from N(0, I) then, by eye a third was no face. `vae-faces-64` was trained with beta = 2.

    Everything else is as in `VariationalAutoencoder`, but that only `latent_dim` may be given without its name: (64, 3) would
    look like a size. Raises ShapeError for other sides.
    """

    def __init__(
        self, latent_dim: int = 32, *, beta: float = 1.0, reconstruction: str = "mse", maps: int = 24, shape: Shape = (64, 64, 3)
    ):
        *_, channels = shape = image_shape(type(self).__name__, shape, *SIDES)
        times = halvings(shape, COARSEST)
        sizes, down = halved(shape, times), (channels, *(maps * min(2**i, 4) for i in range(times)))
        coarse = (*sizes[-1], down[-1])
        features = math.prod(coarse)
        self.encoder = nn.Sequential(
            *(
                layer
                for before, after in pairwise(down)
                for layer in (nn.Conv2d(before, after, 4, stride=2, bias=False), *normalized(after))
            ),
            nn.Flatten(),
        )
        self.set_posterior(features, latent_dim, beta, reconstruction)
        self.decoder = nn.Sequential(
            nn.Dense(latent_dim, features, bias=False),
            nn.Reshape(coarse),
            *normalized(down[-1]),
            *(
                layer
                for (before, after), size in zip(pairwise(down[:0:-1]), sizes[-2:0:-1])
                for layer in (doubling(before, after, 4, size, bias=False), *normalized(after))
            ),
            doubling(down[1], channels, 4, sizes[0]),
        )

    @in_batches
    def encode(self, x: Any) -> tuple[Any, Any]:
        """Images (n, height, width, channels) -> mean and logvar of q(z|x), each (n, latent_dim)."""
        return super().encode(4.0 * (x - 0.5))


def normalized(features: int) -> tuple[nn.Module, nn.Module]:
    """What follows a convolution."""
    return nn.BatchNorm(features), nn.LeakyReLU(0.2)
