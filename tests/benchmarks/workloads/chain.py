"""Backpropagation through a chain of 10,000 ops on four values."""

from typing import Any

import numpy as np

import minigen as mg
from tests.benchmarks.workload import Goal

CASES = {"chain-10000": {"length": 10_000}}
GOAL = Goal("seconds", 0.1)

X = np.array([-0.2, -0.1, 0.1, 0.2], dtype=np.float32)


def with_minigen(length: int) -> Any:
    x = mg.Tensor(mg.asarray(X), requires_grad=True)
    return chain_and_backward(x, mg.asarray(np.ones_like(X)), length)


def with_pytorch(length: int) -> Any:
    import torch

    x = torch.asarray(X, copy=True).requires_grad_()
    return chain_and_backward(x, torch.asarray(np.ones_like(X)), length)


def chain_and_backward(x: Any, ones: Any, length: int) -> Any:
    """(prepare, step) for a tensor of either library; the graph dies within the step."""

    def prepare():
        y = x
        for _ in range(length // 2):
            y = (y * 1.001).tanh()
        return y

    def step(y):
        x.grad = None
        y.backward(ones)
        return x.grad

    return prepare, step
