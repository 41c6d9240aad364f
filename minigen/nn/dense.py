"""Fully connected layers."""

from collections.abc import Callable

from minigen import ops
from minigen.autograd import Parameter, TensorLike
from minigen.nn import init
from minigen.nn.activations import get_activation
from minigen.nn.checks import check_example, check_input
from minigen.nn.module import Module, WeightedModule
from minigen.utils.checks import check_sizes


class Dense(WeightedModule):
    """y = activation(x W + b): x (..., in_features) -> (..., out_features), W (in, out), b (out,).

    `activation`: a name such as "selu", or None for a linear layer. Weights start from the initializer that suits the
    activation (`nn.init.for_activation`) or from `weight_init`; biases from zero.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: str | None = None,
        bias: bool = True,
        weight_init: init.Initializer | None = None,
    ):
        check_sizes(type(self).__name__, in_features=in_features, out_features=out_features)
        self.in_features, self.out_features, self.activation = in_features, out_features, activation
        self._activate = get_activation(activation)
        self.weight = Parameter(init.initializer(weight_init, activation)((in_features, out_features)))
        self.bias = Parameter(init.zeros((out_features,))) if bias else None

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, (..., self.in_features), self.weight.dtype)
        return affine(x, self.effective_weight(), self.bias, self._activate)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, (..., self.in_features))
        return (*input_shape[:-1], self.out_features)

    def describe(self) -> str:
        return f"{self.in_features} -> {self.out_features}" + (f", {self.activation}" if self.activation else "")


class DenseTranspose(Module):
    """y = activation(x W^T + b) with the weight W of another Dense layer, and a bias of its own: tied weights.

    x (..., dense.out_features) -> (..., dense.in_features). The gradient of W is the sum of both uses.
    """

    def __init__(self, dense: Dense, activation: str | None = None):
        self.in_features, self.out_features, self.activation = dense.out_features, dense.in_features, activation
        self._activate = get_activation(activation)
        self.weight = dense.weight
        self.bias = Parameter(init.zeros((self.out_features,)))

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, (..., self.in_features), self.weight.dtype)
        return affine(x, self.weight.T, self.bias, self._activate)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, (..., self.in_features))
        return (*input_shape[:-1], self.out_features)

    def describe(self) -> str:
        return f"{self.in_features} -> {self.out_features}, tied" + (f", {self.activation}" if self.activation else "")


def affine(x: TensorLike, weight: TensorLike, bias: TensorLike | None, activate: Callable | None) -> TensorLike:
    """activate(x @ weight + bias); fused if x is a plain batch of rows."""
    if bias is None:
        y = x @ weight
    else:
        y = ops.dense(x, weight, bias) if len(x.shape) == 2 else x @ weight + bias
    return y if activate is None else activate(y)
