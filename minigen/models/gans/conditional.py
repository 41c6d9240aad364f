"""Conditional GANs: both networks are conditioned on the class (Mirza & Osindero 2014). Any pair of networks can be.

The label is concatenated to a network's input. (In the paper, each of the two first has a hidden layer of its own.)
"""

from collections.abc import Iterator
from typing import Any

from minigen import nn, ops
from minigen.models.gans import base
from minigen.utils.checks import is_whole


class Generator(base.Generator):
    """G(z, y) = network([z, onehot(y)]): a generator whose last `classes` latent variables are the label.

    `network`: a generator of latent_dim + classes variables, such as dcgan.Generator(latent_dim=100 + 10). Labels are integers
    (n,) from 0 to classes - 1, else ValueError.
    """

    classes: int

    def __init__(self, network: base.Generator, classes: int = 10):
        check_classes(classes)
        if network.latent_dim <= classes:
            raise ValueError(
                f"a conditional generator needs a network of more than {classes} latent variables, {classes} of "
                f"them for the label, got {network.latent_dim}"
            )
        self.net, self.classes = network, classes
        self.latent_dim, self.pixel_range = network.latent_dim - classes, network.pixel_range

    def forward(self, z: Any, labels: Any) -> Any:
        """Latent vectors (n, latent_dim), labels (n,) -> examples (n, ...)."""
        return self.net(ops.with_labels(z, labels, self.classes))


class Discriminator(nn.Module):
    """D(x, y) = network([x, onehot(y)]): the label is appended to the images as channels that are constant, 0 or 1.

    `network`: a discriminator of channels + classes channels, such as dcgan.Discriminator((28, 28, 1 + 10)); of points, of
    features + classes values. Labels are integers (n,) from 0 to classes - 1, else ValueError.
    """

    def __init__(self, network: base.Discriminator, classes: int = 10):
        check_classes(classes)
        self.net, self.classes = network, classes

    def features(self, x: Any, labels: Any) -> Any:
        """Examples (n, ...) and labels (n,) -> their features before the last layers, (n / pack, features)."""
        return self.net.features(ops.with_labels(x, labels, self.classes))

    def forward(self, x: Any, labels: Any) -> Any:
        return self.net(ops.with_labels(x, labels, self.classes))

    def summary_children(self) -> Iterator[tuple[str, nn.Module]] | None:
        """The order of application, for a summary of examples with their labels as channels."""
        return self.net.summary_children()


def check_classes(classes: Any) -> None:
    """Raise ValueError unless it counts classes."""
    if not is_whole(classes) or classes < 1:
        raise ValueError(f"classes counts the classes, a whole number of at least 1, got {classes!r}")
