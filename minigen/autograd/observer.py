"""Who watches the engine at work; debug.py has two such watchers."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from minigen.backend import Array


class Observer:
    """Sees every op that runs on tensors, forward and backward. This one only passes on."""

    def forward(self, op: Any, arrays: list, attributes: dict) -> Array:
        return op.forward(*arrays, **attributes)

    def recorded(self, node: Any) -> None:
        """A tensor has been added to a graph."""

    def backward(self, node: Any, rule: Callable, arguments: tuple, attributes: dict) -> Any:
        return rule(*arguments, **attributes)


observer: ContextVar[Observer | None] = ContextVar("observer", default=None)
