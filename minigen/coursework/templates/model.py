"""A model of your own: replace Autoencoder, then run `minigen check my_model.py`."""

import minigen as mg
from minigen import losses, nn
from minigen.coursework import example, images


class Autoencoder(nn.Module):
    """28 x 28 pixels - 100 - latent_dim - 100 - 28 x 28 logits.

    loss = mean over pixels of the binary cross entropy, in nats per pixel.
    """

    def __init__(self, latent_dim=30):
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Dense(784, 100, activation="selu"), nn.Dense(100, latent_dim, activation="selu")
        )
        self.decoder = nn.Sequential(nn.Dense(latent_dim, 100, activation="selu"), nn.Dense(100, 784), nn.Reshape((28, 28, 1)))

    def forward(self, x):
        """Images (n, 28, 28, 1) -> logits."""
        return self.decoder(self.encoder(x))

    def loss(self, x):
        """The total and a dict of its named terms: what training.fit minimizes."""
        bce = losses.bce_with_logits(self(x), x)
        return bce, {"bce": bce}

    def reconstruct(self, x):
        """Images -> images in [0, 1], outside any graph."""
        with mg.no_grad():
            return mg.sigmoid(self(x))


example(Autoencoder(latent_dim=3), images(2, 28, 28, 1))
