"""Activations, their derivatives and the cross entropy, with the loops of loops/activation.c."""

import numpy as np

from minigen.backend import Array
from minigen.compiled.arrays import FLOAT, call, plain
from minigen.ops.activation import SELU_ALPHA, SELU_SCALE


def run(loop: str, x: Array, other: Array | None = None, a: float = 0.0, b: float = 0.0) -> Array:
    """The result of a loop over all elements."""
    y = np.empty(x.shape, FLOAT)
    call(loop, x, other, y, x.size, float(a), float(b), None)
    return y


def leaky_relu(x, *, slope=0.2):
    return run("leaky_relu", x, a=slope) if plain(x) and 0.0 < slope <= 1.0 else None


def leaky_relu_grad(g, x, *, slope):
    return run("leaky_relu_grad", x, g, a=slope) if plain(x, g) and x.shape == g.shape and slope > 0.0 else None


def selu(x):
    return run("scaled_elu", x, a=SELU_SCALE, b=SELU_SCALE * SELU_ALPHA) if plain(x) else None


def elu_slope(y, *, scale, alpha):
    return run("elu_slope", y, a=scale, b=scale * alpha) if plain(y) else None


def tanh(x):
    return run("tangent", x) if plain(x) else None


def sigmoid(x):
    return run("sigmoid", x) if plain(x) else None


def sigmoid_cross_entropy(logits, targets):
    return run("sigmoid_cross_entropy", logits, targets) if plain(logits, targets) and logits.shape == targets.shape else None
