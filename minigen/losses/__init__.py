"""Objectives. Losses take logits, and every docstring states its convention of sums and means."""

from minigen.losses.reconstruction import bce_with_logits, cross_entropy, mae, mse

__all__ = ["bce_with_logits", "cross_entropy", "mae", "mse"]
