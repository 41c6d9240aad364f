"""Objectives. Losses take logits, and every docstring states its convention of sums and means."""

from typing import TYPE_CHECKING

from minigen.losses.adversarial import AdversarialLoss, Hinge, LeastSquares, Minimax, NonSaturating, Wasserstein
from minigen.losses.penalties import (
    R1,
    DiscriminatorBatch,
    Drift,
    GradientPenalty,
    Penalty,
    WeightClipping,
    gradient_norms,
    score_gradients,
)
from minigen.losses.reconstruction import bce_with_logits, cross_entropy, kl_normal, mae, mse
from minigen.ops import kl_sparsity, l1_sparsity
from minigen.utils.near_misses import answering

# fmt: off
__all__ = [
    "AdversarialLoss", "DiscriminatorBatch", "Drift", "GradientPenalty", "Hinge", "LeastSquares", "Minimax", "NonSaturating",
    "Penalty", "R1", "Wasserstein", "WeightClipping", "bce_with_logits", "cross_entropy", "gradient_norms", "kl_normal",
    "kl_sparsity", "l1_sparsity", "mae", "mse", "score_gradients",
]
# fmt: on

if not TYPE_CHECKING:
    __getattr__ = answering(__name__, __all__)
