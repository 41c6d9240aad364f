"""The stacked autoencoder: several hidden layers, symmetrical around the codes."""

import math

from minigen import nn
from minigen.models.autoencoders.base import ImageAutoencoder
from minigen.models.sizes import Shape, image_shape


class StackedAutoencoder(ImageAutoencoder):
    """784-100-30-100-784 with SELU, trained on binary cross entropy (the chapter's network, 163,814 parameters).

    z = selu(selu(x W1 + b1) W2 + b2),   logits = selu(z W3 + b3) W4 + b4
    loss = mean over pixels of BCE(sigmoid(logits), x)

    `shape`: of an image, (height, width, channels), whose height * width * channels values take the place of the 784.
    """

    def __init__(self, hidden: int = 100, latent_dim: int = 30, shape: Shape = (28, 28, 1)):
        pixels = math.prod(image_shape(type(self).__name__, shape))
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Dense(pixels, hidden, activation="selu"), nn.Dense(hidden, latent_dim, activation="selu")
        )
        self.decoder = nn.Sequential(nn.Dense(latent_dim, hidden, activation="selu"), nn.Dense(hidden, pixels), nn.Reshape(shape))
