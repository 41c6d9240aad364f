"""The engine's state in this thread: whether it records, and what observes it (autograd/debug.py has two observers)."""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from minigen.backend import Array
from minigen.utils.blocks import block

recording: ContextVar[bool] = ContextVar("recording", default=True)


@block
def no_grad() -> Iterator[None]:
    """Compute without recording a graph, in this thread only: `with no_grad(): ...`, or as a decorator (see `Block`)."""
    token = recording.set(False)
    try:
        yield
    finally:
        recording.reset(token)


def is_grad_enabled() -> bool:
    """Whether a graph is being recorded in this thread: not inside `no_grad()`."""
    return recording.get()


class Observer:
    """Sees every op that runs on tensors, forward and backward. This base class only passes calls through."""

    def forward(self, op: Any, arrays: list, attributes: dict) -> Array:
        return op.forward(*arrays, **attributes)

    def recorded(self, node: Any) -> None:
        """A tensor has been added to a graph."""

    def backward(self, node: Any, rule: Callable, arguments: tuple, attributes: dict) -> Any:
        return rule(*arguments, **attributes)


current_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)
