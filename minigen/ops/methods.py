"""Tensor's operators and methods, in one list.

Each is an op (or a short composition), which computes what makes one array of one other, or stands behind an operator. What takes
several arrays on an equal footing (`maximum`, `where`, `concatenate`), what works on images (`max_pool2d`) and what is a step of
networks (`dropout`, `dense`) is a function only.
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


def is_(function: Callable) -> Callable[[Signature], Signature]:
    """The method below is this function: the definition tells editors and type checkers its signature, and costs nothing."""
    return lambda signature: function  # type: ignore[return-value]


def reflected(function: Callable) -> Callable:
    """The operator for 2 - y, where y - 2 is the function."""
    return lambda self, other: function(other, self)


class Methods:
    """What one writes behind a Tensor, or around it."""

    @is_(backward)
    def backward(self, cotangent: Any = None, retain_graph: bool = False) -> None: ...

    # -- operators -------------------------------------------------------------------------------------------------

    @is_(elementwise.add)
    def __add__(self, other: Any) -> Tensor: ...
    @is_(reflected(elementwise.add))
    def __radd__(self, other: Any) -> Tensor: ...
    @is_(elementwise.subtract)
    def __sub__(self, other: Any) -> Tensor: ...
    @is_(reflected(elementwise.subtract))
    def __rsub__(self, other: Any) -> Tensor: ...
    @is_(elementwise.multiply)
    def __mul__(self, other: Any) -> Tensor: ...
    @is_(reflected(elementwise.multiply))
    def __rmul__(self, other: Any) -> Tensor: ...
    @is_(elementwise.divide)
    def __truediv__(self, other: Any) -> Tensor: ...
    @is_(reflected(elementwise.divide))
    def __rtruediv__(self, other: Any) -> Tensor: ...
    @is_(elementwise.power)
    def __pow__(self, other: Any) -> Tensor: ...
    @is_(reflected(elementwise.power))
    def __rpow__(self, other: Any) -> Tensor: ...
    @is_(linalg.matmul)
    def __matmul__(self, other: Any) -> Tensor: ...
    @is_(reflected(linalg.matmul))
    def __rmatmul__(self, other: Any) -> Tensor: ...
    @is_(elementwise.negative)
    def __neg__(self) -> Tensor: ...
    @is_(elementwise.positive)
    def __pos__(self) -> Tensor: ...
    @is_(elementwise.absolute)
    def __abs__(self) -> Tensor: ...

    def __getitem__(self, index: Any) -> Tensor:
        """x[index], with any index that NumPy knows."""
        return getitem(self, index=checked_index(index))

    def __iter__(self: Any) -> Iterator[Tensor]:
        """Along the first axis."""
        return (self[i] for i in range(len(self)))

    # -- element by element ----------------------------------------------------------------------------------------

    @is_(elementwise.square)
    def square(self) -> Tensor: ...
    @is_(elementwise.exp)
    def exp(self) -> Tensor: ...
    @is_(elementwise.log)
    def log(self) -> Tensor: ...
    @is_(elementwise.sqrt)
    def sqrt(self) -> Tensor: ...
    @is_(elementwise.sin)
    def sin(self) -> Tensor: ...
    @is_(elementwise.cos)
    def cos(self) -> Tensor: ...
    @is_(elementwise.clip)
    def clip(self, low: float = ..., high: float = ...) -> Tensor: ...
    @is_(elementwise.masked)
    def masked(self, keep: Array, scale: float = 1.0) -> Tensor: ...
    @is_(activation.tanh)
    def tanh(self) -> Tensor: ...
    @is_(activation.sigmoid)
    def sigmoid(self) -> Tensor: ...
    @is_(activation.softplus)
    def softplus(self) -> Tensor: ...
    @is_(activation.relu)
    def relu(self) -> Tensor: ...
    @is_(activation.leaky_relu)
    def leaky_relu(self, slope: float = 0.2) -> Tensor: ...
    @is_(activation.elu)
    def elu(self, alpha: float = 1.0) -> Tensor: ...
    @is_(activation.selu)
    def selu(self) -> Tensor: ...

    # -- reductions, and what they are for -------------------------------------------------------------------------

    @is_(reduction.sum)
    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @is_(reduction.mean)
    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @is_(reduction.max)
    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @is_(reduction.min)
    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @is_(reduction.logsumexp)
    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @is_(normalization.var)
    def var(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @is_(normalization.std)
    def std(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
    @is_(reduction.l2norm)
    def l2norm(self, axis: Axis = None, keepdims: bool = False, eps: float = 0.0) -> Tensor: ...
    @is_(reduction.log_softmax)
    def log_softmax(self, axis: int = -1) -> Tensor: ...
    @is_(reduction.softmax)
    def softmax(self, axis: int = -1) -> Tensor: ...
    @is_(normalization.center)
    def center(self, axis: Axis) -> Tensor: ...
    @is_(normalization.normalize)
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

    @is_(shape.flatten)
    def flatten(self, start_axis: int = 0) -> Tensor: ...
    @is_(shape.squeeze)
    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Tensor: ...
    @is_(shape.expand_dims)
    def expand_dims(self, axis: int) -> Tensor: ...
    @is_(shape.swapaxes)
    def swapaxes(self, first: int, second: int) -> Tensor: ...
    @is_(shape.broadcast_to)
    def broadcast_to(self, shape: tuple[int, ...]) -> Tensor: ...
    @is_(shape.sum_to)
    def sum_to(self, shape: tuple[int, ...]) -> Tensor: ...
    @is_(shape.pad)
    def pad(self, widths: tuple[tuple[int, int], ...]) -> Tensor: ...
    @is_(shape.crop)
    def crop(self, widths: tuple[tuple[int, int], ...]) -> Tensor: ...
    @is_(shape.split)
    def split(self, sections: int, axis: int = 0) -> list[Tensor]: ...
    @is_(indexing.take)
    def take(self, indices: Array, axis: int = 0) -> Tensor: ...

    # -- NumPy's other names ---------------------------------------------------------------------------------------

    @is_(linalg.matmul)
    def dot(self, other: Any) -> Tensor: ...
    @is_(shape.flatten)
    def ravel(self) -> Tensor: ...


def one_tuple(values: tuple) -> tuple[int, ...]:
    """x.reshape(2, 3) and x.reshape((2, 3)) mean the same."""
    return tuple(values[0]) if len(values) == 1 and isinstance(values[0], (tuple, list)) else values


METHODS = {name: each for name, each in vars(Methods).items() if callable(each) or isinstance(each, property)}
for name, each in METHODS.items():
    setattr(Tensor, name, each)
