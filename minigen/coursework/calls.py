"""Calls of a Subject: tensors in, derivatives out, time taken."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigen.autograd import Tensor, grad
from minigen.backend import asarray
from minigen.coursework.discover import Subject
from minigen.nn import Buffer, Module

BUDGET = 0.03  # seconds for each figure of the time line


class Parts(Module):
    """The modules of a call as one, so that their parameters have one list."""

    def __init__(self, parts: list[Module]):
        self.parts = parts


@contextmanager
def evaluating(parts: list[Module]) -> Iterator[None]:
    """Inside the block all these modules are in evaluation mode."""
    with Parts(parts).evaluating():
        yield


def tensor(x: Any, requires_grad: bool = False) -> Any:
    """A floating host array as a Tensor, whole numbers as an array where new arrays are made; anything else as it is."""
    if not isinstance(x, np.ndarray):
        return x
    return Tensor(x, requires_grad=requires_grad) if x.dtype.kind == "f" else asarray(x)


def leaves(inputs: list) -> list[Tensor]:
    """The tensors among the inputs that require a gradient."""
    return [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]


def fixed(subject: Subject, arrays: list) -> Callable:
    """The call as a function of its arrays only, with the same buffers (running statistics) at the beginning of each call."""
    buffers = [tensor for tensor in Parts(subject.parts).named_state().values() if isinstance(tensor, Buffer)]
    start: list = []

    def f(*inputs: Any) -> Any:
        if not start:
            start.extend(buffer.data.copy() for buffer in buffers)
        for buffer, value in zip(buffers, start):
            buffer.assign(value)
        given = iter(inputs)
        return subject(*(next(given) if isinstance(x, np.ndarray) else x for x in arrays))

    f.__name__ = subject.name
    return f


def derivatives(subject: Subject, order: int = 2) -> tuple[Any, list, list]:
    """Result, gradients, and gradients of a sum of these, up to `order`, in float32, where new arrays are made."""
    xs = [tensor(x, requires_grad=True) for x in subject.drawn(np.float32)]
    y = subject(*xs)
    wanted = [*leaves(xs), *subject.parameters().values()]
    if not (wanted and order and isinstance(y, Tensor) and y.requires_grad):
        return y, [], []
    rng = np.random.default_rng(2)
    u = asarray(rng.standard_normal(y.shape).astype(np.float32))
    first = grad(y, wanted, u, create_graph=order == 2, allow_unused=True)
    if order == 1:
        return y, first, []
    along = sum((g * asarray(rng.standard_normal(g.shape).astype(np.float32))).sum() for g in first)
    return y, first, grad(along, wanted, allow_unused=True) if along.requires_grad else []


def fastest(call: Callable) -> float:
    """Seconds of the fastest of several calls."""
    best, end = np.inf, time.perf_counter() + BUDGET
    while time.perf_counter() < end or not np.isfinite(best):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def in_words(seconds: float) -> str:
    """12 us, 3.4 ms, 1.2 s."""
    unit, scale = ("us", 1e6) if seconds < 1e-3 else ("ms", 1e3) if seconds < 1.0 else ("s", 1.0)
    return f"{seconds * scale:.3g} {unit}"
