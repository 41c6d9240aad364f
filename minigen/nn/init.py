"""Initial weights: random, with the variance that keeps signals from growing or vanishing from layer to layer.

Each takes the shape of a weight, whose last axis counts outputs and whose other axes multiply to the fan-in, and returns a
float32 array on the current backend. Drawn on the host: a seed gives the same weights on every backend.
"""

import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import numpy as np

from minigen.backend import Array, asarray, random
from minigen.errors import StateError
from minigen.utils.blocks import block

Initializer = Callable[[tuple[int, ...]], Array]


class Bound:
    """How many values may still be made, and how many steps taken: each weight, and each op of a forward pass, is one."""

    def __init__(self, values: int, steps: int):
        self.values, self.steps = values, steps

    def spend(self, shape: tuple[int, ...]) -> None:
        """A step that makes an array of this shape. StateError for one too many."""
        self.values, self.steps = self.values - math.prod(shape), self.steps - 1
        if self.values < 0:
            raise StateError(f"its settings ask for a weight of {list(shape)}, which is not among its weights")
        if self.steps < 0:
            raise StateError("its settings ask for more layers than its weights are for")


bound: ContextVar[Bound | None] = ContextVar("bound", default=None)  # see `bounded`


@block
def bounded(values: int, steps: int) -> Iterator[None]:
    """Inside the block networks of at most so many values can be made, in at most so many steps: for those whose sizes a file
    says. Else StateError."""
    token = bound.set(Bound(values, steps))
    try:
        yield
    finally:
        bound.reset(token)


def take(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, counted."""
    if (left := bound.get()) is not None:
        left.spend(shape)
    return shape


def glorot_uniform(shape: tuple[int, ...]) -> Array:
    """U(-a, a), a = sqrt(6 / (fan_in + fan_out)): for linear, tanh and sigmoid layers (Glorot & Bengio 2010, eq. 16)."""
    fan_in, fan_out = fans(take(shape))
    bound = math.sqrt(6.0 / (fan_in + fan_out))
    return asarray(random.stream("weights").uniform(-bound, bound, shape).astype(np.float32))


def he_normal(shape: tuple[int, ...]) -> Array:
    """N(0, 2 / fan_in): for relu and its relatives (He et al. 2015, eq. 10)."""
    return normal(shape, math.sqrt(2.0 / fans(shape)[0]))


def lecun_normal(shape: tuple[int, ...]) -> Array:
    """N(0, 1 / fan_in): for selu (LeCun et al. 1998; Klambauer et al. 2017)."""
    return normal(shape, math.sqrt(1.0 / fans(shape)[0]))


def normal(shape: tuple[int, ...], std: float) -> Array:
    """N(0, std^2)."""
    return asarray((random.stream("weights").standard_normal(take(shape)) * std).astype(np.float32))


def orthogonal(shape: tuple[int, ...]) -> Array:
    """A uniformly random matrix with orthonormal columns, or rows if there are fewer of them: for recurrent weights (Saxe et al.
    2014).

    With at least as many columns as rows, x @ w has the length of x. A kernel counts as the matrix (fan_in, out).
    """
    tall = sorted((math.prod(take(shape)[:-1]), shape[-1]), reverse=True)
    q, r = np.linalg.qr(random.stream("weights").standard_normal(tall))
    q *= np.sign(np.diag(r))  # without this, the signs would be LAPACK's, not random
    return asarray(np.ascontiguousarray((q if shape[-1] == tall[1] else q.T).reshape(shape), dtype=np.float32))


def zeros(shape: tuple[int, ...]) -> Array:
    """Zeros: for biases."""
    return asarray(np.zeros(take(shape), dtype=np.float32))


def ones(shape: tuple[int, ...]) -> Array:
    """Ones: for the scales of normalization layers."""
    return asarray(np.ones(take(shape), dtype=np.float32))


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a dense weight (in, out) or a kernel (height, width, in, out)."""
    receptive = math.prod(shape[:-2])
    return receptive * shape[-2], receptive * shape[-1]


def for_activation(activation: str | None) -> Initializer:
    """The initializer that suits an activation, by its name; for a linear layer, whose activation is None, `glorot_uniform`."""
    if activation in ("relu", "leaky_relu", "elu", "softplus"):
        return he_normal
    return lecun_normal if activation == "selu" else glorot_uniform


def initializer(weight_init: Initializer | None, activation: str | None) -> Initializer:
    """`weight_init`, or by default the one for the activation. Raises TypeError for anything that is not callable, such as a
    name."""
    if weight_init is not None and not callable(weight_init):
        raise TypeError(f"weight_init must be a function of the shape, such as nn.init.he_normal, got {weight_init!r}")
    return weight_init or for_activation(activation)
