"""Tensor's operators and methods, in one list.

A method is an op, or a short composition, that maps one array to another, or implements an operator. Ops that treat several
arrays alike (`maximum`, `where`, `concatenate`), work on images (`max_pool2d`) or are steps of networks (`dropout`, `dense`) are
functions only.
"""

# mypy: disable-error-code="empty-body"

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from minigen.backend import Array
from minigen.backend.summation import Axis
from minigen.engine.backward import backward
from minigen.engine.tensor import Tensor
from minigen.ops import activation, elementwise, indexing, linalg, normalization, reduction, shape
from minigen.ops.indexing import checked_index, getitem

Signature = TypeVar("Signature", bound=Callable)


def implemented_by(function: Callable) -> Callable[[Signature], Signature]:
    """The method below is this function; its definition is the signature that editors and type checkers see, at no cost."""
    return lambda signature: function  # type: ignore[return-value]


def reflected(function: Callable) -> Callable:
    """The operator for 2 - y, where y - 2 is the function."""
    return lambda self, other: function(other, self)


class Methods:
    """The methods and operators of a Tensor."""

    @implemented_by(backward)
    def backward(self, cotangent: Any = None, retain_graph: bool = False) -> None: ...

    # -- operators -------------------------------------------------------------------------------------------------

    @implemented_by(elementwise.add)
    def __add__(self, other: Any) -> Tensor: ...
    @implemented_by(reflected(elementwise.add))
    def __radd__(self, other: Any) -> Tensor: ...
    @implemented_by(elementwise.subtract)
    def __sub__(self, other: Any) -> Tensor: ...
    @implemented_by(reflected(elementwise.subtract))
    def __rsub__(self, other: Any) -> Tensor: ...
    @implemented_by(elementwise.multiply)
    def __mul__(self, other: Any) -> Tensor: ...
    @implemented_by(reflected(elementwise.multiply))
    def __rmul__(self, other: Any) -> Tensor: ...
    @implemented_by(elementwise.divide)
    def __truediv__(self, other: Any) -> Tensor: ...
    @implemented_by(reflected(elementwise.divide))
    def __rtruediv__(self, other: Any) -> Tensor: ...
    @implemented_by(elementwise.power)
    def __pow__(self, other: Any) -> Tensor: ...
    @implemented_by(reflected(elementwise.power))
    def __rpow__(self, other: Any) -> Tensor: ...
    @implemented_by(linalg.matmul)
    def __matmul__(self, other: Any) -> Tensor: ...
    @implemented_by(reflected(linalg.matmul))
    def __rmatmul__(self, other: Any) -> Tensor: ...
    @implemented_by(elementwise.negative)
    def __neg__(self) -> Tensor: ...
    @implemented_by(elementwise.positive)
    def __pos__(self) -> Tensor: ...
    @implemented_by(elementwise.absolute)
    def __abs__(self) -> Tensor: ...

    def __getitem__(self, index: Any) -> Tensor:
        """x[index], with any index that NumPy knows."""
        return getitem(self, index=checked_index(index))

    def __iter__(self: Any) -> Iterator[Tensor]:
        """Along the first axis."""
        return (self[i] for i in range(len(self)))

    # -- element by element ----------------------------------------------------------------------------------------

    @implemented_by(elementwise.square)
    def square(self) -> Tensor: ...
    @implemented_by(elementwise.exp)
    def exp(self) -> Tensor: ...
    @implemented_by(elementwise.log)
    def log(self) -> Tensor: ...
    @implemented_by(elementwise.sqrt)
    def sqrt(self) -> Tensor: ...
    @implemented_by(elementwise.sin)
    def sin(self) -> Tensor: ...
    @implemented_by(elementwise.cos)
    def cos(self) -> Tensor: ...
    @implemented_by(elementwise.clip)
    def clip(self, low: float = ..., high: float = ...) -> Tensor: ...
    @implemented_by(elementwise.masked)
    def masked(self, keep: Array, scale: float = 1.0) -> Tensor: ...
    @implemented_by(activation.tanh)
    def tanh(self) -> Tensor: ...
    @implemented_by(activation.sigmoid)
    def sigmoid(self) -> Tensor: ...
    @implemented_by(activation.softplus)
    def softplus(self) -> Tensor: ...
    @implemented_by(activation.relu)
    def relu(self) -> Tensor: ...
    @implemented_by(activation.leaky_relu)
    def leaky_relu(self, slope: float = 0.2) -> Tensor: ...
    @implemented_by(activation.elu)
    def elu(self, alpha: float = 1.0) -> Tensor: ...
    @implemented_by(activation.selu)
    def selu(self) -> Tensor: ...

    # -- reductions, and what is built on them -----------------------------------------------------------------------

    @implemented_by(reduction.sum)
    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @implemented_by(reduction.mean)
    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @implemented_by(reduction.max)
    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @implemented_by(reduction.min)
    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @implemented_by(reduction.logsumexp)
    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @implemented_by(normalization.var)
    def var(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @implemented_by(normalization.std)
    def std(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @implemented_by(reduction.l2norm)
    def l2norm(self, axis: Axis = None, keepdims: bool = False, eps: float = 0.0) -> Tensor: ...
    @implemented_by(reduction.log_softmax)
    def log_softmax(self, axis: int = -1) -> Tensor: ...
    @implemented_by(reduction.softmax)
    def softmax(self, axis: int = -1) -> Tensor: ...
    @implemented_by(normalization.center)
    def center(self, axis: Axis) -> Tensor: ...
    @implemented_by(normalization.normalize)
    def normalize(self, axis: Axis, eps: float) -> Tensor: ...

    # -- shapes and places -----------------------------------------------------------------------------------------

    def reshape(self, *lengths: Any) -> Tensor:
        """x.reshape(2, 3) or x.reshape((2, 3)): the elements, in row-major order, in another shape; one length may be -1."""
        return shape.reshape(self, shape=one_tuple(lengths))

    def transpose(self, *axes: Any) -> Tensor:
        """x.transpose(), x.transpose(1, 0, 2) or x.transpose((1, 0, 2)): the axes permuted; by default, reversed."""
        return shape.transpose(self, axes=one_tuple(axes) if axes and axes != (None,) else None)

    @property
    def T(self) -> Tensor:
        """The transpose: axes reversed."""
        return shape.transpose(self)

    @implemented_by(shape.flatten)
    def flatten(self, start_axis: int = 0) -> Tensor: ...
    @implemented_by(shape.squeeze)
    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Tensor: ...
    @implemented_by(shape.expand_dims)
    def expand_dims(self, axis: int) -> Tensor: ...
    @implemented_by(shape.swapaxes)
    def swapaxes(self, first: int, second: int) -> Tensor: ...
    @implemented_by(shape.broadcast_to)
    def broadcast_to(self, shape: tuple[int, ...]) -> Tensor: ...
    @implemented_by(shape.sum_to)
    def sum_to(self, shape: tuple[int, ...]) -> Tensor: ...
    @implemented_by(shape.pad)
    def pad(self, widths: tuple[tuple[int, int], ...]) -> Tensor: ...
    @implemented_by(shape.crop)
    def crop(self, widths: tuple[tuple[int, int], ...]) -> Tensor: ...
    @implemented_by(shape.split)
    def split(self, sections: int, axis: int = 0) -> list[Tensor]: ...
    @implemented_by(indexing.take)
    def take(self, indices: Array, axis: int = 0) -> Tensor: ...

    # -- NumPy's other names ---------------------------------------------------------------------------------------

    @implemented_by(linalg.matmul)
    def dot(self, other: Any) -> Tensor: ...
    @implemented_by(shape.flatten)
    def ravel(self) -> Tensor: ...


def one_tuple(values: tuple) -> tuple[int, ...]:
    """x.reshape(2, 3) and x.reshape((2, 3)) mean the same."""
    return tuple(values[0]) if len(values) == 1 and isinstance(values[0], (tuple, list)) else values


METHODS = {name: each for name, each in vars(Methods).items() if callable(each) or isinstance(each, property)}
for name, each in METHODS.items():
    setattr(Tensor, name, each)
