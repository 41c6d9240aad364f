"""The networks that Gulrajani et al. (2017, "Improved Training of Wasserstein GANs") published for MNIST."""

from minigen import nn
from minigen.models.gans import base


class Generator(base.Generator):
    """128 -> 4 x 4 x 256 -> 7 x 7 x 128 -> 14 x 14 x 64 -> 28 x 28 x 1, ReLU, sigmoid: pixels in [0, 1]. 1,554,177 parameters.

    From 4 x 4 to 7 x 7 it is the adjoint of the convolution that halves 7 x 7. (The published code computes 8 x 8 and crops the
    last row and column; this is 8 x 8 without the first.)
    """

    pixel_range = (0.0, 1.0)

    def __init__(self, latent_dim: int = 128, channels: int = 1, width: int = 64):
        self.latent_dim = latent_dim
        self.net = nn.Sequential(
            nn.Dense(latent_dim, 4 * 4 * 4 * width, activation="relu"),
            nn.Reshape((4, 4, 4 * width)),
            nn.ConvTranspose2d(4 * width, 2 * width, 5, stride=2, output_size=7, activation="relu"),
            nn.ConvTranspose2d(2 * width, width, 5, stride=2, activation="relu"),
            nn.ConvTranspose2d(width, channels, 5, stride=2, activation="sigmoid"),
        )


class Critic(base.Discriminator):
    """28 x 28 x 1 -> 14 x 14 x 64 -> 7 x 7 x 128 -> 4 x 4 x 256 -> 1, leaky ReLU, 1,030,145 parameters.

    No batch normalization: a gradient penalty is computed per example. `channels`: of the images.  `pack`,
    `minibatch`: see base.Discriminator.
    """

    def __init__(self, channels: int = 1, width: int = 64, pack: int = 1, minibatch: str | None = None):
        super().__init__(
            nn.Sequential(
                nn.Conv2d(channels * pack, width, 5, stride=2, activation="leaky_relu"),
                nn.Conv2d(width, 2 * width, 5, stride=2, activation="leaky_relu"),
                nn.Conv2d(2 * width, 4 * width, 5, stride=2, activation="leaky_relu"),
                nn.Flatten(),
            ),
            4 * 4 * 4 * width,
            pack,
            minibatch,
        )
