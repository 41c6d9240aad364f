"""Generators draw: latent vectors from a normal distribution, and examples from these."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.autograd import Parameter, Tensor, no_grad
from minigen.backend import asarray, random, to_numpy
from minigen.errors import ShapeError
from minigen.nn import Module
from minigen.nn.batching import BATCH, joined
from minigen.utils.checks import check_drawn, is_whole


class Drawing(Module):
    """Base of all generators: z ~ N(0, I) -> an example. Subclasses set `latent_dim`, and `pixel_range` if they make images.

    `pixel_range`: the values that stand for black and white in the network's output; None: examples are as they are.
    """

    latent_dim: int
    pixel_range: tuple[float, float] | None = None
    classes: int | None = None  # of the labels that it is conditioned on, or None

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
        check_drawn(n)
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


class AnyGenerator(Drawing):
    """Any network from latent vectors (n, latent_dim) to examples, as a generator."""

    in_order = ("net",)

    def __init__(self, net: Module, latent_dim: int, pixel_range: tuple[float, float] | None = None):
        self.net, self.latent_dim, self.pixel_range = net, latent_dim, pixel_range

    def forward(self, z: Any) -> Any:
        return self.net(z)


def as_generator(network: Any, latent_dim: int | None, pixel_range: tuple[float, float] | None) -> Any:
    """A generator as it is, any other Module as a generator of so many latent variables.

    Raises ValueError for a latent_dim or a pixel_range of what has its own, or that is none.
    """
    if latent_dim is None and pixel_range is None:
        return network
    for name, given in (("latent_dim", latent_dim), ("pixel_range", pixel_range)):
        if hasattr(network, "latent_dim") and given is not None:
            raise ValueError(
                f"{name}: this {type(network).__name__} is a generator with latent_dim={network.latent_dim} and "
                f"pixel_range={getattr(network, 'pixel_range', None)} of its own, got another, {given}: leave it out"
            )
    if latent_dim is None or not isinstance(network, Module):
        return network  # what it should be is said by the checks of all players
    if not is_whole(latent_dim) or latent_dim < 1:
        raise ValueError(f"latent_dim counts the generator's latent variables, a whole number of at least 1, got {latent_dim}")
    pair = pixel_range if isinstance(pixel_range, (tuple, list)) and len(pixel_range) == 2 else (1, 0)
    if pixel_range is not None and not pair[0] < pair[1]:
        raise ValueError(f"pixel_range: black and white in the generator's output, such as (-1, 1), got {pixel_range}")
    return AnyGenerator(network, latent_dim, None if pixel_range is None else (float(pair[0]), float(pair[1])))
