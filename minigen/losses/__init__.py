"""Objectives. Losses take logits, and every docstring states its convention of sums and means."""

from typing import TYPE_CHECKING

from minigen.losses.adversarial import AdversarialLoss, Hinge, LeastSquares, Minimax, NonSaturating, Wasserstein
from minigen.losses.divergence import kl_normal
from minigen.losses.penalties import (
    R1,
    DiscriminatorBatch,
    Drift,
    GradientPenalty,
    Penalty,
    WeightClipping,
    gradient_norms,
    kl_sparsity,
    l1_sparsity,
    score_gradients,
)
from minigen.losses.reconstruction import bce_with_logits, cross_entropy, mae, mse
from minigen.utils.near_misses import answering

__all__ = [
    "R1",
    "AdversarialLoss",
    "Drift",
    "GradientPenalty",
    "Hinge",
    "DiscriminatorBatch",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Penalty",
    "Wasserstein",
    "WeightClipping",
    "bce_with_logits",
    "cross_entropy",
    "gradient_norms",
    "kl_normal",
    "kl_sparsity",
    "l1_sparsity",
    "mae",
    "mse",
    "score_gradients",
]

if not TYPE_CHECKING:
    __getattr__ = answering(__name__, __all__)
