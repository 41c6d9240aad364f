"""What a workload needs in DeZero, the framework of a book that is built on NumPy as well; images have their channels first."""

from collections.abc import Callable, Iterable
from itertools import chain, repeat
from typing import Any

import numpy as np

if not hasattr(np, "int"):
    np.int = int  # DeZero 0.0.13 names it when it is imported; NumPy has dropped it
import dezero.functions as F  # noqa: N812, the book's name for it
import dezero.layers
from dezero import Function, Parameter, Variable, no_grad, optimizers, using_config

__all__ = ["F", "Variable", "optimizers"]

Pair = tuple[Parameter, Parameter]  # a weight and its bias


def as_array(x: Any, array_module: Any = np) -> Any:
    """DeZero's own, but for Python's numbers: NumPy 2 would take these for float64, and go on with all that follows in it."""
    return np.asarray(x, np.float32) if type(x) in (int, float) else array_module.array(x) if np.isscalar(x) else x


dezero.core.as_array = as_array


class Weights(dezero.layers.Layer):
    """The weights of a model as parameters; `pairs`: of each layer, in their order."""

    def __init__(self, arrays: Iterable[np.ndarray]):
        super().__init__()
        parameters = [Parameter(np.array(array, order="C")) for array in arrays]
        for i, parameter in enumerate(parameters):
            setattr(self, f"weight{i}", parameter)
        self.pairs: list[Pair] = list(zip(parameters[::2], parameters[1::2], strict=True))


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
        return gy * ((F.sigmoid(x) - t) * np.float32(1 / x.size)), None


class RMSprop(optimizers.Optimizer):
    """Which DeZero lacks, as it writes its other optimizers."""

    def __init__(self, lr: float, rho: float, eps: float):
        super().__init__()
        self.lr, self.rho, self.eps = lr, rho, eps
        self.squares: dict[int, np.ndarray] = {}

    def update_one(self, parameter: Parameter) -> None:
        g = parameter.grad.data
        square = self.squares.setdefault(id(parameter), np.zeros_like(g))
        square *= self.rho
        square += (1 - self.rho) * g * g
        parameter.data -= self.lr * g / (np.sqrt(square) + self.eps)


def selu(x: Variable) -> Variable:
    return SELU()(x)


def binary_cross_entropy(x: Variable, t: np.ndarray | float) -> Variable:
    """Of the logits x; t: targets, or one for all."""
    return BinaryCrossEntropy()(x, np.full_like(x.data, t) if isinstance(t, float) else t)


def dense_layers(pairs: list[Pair], x: Any) -> Variable:
    """Dense layers with SELU between them."""
    for w, b in pairs[:-1]:
        x = selu(F.linear(x, w, b))
    return F.linear(x, *pairs[-1])


class BatchNorm:
    """DeZero's; where nothing is trained a formula, because the gradient of DeZero's is that of a batch's own statistics."""

    def __init__(self, features: int):
        self.mean, self.variance = np.zeros(features, np.float32), np.ones(features, np.float32)

    def __call__(self, x: Variable, weight: Parameter, bias: Parameter) -> Variable:
        if dezero.Config.train:
            return F.batch_nrom(x, weight, bias, self.mean, self.variance, decay=0.9, eps=1e-5)
        mean, scale = (each.reshape(1, -1, 1, 1) for each in (self.mean, 1 / np.sqrt(self.variance + np.float32(1e-5))))
        return (x - mean) * scale * F.reshape(weight, mean.shape) + F.reshape(bias, mean.shape)


def training_step(loss: Callable[[], Variable], weights: Weights, optimizer: Any) -> Callable[[], Any]:
    """One step of an optimizer on loss()."""
    optimizer.setup(weights)

    def step() -> Any:
        value = loss()
        weights.cleargrads()
        value.backward()
        optimizer.update()
        return value

    return step


def non_saturating(generate: Callable, scores: Callable, real: np.ndarray) -> tuple[Callable, Callable]:
    """The discriminator's loss, of generated images, and the generator's, of latent vectors."""
    return (
        lambda fake: binary_cross_entropy(scores(real), 1.0) + binary_cross_entropy(scores(fake), 0.0),
        lambda z: binary_cross_entropy(scores(generate(z)), 1.0),
    )


def adversarial_step(
    networks: list[Weights],
    optimizer: Callable[[], Any],
    generate: Callable[[np.ndarray], Variable],
    losses: tuple[Callable, Callable],
    latent: np.ndarray,
) -> Callable[[], Any]:
    """A step of the discriminator, then one of the generator; returns both losses. `networks`: the generator's, and its.

    As with the other libraries, the first two steps are in evaluation mode.
    """
    optimizers = [optimizer().setup(network) for network in networks]
    modes = chain([False, False], repeat(True))

    def update(player: int, value: Variable) -> np.ndarray:
        for network in networks:
            network.cleargrads()
        value.backward()
        optimizers[player].update()
        return value.data

    def step() -> np.ndarray:
        with using_config("train", next(modes)):
            with no_grad():
                fake = generate(latent[0]).data
            return np.array([update(1, losses[0](fake)), update(0, losses[1](latent[1]))])

    return step
