"""Exercise 6: a variational autoencoder (Kingma & Welling 2014).

The encoder outputs a distribution of codes, q(z|x) = N(mean, diag exp(logvar)); the decoder maps a code drawn from it to an
image. Two ideas make that trainable:

    reparameterize:   z = mean + exp(logvar / 2) * noise,    noise ~ N(0, 1)          randomness is an input, gradients pass
    kl_divergence:    1/2 sum over j of (mean_j^2 + exp(logvar_j) - 1 - logvar_j)     a mean over the batch, in nats per image

    loss = reconstruction + kl,     reconstruction = -log p(x|z), a sum over the pixels, a mean over the batch

    minigen check exercise6.py      (it also trains your model, for a few seconds)

Hints
    - losses.bce_with_logits(logits, x, reduction="batchmean") sums over pixels and takes the mean over the batch. With the
      mean over pixels, the KL divergence would be 196 times too strong beside it, and the decoder would ignore its codes.
    - `noise` is a plain array of the shape of mean. If it is None, draw it: minigen.backend.random.normal(shape, dtype).
    - sample draws z ~ N(0, I) and returns pixels, not logits.
"""

from minigen import nn

EXERCISE = 6


def reparameterize(mean, logvar, noise):
    """A code from N(mean, diag exp(logvar)). mean, logvar, noise: (n, latent_dim) -> (n, latent_dim)."""
    raise NotImplementedError("write the reparameterization")


def kl_divergence(mean, logvar):
    """KL(N(mean, diag exp(logvar)) || N(0, I)), in nats: ... mean, logvar: (n, latent_dim) -> scalar."""
    raise NotImplementedError("write the divergence")


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
        raise NotImplementedError("write the loss")

    def sample(self, n):
        """n images in [0, 1], (n, 14, 14, 1)."""
        raise NotImplementedError("draw images")
