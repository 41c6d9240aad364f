"""Layers that perturb the signal in training and do nothing in evaluation (`model.eval()`), and an activity penalty."""

from typing import Any

from minigen import ops
from minigen.autograd import Tensor, TensorLike
from minigen.backend import Array, random
from minigen.nn.checks import check_floating, check_noise
from minigen.nn.module import ElementwiseModule, Module
from minigen.ops.regularization import check_target
from minigen.utils.checks import check_fraction, check_nonnegative, check_numbers


class Dropout(ElementwiseModule):
    """Zeroes each element with probability `rate` and divides the rest by 1 - rate (Srivastava et al. 2014).

    On the host the probability is rounded to a multiple of 2^-16. `keep`, a bool mask, is drawn unless it is given (a gradcheck
    needs the same one twice).
    """

    def __init__(self, rate: float):
        check_fraction("Dropout", rate=rate)
        self.rate = rate

    def forward(self, x: TensorLike, keep: Array | None = None) -> TensorLike:
        check_floating(self, x)
        if not self.training or self.rate == 0.0:
            return x
        if keep is None:
            keep = random.bernoulli(x.shape, 1.0 - self.rate)
        check_noise(self, x, keep)
        return ops.dropout(x, keep, self.rate)

    def describe(self) -> str:
        return f"rate={self.rate}"


class GaussianNoise(ElementwiseModule):
    """x + std * noise, noise ~ N(0, 1). `noise` is drawn unless it is given."""

    def __init__(self, std: float):
        check_nonnegative("GaussianNoise", std=std)
        self.std = std

    def forward(self, x: TensorLike, noise: Array | None = None) -> TensorLike:
        check_floating(self, x)
        if not self.training or self.std == 0.0:
            return x
        if noise is None:
            noise = random.normal(x.shape, dtype=x.dtype)
        check_noise(self, x, noise)
        return x + self.std * noise

    def describe(self) -> str:
        return f"std={self.std}"


class ActivityRegularization(ElementwiseModule):
    """Returns x unchanged, and stores the penalty of its activations: l1 * l1_sparsity(x) + kl * kl_sparsity(x, target).

    x (n, ...); for kl in [0, 1], of a sigmoid for example. For the formulas see `ops.l1_sparsity` and `ops.kl_sparsity`. A model
    adds the penalty to its loss with `activity_penalty(model)`. Only the latest forward pass counts, both in training and in
    evaluation; under `no_grad` the penalty has no graph. A copy of the layer starts without one.

    Keras 3 until 2026 summed l1 over the batch, older Keras took this mean: the same l1 there differs by a factor of the batch
    size. Raises ValueError for weights that are negative or infinite, and for a target outside (0, 1).
    """

    remembered = ("penalty",)

    def __init__(self, l1: float = 0.0, kl: float = 0.0, target: float = 0.1):
        check_nonnegative("ActivityRegularization", l1=l1, kl=kl)
        check_numbers("ActivityRegularization", target=target)
        check_target("ActivityRegularization", target)
        self.l1, self.kl, self.target = l1, kl, target
        self.penalty: Tensor | float = 0.0

    def forward(self, x: TensorLike) -> TensorLike:
        check_floating(self, x)
        self.penalty = 0.0
        if self.l1 and x.shape[0]:
            self.penalty = self.l1 * ops.l1_sparsity(x)
        if self.kl and x.shape[0]:
            self.penalty = self.penalty + self.kl * ops.kl_sparsity(x, self.target)
        return x

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        remembered = {"_arguments": self._arguments} if hasattr(self, "_arguments") else {}
        return {**vars(self), "penalty": 0.0}, remembered  # a graph cannot be copied

    def pop_penalty(self) -> Tensor | float:
        """The penalty of the latest forward pass, cleared to free its graph; 0.0 if it was taken already."""
        penalty, self.penalty = self.penalty, 0.0
        return penalty

    def describe(self) -> str:
        penalties = [f"l1={self.l1}"] * bool(self.l1) + [f"kl={self.kl}, target={self.target}"] * bool(self.kl)
        return ", ".join(penalties)


def activity_penalty(module: Module) -> Tensor | float:
    """The penalties of all ActivityRegularization layers below a module from their latest forward pass, summed; 0.0 if none.

    Reading clears the penalties: call it once after each forward pass.
    """
    return sum((layer.pop_penalty() for layer in module.modules() if isinstance(layer, ActivityRegularization)), 0.0)
