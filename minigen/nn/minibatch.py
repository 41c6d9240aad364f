"""Layers that let a discriminator see several samples together, and so detect a generator that repeats itself."""

from minigen import ops
from minigen.autograd import Parameter, TensorLike
from minigen.backend import array_module
from minigen.errors import ShapeError
from minigen.nn import init
from minigen.nn.checks import check_example, check_input
from minigen.nn.module import Module
from minigen.ops.normalization import check_group_size
from minigen.utils.checks import check_sizes


class MinibatchDiscrimination(Module):
    """Appends to each example its closeness to the others of its batch: x (n, in_features) -> (n, in_features + kernels).

        M = x W as (n, kernels, dim),    o_b(x_i) = sum over j != i of exp(-|M_ib - M_jb|_1),    y_i = (x_i, o(x_i))

    W (in_features, kernels * dim) is trained. 0 < o < n - 1, a sum over the batch: larger in a larger batch. The paper also
    counts j = i, which adds the constant 1. Compare real and generated examples among themselves: one call each.
    Needs memory for several times n^2 * kernels * dim values. Raises ShapeError for fewer than two examples.
    Source: Salimans et al. 2016, section 3.2.
    """

    def __init__(self, in_features: int, kernels: int = 100, dim: int = 5):
        check_sizes("MinibatchDiscrimination", in_features=in_features, kernels=kernels, dim=dim)
        self.in_features, self.kernels, self.dim = in_features, kernels, dim
        self.weight = Parameter(init.glorot_uniform((in_features, kernels * dim)))

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, ("n", self.in_features), self.weight.dtype)
        n = x.shape[0]
        if n < 2:
            raise ShapeError(f"{self!r} compares the examples of a batch, expected at least two, got {n}")
        m = ops.reshape(x @ self.weight, shape=(n, self.kernels, self.dim))
        distances = ops.absolute(ops.expand_dims(m, 1) - ops.expand_dims(m, 0)).sum(axis=3)
        others = 1.0 - array_module(self.weight.data).eye(n, dtype=self.weight.dtype)
        return ops.concatenate(x, (ops.exp(-distances) * others[:, :, None]).sum(axis=1), axis=1)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, (self.in_features,))
        return (self.in_features + self.kernels,)

    def describe(self) -> str:
        return f"{self.in_features} -> {self.in_features + self.kernels}, {self.kernels} kernels of {self.dim}"


class MinibatchStdDev(Module):
    """Appends one channel, the mean standard deviation within a group of examples: x (n, ..., c) -> (n, ..., c + 1).

    See `ops.minibatch_stddev`. Used before the last convolution of a discriminator (Karras et al. 2018, section 3).
    Raises ShapeError for a batch that is not a multiple of `group_size`, in evaluation too.
    """

    def __init__(self, group_size: int = 4):
        check_group_size("MinibatchStdDev", group_size)
        self.group_size = self.batch_multiple = group_size

    def forward(self, x: TensorLike) -> TensorLike:
        return ops.minibatch_stddev(x, self.group_size)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, (..., "channels"))
        return (*input_shape[:-1], input_shape[-1] + 1)

    def describe(self) -> str:
        return f"group_size={self.group_size}"


class Pack(Module):
    """Merges m examples into one: x (n, features) -> (n / m, m * features), (n, h, w, c) -> (n / m, h, w, m * c).

    The m consecutive samples are concatenated along the last axis, images as the channels of one image. Used as the first layer
    of a discriminator, which then scores m samples, all real or all generated, by one logit; nothing else changes. Raises
    ShapeError for a batch that is not a multiple of m. Source: PacGAN, Lin et al. 2018.
    """

    def __init__(self, m: int):
        check_sizes("Pack", m=m)
        self.m = self.batch_multiple = m

    def forward(self, x: TensorLike) -> TensorLike:
        shape, n = self.output_shape(x.shape[1:]), x.shape[0]
        if n % self.m:
            raise ShapeError(f"{self!r} expects a batch whose size is a multiple of {self.m}, got {n}")
        packed = ops.reshape(x, shape=(n // self.m, self.m, *x.shape[1:]))
        last = len(x.shape) - 1
        packed = ops.transpose(packed, axes=(0, *range(2, last + 1), 1, last + 1))
        return ops.reshape(packed, shape=(n // self.m, *shape))

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, (..., "channels"))
        return (*input_shape[:-1], self.m * input_shape[-1])

    def describe(self) -> str:
        return str(self.m)
