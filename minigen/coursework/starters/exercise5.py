"""Exercise 5: a sparse autoencoder.

64 codes for an image of 14 x 14 pixels would be many, if each were used all the time. If each unit is on for only a tenth of the
images, it must choose what to represent. The regularizer compares the mean activation of unit j over the batch with the target
(Ng 2011, "Sparse autoencoder"):

    p_j = mean over the batch of codes[:, j]
    kl_sparsity = sum over units j of   t log(t / p_j) + (1 - t) log((1 - t) / (1 - p_j)),      t = target

    total = reconstruction + weight * kl_sparsity(codes)

    minigen check exercise5.py      (it also trains your model, for a few seconds)

Hints
    - The mean comes first, the logarithm after it: the other order is a different penalty.
    - A unit that is off for a whole batch has p = 0. Its logarithm must not become infinite: minigen.clip(p, low=1e-6).
    - t is a Python number: math.log(t) is one, too.
    - losses.bce_with_logits(logits, x) is the mean over all pixels; the weight 0.05 is meant for that scale.
    - loss returns the total and a dict of its terms, {"reconstruction": ..., "sparsity": ...}; sparsity without its weight.
"""

from minigen import nn

EXERCISE = 5


def kl_sparsity(codes, target):
    """The divergence of the units' mean activations from target, in nats, ... codes: (n, units) in [0, 1] -> scalar."""
    raise NotImplementedError("write the regularizer")


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
        raise NotImplementedError("write the loss")
