"""Networks for points of the plane: small enough to train in seconds, so that failures can be seen and counted."""

from minigen import nn
from minigen.models.gans import base


class Generator(base.Generator):
    """latent_dim-128-128-128-2 with ReLU: z ~ N(0, I) -> points (n, 2).

    With hidden=512 and layers=3 the network of Gulrajani et al. 2017 for such data, 527,874 parameters.
    """

    def __init__(self, latent_dim: int = 2, hidden: int = 128, layers: int = 3, features: int = 2):
        self.latent_dim = latent_dim
        sizes = [latent_dim, *[hidden] * layers]
        body = [nn.Dense(a, b, activation="relu") for a, b in zip(sizes, sizes[1:])]
        self.net = nn.Sequential(*body, nn.Dense(hidden, features))


class Discriminator(base.Discriminator):
    """2-128-128-128-1 with ReLU: points (n, 2) -> scores (n, 1).

    `dropout`: the rate after each hidden layer.  `pack`, `minibatch`: see base.Discriminator. With hidden=512, the critic of
    Gulrajani et al. 2017, 527,361 parameters.
    """

    def __init__(
        self,
        hidden: int = 128,
        layers: int = 3,
        features: int = 2,
        dropout: float = 0.0,
        pack: int = 1,
        minibatch: str | None = None,
    ):
        sizes = [features * pack, *[hidden] * layers]
        body = []
        for a, b in zip(sizes, sizes[1:]):
            body += [nn.Dense(a, b, activation="relu"), *([nn.Dropout(dropout)] if dropout else [])]
        super().__init__(nn.Sequential(*body), hidden, pack, minibatch)
