"""An operation and its derivative rules.

    @op                                             an op is a forward function on plain arrays ...
    def tanh(x): ...

    @tanh.vjp("x")                                  ... and one rule for each differentiable input
    def tanh_dx(g, y, x): return g * (1 - y * y)

Positional arguments are inputs (an optional one may be None), keyword-only arguments are attributes (axis, stride). A rule
receives g = dL/dy, the result y, the inputs and the attributes, and returns dL/dinput. It is written with ops and operators only,
because it is run in two ways: on arrays for a first derivative, on Tensors when the derivative itself is to be differentiated.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, overload

import numpy as np

from minigen.backend import USUAL, Array, is_array
from minigen.engine import messages
from minigen.engine.context import current_observer, recording
from minigen.engine.messages import admitted, bind, setting
from minigen.engine.tensor import Tensor, next_version
from minigen.utils.settings import PLAIN

TensorLike = Tensor | Array  # what layers, losses and ops take: a Tensor, or an array that is a constant; and what they return
Inputs = ParamSpec("Inputs")
OPS: dict[str, "Op"] = {}  # every op, by module and name: the tests iterate over it


class Op:
    """A forward function with its rules: what a node of the graph points to."""

    def __init__(self, forward: Callable, broadcasts: bool, non_differentiable: tuple[str, ...]):
        parameters = inspect.signature(forward).parameters.values()
        self.forward = forward
        self.name = forward.__name__
        self.broadcasts = broadcasts
        self.non_differentiable = non_differentiable
        self.inputs = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL))
        self.optional = tuple(p.name for p in parameters if p.kind == p.POSITIONAL_OR_KEYWORD and p.default is None)
        self.variadic = any(p.kind == p.VAR_POSITIONAL for p in parameters)
        self.attributes = tuple(p.name for p in parameters if p.kind == p.KEYWORD_ONLY)
        self.defaults = {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY and p.default is not p.empty}
        self.rules: dict[str, Callable] = {}
        unknown = set(non_differentiable) - set(self.inputs)
        if unknown:
            raise TypeError(f"op {self.name}: non_differentiable names {sorted(unknown)}, but the inputs are {self.inputs}")

    def rule(self, position: int) -> Callable | None:
        """The rule for the input at `position`; None if it is declared non_differentiable."""
        name = self.inputs[0] if self.variadic else self.inputs[position]
        if name in self.rules or name in self.non_differentiable:
            return self.rules.get(name)
        raise messages.missing_rule(self, name)


class Function(Protocol[Inputs]):
    """What `@op` makes of a forward function: it takes Tensors, too. `op` is what a node of the graph points to."""

    op: Any

    def vjp(self, name: str) -> Callable[[Callable], Callable]:
        """Register the decorated function as the rule for the input `name`."""

    def __call__(self, *inputs: Inputs.args, **attributes: Inputs.kwargs) -> TensorLike: ...


@overload
def op(forward: Callable[Inputs, Any], /) -> Function[Inputs]: ...
@overload
def op(
    *, broadcasts: bool = False, non_differentiable: tuple[str, ...] = ()
) -> Callable[[Callable[Inputs, Any]], Function[Inputs]]: ...
def op(forward: Callable | None = None, *, broadcasts: bool = False, non_differentiable: tuple[str, ...] = ()) -> Any:
    """Make a differentiable operation of `forward`, a function of plain arrays that returns a new array.

    `broadcasts`: inputs broadcast as in NumPy; the engine sums the gradients back, rules need not.
    `non_differentiable`: inputs without a derivative (labels, masks).
    A variadic op (`def concatenate(*arrays, axis)`) has one rule, which gets its input's position as keyword `position`.
    """
    if forward is None:
        return functools.partial(op, broadcasts=broadcasts, non_differentiable=non_differentiable)

    self = Op(forward, broadcasts, non_differentiable)
    arity = None if self.variadic else len(self.inputs)

    def apply(*inputs: Any, **attributes: Any) -> Any:
        if len(inputs) != arity and arity is not None:
            inputs, attributes = bind(self, inputs, attributes)
        for name, value in attributes.items():
            if type(value) not in PLAIN:  # a NumPy scalar would change the dtype of the result
                attributes[name] = setting(self, name, value)
        arrays, dtype, requires_grad, unusual = [], None, False, False
        for x in inputs:
            if isinstance(x, Tensor):
                array = x._data
                if dtype is None:
                    dtype = array.dtype
                elif array.dtype is not dtype and array.dtype != dtype:  # equal but not identical: unpickled
                    raise messages.mixed_dtypes(self, inputs)
                requires_grad = requires_grad or x.requires_grad
                arrays.append(array)
            else:
                arrays.append(x)
                unusual = unusual or type(x) not in USUAL
        if unusual:
            inputs, arrays = admitted(self, inputs)

        observer = current_observer.get() if dtype is not None else None
        try:
            data = self.forward(*arrays, **attributes) if observer is None else observer.forward(self, arrays, attributes)
            if dtype is None:  # without Tensors, there is nothing to record
                return data
            same_dtype = data.dtype is dtype or data.dtype == dtype
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            raise messages.explain(self, arrays, attributes, error) from error
        if not same_dtype:
            raise messages.mixed_dtypes(self, inputs, data)

        result = new(Tensor)
        result._data = data if is_array(data) else np.asarray(data)
        result.grad = result.name = None
        result.version = next_version()
        if requires_grad and recording.get():
            result.requires_grad, result.op, result.inputs, result.attributes = True, self, inputs, attributes
            if observer is not None:
                observer.recorded(result)
        else:
            result.requires_grad, result.op, result.inputs, result.attributes = False, None, (), None
        return result

    def vjp(name: str) -> Callable:
        """Register the rule for the input `name`: a function (g, y, *inputs, **attributes) -> dL/dinput."""
        if name not in self.inputs or name in self.non_differentiable:
            raise TypeError(f"op {self.name} has no differentiable input {name!r}; its inputs are {self.inputs}")

        def register(rule: Callable) -> Callable:
            self.rules[name] = rule
            return rule

        return register

    function: Any = functools.update_wrapper(apply, forward)
    function.op, function.vjp = self, vjp
    OPS[f"{forward.__module__}.{forward.__name__}"] = self
    return function


new = object.__new__
