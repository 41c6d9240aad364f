"""Automatic differentiation: Tensors with all their methods, derivatives, and the tools that check them and show them."""

from minigen.autograd.debug import detect_anomaly, draw_graph, graph_to_dot, profile
from minigen.autograd.gradient_check import Mismatch, gradcheck
from minigen.engine import OPS, Parameter, Tensor, grad, is_grad_enabled, no_grad, op, unwrap

__all__ = [
    "OPS",
    "Mismatch",
    "Parameter",
    "Tensor",
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
