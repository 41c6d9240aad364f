"""The bases of all generators and discriminators."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen import nn
from minigen.autograd import Parameter, Tensor, no_grad
from minigen.backend import asarray, random, to_numpy
from minigen.errors import ShapeError, suggestion
from minigen.nn.batching import BATCH, joined


class Generator(nn.Module):
    """z ~ N(0, I) -> an example. Subclasses set `latent_dim`, `net` and `pixel_range`.

    `pixel_range`: the values that stand for black and white in the network's output, (0, 1) for a sigmoid, (-1, 1) for a
    tanh; None for a generator of points. Trainers scale real images to it, and `sample` scales generated ones back to [0, 1].
    """

    in_order = ("net",)
    latent_dim: int
    net: nn.Module
    pixel_range: tuple[float, float] | None = None
    classes: int | None = None  # of the labels that it is conditioned on, or None

    def forward(self, z: Any) -> Any:
        """Latent vectors (n, latent_dim) -> examples (n, ...)."""
        return self.net(z)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the input for one example."""
        return (self.latent_dim,)

    @property
    def dtype(self) -> Any:
        """The dtype of its parameters, float32 if it has none."""
        return next((tensor.dtype for _, tensor in self._paths("") if isinstance(tensor, Parameter)), np.float32)

    def latent(self, n: int) -> Any:
        """n latent vectors from N(0, I), (n, latent_dim); drawn in float32 on the host, the same on every backend.

        ValueError for n < 1.
        """
        if n < 1:
            raise ValueError(f"n counts examples, at least 1, got {n}")
        z = random.stream("latent").standard_normal((n, self.latent_dim), dtype=np.float32)
        return asarray(z.astype(self.dtype, copy=False))

    def sample(self, n: int, *labels: Any) -> np.ndarray:
        """n new examples on the host, pixels in [0, 1]; in evaluation mode, outside any graph.

        A conditional generator takes labels (n,), or one label for all.
        """
        return self.draw(self.latent(n), *labels)

    def draw(self, z: Any, *labels: Any) -> np.ndarray:
        """What is made of given latent vectors (n, latent_dim): examples on the host, pixels in [0, 1], in evaluation mode."""
        if self.classes is None and labels:
            raise ValueError("this generator takes no labels")
        if self.classes is not None and not labels:
            raise ValueError(f"this generator is conditioned on the class, 0 to {self.classes - 1}: sample(n, labels)")
        z = to_numpy(z).astype(self.dtype, copy=False)
        given = [each if each.ndim else np.repeat(each, len(z)) for each in map(to_numpy, labels)]
        if any(each.shape != (len(z),) for each in given):
            raise ShapeError(f"expected one label for each of {len(z)} examples, or one for all, got shape {given[0].shape}")
        return self.drawn(len(z), lambda part: self(Tensor(asarray(z[part])), *(each[part] for each in given)))

    def drawn(self, n: int, make: Callable[[slice], Any]) -> np.ndarray:
        """n examples on the host, pixels in [0, 1]: make(part) computes a part of them, in evaluation mode, outside any graph."""
        with self.eval_mode(), no_grad():
            return joined(n, lambda part: self.to_pixels(to_numpy(make(part))), self.at_a_time)

    @property
    def at_a_time(self) -> int:
        """How many examples at most are drawn in one forward pass."""
        return BATCH

    def to_pixels(self, x: np.ndarray) -> np.ndarray:
        """The network's images, in its pixel_range, as pixels in [0, 1], clipped; points as they are."""
        if self.pixel_range in (None, (0.0, 1.0)):
            return x
        low, high = self.pixel_range
        return ((x - low) / (high - low)).clip(0.0, 1.0)

    def from_pixels(self, images: np.ndarray) -> np.ndarray:
        """Pixels in [0, 1] as the network would output them."""
        if self.pixel_range in (None, (0.0, 1.0)):
            return images
        low, high = self.pixel_range
        return images * (high - low) + low


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
