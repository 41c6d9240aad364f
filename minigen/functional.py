"""Compositions of ops that need no rule of their own: right at every order of derivative by construction."""

import math
from numbers import Integral
from typing import Any

import numpy as np

from minigen.autograd import unwrap
from minigen.backend import Array, asarray
from minigen.errors import ShapeError
from minigen.ops import (
    absolute,
    broadcast_to,
    center,
    clip,
    concatenate,
    exp,
    inv_rms,
    log,
    log_softmax,
    masked,
    mean,
    one_hot,
    reshape,
    scale_shift,
    sqrt,
    var,
)
from minigen.ops.reduction import check_eps


def softmax(x: Any, axis: int = -1) -> Any:
    """e^x / sum e^x along `axis`: probabilities from logits, without overflow."""
    return exp(log_softmax(x, axis=axis))


def dropout(x: Any, keep: Array, rate: float) -> Any:
    """x / (1 - rate) where kept, else 0: zeroes what the bool mask `keep` drops and rescales the rest, so that the mean stays.

    Inverted dropout (Srivastava et al. 2014): nothing is left to do at test time. Raises ValueError for a rate outside [0, 1).
    """
    check_rate("dropout", rate)
    return masked(x, keep, scale=1.0 / (1.0 - float(rate)))


def with_labels(x: Any, labels: Any, classes: int) -> Any:
    """x and the labels, one-hot, side by side: x (n, ..., c), labels (n,) -> (n, ..., c + classes), 0 or 1 at every position.

    How a network is told the class. Labels are integers from 0 to classes - 1, else ValueError; ShapeError for another number.
    """
    labels = asarray(labels)
    if labels.shape != x.shape[:1]:
        raise ShapeError(f"expected one label for each of {x.shape[0]} examples, got labels of shape {tuple(labels.shape)}")
    told = one_hot(labels, classes, dtype=x.dtype).reshape((len(labels), *(1 for _ in x.shape[1:-1]), classes))
    return concatenate(x, broadcast_to(told, shape=(*x.shape[:-1], classes)), axis=-1)


def l1_sparsity(activations: Any) -> Any:
    """L1 norm of an example's activations, which pushes most of them to zero.

        sum over units j of |a_j|,   mean over the batch

    activations: (n, ...) -> one number. A sum over the units, so it grows with their number; a mean over examples, so it does
    not change with the batch size. Raises ShapeError for an empty batch.
    """
    check_batch("l1_sparsity", activations)
    return absolute(activations).sum() / float(activations.shape[0])


def kl_sparsity(activations: Any, target: float = 0.1) -> Any:
    """How far the units' mean activations are from `target`: a divergence between coins, in nats.

        sum over units j of  t log(t / p_j) + (1 - t) log((1 - t) / (1 - p_j)),   p_j = mean over the batch of a_j,   t = target

    activations: (n, ...) in [0, 1], of a sigmoid for example -> one number. It depends on the batch through the means only, so
    the same batch twice over costs the same; but the means of a small batch scatter, and that raises it. Inside the logarithms
    p and 1 - p are kept above 1e-12: a unit that is off, or on, for a whole batch costs much, not infinitely much.

    Raises ValueError for a target outside (0, 1) and for means outside [0, 1] on the host (single activations are not checked),
    ShapeError for an empty batch. Source: Ng 2011, "Sparse autoencoder" (CS294A), section 3.
    """
    check_target("kl_sparsity", target)
    target = float(target)  # a number of NumPy's would compute in float64
    check_batch("kl_sparsity", activations)
    p = mean(activations, axis=0)
    means = unwrap(p)
    if isinstance(means, np.ndarray) and ((means < 0.0) | (means > 1.0)).any():  # a device is not asked: it would have to wait
        raise ValueError(
            f"kl_sparsity: mean activations reach from {float(p.min()):.4g} to {float(p.max()):.4g}, expected "
            "activations in [0, 1], of a sigmoid for example"
        )
    on, off = log(clip(p, low=1e-12)), log(clip(1.0 - p, low=1e-12))
    return (target * (math.log(target) - on) + (1.0 - target) * (math.log(1.0 - target) - off)).sum()


