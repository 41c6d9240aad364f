"""One op on four values, forward or backward: what the engine adds to the NumPy call, in microseconds."""

from typing import Any

import numpy as np

import minigen as mg
from tests.benchmarks.workload import Goal

CALLS = 500
CASES = {
    "op-tanh-forward": {"op": "tanh", "backward": False},
    "op-tanh-backward": {"op": "tanh", "backward": True},
    "op-add-forward": {"op": "add", "backward": False},
    "op-add-backward": {"op": "add", "backward": True},
}
GOAL = Goal("over NumPy", 2e-6)

X = np.array([-0.2, -0.1, 0.1, 0.2], dtype=np.float32)
C = np.array([0.01, -0.01, 0.02, -0.02], dtype=np.float32)
ONES = np.ones_like(X)


def with_minigen(op: str, backward: bool) -> Any:
    x = mg.Tensor(mg.asarray(X), requires_grad=True)
    c = mg.Tensor(mg.asarray(C))
    apply = mg.tanh if op == "tanh" else lambda y: y + c
    if not backward:
        return lambda: repeated(apply, x)
    ones = mg.asarray(ONES)

    def step(y):
        x.grad = None
        y.backward(ones)
        return x.grad

    return lambda: chained(apply, x), step


def with_pytorch(op: str, backward: bool) -> Any:
    import torch

    x = torch.asarray(X, copy=True).requires_grad_()
    c = torch.asarray(C)
    apply = torch.tanh if op == "tanh" else lambda y: y + c
    if not backward:
        return lambda: repeated(apply, x)
    ones = torch.asarray(ONES)

    def step(y):
        x.grad = None
        y.backward(ones)
        return x.grad

    return lambda: chained(apply, x), step


def with_numpy(op: str, backward: bool) -> Any:
    """Forward: the same calls on arrays. Backward: the arithmetic of the rules, on the values of a chain."""
    apply = np.tanh if op == "tanh" else lambda y: y + C
    if not backward:
        return lambda: repeated(apply, X)

    def prepare():
        ys = [apply(X)]
        for _ in range(CALLS - 1):
            ys.append(apply(ys[-1]))
        return ys

    def step(ys):
        g = ONES
        while ys:
            y = ys.pop()
            if op == "tanh":
                g = g * (1.0 - y * y)
        return g

    return prepare, step


def repeated(apply: Any, x: Any) -> Any:
    """The same call CALLS times."""
    for _ in range(CALLS):
        y = apply(x)
    return y


def chained(apply: Any, y: Any) -> Any:
    """CALLS calls, each on the result of the one before."""
    for _ in range(CALLS):
        y = apply(y)
    return y
