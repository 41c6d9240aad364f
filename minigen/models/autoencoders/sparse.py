"""The sparse autoencoder: more codes than units before them, with few active units."""

import math
from typing import Any

from minigen import nn
from minigen.models.autoencoders.base import ImageAutoencoder
from minigen.models.sizes import Shape, image_shape


class SparseAutoencoder(ImageAutoencoder):
    """784-100-300-100-784 with a sparsity penalty on sigmoid codes (the chapter's network, 218,084 parameters).

        z = sigmoid(selu(x W1 + b1) W2 + b2),   logits = selu(z W3 + b3) W4 + b4
        loss = mean over pixels of BCE(sigmoid(logits), x) + l1 * sum_j |z_j| + kl * sum_j KL(target || mean of z_j)

    How the penalties depend on the batch: `ops.l1_sparsity`, `kl_sparsity`. The chapter's are l1 = 1e-3, which pushes every
    activation toward zero, or kl = 0.05 / 32 = 1.6e-3, which lets each code be active for a share `target` of the images; with
    neither, the network is the baseline. `shape`: of an image.

    Source: Ng 2011, "Sparse autoencoder" (CS294A); Olshausen & Field 1996 for the idea.
    """

    def __init__(
        self,
        latent_dim: int = 300,
        l1: float = 0.0,
        kl: float = 0.0,
        target: float = 0.1,
        hidden: int = 100,
        shape: Shape = (28, 28, 1),
    ):
        pixels = math.prod(image_shape(type(self).__name__, shape))
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Dense(pixels, hidden, activation="selu"),
            nn.Dense(hidden, latent_dim, activation="sigmoid"),
            nn.ActivityRegularization(l1=l1, kl=kl, target=target),
        )
        self.decoder = nn.Sequential(nn.Dense(latent_dim, hidden, activation="selu"), nn.Dense(hidden, pixels), nn.Reshape(shape))

    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        """BCE in nats per pixel, mean over all pixels, plus the penalty of the codes; the total and its named terms."""
        bce, _ = super().loss(x)
        penalty = nn.activity_penalty(self.encoder)
        return bce + penalty, {"bce": bce, "penalty": penalty}
