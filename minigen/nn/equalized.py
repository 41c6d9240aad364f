"""Layers with an equalized learning rate: every weight is drawn from N(0, 1) and scaled when it is used.

    y = activation(x (c W) + b),   c = gain / sqrt(fan_in)

At the start this equals He initialization. During training, an optimizer that normalizes gradients by their size, as Adam does,
moves all W by the same amount per step: relative to their weights, all layers learn equally fast, however many inputs they have,
whereas He's small weights would move faster the more inputs they have. Source: Karras et al. 2018, section 4.1.
"""

import math

from minigen.autograd import TensorLike
from minigen.nn import init
from minigen.nn.checks import check_input
from minigen.nn.convolution import Conv2d
from minigen.nn.dense import Dense, affine
from minigen.nn.module import Module
from minigen.ops.window import Pair
from minigen.utils.checks import check_positive

GAIN = math.sqrt(2.0)  # preserves the scale of signals through ReLU and its relatives


class EqualizedDense(Dense):
    """y = activation(x (c W) + m b), c = m gain / sqrt(in_features): x (..., in_features) -> (..., out_features).

    W starts from N(0, 1 / m^2), b from 0. m = `lr_multiplier`: a step of Adam changes the layer's output m times as much as it
    would otherwise, one of plain gradient descent m^2 times, from the same start (Karras et al. 2019, section C: 0.01 in the
    mapping network). `gain`: sqrt(2) before ReLU and its relatives, 1 for a linear layer.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: str | None = None,
        bias: bool = True,
        gain: float = GAIN,
        lr_multiplier: float = 1.0,
    ):
        check_positive("EqualizedDense", gain=gain, lr_multiplier=lr_multiplier)
        super().__init__(in_features, out_features, activation, bias, lambda shape: init.normal(shape, 1.0 / lr_multiplier))
        self.gain, self.lr_multiplier = gain, lr_multiplier
        self.reparametrization = Scaled(lr_multiplier * gain / math.sqrt(in_features))

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, (..., self.in_features), self.weight.dtype)
        bias = self.bias if self.bias is None or self.lr_multiplier == 1.0 else self.bias * self.lr_multiplier
        return affine(x, self.effective_weight(), bias, self._activate)

    def describe(self) -> str:
        multiplied = f", lr_multiplier={self.lr_multiplier:g}" if self.lr_multiplier != 1.0 else ""
        return f"{super().describe()}, gain {self.gain:.3g}{multiplied}"


class EqualizedConv2d(Conv2d):
    """y = activation(conv2d(x, c W) + b), c = gain / sqrt(kh kw in_channels), W from N(0, 1); stride 1, "same" padding.

    x (n, h, w, in_channels) -> (n, h, w, out_channels). `gain`: as in EqualizedDense. Raises what Conv2d raises.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        activation: str | None = None,
        bias: bool = True,
        gain: float = GAIN,
    ):
        check_positive("EqualizedConv2d", gain=gain)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            activation=activation,
            bias=bias,
            weight_init=lambda shape: init.normal(shape, 1.0),
        )
        self.gain = gain
        self.reparametrization = Scaled(gain / math.sqrt(math.prod(self.weight.shape[:3])))

    def describe(self) -> str:
        return f"{super().describe()}, gain {self.gain:.3g}"


class Scaled(Module):
    """c W, the reparametrization of both layers."""

    def __init__(self, c: float):
        self.c = c

    def forward(self, weight: TensorLike) -> TensorLike:
        return weight * self.c

    def describe(self) -> str:
        return f"{self.c:.6g}"
