"""The stacked autoencoder: several hidden layers, symmetrical around the codes."""

from minigen import nn
from minigen.models.autoencoders.base import ImageAutoencoder


class StackedAutoencoder(ImageAutoencoder):
    """784-100-30-100-784 with SELU, trained on binary cross entropy (the chapter's network, 163,814 parameters).

    z = selu(selu(x W1 + b1) W2 + b2),   logits = selu(z W3 + b3) W4 + b4
    loss = mean over pixels of BCE(sigmoid(logits), x)
    """

    def __init__(self, hidden: int = 100, latent_dim: int = 30):
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Dense(28 * 28, hidden, activation="selu"), nn.Dense(hidden, latent_dim, activation="selu")
        )
        self.decoder = nn.Sequential(
            nn.Dense(latent_dim, hidden, activation="selu"), nn.Dense(hidden, 28 * 28), nn.Reshape((28, 28, 1))
        )
