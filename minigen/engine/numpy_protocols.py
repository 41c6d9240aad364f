"""Where a Tensor meets Python and NumPy: its shape, comparisons, and for what it refuses, the minigen way to do it."""

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from minigen.backend import Array, asarray, to_numpy
from minigen.backend.host import has_no_dtype
from minigen.errors import DtypeError, ShapeError
from minigen.utils.near_misses import TENSORS, missing


def unwrap(x: Any) -> Any:
    """The array inside a tensor, the Python number inside a NumPy scalar; anything else as it is."""
    return x._data if isinstance(x, NumpyProtocols) else x.item() if isinstance(x, np.generic) else x


def float_array(data: Any) -> Array:
    """`data` as a Tensor stores it: an array on the current backend, float32 or float64, else an error that says what to do."""
    if isinstance(data, NumpyProtocols):
        raise TypeError("got a Tensor, expected an array: use x.data, its array, or x.detach() for a tensor that shares it")
    try:
        array = asarray(data)
    except DtypeError as error:
        raise DtypeError(f"a Tensor holds float32 or float64, {error}") from None
    if has_no_dtype(data):
        array = array.astype(np.float32)
    if array.dtype not in (np.float32, np.float64):
        raise DtypeError(
            f"a Tensor holds float32 or float64, got {array.dtype}: convert with x.astype('float32'), or leave "
            "labels and indices as plain arrays"
        )
    return array


# To NumPy, array * tensor is np.multiply(array, tensor), and array < tensor is np.less: these answer.
# fmt: off
REFLECTED = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__", "power": "__rpow__",
    "matmul": "__rmatmul__", "floor_divide": "__rfloordiv__", "remainder": "__rmod__", "divmod": "__rdivmod__", "less": "__gt__",
    "less_equal": "__ge__", "greater": "__lt__", "greater_equal": "__le__", "equal": "__eq__", "not_equal": "__ne__",
}
# fmt: on

# What to write instead of NumPy functions that have another name here, or are an operator. `ops` adds those of the same name.
# fmt: off
ALTERNATIVES = {
    "add.reduce": "minigen.sum(x)", "maximum.reduce": "minigen.max(x)", "minimum.reduce": "minigen.min(x)",
    "add.at": "minigen.scatter_add(values, index=..., shape=...)", "logaddexp.reduce": "minigen.logsumexp(x)",
    "logaddexp": "minigen.logsumexp(minigen.stack(x, y), axis=0)", "fabs": "abs(x)", "reciprocal": "1 / x",
    "fmax": "minigen.maximum(x, y)", "fmin": "minigen.minimum(x, y)", "less": "x < y", "less_equal": "x <= y",
    "greater": "x > y", "greater_equal": "x >= y", "equal": "x == y", "not_equal": "x != y", "amax": "minigen.max(x)",
    "amin": "minigen.min(x)", "abs": "abs(x)", "concat": "minigen.concatenate(*arrays)",
    "permute_dims": "minigen.transpose(x, axes=...)", "dot": "x @ y", "linalg.norm": "minigen.l2norm(x)",
    "linalg.matmul": "x @ y", "argmax": "x.argmax()", "argmin": "x.argmin()", "shape": "x.shape", "ndim": "x.ndim",
    "size": "x.size", "ravel": "x.ravel()", "float_power": "x ** y",
}
# fmt: on


def numpys_function(name: str) -> TypeError:
    """The error for a NumPy function that was given a Tensor: what to write instead."""
    if name in ALTERNATIVES:
        return TypeError(f"np.{name} on a Tensor: write {ALTERNATIVES[name]}, or x.numpy() for its values outside the graph")
    return TypeError(
        f"np.{name} on a Tensor: write x.numpy() for its values outside the graph; "
        "to differentiate, compose it from minigen's ops"
    )


class Ufuncs:
    """Tensor.__array_ufunc__. NumPy asks the class and gets `answer`; CuPy asks the tensor and gets None, so that it defers to
    the tensor's own operator."""

    def __get__(self, tensor: Any, kind: type) -> Any:
        return answer if tensor is None else None


