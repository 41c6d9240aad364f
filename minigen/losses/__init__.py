"""Objectives. Losses take logits, and every docstring states its convention of sums and means."""

from minigen.losses.divergence import kl_normal
from minigen.losses.penalties import kl_sparsity, l1_sparsity
from minigen.losses.reconstruction import bce_with_logits, cross_entropy, mae, mse

__all__ = ["bce_with_logits", "cross_entropy", "kl_normal", "kl_sparsity", "l1_sparsity", "mae", "mse"]
