"""One network beside its paper."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigen.nn import Module

rng = np.random.default_rng(2)


def normal(*shape: int) -> np.ndarray:
    """N(0, 1)."""
    return np.asarray(rng.standard_normal(shape))


def uniform(*shape: int) -> np.ndarray:
    """U[0, 1): images of noise."""
    return np.asarray(rng.random(shape))


@dataclass(frozen=True)
class Network:
    """make() -> a model, at a size that suits a check; run(model, *inputs) -> what it computes of them, one or several arrays;
    paper(weights, *inputs) -> the same in plain NumPy, from the weights as the state dict names them. `training`: in which mode.
    """

    name: str
    make: Callable[[], Module]
    run: Callable[..., Any]
    paper: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]
    training: bool = False

    def made(self) -> Module:
        """The model in float64, no number where it starts: gains, biases and running statistics all count."""
        model, numbers = self.make().astype("float64"), np.random.default_rng(1)
        for name, tensor in model.named_state().items():
            if name != "growth":  # how far a growing network has grown
                spread = np.std(tensor.data) or 1.0  # what starts at 1, such as a variance, stays above 0
                tensor.assign(tensor.data + spread * numbers.uniform(-0.5, 0.5, tensor.shape))
        return model.train() if self.training else model.eval()
