"""The layers of networks that grow: Progressive GAN's and StyleGAN's.

With an equalized learning rate, every weight is drawn from N(0, 1) and scaled when it is used:

    y = activation(x (c W) + b),   c = gain / sqrt(fan_in)

At the start this equals He initialization. During training, an optimizer that normalizes gradients by their size, as Adam does,
moves all W by the same amount per step: relative to their weights, all layers learn equally fast, however many inputs they have,
whereas He's small weights would move faster the more inputs they have. Source: Karras et al. 2018, section 4.1.
"""

import math
from functools import partial

from minigen import ops
from minigen.autograd import Parameter, TensorLike
from minigen.backend import random
from minigen.errors import ShapeError
from minigen.nn import init
from minigen.nn.checks import IMAGES, check_example, check_floating, check_input
from minigen.nn.convolution import Conv2d
from minigen.nn.dense import Dense, affine
from minigen.nn.module import Buffer, ElementwiseModule, Module
from minigen.ops.window import Pair
from minigen.utils.checks import check_positive, check_shape, check_sizes

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
        super().__init__(in_features, out_features, activation, bias, partial(init.normal, std=1.0 / lr_multiplier))
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
        standard_normal = partial(init.normal, std=1.0)
        super().__init__(in_channels, out_channels, kernel_size, 1, "same", activation, bias, standard_normal)
        self.gain = gain
        self.reparametrization = Scaled(gain / math.sqrt(math.prod(self.weight.shape[:3])))

    def describe(self) -> str:
        return f"{super().describe()}, gain {self.gain:.3g}"


class Scaled(Module):
    """c W, the reparametrization of both layers."""

    def __init__(self, c: float):
        check_positive("Scaled", c=c)
        self.c = c

    def forward(self, weight: TensorLike) -> TensorLike:
        return weight * self.c

    def describe(self) -> str:
        return f"{self.c:.6g}"


class PixelNorm(ElementwiseModule):
    """Every vector of features divided by its root mean square: x (..., features), same shape. See `ops.pixel_norm`.

    In images, the channels of each pixel; in latent vectors, all elements, which projects them onto a sphere.
    """

    def forward(self, x: TensorLike) -> TensorLike:
        check_floating(self, x)
        return ops.pixel_norm(x)


class Blur2d(ElementwiseModule):
    """Each channel convolved with (1, 2, 1) / 4 down and across: x (n, h, w, c), same shape. See `ops.blur2d`."""

    def forward(self, x: TensorLike) -> TensorLike:
        return ops.blur2d(x)


class Bias(ElementwiseModule):
    """x + b, one value per channel: x (..., features), same shape. For places where the bias does not directly follow its
    layer."""

    def __init__(self, features: int):
        check_sizes("Bias", features=features)
        self.features = features
        self.bias = Parameter(init.zeros((features,)))

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, (..., self.features), self.bias.dtype)
        return x + self.bias

    def describe(self) -> str:
        return str(self.features)


class LearnedConstant(Module):
    """The same learned values for every example: x (n, ...) -> (n, *shape), whatever x is. They start at 1.

    The input of StyleGAN's synthesis network (Karras et al. 2019, section 2).
    """

    def __init__(self, shape: tuple[int, ...]):
        self.shape = check_shape("LearnedConstant", shape)
        self.weight = Parameter(init.ones(self.shape))

    def forward(self, x: TensorLike) -> TensorLike:
        return ops.broadcast_to(self.weight, shape=(x.shape[0], *self.shape))

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.shape

    def describe(self) -> str:
        return "x".join(map(str, self.shape))


class NoiseInjection(ElementwiseModule):
    """x + m scale * noise: one map of noise for all channels of an image, and one learned scale per channel, at first 0.

    x (n, height, width, features), noise (n, height, width, 1) or (1, height, width, 1), scale (features,), m = `lr_multiplier`:
    below 1 the network learns more slowly to rely on noise (the paper has 1). `noise`, unless it is given, is N(0, 1): drawn for
    each image in training; in evaluation the same map, a buffer, for all of them, so that an image depends on its latent vector
    alone. It is the source of random detail in an image, such as strands of hair and freckles, which a generator would otherwise
    have to derive from its latent vector. Raises ShapeError for images or noise of another size. Source: Karras et al. 2019,
    section 2.
    """

    def __init__(self, features: int, height: int, width: int, lr_multiplier: float = 1.0):
        check_positive("NoiseInjection", lr_multiplier=lr_multiplier)
        check_sizes("NoiseInjection", features=features, height=height, width=width)
        self.features, self.height, self.width, self.lr_multiplier = features, height, width, lr_multiplier
        self.scale = Parameter(init.zeros((features,)))
        self.fixed = Buffer(init.normal((1, height, width, 1), 1.0))

    def forward(self, x: TensorLike, noise: TensorLike | None = None) -> TensorLike:
        check_input(self, x, ("n", self.height, self.width, self.features), self.scale.dtype)
        if noise is None:
            shape = (x.shape[0], self.height, self.width, 1)
            noise = random.normal(shape, dtype=self.scale.dtype) if self.training else self.fixed
        if tuple(noise.shape[1:]) != (self.height, self.width, 1) or noise.shape[0] not in (1, x.shape[0]):
            raise ShapeError(
                f"{self!r} expects noise of shape ({x.shape[0]} or 1, {self.height}, {self.width}, 1), got {tuple(noise.shape)}"
            )
        rows = ops.reshape(noise, shape=(-1, 1)) @ ops.reshape(self.scale * self.lr_multiplier, shape=(1, self.features))
        return x + ops.reshape(rows, shape=(*noise.shape[:3], self.features))

    def describe(self) -> str:
        multiplied = f", lr_multiplier={self.lr_multiplier:g}" if self.lr_multiplier != 1.0 else ""
        return f"{self.features}, {self.height}x{self.width}{multiplied}"


class AdaIN(Module):
    """Adaptive instance normalization: x determines where each channel is strong, a style w how strong.

        y = (1 + ys) (x - mean) / sqrt(variance + eps) + yb,   (ys, yb) = A(w)

    x (n, h, w, features), w (n, style_dim) -> (n, h, w, features). Mean and biased variance of each channel of each image, over
    its pixels; A is a learned affine map (an EqualizedDense, gain 1), with biases that start at 0. Raises ShapeError for images
    of one pixel, and unless there is one style for each image. Source: Karras et al. 2019, equation 1.
    """

    def __init__(self, features: int, style_dim: int):
        self.features = features
        self.affine = EqualizedDense(style_dim, 2 * features, gain=1.0)

    def forward(self, x: TensorLike, w: TensorLike) -> TensorLike:
        check_input(self, x, (*IMAGES, self.features), self.affine.weight.dtype)
        check_input(self, w, (..., self.affine.in_features), self.affine.weight.dtype)
        style = self.affine(w)
        return ops.adain(x, style[:, : self.features] + 1.0, style[:, self.features :])

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, (*IMAGES[1:], self.features))
        return tuple(input_shape)

    def describe(self) -> str:
        return f"{self.features}, styles of {self.affine.in_features}"
