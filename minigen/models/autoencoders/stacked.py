"""The stacked autoencoder: several hidden layers, symmetrical around the codes."""

from typing import Any

from minigen import losses, nn, ops
from minigen.autograd import no_grad
from minigen.models.autoencoders.base import Autoencoder


class StackedAutoencoder(Autoencoder):
    """784-100-30-100-784 with SELU, trained on binary cross entropy (the chapter's network, 163,814 parameters).

        z = selu(selu(x W1 + b1) W2 + b2),   logits = selu(z W3 + b3) W4 + b4
        loss = mean over pixels of BCE(sigmoid(logits), x)

    `decode` and `forward` give logits; `reconstruct` gives pixels in [0, 1].
    """

    def __init__(self, hidden: int = 100, latent_dim: int = 30):
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Dense(28 * 28, hidden, activation="selu"),
            nn.Dense(hidden, latent_dim, activation="selu"),
        )
        self.decoder = nn.Sequential(
            nn.Dense(latent_dim, hidden, activation="selu"),
            nn.Dense(hidden, 28 * 28),
            nn.Reshape((28, 28, 1)),
        )

    def reconstruct(self, x: Any) -> Any:
        """Images (n, 28, 28, 1) -> their reconstructions, pixels in [0, 1], outside any graph."""
        with no_grad():
            return ops.sigmoid(self(x))

    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        """BCE in nats per pixel, mean over all pixels; the total and its named terms. x in [0, 1]."""
        bce = losses.bce_with_logits(self(x), x)
        return bce, {"bce": bce}
