"""Activations, their derivatives and the cross entropy, with the loops of loops/activation.c."""

import numpy as np

from minigen.backend import Array
from minigen.compiled.arrays import FLOAT, call, plain
from minigen.ops.activation import SELU_ALPHA, SELU_SCALE


def element_by_element(loop: str, x: Array, other: Array | None = None, a: float = 0.0, b: float = 0.0) -> Array | None:
    """The result of a loop over all elements, of one shape; None for arrays that it cannot read."""
    if not plain(x) or other is not None and not (plain(other) and other.shape == x.shape):
        return None
    y = np.empty(x.shape, FLOAT)
    call(loop, x, other, y, x.size, float(a), float(b), None)
    return y


def leaky_relu(x: Array, *, slope: float = 0.2) -> Array | None:
    """slope * x below 0; with a slope of 0, 0 * inf would be NaN."""
    return element_by_element("leaky_relu", x, a=slope) if 0.0 < slope <= 1.0 else None


def leaky_relu_grad(g: Array, x: Array, *, slope: float) -> Array | None:
    """slope * g where x is not above 0."""
    return element_by_element("leaky_relu_grad", x, g, a=slope) if 0.0 < slope <= 1.0 else None


def masked(x: Array, keep: Array, *, scale: float = 1.0) -> Array | None:
    """x * scale where `keep` holds, else 0, for bools of the shape of x."""
    if not (plain(x) and type(keep) is np.ndarray and keep.dtype == bool and keep.shape == x.shape and keep.flags.c_contiguous):
        return None
    y = np.empty(x.shape, FLOAT)
    call("masked", x, keep, y, x.size, float(scale), 0.0, None)
    return y


def selu(x: Array) -> Array | None:
    """scale * x above 0, scale * alpha (e^x - 1) below."""
    return element_by_element("scaled_elu", x, a=SELU_SCALE, b=SELU_SCALE * SELU_ALPHA)


def elu_grad(g: Array, y: Array, *, scale: float, alpha: float) -> Array | None:
    """scale * g where y > 0, g * (y + scale * alpha) below."""
    return element_by_element("elu_grad", y, g, a=scale, b=scale * alpha)


def tanh(x: Array) -> Array | None:
    """(1 - e^-2|x|) / (1 + e^-2|x|), with the sign of x."""
    return element_by_element("tangent", x)


def sigmoid(x: Array) -> Array | None:
    """1 / (1 + e^-x), from e^-|x|."""
    return element_by_element("sigmoid", x)


def sigmoid_cross_entropy(logits: Array, targets: Array) -> Array | None:
    """log(1 + e^-|x|) + x ([x > 0] - t), for targets of the shape of the logits."""
    return element_by_element("sigmoid_cross_entropy", logits, targets) if type(targets) is np.ndarray else None


def sigmoid_cross_entropy_grad(g: Array, logits: Array, targets: Array) -> Array | None:
    """g * (sigmoid(x) - t), with the same g for all, as the derivative of a sum or a mean has it."""
    if any(g.strides) or type(targets) is not np.ndarray or g.shape != logits.shape:
        return None
    return element_by_element("sigmoid_cross_entropy_grad", logits, targets, a=g.flat[0])
