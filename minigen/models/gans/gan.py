"""The first generative adversarial network, with the chapter's dense networks."""

import math

from minigen import nn
from minigen.models.gans import base
from minigen.models.sizes import Shape, image_shape


class Generator(base.Generator):
    """30-100-150-784 with SELU and a sigmoid at the end (the chapter's network, 136,634 parameters): pixels in [0, 1].

        x = sigmoid(selu(selu(z W1 + b1) W2 + b2) W3 + b3),   z ~ N(0, I)

    `shape`: of an image, (height, width, channels), whose height * width * channels values take the place of the 784.
    """

    pixel_range = (0.0, 1.0)

    def __init__(self, latent_dim: int = 30, shape: Shape = (28, 28, 1)):
        pixels = math.prod(image_shape("the GAN's generator", shape))
        self.latent_dim = latent_dim
        self.net = nn.Sequential(
            nn.Dense(latent_dim, 100, activation="selu"),
            nn.Dense(100, 150, activation="selu"),
            nn.Dense(150, pixels, activation="sigmoid"),
            nn.Reshape(shape),
        )


class Discriminator(base.Discriminator):
    """784-150-100-1 with SELU (the chapter's network, 132,951 parameters), without the sigmoid: losses take logits.

    `shape`: of an image, (height, width, channels).  `dropout`: the rate after each hidden layer.  `pack`, `minibatch`: see
    base.Discriminator.
    """

    def __init__(self, shape: Shape = (28, 28, 1), dropout: float = 0.0, pack: int = 1, minibatch: str | None = None):
        pixels = math.prod(image_shape("the GAN's discriminator", shape))
        drop = [nn.Dropout(dropout)] if dropout else []
        super().__init__(
            nn.Sequential(
                nn.Flatten(), nn.Dense(pixels * pack, 150, activation="selu"), *drop, nn.Dense(150, 100, activation="selu"), *drop
            ),
            100,
            pack,
            minibatch,
        )
