"""Exercise 6, solved."""

import minigen as mg
from minigen import losses, nn
from minigen.backend import asarray, random

EXERCISE = 6


def reparameterize(mean, logvar, noise):
    """A code from N(mean, diag exp(logvar)). mean, logvar, noise: (n, latent_dim) -> (n, latent_dim)."""
    return mean + mg.exp(0.5 * logvar) * noise


def kl_divergence(mean, logvar):
    """KL(N(mean, diag exp(logvar)) || N(0, I)), in nats: a mean over the batch. mean, logvar: (n, latent_dim) -> one number."""
    return 0.5 * (mean * mean + mg.exp(logvar) - 1.0 - logvar).sum() / float(len(mean))


class VariationalAutoencoder(nn.Module):
    """14 x 14 pixels - hidden - latent_dim - hidden - 14 x 14 logits."""

    def __init__(self, latent_dim=4, hidden=64):
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(nn.Flatten(), nn.Dense(14 * 14, hidden, activation="tanh"))
        self.mean, self.logvar = nn.Dense(hidden, latent_dim), nn.Dense(hidden, latent_dim)
        self.decoder = nn.Sequential(
            nn.Dense(latent_dim, hidden, activation="tanh"), nn.Dense(hidden, 14 * 14), nn.Reshape((14, 14, 1))
        )

    def encode(self, x):
        """Images (n, 14, 14, 1) -> mean and logvar, each (n, latent_dim)."""
        h = self.encoder(x)
        return self.mean(h), self.logvar(h)

    def loss(self, x, noise=None):
        """The total and its terms "reconstruction" and "kl", in nats per image."""
        mean, logvar = self.encode(x)
        if noise is None:
            noise = random.normal(mean.shape, dtype=mean.dtype)
        logits = self.decoder(reparameterize(mean, logvar, noise))
        reconstruction = losses.bce_with_logits(logits, x, reduction="batchmean")
        kl = kl_divergence(mean, logvar)
        return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}

    def sample(self, n):
        """n images in [0, 1], (n, 14, 14, 1)."""
        z = asarray(random.stream("latent").standard_normal((n, self.latent_dim), dtype="float32"))
        with mg.no_grad():
            return mg.sigmoid(self.decoder(mg.Tensor(z)))
