"""The engine: arrays that remember how they were made, ops and their rules, and the backward pass. It knows no mathematics.

`ops` is written with it and gives Tensor its operators and methods. Everything else imports its names from `minigen.autograd`.
"""

from minigen.engine.backward import grad
from minigen.engine.context import is_grad_enabled, no_grad
from minigen.engine.numpy_protocols import unwrap
from minigen.engine.operation import OPS, Op, TensorLike, op
from minigen.engine.tensor import Parameter, Tensor

__all__ = ["OPS", "Op", "Parameter", "Tensor", "TensorLike", "grad", "is_grad_enabled", "no_grad", "op", "unwrap"]
