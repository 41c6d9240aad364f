"""The first generative adversarial network, with the chapter's dense networks."""

from minigen import nn
from minigen.models.gans import base


class Generator(base.Generator):
    """30-100-150-784 with SELU and a sigmoid at the end (the chapter's network, 136,634 parameters): pixels in [0, 1].

        x = sigmoid(selu(selu(z W1 + b1) W2 + b2) W3 + b3),   z ~ N(0, I)

    `channels`: of the images, (n, 28, 28, channels).
    """

    pixel_range = (0.0, 1.0)

    def __init__(self, latent_dim: int = 30, channels: int = 1):
        self.latent_dim = latent_dim
        self.net = nn.Sequential(
            nn.Dense(latent_dim, 100, activation="selu"),
            nn.Dense(100, 150, activation="selu"),
            nn.Dense(150, 28 * 28 * channels, activation="sigmoid"),
            nn.Reshape((28, 28, channels)),
        )


class Discriminator(base.Discriminator):
    """784-150-100-1 with SELU (the chapter's network, 132,951 parameters), without the sigmoid: losses take logits.

    `channels`: of the images, (n, 28, 28, channels).  `dropout`: the rate after each hidden layer.  `pack`, `minibatch`: see
    base.Discriminator.
    """

    def __init__(self, channels: int = 1, dropout: float = 0.0, pack: int = 1, minibatch: str | None = None):
        drop = [nn.Dropout(dropout)] if dropout else []
        super().__init__(
            nn.Sequential(
                nn.Flatten(),
                nn.Dense(28 * 28 * channels * pack, 150, activation="selu"),
                *drop,
                nn.Dense(150, 100, activation="selu"),
                *drop,
            ),
            100,
            pack,
            minibatch,
        )
