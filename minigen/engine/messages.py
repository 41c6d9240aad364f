"""How the arguments of an op are bound, and the error messages for wrong calls."""

import reprlib
from numbers import Real
from typing import Any

import numpy as np

from minigen.backend import check_same_device, is_array
from minigen.backend.host import check_whole, host_array
from minigen.engine.tensor import Tensor
from minigen.errors import DeviceError, DtypeError, GraphError, LayerError, ShapeError
from minigen.utils.checks import is_whole
from minigen.utils.near_misses import misnamed
from minigen.utils.reading import shortened
from minigen.utils.settings import to_python


def are_whole(values: Any) -> bool:
    """Whether it is a tuple or a list of whole numbers."""
    return isinstance(values, (tuple, list)) and all(map(is_whole, values))


def are_pairs(values: Any) -> bool:
    """Whether it is a tuple or a list of pairs of whole numbers."""
    return isinstance(values, (tuple, list)) and all(are_whole(pair) and len(pair) == 2 for pair in values)


NUMBER = ("a number", lambda value: isinstance(value, Real))
FITTING = {  # settings of minigen's ops: what they are in words, and whether a value is that; an op need not check it
    "axis": ("an int, a tuple of ints or None", lambda value: value is None or is_whole(value) or are_whole(value)),
    "axes": ("a tuple of ints or None", lambda value: value is None or are_whole(value)),
    "shape": ("a tuple of ints", are_whole),
    "widths": ("one pair (before, after) for each axis, such as ((1, 1), (0, 0))", are_pairs),
    **dict.fromkeys(("low", "high", "slope", "alpha", "scale", "eps"), NUMBER),
}


def bind(op: Any, inputs: tuple, attributes: dict) -> tuple[tuple, dict]:
    """Sort a call such as sum(x, 0) or dense(x, w, b=b) into inputs and attributes, as Python would."""
    surplus = inputs[len(op.inputs) :]
    named = dict(zip(op.attributes, surplus))
    if len(surplus) > len(op.attributes) or named.keys() & attributes.keys():
        raise TypeError(f"{op.name} takes the arguments {op.inputs + op.attributes}, got {len(inputs)} positional ones")
    attributes = {**named, **attributes}
    rest = op.inputs[len(inputs) :]
    for name in rest:
        if name not in attributes and name not in op.optional:
            raise TypeError(f"{op.name} is missing its argument {name!r}")
    return inputs[: len(op.inputs)] + tuple(attributes.pop(name, None) for name in rest), attributes


def admitted(op: Any, inputs: tuple) -> tuple[tuple, list]:
    """The inputs, and the arrays in them, with NumPy scalars as Python numbers, which do not change the dtype of other operands.

    Without Tensors, a NumPy scalar may stand for an array of no axes, such as a sum: it stays, unless there is an array of
    another dtype. Raises TypeError for an array that would lose information as a plain one (a masked array).
    """
    recorded = any(isinstance(x, Tensor) for x in inputs)
    floating = {x.dtype for x in inputs if is_array(x) and x.dtype.kind == "f"}

    def usual(x: Any) -> Any:
        if isinstance(x, np.generic):
            return to_python(x) if recorded or (floating and x.dtype not in floating) else x
        check_whole(x)
        return host_array(x) if hasattr(x, "__array__") and not isinstance(x, Tensor) and not is_array(x) else x

    try:
        inputs = tuple(map(usual, inputs))
    except (TypeError, ValueError) as error:
        raise type(error)(f"{op.name}: {error}") from None
    return inputs, [x._data if isinstance(x, Tensor) else x for x in inputs]


def describe(arrays: Any) -> str:
    """Dtypes and shapes of a call's inputs, for messages; for anything else, the beginning of its repr."""
    return ", ".join(f"{x.dtype}{list(x.shape)}" if hasattr(x, "shape") else reprlib.repr(x) for x in arrays)


def setting(op: Any, name: str, value: Any) -> Any:
    """An attribute, a NumPy number as Python's. TypeError for a Tensor, with respect to which nothing would be differentiated,
    and for a list of axes."""
    if isinstance(value, Tensor):
        raise TypeError(f"{op.name}: {name} is a setting, not part of the graph, got a Tensor: take its value, x.item()")
    if name == "axis" and isinstance(value, list):
        raise TypeError(f"{op.name}: axis is an int, a tuple of ints or None, got {value}: write {tuple(value)}")
    return to_python(value)


