"""An array that remembers how it was made."""

import itertools
import operator
from typing import Any

import numpy as np

from minigen import backend
from minigen.backend import Array
from minigen.engine.methods import Methods
from minigen.engine.numpy_protocols import NumpyProtocols, float_array, unwrap
from minigen.errors import GraphError, ShapeError

# One clock for the whole engine. A tensor's version is the time it was made or last changed, so that
#   - a tensor is always younger than its inputs: sorting by version is a topological order, and
#   - an input that is younger than its result has been changed since: the graph is stale.
next_version = itertools.count(1).__next__


class Tensor(NumpyProtocols, Methods["Tensor"]):
    """An array and, if it was computed from tensors that require a gradient, the op and the inputs it came from.

    `data`: a float array, which keeps its dtype and is shared, not copied; lists and Python numbers become float32. Integers
    (labels, indices) stay plain arrays. `grad` is a plain array, filled by `backward()` on leaves that require a gradient.
    An array that an op has used must not be changed in place before the backward pass; tensors change only through `assign`
    (or `p.data -= ...`), which the engine notices. References run from a result to its inputs only, so a graph dies with it.
    """

    __module__ = "minigen.autograd"  # for pickle and help(): the module that has it with its methods
    __slots__ = ("_data", "requires_grad", "grad", "op", "inputs", "attributes", "version", "name", "__weakref__")

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None):
        self._data = float_array(data)
        self.requires_grad = requires_grad
        self.grad: Array | None = None
        self.op: Any = None
        self.inputs: tuple = ()
        self.attributes: Any = None
        self.version = next_version()
        self.name = name

    # -- the array -----------------------------------------------------------------------------------------------

    data = property(operator.attrgetter("_data"), lambda self, value: self.assign(value), doc="The plain array.")

    def assign(self, value: Array) -> None:
        """Overwrite the array in place; the only way a parameter may change. Backward passes through older graphs raise.

        Raises ShapeError if the shape differs, DeviceError for another device's array, GraphError for the result of an op.
        """
        if self.op is not None:
            raise GraphError(f"cannot assign to the result of {self.op.name}: only leaves can be changed")
        value = unwrap(value)
        value = value if backend.is_real_array(value) else backend.asarray(value, dtype=self.dtype)
        if value is not self._data:
            backend.check_same_device((self._data, value))
            if value.shape not in (self.shape, ()):
                raise ShapeError(f"assign to {self.name or 'a tensor'}: got shape {value.shape}, expected {self.shape}")
            self._data[...] = value
        self.touch()

    def rebind(self, array: Array) -> None:
        """Store the values in another array of this shape: a view of an optimizer's buffer, or one of another dtype.

        The array is shared, not copied, and should hold the same values; if it does not, call `touch()` as well.
        """
        if array.shape != self.shape:
            raise ShapeError(f"rebind {self.name or 'a tensor'}: got shape {array.shape}, expected {self.shape}")
        self._data = array

    def touch(self) -> None:
        """Record that the array has been written to, as optimizers do: backward passes through older graphs raise."""
        self.version = next_version()

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        origin = f", from {self.op.name}" if self.op else ", requires_grad=True" if self.requires_grad else ""
        values = np.array2string(self.numpy(), precision=4, threshold=50, separator=", ", prefix="Tensor(")
        return f"Tensor({values}, shape={self.shape}, dtype={self.dtype}{origin})"

    def numpy(self) -> np.ndarray:
        """The values on the host, outside the graph: the array itself on the CPU, a copy from a GPU."""
        return backend.to_numpy(self._data)

    def detach(self) -> "Tensor":
        """A tensor with the same array and no history: a constant for every derivative."""
        return Tensor(self._data, name=self.name)


class Parameter(Tensor):
    """A leaf that a module owns and an optimizer changes. Its name is its path in the module."""

    __module__ = "minigen.autograd"
    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None):
        super().__init__(data, requires_grad=True, name=name)
        self.rebind(self.data.copy())  # it will be overwritten, the caller's array must not be
