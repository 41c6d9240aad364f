"""Activations, their derivatives and the cross entropy, with the loops of loops/activation.c."""

import ctypes

import numpy as np

from minigen.compiled.arrays import FLOAT, FLOAT_VALUE, LONG, POINTER, plain, pointer
from minigen.compiled.build import library
from minigen.ops.activation import SELU_ALPHA, SELU_SCALE


class Elements(ctypes.Structure):
    _fields_ = [("x", POINTER), ("other", POINTER), ("y", POINTER), ("size", LONG), ("a", FLOAT_VALUE), ("b", FLOAT_VALUE), ("loop", POINTER)]


def run(name, x, other=None, a=0.0, b=0.0):
    y = np.empty(x.shape, FLOAT)
    job = Elements(pointer(x), None if other is None else pointer(other), pointer(y), x.size, a, b)
    getattr(library(), name)(ctypes.byref(job))
    return y


def leaky_relu(x, *, slope=0.2):
    return run("leaky_relu", x, a=slope) if plain(x) and 0.0 < slope <= 1.0 else None


def leaky_relu_grad(g, x, *, slope):
    return run("leaky_relu_grad", x, g, a=slope) if plain(x) and plain(g) and x.shape == g.shape and slope > 0.0 else None


def selu(x):
    return run("scaled_elu", x, a=SELU_SCALE, b=SELU_SCALE * SELU_ALPHA) if plain(x) else None


def elu_slope(y, *, scale, alpha):
    return run("elu_slope", y, a=scale, b=scale * alpha) if plain(y) else None


def tanh(x):
    return run("tangent", x) if plain(x) else None


def sigmoid(x):
    return run("sigmoid", x) if plain(x) else None


def sigmoid_cross_entropy(logits, targets):
    return run("sigmoid_cross_entropy", logits, targets) if plain(logits) and plain(targets) and logits.shape == targets.shape else None
