"""Differentiable primitives, each beside its rules, and the short compositions that belong to them."""

from minigen.ops.activation import (
    elu,
    leaky_relu,
    relu,
    selu,
    sigmoid,
    sigmoid_cross_entropy,
    softplus,
    tanh,
)
from minigen.ops.elementwise import (
    absolute,
    add,
    clip,
    cos,
    divide,
    exp,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    positive,
    power,
    sin,
    sqrt,
    square,
    subtract,
    where,
)
from minigen.ops.indexing import getitem, one_hot, scatter_add, take
from minigen.ops.linalg import dense, matmul
from minigen.ops.reduction import l2norm, log_softmax, logsumexp, max, mean, min, std, sum, var
from minigen.ops.shape import (
    broadcast_to,
    concatenate,
    crop,
    expand_dims,
    flatten,
    pad,
    reshape,
    split,
    squeeze,
    stack,
    sum_to,
    swapaxes,
    transpose,
)

__all__ = [
    "absolute", "add", "broadcast_to", "clip", "concatenate", "cos", "crop", "dense", "divide", "elu", "exp", "expand_dims",
    "flatten", "getitem", "l2norm", "leaky_relu", "log", "log_softmax", "logsumexp", "matmul", "max", "maximum", "mean", "min",
    "minimum", "multiply", "negative", "one_hot", "pad", "positive", "power", "relu", "reshape", "scatter_add", "selu",
    "sigmoid", "sigmoid_cross_entropy", "sin", "softplus", "split", "sqrt", "square", "squeeze", "stack", "std", "subtract",
    "sum", "sum_to", "swapaxes", "take", "tanh", "transpose", "var", "where",
]
