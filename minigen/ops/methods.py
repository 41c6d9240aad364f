"""What stands behind the methods of Tensor, which engine/methods.py lists: the function of that name, or what is said here."""

from collections.abc import Callable, Iterator
from typing import Any

from minigen.engine import Tensor
from minigen.engine.methods import METHODS
from minigen.ops import activation, elementwise, indexing, linalg, normalization, reduction, shape

FILES = (activation, elementwise, indexing, linalg, normalization, reduction, shape)


def reflected(function: Callable) -> Callable:
    """The operator for 2 - y, where y - 2 is the function."""

    def operator(self: Tensor, other: Any) -> Any:
        return function(other, self)

    operator.__doc__ = f"With self and other exchanged: {function.__doc__}"
    return operator


def item(self: Tensor, index: Any) -> Any:
    """x[index], with any index that NumPy knows."""
    return indexing.getitem(self, index=indexing.checked_index(index))


def rows(self: Tensor) -> Iterator[Any]:
    """Those of the first axis."""
    return (self[i] for i in range(len(self)))


def one_tuple(values: tuple) -> tuple[int, ...]:
    """x.reshape(2, 3) and x.reshape((2, 3)) mean the same."""
    return tuple(values[0]) if len(values) == 1 and isinstance(values[0], (tuple, list)) else values


def reshape(self: Tensor, *lengths: Any) -> Any:
    """x.reshape(2, 3) or x.reshape((2, 3)): the elements, in row-major order, in another shape; one length may be -1."""
    return shape.reshape(self, shape=one_tuple(lengths))


def transpose(self: Tensor, *axes: Any) -> Any:
    """x.transpose(), x.transpose(1, 0, 2) or x.transpose((1, 0, 2)): the axes permuted; by default, reversed."""
    return shape.transpose(self, axes=one_tuple(axes) if axes and axes != (None,) else None)


BINARY: dict[str, Callable] = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.divide,
    "pow": elementwise.power,
    "matmul": linalg.matmul,
}
OTHERS: dict[str, Callable | property] = {
    **{f"__{name}__": function for name, function in BINARY.items()},
    **{f"__r{name}__": reflected(function) for name, function in BINARY.items()},
    "__neg__": elementwise.negative,
    "__pos__": elementwise.positive,
    "__abs__": elementwise.absolute,
    "__getitem__": item,
    "__iter__": rows,
    "reshape": reshape,
    "transpose": transpose,
    "T": property(transpose, doc="The transpose: axes reversed."),
    "dot": linalg.matmul,
    "ravel": shape.flatten,
}


def behind(name: str) -> Callable | property:
    """What the method of this name does."""
    for functions in (OTHERS, *map(vars, FILES)):
        if name in functions:
            return functions[name]
    raise NotImplementedError(f"engine/methods.py lists {name}, and nothing stands behind it: write it in a file of FILES")


for name in METHODS:
    setattr(Tensor, name, behind(name))
