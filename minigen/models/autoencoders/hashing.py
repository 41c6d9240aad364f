"""The binary hashing autoencoder: codes so robust against noise that they are bits."""

import math
from typing import Any

from minigen import nn
from minigen.autograd import no_grad
from minigen.backend import Array
from minigen.models.autoencoders.base import ImageAutoencoder
from minigen.models.sizes import Shape, image_shape
from minigen.nn.batching import in_batches


class HashingAutoencoder(ImageAutoencoder):
    """784-100-16-100-784 with noise before 16 sigmoids (semantic hashing, Salakhutdinov & Hinton 2009).

        a = selu(x W1 + b1),   z = sigmoid((a + noise_std * noise) W2 + b2),   logits = selu(z W3 + b3) W4 + b4
        loss = mean over pixels of BCE(sigmoid(logits), x)

    Strong noise drowns intermediate codes between 0 and 1. What survives is the sign of a large input, so the codes move to 0 and
    1; rounded, they are a hash. With 16 bits, 80,116 + 80,884 parameters (the book's network). Noise (n, hidden) may be given to
    `encode`, `forward` and `loss`; it is drawn in training, and absent in evaluation. `shape`: of an image.
    """

    encoder: nn.Sequential

    def __init__(self, bits: int = 16, hidden: int = 100, noise_std: float = 15.0, shape: Shape = (28, 28, 1)):
        pixels = math.prod(image_shape(type(self).__name__, shape))
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Dense(pixels, hidden, activation="selu"),
            nn.GaussianNoise(noise_std),
            nn.Dense(hidden, bits, activation="sigmoid"),
        )
        self.decoder = nn.Sequential(nn.Dense(bits, hidden, activation="selu"), nn.Dense(hidden, pixels), nn.Reshape(shape))

    @in_batches
    def encode(self, x: Any, noise: Array | float | None = None) -> Any:
        """Images (n, height, width, channels) -> codes (n, bits) in (0, 1)."""
        flatten, features, disturb, codes = self.encoder
        return codes(disturb(features(flatten(x)), noise))

    def forward(self, x: Any, noise: Array | None = None) -> Any:
        return self.decode(self.encode(x, noise))

    def loss(self, x: Any, noise: Array | None = None) -> tuple[Any, dict[str, Any]]:
        """The loss with this noise; the total and its named terms. x in [0, 1]."""
        return self.error(self(x, noise), x)

    @no_grad()
    @in_batches
    def hash(self, x: Any) -> Array:
        """Images (n, height, width, channels) -> bits (n, bits), a plain bool array: which codes exceed 1/2, without noise."""
        return self.encode(x, noise=0.0) > 0.5
