"""What a dense workload needs in DeZero, the framework of a book that is built on NumPy as well."""

from collections.abc import Callable
from typing import Any

import numpy as np

if not hasattr(np, "int"):
    np.int = int  # DeZero 0.0.13 names it when it is imported; NumPy has dropped it
import dezero.functions
import dezero.layers
from dezero import Function, Variable, optimizers

__all__ = ["DenseLayers", "binary_cross_entropy", "optimizers", "training_step"]


class SELU(Function):
    """As the book defines its own activations: on arrays forward, its derivative by the result backward."""

    scale, alpha = np.float32(1.05070098), np.float32(1.67326324)

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.y = self.scale * np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))
        return self.y

    def backward(self, gy: Variable) -> Variable:
        return gy * np.where(self.y > 0, self.scale, self.y + self.scale * self.alpha)


class BinaryCrossEntropy(Function):
    """The mean over all values, of logits."""

    def forward(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        return (np.logaddexp(0, x) - t * x).mean()

    def backward(self, gy: Variable) -> tuple[Variable, None]:
        x, t = self.inputs
        return gy * ((dezero.functions.sigmoid(x) - t) * np.float32(1 / x.size)), None


def binary_cross_entropy(x: Variable, t: np.ndarray) -> Variable:
    """Of the logits x."""
    return BinaryCrossEntropy()(x, t)


class DenseLayers(dezero.layers.Layer):
    """The Dense layers of a model, with its weights, SELU between them."""

    def __init__(self, model: Any):
        super().__init__()
        values = [value.copy() for value in model.state_dict().values()]
        self.layers = []
        for i, (w, b) in enumerate(zip(values[::2], values[1::2], strict=True)):
            layer = dezero.layers.Linear(len(b), in_size=len(w))
            layer.W.data, layer.b.data = w, b
            setattr(self, f"layer{i}", layer)
            self.layers.append(layer)

    def forward(self, x: np.ndarray) -> Variable:
        for layer in self.layers[:-1]:
            x = SELU()(layer(x))
        return self.layers[-1](x)


def training_step(loss: Callable[[], Variable], model: Any, optimizer: Any) -> Callable[[], Any]:
    """One step of an optimizer on loss()."""

    def step() -> Any:
        value = loss()
        model.cleargrads()
        value.backward()
        optimizer.update()
        return value

    return step
