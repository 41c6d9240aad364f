"""Automatic differentiation: Tensors with all their methods, derivatives, and the tools that check and show them.

Ops, layers and losses take Tensors and plain arrays alike. If a Tensor is involved, as an input or as a layer's parameter, the
result is a Tensor; from plain arrays alone the same forward pass gives a plain array, which is not part of a graph (for a single
value, a NumPy scalar). So data need no wrapping: an image is a plain array until it meets a weight.
"""

from minigen.autograd.debug import detect_anomaly, draw_graph, graph_to_dot, profile
from minigen.autograd.gradient_check import Mismatch, gradcheck
from minigen.engine import OPS, Op, Parameter, Tensor, TensorLike, grad, is_grad_enabled, no_grad, op, unwrap

__all__ = [
    "OPS",
    "Mismatch",
    "Op",
    "Parameter",
    "Tensor",
    "TensorLike",
    "detect_anomaly",
    "draw_graph",
    "grad",
    "gradcheck",
    "graph_to_dot",
    "is_grad_enabled",
    "no_grad",
    "op",
    "profile",
    "unwrap",
]
