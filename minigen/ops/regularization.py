"""Compositions that regularize a network: dropout and the two sparsities."""

import math
from typing import Any

import numpy as np

from minigen.backend import Array
from minigen.engine import TensorLike, unwrap
from minigen.errors import ShapeError
from minigen.ops.elementwise import absolute, clip, log, masked
from minigen.ops.reduction import mean
from minigen.utils.checks import check_fraction


def dropout(x: TensorLike, keep: Array, rate: float) -> TensorLike:
    """x / (1 - rate) where kept, else 0: zeroes what the bool mask `keep` drops and rescales the rest, so that the mean stays.

    Inverted dropout (Srivastava et al. 2014): nothing changes at test time. Raises ValueError for a rate outside [0, 1).
    """
    check_fraction("dropout", rate=rate)
    return masked(x, keep, scale=1.0 / (1.0 - float(rate)))


def l1_sparsity(activations: TensorLike) -> TensorLike:
    """L1 norm of an example's activations, which pushes most of them to zero.

        sum over units j of |a_j|,   mean over the batch

    activations: (n, ...) -> scalar. A sum over the units, so it grows with their number; a mean over examples, so it does
    not change with the batch size. Raises ShapeError for an empty batch.
    """
    check_batch("l1_sparsity", activations)
    return absolute(activations).sum() / float(activations.shape[0])


def kl_sparsity(activations: TensorLike, target: float = 0.1) -> TensorLike:
    """How far the units' mean activations are from `target`: a divergence between coins, in nats.

        sum over units j of  t log(t / p_j) + (1 - t) log((1 - t) / (1 - p_j)),   p_j = mean over the batch of a_j,   t = target

    activations: (n, ...) in [0, 1], of a sigmoid for example -> scalar. It depends on the batch only through the means, so
    repeating the batch does not change it; but the means of a small batch are noisy, which raises it. Inside the logarithms
    p and 1 - p are kept above 1e-12: a unit that is off, or on, for a whole batch has a large but finite cost.

    Raises ValueError for a target outside (0, 1) and for means outside [0, 1] on the host (single activations are not checked),
    ShapeError for an empty batch. Source: Ng 2011, "Sparse autoencoder" (CS294A), section 3.
    """
    check_target("kl_sparsity", target)
    target = float(target)  # a NumPy scalar would promote to float64
    check_batch("kl_sparsity", activations)
    p = mean(activations, axis=0)
    means = unwrap(p)
    if isinstance(means, np.ndarray) and ((means < 0.0) | (means > 1.0)).any():  # not checked on a device: it would have to wait
        raise ValueError(
            f"kl_sparsity: mean activations reach from {float(p.min()):.4g} to {float(p.max()):.4g}, expected "
            "activations in [0, 1], of a sigmoid for example"
        )
    on, off = log(clip(p, low=1e-12)), log(clip(1.0 - p, low=1e-12))
    return (target * (math.log(target) - on) + (1.0 - target) * (math.log(1.0 - target) - off)).sum()


def check_batch(name: str, activations: Any) -> None:
    """Raise for an empty batch, which has no mean."""
    if not activations.shape or not activations.shape[0]:
        raise ShapeError(
            f"{name}: expected activations (n, ...) of at least one example, got shape {tuple(activations.shape)}: "
            "an empty batch?"
        )


def check_target(name: str, target: float) -> None:
    """Raise unless 0 < target < 1: a unit with that mean activation is neither always off nor always on."""
    if not 0.0 < target < 1.0:
        raise ValueError(f"{name}: the target is a mean activation, 0 < target < 1, got {target}")
