"""The bases of all generators and discriminators."""

from collections.abc import Callable
from typing import Any

from minigen import nn
from minigen.errors import suggestion
from minigen.training.gans.drawing import Drawing


class Generator(Drawing):
    """z ~ N(0, I) -> an example. Subclasses set `latent_dim`, `net` and `pixel_range`.

    `pixel_range`: the values that stand for black and white in the network's output, (0, 1) for a sigmoid, (-1, 1) for a
    tanh; None for a generator of points. Trainers scale real images to it, and `sample` scales generated ones back to [0, 1].
    """

    in_order = ("net",)
    net: nn.Module

    def forward(self, z: Any) -> Any:
        """Latent vectors (n, latent_dim) -> examples (n, ...)."""
        return self.net(z)


class Discriminator(nn.Module):
    """An example -> a score (n, 1), a logit without a sigmoid.

        score = minibatch(body(pack(x))) W + b

    `body`: a module from examples to flat features, (n, features).  `pack`: how many examples are scored together (PacGAN): the
    body must then take their concatenated channels.  `minibatch`: "stddev" or "discrimination" puts the layer of that name (32
    kernels of 5), which compares each example with the others of its batch, before the last one.
    """

    in_order = ("pack", "body", "minibatch", "head")

    def __init__(self, body: nn.Module, features: int, pack: int = 1, minibatch: str | None = None):
        self.pack = nn.Pack(pack) if pack > 1 else None
        self.body = body
        self.minibatch = minibatch_layer(minibatch, features)
        self.head = nn.Dense(features if self.minibatch is None else self.minibatch.output_shape((features,))[0], 1)

    def features(self, x: Any) -> Any:
        """Examples (n, ...) -> their features before the last layers, (n / pack, features)."""
        return self.body(x if self.pack is None else self.pack(x))

    def forward(self, x: Any) -> Any:
        features = self.features(x)
        return self.head(features if self.minibatch is None else self.minibatch(features))


def minibatch_layer(name: str | None, features: int) -> nn.Module | None:
    """The layer called "stddev" or "discrimination", None for None. ValueError, with the nearest name, for another."""
    layers: dict[str, Callable[[], nn.Module]] = {
        "stddev": nn.MinibatchStdDev,
        "discrimination": lambda: nn.MinibatchDiscrimination(features, kernels=32),
    }
    if name is None:
        return None
    if name not in layers:
        raise ValueError(f"unknown minibatch layer {name!r}: {suggestion(name, layers)}")
    return layers[name]()
