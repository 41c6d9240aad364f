"""Layers that disturb the signal in training and do nothing in evaluation (`model.eval()`)."""

import math
from typing import Any

from minigen import functional
from minigen.backend import Array, random
from minigen.errors import DtypeError, conversion
from minigen.nn.module import ElementwiseModule, Module


class Dropout(ElementwiseModule):
    """Zeroes each element with probability `rate` and divides the rest by 1 - rate (Srivastava et al. 2014).

    `keep`: the bool mask, if it is to be given rather than drawn (a gradcheck needs the same twice).
    """

    def __init__(self, rate: float):
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"Dropout's rate is the probability of dropping, 0 <= rate < 1, got {rate}")
        self.rate = rate

    def forward(self, x: Any, keep: Array | None = None) -> Any:
        check_floating(self, x)
        if not self.training or self.rate == 0.0:
            return x
        if keep is None:
            keep = random.uniform(x.shape) >= self.rate
        return functional.dropout(x, keep, self.rate)

    def describe(self) -> str:
        return f"rate={self.rate}"


class GaussianNoise(ElementwiseModule):
    """x + std * noise, noise ~ N(0, 1). `noise`: the numbers, if they are to be given rather than drawn."""

    def __init__(self, std: float):
        if not 0.0 <= std < math.inf:
            raise ValueError(f"GaussianNoise's standard deviation must be at least 0 and finite, got {std}")
        self.std = std

    def forward(self, x: Any, noise: Array | None = None) -> Any:
        check_floating(self, x)
        if not self.training or self.std == 0.0:
            return x
        if noise is None:
            noise = random.normal(x.shape, dtype=x.dtype)
        return x + self.std * noise

    def describe(self) -> str:
        return f"std={self.std}"


def check_floating(layer: Module, x: Any) -> None:
    """Raise for data that are still integers, which would turn into float64 or not take noise at all."""
    if x.dtype.kind != "f":
        raise DtypeError(f"{layer!r} takes floating-point numbers, got {x.dtype}: convert the data with "
                         f"{conversion(x.dtype, 'float32')}")