def minibatch_stddev(x: Any, group_size: int) -> Any:
    """Appends one channel that says how much the examples of a group differ: x (n, ..., c) -> (n, ..., c + 1).

        s = mean over positions and channels of sqrt(variance over the group + 1e-8)

    The variance is biased, divided by group_size; s is the same for all members of a group, at all positions. As in the
    official code, the m = n / group_size groups are strided: example i belongs to group i mod m. Vectors (n, c) have no
    positions. Where all examples of a group are equal, s = 1e-4.

    Raises ValueError for a group_size below 2, and ShapeError if it does not divide the batch (an empty one included).
    Source: Karras et al. 2018, section 3.
    """
    check_group_size("minibatch_stddev", group_size)
    if len(x.shape) < 2:
        raise ShapeError(f"minibatch_stddev: expected x (n, ..., channels), got shape {tuple(x.shape)}")
    n = x.shape[0]
    if n % group_size or not n:
        raise ShapeError(
            f"minibatch_stddev: groups of {group_size} need a batch size of {group_size}, {2 * group_size}, "
            f"{3 * group_size} ..., got {n}: drop the rest of the last batch, or choose another group_size"
        )
    groups = n // group_size
    s = mean(sqrt(var(reshape(x, shape=(group_size, groups, -1)), axis=0) + 1e-8), axis=1)
    ones = (1,) * (len(x.shape) - 1)
    column = broadcast_to(reshape(s, shape=(1, groups, *ones)), shape=(group_size, groups, *x.shape[1:-1], 1))
    return concatenate(x, reshape(column, shape=(*x.shape[:-1], 1)), axis=-1)


def pixel_norm(x: Any, eps: float = 1e-8) -> Any:
    """x / sqrt(mean over channels of x^2 + eps): every vector along the last axis brought to a mean square of 1; same shape.

    After each convolution of a generator it keeps the signal from growing. Source: Karras et al. 2018, section 4.2.
    """
    check_eps(eps)
    return scale_shift(x, inv_rms(x, axis=-1, eps=eps))


def adain(x: Any, scale: Any, shift: Any, eps: float = 1e-8) -> Any:
    """scale * (x - mean) / sqrt(variance + eps) + shift: every channel of every image gets a style's mean and deviation.

    x (n, h, w, c), scale and shift (n, c) -> (n, h, w, c); mean and biased variance over the pixels of a channel of an image.
    Raises ShapeError for images of one pixel, which would all become zero, and for styles of other images.
    Source: Huang & Belongie 2017, equation 8.
    """
    if len(x.shape) != 4 or x.shape[1] * x.shape[2] < 2:
        raise ShapeError(f"adain: expected images (n, height, width, channels) of more than one pixel, got {tuple(x.shape)}")
    n, channels = x.shape[0], x.shape[3]
    for name, part in (("scale", scale), ("shift", shift)):
        if tuple(part.shape) != (n, channels):
            raise ShapeError(f"adain: images {tuple(x.shape)} take a {name} of shape {(n, channels)}, got {tuple(part.shape)}")
    check_eps(eps)
    scale, shift = (reshape(part, shape=(n, 1, 1, channels)) for part in (scale, shift))
    centered = center(x, axis=(1, 2))
    return scale_shift(centered, inv_rms(centered, axis=(1, 2), eps=eps) * scale, shift)


def check_batch(name: str, activations: Any) -> None:
    """Raise for activations without examples, which have no mean."""
    if not activations.shape or not activations.shape[0]:
        raise ShapeError(
            f"{name}: expected activations (n, ...) of at least one example, got shape {tuple(activations.shape)}: "
            "an empty batch?"
        )


def check_target(name: str, target: float) -> None:
    """Raise unless a mean activation could be the target without being always off or always on."""
    if not 0.0 < target < 1.0:
        raise ValueError(f"{name}: the target is a mean activation, 0 < target < 1, got {target}")


def check_rate(name: str, rate: float) -> None:
    """Raise unless a rate leaves something."""
    if not 0.0 <= rate < 1.0:
        raise ValueError(f"{name}: the rate is the probability of dropping, 0 <= rate < 1, got {rate}")


def check_group_size(name: str, group_size: int) -> None:
    """Raise for a group of one, which has no deviation, and for what is no number of examples."""
    if not isinstance(group_size, Integral) or group_size < 2:
        raise ValueError(f"{name}: examples are compared within groups of at least 2, got group_size={group_size!r}")
