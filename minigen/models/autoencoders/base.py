"""What every autoencoder shares."""

from collections.abc import Iterator
from typing import Any

from minigen import nn


class Autoencoder(nn.Module):
    """x -> encoder -> codes z -> decoder -> x^. Subclasses set `encoder` and `decoder`, and write `loss`.

    loss(x) returns the total and a dict of its named terms.
    """

    encoder: nn.Module
    decoder: nn.Module

    def encode(self, x: Any) -> Any:
        """Examples (n, ...) -> codes (n, latent_dim)."""
        return self.encoder(x)

    def decode(self, z: Any) -> Any:
        """Codes (n, latent_dim) -> what the decoder puts out: logits or values, (n, ...)."""
        return self.decoder(z)

    def forward(self, x: Any) -> Any:
        return self.decode(self.encode(x))

    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        """What training minimizes: the total and its named terms."""
        raise NotImplementedError(f"{type(self).__name__} has no loss()")

    def chain(self) -> Iterator[tuple[str, nn.Module]]:
        """The order of application, for a summary."""
        return iter((("encoder", self.encoder), ("decoder", self.decoder)))
