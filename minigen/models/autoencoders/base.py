"""What all autoencoders share whose codes are points; the variational ones have distributions for codes."""

from collections.abc import Iterator
from typing import Any

from minigen import losses, nn, ops
from minigen.autograd import no_grad
from minigen.models.parts import in_parts


class Autoencoder(nn.Module):
    """x -> encoder -> codes z -> decoder -> x^. Subclasses set `encoder` and `decoder`, and write `loss`.

    loss(x) returns the total and a dict of its named terms. Outside any graph, long batches are encoded and decoded in parts
    (`models.parts`).
    """

    encoder: nn.Module
    decoder: nn.Module

    @in_parts
    def encode(self, x: Any) -> Any:
        """Examples (n, ...) -> codes (n, latent_dim)."""
        return self.encoder(x)

    @in_parts
    def decode(self, z: Any) -> Any:
        """Codes (n, latent_dim) -> what the decoder puts out: logits or values, (n, ...)."""
        return self.decoder(z)

    def forward(self, x: Any) -> Any:
        return self.decode(self.encode(x))

    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        """What training minimizes: the total and its named terms."""
        raise NotImplementedError(f"{type(self).__name__} has no loss()")

    def summary_children(self) -> Iterator[tuple[str, nn.Module]]:
        """The order of application, for a summary."""
        return iter((("encoder", self.encoder), ("decoder", self.decoder)))


class ImageAutoencoder(Autoencoder):
    """An autoencoder of images in [0, 1] whose decoder puts out logits, trained on binary cross entropy.

        loss = mean over pixels of BCE(sigmoid(logits), x)

    `decode` and `forward` give logits; `reconstruct` gives pixels in [0, 1].
    """

    @no_grad()
    @in_parts
    def reconstruct(self, x: Any) -> Any:
        """Images (n, h, w, c) -> their reconstructions, pixels in [0, 1], in evaluation mode, outside any graph."""
        with self.eval_mode():
            return ops.sigmoid(self(x))

    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        """BCE in nats per pixel, mean over all pixels; the total and its named terms. x in [0, 1]."""
        bce = losses.bce_with_logits(self(x), x)
        return bce, {"bce": bce}
