"""Convolutional layers. Images are (n, height, width, channels)."""

import math

from minigen import ops
from minigen.autograd import Parameter, TensorLike
from minigen.nn import init
from minigen.nn.activations import get_activation
from minigen.nn.checks import IMAGES, check_example, check_input
from minigen.nn.module import WeightedModule
from minigen.ops.convolution import check_output_size, default_output_size
from minigen.ops.window import Padding, Pair, explicit_padding, output_size, pair
from minigen.utils.checks import check_sizes


class Convolution(WeightedModule):
    """Base of both layers: their settings and parameters."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = "same",
        activation: str | None = None,
        bias: bool = True,
        weight_init: init.Initializer | None = None,
    ):
        check_sizes(type(self).__name__, in_channels=in_channels, out_channels=out_channels)
        self.in_channels, self.out_channels, self.activation = in_channels, out_channels, activation
        self.kernel_size, self.stride, self.padding = pair(kernel_size, "kernel_size"), pair(stride, "stride"), padding
        explicit_padding(padding, (1, 1), self.kernel_size, self.stride)
        self._activate = get_activation(activation)
        self.weight = Parameter(init.initializer(weight_init, activation)((*self.kernel_size, in_channels, out_channels)))
        self.bias = Parameter(init.zeros((out_channels,))) if bias else None

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, (*IMAGES, self.in_channels), self.weight.dtype)
        y = self.convolve(x)
        return y if self._activate is None else self._activate(y)

    def convolve(self, x: TensorLike) -> TensorLike:
        """The layer without its activation."""
        raise NotImplementedError(f"{type(self).__name__} has no convolve()")

    def image_size(self, input_shape: tuple[int, ...]) -> Pair:
        """(height, width) of one example's shape. Raises ShapeError if the channels are not this layer's."""
        check_example(self, input_shape, (*IMAGES[1:], self.in_channels))
        return input_shape[0], input_shape[1]

    def describe(self) -> str:
        (kh, kw), (sh, sw) = self.kernel_size, self.stride
        parts = [f"{self.in_channels} -> {self.out_channels}", f"{kh}x{kw}"]
        parts += [f"stride {sh}" if sh == sw else f"stride {self.stride}"] if self.stride != (1, 1) else []
        parts += [] if self.padding == "same" else [f"padding {self.padding}" if self.padding != "valid" else "valid"]
        return ", ".join(parts + ([self.activation] if self.activation else []))


class Conv2d(Convolution):
    """y = activation(conv2d(x, W) + b): x (n, h, w, in_channels) -> (n, h', w', out_channels).

    W (kh, kw, in, out), b (out,). `kernel_size`, `stride`: an int or (height, width). `padding`: "same" gives
    h' = ceil(h / stride), "valid" pads nothing, an int or ((top, bottom), (left, right)) says how much. `activation` and initial
    weights: as in Dense. Raises ShapeError for images that do not fit, such as NCHW by mistake.
    """

    def convolve(self, x: TensorLike) -> TensorLike:
        return ops.conv2d(x, self.effective_weight(), self.bias, stride=self.stride, padding=self.padding)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*output_size(self.image_size(input_shape), self.kernel_size, self.stride, self.padding), self.out_channels)


class ConvTranspose2d(Convolution):
    """y = activation(conv2d_transpose(x, W) + b), which enlarges: x (n, h, w, in_channels) -> (n, h', w', out_channels).

    W (kh, kw, out, in), the kernel of the convolution of which this is the adjoint; b (out,). h' is h * stride for "same",
    (h - 1) * stride + kh for "valid", minus explicit padding; or `output_size` = (h', w'), if several sizes are possible. Weights
    start as in a Dense layer with as many inputs as contribute to a pixel, kh * kw / stride^2 * in.
    """

    output_axis = 2  # its kernel is that of the adjoint convolution, whose input is this layer's output

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = "same",
        output_size: int | Pair | None = None,
        activation: str | None = None,
        bias: bool = True,
        weight_init: init.Initializer | None = None,
    ):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, activation, bias, weight_init)
        self.output_size = None if output_size is None else pair(output_size, "output_size")
        weight = self.weight.data.swapaxes(2, 3)
        self.weight = Parameter(weight if weight_init else weight * math.sqrt(math.prod(self.stride)))

    def convolve(self, x: TensorLike) -> TensorLike:
        return ops.conv2d_transpose(
            x, self.effective_weight(), self.bias, stride=self.stride, padding=self.padding, output_size=self.output_size
        )

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        size = self.image_size(input_shape)
        large = self.output_size or default_output_size(size, self.kernel_size, self.stride, self.padding)
        check_output_size(large, size, self.kernel_size, self.stride, self.padding)
        return (*large, self.out_channels)

    def describe(self) -> str:
        return super().describe() + (f", to {self.output_size[0]}x{self.output_size[1]}" if self.output_size else "")