def answer(tensor: Any, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """The tensor's operator for a call that an array's operator may have made; for any other, TypeError with the minigen way."""
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    out = options.get("out", ())
    if any(isinstance(x, NumpyProtocols) for x in out):
        raise TypeError(f"np.{name} with a Tensor as out: a Tensor changes only through p.assign(array)")
    if out:
        raise TypeError(
            f"np.{name} of a Tensor into an array: it would lose its graph; write array = array + x, not +=, or take x.numpy()"
        )
    if name in REFLECTED and not options and not isinstance(inputs[0], NumpyProtocols):
        return getattr(inputs[1], REFLECTED[name])(inputs[0])
    raise numpys_function(name)


class NumpyProtocols:
    """The part of Tensor that is not about derivatives."""

    __slots__ = ()

    _data: Array
    requires_grad: bool
    op: Any
    name: str | None

    # -- what the array says of itself ---------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self._data.shape

    @property
    def dtype(self) -> np.dtype:
        """The dtype, float32 or float64."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._data.size

    # -- comparisons give plain bool arrays, never part of a graph ------------------------------------------------

    def __lt__(self, other: Any) -> Array:
        return self._data < unwrap(other)

    def __le__(self, other: Any) -> Array:
        return self._data <= unwrap(other)

    def __gt__(self, other: Any) -> Array:
        return self._data > unwrap(other)

    def __ge__(self, other: Any) -> Array:
        return self._data >= unwrap(other)

    def __eq__(self, other: Any) -> Array:
        return self._data == unwrap(other)

    def __ne__(self, other: Any) -> Array:
        return self._data != unwrap(other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ValueError(f"the truth of {self._data.size} values is ambiguous: use (x > 0).all() or (x > 0).any()")
        return bool(self._data)

    def argmax(self, axis: int | None = None) -> Array:
        """Index of the largest element along an axis, as a plain array."""
        return self._data.argmax(axis=axis)

    def argmin(self, axis: int | None = None) -> Array:
        """Index of the smallest element along an axis, as a plain array."""
        return self._data.argmin(axis=axis)

    # -- what Python and NumPy users expect, and what to write instead ----------------------------------------

    if not TYPE_CHECKING:  # a type checker believes that what has a __getattr__ has every attribute

        def __getattr__(self, name: str) -> Any:
            """Called for what is not there: the methods of other libraries."""
            if name in TENSORS:
                raise missing("Tensor", name, TENSORS)
            return object.__getattribute__(self, name)

    __array_ufunc__ = Ufuncs()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError("a Tensor is not converted to an array implicitly, it would lose its graph: write x.numpy()")

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        raise numpys_function(f"{function.__module__}.{function.__name__}".removeprefix("numpy."))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a Tensor cannot be changed element by element: build a new one with minigen.where(condition, a, b) or "
            "minigen.concatenate; to overwrite a parameter use p.assign(array)"
        )

    def __floordiv__(self, other: Any) -> Any:
        raise TypeError("// and % have no useful derivative: use x / y, or x.numpy() // y outside the graph")

    __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = __floordiv__

    def item(self) -> float:
        """The value of a tensor of one element, as a Python float."""
        if self._data.size != 1:
            raise ShapeError(f"item() needs a tensor of one element, got shape {self._data.shape}")
        return self._data.item()

    __float__ = item

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __int__(self) -> int:
        return int(self.item())

    def __round__(self, digits: int | None = None) -> float:
        return round(self.item(), digits)

    def __reduce__(self) -> tuple:
        """pickle saves a leaf as a host array, and loads it as a new leaf on the backend in use then.

        Its version is new: versions count within one process.
        """
        return leaf, (type(self), to_numpy(self.copied_leaf()), self.requires_grad, self.name)

    def __deepcopy__(self, memo: dict) -> Any:
        """copy.deepcopy copies a leaf into a new leaf on the same device."""
        return leaf(type(self), self.copied_leaf(), self.requires_grad, self.name)

    def copied_leaf(self) -> Array:
        """A copy of the array. TypeError unless this is a leaf."""
        if self.op is not None:
            raise TypeError(
                f"the result of {self.op.name} is part of a graph and cannot be copied: use x.detach(), "
                "or x.numpy() for its values"
            )
        return self._data.copy()

    def astype(self, dtype: Any) -> NoReturn:
        """Raises TypeError: an op never changes the dtype of its input."""
        raise TypeError(f"a Tensor keeps its dtype: make a new leaf with minigen.Tensor(x.numpy().astype('{np.dtype(dtype)}'))")


def leaf(kind: type, data: Array, requires_grad: bool, name: str | None) -> Any:
    """A new Tensor or Parameter of this array."""
    x = kind(data, name=name)
    x.requires_grad = requires_grad
    return x
