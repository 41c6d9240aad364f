"""Activations as layers, and by name."""

from collections.abc import Callable

from minigen import ops
from minigen.autograd import TensorLike
from minigen.errors import suggestion
from minigen.nn.module import ElementwiseModule
from minigen.ops.activation import check_slope
from minigen.utils.checks import check_numbers


class Activation(ElementwiseModule):
    """A layer that applies one function."""

    function: Callable

    def forward(self, x: TensorLike) -> TensorLike:
        return type(self).function(x)


class ReLU(Activation):
    """max(x, 0)."""

    function = staticmethod(ops.relu)


class ELU(Activation):
    """x for x > 0, e^x - 1 below."""

    function = staticmethod(ops.elu)


class SELU(Activation):
    """The self-normalizing elu; suits `init.lecun_normal`."""

    function = staticmethod(ops.selu)


class Tanh(Activation):
    """Hyperbolic tangent."""

    function = staticmethod(ops.tanh)


class Sigmoid(Activation):
    """1 / (1 + e^-x). For a last layer prefer logits: losses take logits."""

    function = staticmethod(ops.sigmoid)


class Softplus(Activation):
    """log(1 + e^x)."""

    function = staticmethod(ops.softplus)


class Softmax(Activation):
    """Probabilities along the last axis."""

    function = staticmethod(ops.softmax)


class LeakyReLU(Activation):
    """x for x > 0, slope * x below. Raises ValueError unless 0 <= slope <= 1."""

    function = staticmethod(ops.leaky_relu)

    def __init__(self, slope: float = 0.2):
        check_numbers("LeakyReLU", slope=slope)
        check_slope(slope, "leaky_relu: ")
        self.slope = slope

    def forward(self, x: TensorLike) -> TensorLike:
        return type(self).function(x, slope=self.slope)

    def describe(self) -> str:
        return f"slope={self.slope}"


ACTIVATIONS: dict[str, type[Activation]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "softplus": Softplus,
    "softmax": Softmax,
}


def get_activation(name: str | None) -> Callable | None:
    """The activation function by name; None stays None. Raises ValueError with the nearest name for an unknown one."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"an activation is a name, such as 'selu', or a layer of its own, got {name!r}")
    return None if name is None else get_layer(name).function


def activation(name: str) -> Activation:
    """The activation layer by name, for places where the activation does not directly follow its layer (BatchNorm in between).

    Raises ValueError with the nearest name for an unknown one.
    """
    return get_layer(name)()


def get_layer(name: str) -> type[Activation]:
    """The class of an activation layer by name."""
    if name not in ACTIVATIONS:
        raise ValueError(f"unknown activation {name!r}: {suggestion(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]
