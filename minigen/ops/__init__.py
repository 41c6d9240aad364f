"""Differentiable primitives, each beside its rules, and the short compositions that belong to them."""

import inspect
from pkgutil import resolve_name

from minigen.engine.numpy_protocols import ALTERNATIVES as ALTERNATIVES
from minigen.ops import methods  # noqa: F401  gives Tensor its operators and methods
from minigen.ops.activation import elu, leaky_relu, relu, selu, sigmoid, sigmoid_cross_entropy, softplus, tanh
from minigen.ops.blur import blur2d
from minigen.ops.convolution import conv2d, conv2d_transpose, conv2d_weight
from minigen.ops.elementwise import (
    absolute,
    add,
    clip,
    cos,
    divide,
    exp,
    log,
    masked,
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
from minigen.ops.gaussian import kl_standard_normal, reparameterize
from minigen.ops.indexing import getitem, one_hot, scatter_add, take, with_labels
from minigen.ops.linalg import dense, matmul
from minigen.ops.normalization import adain, center, inv_rms, minibatch_stddev, normalize, pixel_norm, scale_shift, std, var
from minigen.ops.pooling import avg_pool2d, max_pool2d, resize_bilinear, sum_pool2d, upsample_nearest2d
from minigen.ops.reduction import l2norm, log_softmax, logsumexp, max, mean, min, softmax, sum
from minigen.ops.regularization import dropout, kl_sparsity, l1_sparsity
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

# fmt: off
__all__ = [
    "absolute", "adain", "add", "avg_pool2d", "blur2d", "broadcast_to", "center", "clip", "concatenate", "conv2d",
    "conv2d_transpose", "conv2d_weight", "cos", "crop", "dense", "divide", "dropout", "elu", "exp", "expand_dims", "flatten",
    "getitem", "inv_rms", "kl_sparsity", "kl_standard_normal", "l1_sparsity", "l2norm", "leaky_relu", "log", "log_softmax",
    "logsumexp", "masked", "matmul", "max", "max_pool2d", "maximum", "mean", "min", "minibatch_stddev", "minimum", "multiply",
    "negative", "normalize", "one_hot", "pad", "pixel_norm", "positive", "power", "relu", "reparameterize", "reshape",
    "resize_bilinear", "scale_shift", "scatter_add", "selu", "sigmoid", "sigmoid_cross_entropy", "sin", "softmax", "softplus",
    "split", "sqrt", "square", "squeeze", "stack", "std", "subtract", "sum", "sum_pool2d", "sum_to", "swapaxes", "take", "tanh",
    "transpose", "upsample_nearest2d", "var", "where", "with_labels",
]
# fmt: on


def written(name: str) -> str:
    """A call of the op, without what has a default: minigen.where(condition, x, y), minigen.pad(x, widths=...)."""
    needed = [each for each in inspect.signature(globals()[name]).parameters.values() if each.default is each.empty]
    words = [f"{each.name}=..." if each.kind is each.KEYWORD_ONLY else str(each).partition(":")[0] for each in needed]
    return f"minigen.{name}({', '.join(words)})"


ALTERNATIVES.update({name: written(name) for name in __all__})

resolve_name("minigen.compiled:install")()  # some have another half, in C
