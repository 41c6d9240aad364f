"""The tied autoencoder: it decodes with the encoder's transposed weights."""

import math

from minigen import nn
from minigen.models.autoencoders.base import ImageAutoencoder
from minigen.models.sizes import Shape, image_shape


class TiedAutoencoder(ImageAutoencoder):
    """784-100-30-100-784 with SELU, decoding with the encoder's weights (the chapter's network, 82,414 parameters).

        z = selu(selu(x W1 + b1) W2 + b2),   logits = selu(z W2^T + b3) W1^T + b4
        loss = mean over pixels of BCE(sigmoid(logits), x)

    Half the parameters of the stacked autoencoder: the biases are the decoder's own, the weights are the encoder's. The gradient
    of a weight is the sum of both its uses; optimizers and state dicts hold it once.
    `shape`: of an image.

    Source: Vincent et al. 2008 for the tying; linear, the minimum is symmetric by itself (Baldi & Hornik 1989).
    """

    def __init__(self, hidden: int = 100, latent_dim: int = 30, shape: Shape = (28, 28, 1)):
        outer = nn.Dense(math.prod(image_shape(type(self).__name__, shape)), hidden, activation="selu")
        inner = nn.Dense(hidden, latent_dim, activation="selu")
        self.encoder = nn.Sequential(nn.Flatten(), outer, inner)
        self.decoder = nn.Sequential(nn.DenseTranspose(inner, activation="selu"), nn.DenseTranspose(outer), nn.Reshape(shape))
