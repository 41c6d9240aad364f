"""What ops take and return, and what `@op` makes of a forward function, for editors and type checkers."""

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol

from minigen.backend import Array
from minigen.engine.tensor import Tensor

TensorLike = Tensor | Array  # what layers, losses and ops take: a Tensor, or an array that is a constant; and what they return

Inputs = ParamSpec("Inputs")


class Function(Protocol[Inputs]):
    """A function with the forward's signature that also takes Tensors; `op` is what a node of the graph points to."""

    op: Any

    def vjp(self, name: str) -> Callable[[Callable], Callable]:
        """Register the decorated function as the rule for the input `name`."""

    def __call__(self, *inputs: Inputs.args, **attributes: Inputs.kwargs) -> TensorLike: ...