def mixed_dtypes(op: Any, inputs: tuple, result: Any = None) -> DtypeError:
    """The error for a call whose result would not, or does not, keep the dtype of its tensors."""
    gave = "" if result is None else f" gave {result.dtype}"
    return DtypeError(
        f"{op.name} mixes dtypes: {describe(inputs)}{gave}. All arrays of a computation share one dtype: "
        "convert data with x.astype('float32') (or the model with .astype('float64'))"
    )


def explain(op: Any, arrays: list, attributes: dict, error: Exception) -> Exception:
    """The error of a forward function, with the op's name: first what is wrong with its settings, then mixed devices, then what
    was raised; NumPy's own errors with the inputs."""
    for name, value in attributes.items():
        if name not in op.attributes:
            return TypeError(f"{op.name} has no setting {name!r}: {misnamed(name, op.inputs + op.attributes)}")
        expected, fits = FITTING.get(name, ("", bool))
        if (
            expected
            and not fits(value)
            and op.forward.__module__.startswith("minigen.ops.")
            and not isinstance(error, ValueError)
        ):
            return TypeError(f"{op.name}'s {name} must be {expected}, got {shortened(value)}")
    try:
        check_same_device(tuple(arrays))
    except DeviceError as mixed:
        return DeviceError(f"{op.name} {mixed}")
    if str(error).startswith(f"{op.name} takes "):  # the op's own words for a wrong call
        return type(error)(str(error))
    if isinstance(error, (LayerError, IndexError)):
        return type(error)(f"{op.name}: {error}")
    kind = ShapeError if isinstance(error, ValueError) else TypeError
    hint = "; is its result one array?" if "no attribute 'dtype'" in str(error) else ""
    return kind(f"{op.name}: {error}{hint} (inputs: {describe(arrays)})")


def missing_rule(op: Any, name: str) -> NotImplementedError:
    """The error for the derivative with respect to an input that has no rule and is not declared non_differentiable."""
    return NotImplementedError(
        f"op {op.name} has no rule for its input {name!r}: "
        f'add one with @{op.name}.vjp("{name}"), or declare it: @op(non_differentiable=("{name}",))'
    )


def wrong_gradient(op: Any, rule: Any, position: int, gx: Any, x: Any) -> Exception:
    """The error for a rule whose result does not have the shape and dtype of the input it belongs to."""
    name = op.inputs[0 if op.variadic else position]
    kind = DtypeError if getattr(gx, "shape", None) == x.shape else ShapeError
    got = describe([gx]) if hasattr(gx, "shape") else type(gx).__name__
    return kind(f"{op.name}: rule {rule.__name__} for {name!r} returned {got}, expected {x.dtype}{list(x.shape)}")


def freed(node: Tensor) -> GraphError:
    """The error for a second pass through a graph."""
    return GraphError(
        f"the graph of this {node.op.name} has been freed by an earlier backward(): compute the loss again, "
        "or call backward(retain_graph=True) the first time"
    )


def stale(node: Tensor, x: Tensor) -> GraphError:
    """The error for a pass through a node with an input x younger than itself."""
    return GraphError(
        f"stale graph: {x.name or 'a tensor'} of shape {x.shape} was changed after this {node.op.name} had used it; "
        "compute the forward pass again after the update"
    )


def constant(x: Any, position: int) -> GraphError:
    """The error for a derivative with respect to an x (at a position of xs) that requires none."""
    return GraphError(
        f"grad with respect to {name_of(x, position)}, which does not require a gradient: "
        "make it with minigen.Tensor(array, requires_grad=True)"
    )


def unused(x: Tensor, position: int) -> GraphError:
    """The error for a derivative with respect to an x that the result does not depend on."""
    return GraphError(f"the output does not depend on {name_of(x, position)}: pass allow_unused=True for a zero gradient")


def name_of(x: Any, position: int) -> str:
    """What messages call the x at a position of xs."""
    return getattr(x, "name", None) or f"input {position}"
