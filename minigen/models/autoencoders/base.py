"""The base of autoencoders with point codes; the codes of variational ones are distributions."""

import copy
from collections.abc import Iterable
from typing import Any

from minigen import losses, nn, ops
from minigen.autograd import no_grad
from minigen.nn.batching import Batched, in_batches, one_pass


class Autoencoder(Batched):
    """x -> encoder -> codes z -> decoder -> x^. Subclasses set `encoder` and `decoder`, and define `error`.

    Many examples are encoded and decoded in batches, which keep no graph; `model(x)` and `loss` keep it (`nn.batching`).
    """

    in_order = ("encoder", "decoder")
    encoder: nn.Module
    decoder: nn.Module

    @in_batches
    def encode(self, x: Any) -> Any:
        """Examples (n, ...) -> codes (n, latent_dim)."""
        return self.encoder(x)

    @in_batches
    def decode(self, z: Any) -> Any:
        """Codes (n, latent_dim) -> the decoder's outputs: logits or values, (n, ...)."""
        return self.decoder(z)

    def forward(self, x: Any) -> Any:
        return self.decode(self.encode(x))

    @one_pass()
    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        """The training loss, the error of the reconstruction of x: the total and its named terms."""
        return self.error(self(x), x)

    def error(self, y: Any, x: Any) -> tuple[Any, dict[str, Any]]:
        """How far the decoder's outputs y are from the examples x: the total and its named terms."""
        raise NotImplementedError(f"{type(self).__name__} has no error()")

    def layer_pairs(self) -> list["Autoencoder"]:
        """The shallow autoencoders that make up this one, from the outside in: an encoding and a decoding layer each.

        They share the layers of this model. The outermost also has its loss; the others have the squared error of codes.
        Raises TypeError unless encoder and decoder are nn.Sequential, and encode() is the one above; ValueError unless both have
        the same number of layers with parameters.
        """
        name, encoder, decoder, own = type(self).__name__, self.encoder, self.decoder, type(self).encode is not Autoencoder.encode
        if not isinstance(encoder, nn.Sequential) or not isinstance(decoder, nn.Sequential) or own:
            raise TypeError(
                f"layer_pairs splits the encoder and the decoder of {name} into layers: expected an nn.Sequential "
                "each, and no encode() of its own"
            )
        down, up = trained_layers(encoder), trained_layers(decoder)[::-1]
        if len(down) != len(up):
            raise ValueError(
                "layer_pairs pairs the layers of the encoder with those of the decoder, but "
                f"{name} has {len(down)} and {len(up)} with parameters"
            )
        outermost = copy.copy(self)  # with its loss
        outermost.encoder, outermost.decoder = down[0], up[0]
        return [outermost, *map(LayerPair, down[1:], up[1:])]


class LayerPair(Autoencoder):
    """One encoding and one decoding layer of a deeper autoencoder: loss = mean (g(f(x)) - x)^2 + activity penalty."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        self.encoder, self.decoder = encoder, decoder

    def error(self, y: Any, x: Any) -> tuple[Any, dict[str, Any]]:
        """Squared error, mean over all elements, with the penalty; and the error alone by name."""
        mse = losses.mse(y, x)
        return mse + nn.activity_penalty(self), {"mse": mse}


def trained_layers(layers: Iterable[nn.Module]) -> list[nn.Sequential]:
    """The layers split before each one with parameters except the first; those without stay with the preceding one."""
    cut: list[list[nn.Module]] = [[]]
    for layer in layers:
        if layer.parameters() and any(before.parameters() for before in cut[-1]):
            cut.append([])
        cut[-1].append(layer)
    return [nn.Sequential(*each) for each in cut]


class ImageAutoencoder(Autoencoder):
    """An autoencoder of images in [0, 1] whose decoder outputs logits, trained on binary cross entropy.

    loss = mean over pixels of BCE(sigmoid(logits), x)
    """

    @no_grad()
    @in_batches
    def reconstruct(self, x: Any) -> Any:
        """Images (n, h, w, c) -> their reconstructions, pixels in [0, 1], in evaluation mode, outside any graph."""
        with self.eval_mode():
            return ops.sigmoid(self(x))

    def error(self, y: Any, x: Any) -> tuple[Any, dict[str, Any]]:
        """BCE of the logits y in nats per pixel, mean over all pixels; the total and its named terms. x in [0, 1]."""
        bce = losses.bce_with_logits(y, x)
        return bce, {"bce": bce}
