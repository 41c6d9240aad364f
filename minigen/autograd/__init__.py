"""The engine: tensors, ops and their rules, the backward pass, and the tools that check and show it."""

from minigen.autograd.backward import grad
from minigen.autograd.context import no_grad
from minigen.autograd.debug import anomaly, draw_graph, graph_to_dot, profile
from minigen.autograd.gradcheck import gradcheck
from minigen.autograd.op import OPS, op
from minigen.autograd.tensor import Parameter, Tensor

__all__ = ["OPS", "Parameter", "Tensor", "anomaly", "draw_graph", "grad", "gradcheck", "graph_to_dot", "no_grad", "op", "profile"]

import minigen.ops  # noqa: E402, F401  the engine is whole, and knows none of them: but a Tensor has its operators from there
