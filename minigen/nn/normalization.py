"""Layers that normalize activations to mean 0 and variance 1, then scale and shift them.

    y = (x - mean) / sqrt(variance + eps) * weight + bias

They differ in the elements that share a mean and a variance. weight and bias have one value per channel (the last axis), and
start at 1 and 0. The variance in this formula is the biased one, divided by the number of elements.
"""

import math

from minigen import ops
from minigen.autograd import Parameter, TensorLike, unwrap
from minigen.errors import ShapeError
from minigen.nn import init
from minigen.nn.checks import IMAGES, check_input
from minigen.nn.module import Buffer, ElementwiseModule, NonNegative
from minigen.utils.checks import check_fraction, check_positive, check_sizes


class Normalization(ElementwiseModule):
    """Base of the normalization layers: their parameters and checks."""

    def __init__(self, features: int, eps: float = 1e-5):
        check_sizes(type(self).__name__, features=features)
        check_positive(type(self).__name__, eps=eps)
        self.features, self.eps = features, eps
        self.weight, self.bias = Parameter(init.ones((features,))), Parameter(init.zeros((features,)))

    def check(self, x: TensorLike) -> None:
        """Raise unless x has the channels and the dtype of this layer."""
        images = len(getattr(x, "shape", ())) == 4
        check_input(self, x, (*(IMAGES if images else (...,)), self.features), self.weight.dtype)

    def describe(self) -> str:
        return str(self.features)


class BatchNorm(Normalization):
    """Normalizes every channel by its mean and variance over the batch and all positions: x (n, ..., features), same shape.

    In training, those of the batch, which also update the running statistics (kept in the state, outside the graph):

        running = momentum * running + (1 - momentum) * batch

    In evaluation, the running ones. `momentum` is Keras's, the share that is kept; PyTorch's momentum is 1 minus it. As in
    PyTorch, the running variance takes the unbiased variance of the batch, divided by n - 1. Raises ShapeError in training for
    one value per channel, whose variance is meaningless. Ioffe & Szegedy 2015, algorithms 1 and 2.
    """

    def __init__(self, features: int, momentum: float = 0.9, eps: float = 1e-5):
        super().__init__(features, eps)
        check_fraction("BatchNorm", momentum=momentum)
        self.momentum = momentum
        self.running_mean, self.running_var = Buffer(init.zeros((features,))), NonNegative(init.ones((features,)))

    def forward(self, x: TensorLike) -> TensorLike:
        self.check(x)
        if not self.training:
            scale = self.weight / ops.sqrt(self.running_var + self.eps)
            return ops.scale_shift(x, scale, self.bias - self.running_mean * scale)
        n = math.prod(x.shape[:-1])
        if n < 2:
            raise ShapeError(
                f"{self!r} in training mode needs more than one value per channel, got {tuple(x.shape)}: "
                "a larger batch, a batch size that leaves no remainder of one example, or evaluation mode with eval()"
            )
        axes = tuple(range(len(x.shape) - 1))
        centered = ops.center(x, axis=axes)
        variance = ops.mean(ops.square(unwrap(centered)), axis=axes, keepdims=True)
        inv_std = ops.inv_rms(centered, variance, axis=axes, eps=self.eps)
        mean, unbiased = ops.mean(unwrap(x), axis=axes), variance.reshape(-1) * (n / (n - 1))
        for running, of_batch in ((self.running_mean, mean), (self.running_var, unbiased)):
            running.assign(self.momentum * running.data + (1.0 - self.momentum) * of_batch)
        return ops.scale_shift(centered, inv_std * self.weight, self.bias)


class LayerNorm(Normalization):
    """Normalizes every vector of features by its own mean and variance: x (..., features), same shape. Ba et al. 2016.

    In images, the channels of each pixel. It does not depend on the batch: training and evaluation are the same.
    """

    def forward(self, x: TensorLike) -> TensorLike:
        self.check(x)
        return ops.scale_shift(ops.normalize(x, axis=-1, eps=self.eps), self.weight, self.bias)


class InstanceNorm(Normalization):
    """Normalizes every channel of every image by its mean and variance over height and width: x (n, h, w, features), same shape.

    It does not depend on the batch: training and evaluation are the same. Raises ShapeError for images of one pixel, which would
    all become zero. Ulyanov et al. 2016.
    """

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, (*IMAGES, self.features), self.weight.dtype)
        if x.shape[1] * x.shape[2] < 2:
            raise ShapeError(f"{self!r} needs images of more than one pixel, got {tuple(x.shape)}")
        centered = ops.center(x, axis=(1, 2))
        return ops.scale_shift(centered, ops.inv_rms(centered, axis=(1, 2), eps=self.eps) * self.weight, self.bias)
