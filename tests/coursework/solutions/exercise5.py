"""Exercise 5, solved."""

import math

import minigen as mg
from minigen import losses, nn

EXERCISE = 5


def kl_sparsity(codes, target):
    """How far the units' mean activations are from target, in nats, summed over the units. codes: (n, units) in [0, 1] -> one
    number."""
    p = mg.mean(codes, axis=0)
    on, off = mg.log(mg.clip(p, low=1e-6)), mg.log(mg.clip(1.0 - p, low=1e-6))
    return (target * (math.log(target) - on) + (1.0 - target) * (math.log(1.0 - target) - off)).sum()


class SparseAutoencoder(nn.Module):
    """14 x 14 pixels -> codes, each in (0, 1) and mostly near 0 -> 14 x 14 logits."""

    def __init__(self, codes=64, target=0.1, weight=0.05):
        self.target, self.weight = target, weight
        self.encoder = nn.Sequential(nn.Flatten(), nn.Dense(14 * 14, codes, activation="sigmoid"))
        self.decoder = nn.Sequential(nn.Dense(codes, 14 * 14), nn.Reshape((14, 14, 1)))

    def encode(self, x):
        """Images (n, 14, 14, 1) -> codes (n, codes)."""
        return self.encoder(x)

    def forward(self, x):
        """Images -> logits of their reconstructions."""
        return self.decoder(self.encode(x))

    def loss(self, x):
        """The total and its terms "reconstruction" and "sparsity"."""
        codes = self.encode(x)
        reconstruction = losses.bce_with_logits(self.decoder(codes), x)
        sparsity = kl_sparsity(codes, self.target)
        return reconstruction + self.weight * sparsity, {"reconstruction": reconstruction, "sparsity": sparsity}
