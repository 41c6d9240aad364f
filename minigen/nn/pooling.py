"""Layers that change the size of images (n, height, width, channels), each channel by itself. They have no parameters."""

from collections.abc import Callable

from minigen import ops
from minigen.autograd import TensorLike
from minigen.nn.checks import IMAGES, check_example, check_input, warn_of_channels_first
from minigen.nn.module import Module
from minigen.ops.window import Padding, Pair, explicit_padding, output_size, pair


class Pool2d(Module):
    """Base of the two pooling layers, which differ in how they reduce a window."""

    pool: Callable[..., TensorLike]  # the op

    def __init__(self, pool_size: int | Pair = 2, stride: int | Pair | None = None, padding: Padding = "valid"):
        self.pool_size, self.padding = pair(pool_size, "pool_size"), padding
        self.stride = self.pool_size if stride is None else pair(stride, "stride")
        explicit_padding(padding, (1, 1), self.pool_size, self.stride)

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, (*IMAGES, "channels"))
        warn_of_channels_first(self, tuple(x.shape))
        return self.pool(x, size=self.pool_size, stride=self.stride, padding=self.padding)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, (*IMAGES[1:], "channels"))
        height, width, channels = input_shape
        return (*output_size((height, width), self.pool_size, self.stride, self.padding), channels)

    def describe(self) -> str:
        stride = f", stride {size_text(self.stride)}" if self.stride != self.pool_size else ""
        return size_text(self.pool_size) + stride + (f", padding {self.padding}" if self.padding != "valid" else "")


class MaxPool2d(Pool2d):
    """The largest element of each window: x (n, h, w, c) -> (n, h', w', c), h' = floor((h + padding - pool_size) / stride) + 1.

    `stride` is `pool_size` unless given; `padding`: "valid" (none: the remainder at the end is dropped, so that 7 becomes 3),
    "same" (h' = ceil(h / stride)), an int or ((top, bottom), (left, right)). See `ops.max_pool2d`.
    """

    pool = staticmethod(ops.max_pool2d)


class AvgPool2d(Pool2d):
    """The mean of each window; shapes as in MaxPool2d. Padding does not count. See `ops.avg_pool2d`."""

    pool = staticmethod(ops.avg_pool2d)


class UpSample2d(Module):
    """Every pixel repeated to a block of `factor` (an int or (height, width)): x (n, h, w, c) -> (n, h factor, w factor, c)."""

    def __init__(self, factor: int | Pair = 2):
        self.factor = pair(factor, "factor")

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, (*IMAGES, "channels"))
        warn_of_channels_first(self, tuple(x.shape))
        return ops.upsample_nearest2d(x, factor=self.factor)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, (*IMAGES[1:], "channels"))
        height, width, channels = input_shape
        return height * self.factor[0], width * self.factor[1], channels

    def describe(self) -> str:
        return size_text(self.factor)


def size_text(size: Pair) -> str:
    """(2, 3) as "2x3"."""
    return f"{size[0]}x{size[1]}"
