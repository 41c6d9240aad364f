"""Reverse-mode differentiation: `backward()` for optimizers, `grad()` for mathematics.

Both walk from the result to its inputs, youngest first. A tensor is always younger than its inputs, so when a node's turn
comes, everything computed from it has already contributed to the node's gradient. The order matters: in c = b + b, b = a * a,
the rule of b must run once, on the sum of both contributions.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from minigen import backend
from minigen.backend import Array
from minigen.backend.host import host_array
from minigen.engine.context import current_observer, recording
from minigen.engine.messages import constant, freed, stale, unused, wrong_gradient
from minigen.engine.numpy_protocols import unwrap
from minigen.engine.tensor import Tensor
from minigen.errors import DtypeError, GraphError, ShapeError

FREED = (None,)  # the inputs of a node whose graph has been freed


def backward(y: Tensor, cotangent: Any = None, retain_graph: bool = False) -> None:
    """Add dL/dleaf to the `.grad` of every leaf that requires one, L being the scalar y (or `<cotangent, y>`).

    The graph is freed on the way, unless `retain_graph`. Raises GraphError for a tensor of more than one element without
    a cotangent, for a graph that has been freed already, and for one built on older values of a parameter.
    """
    if not y.requires_grad:
        raise GraphError("backward() from a tensor that depends on nothing with requires_grad=True")
    nodes = topological_order(y)
    gradients = {id(y): Accumulator(initial_cotangent(y, cotangent), owned=False)}
    while nodes:  # nodes are popped, so that their arrays are freed as the pass goes on
        node = nodes.pop()
        total = gradients.pop(id(node), None)
        if total is None:  # only inputs declared non_differentiable lead here
            continue
        if node.op is None:
            node.grad = total.own_array() if node.grad is None else node.grad + total.value
        else:
            propagate(node, total.value, gradients, wanted=None, create_graph=False)
            if not retain_graph:
                node.inputs = FREED


def grad(
    y: Tensor, xs: Sequence[Tensor], cotangent: Any = None, create_graph: bool = False, allow_unused: bool = False
) -> list[Tensor]:
    """dL/dx for each x in xs, with L = y if y has one element, else L = `<cotangent, y>`.

    Returns Tensors of the shapes of xs, touches no `.grad`, and walks only paths that lead to xs. With `create_graph` the
    result is itself part of a graph and can be differentiated again. Raises GraphError if y does not depend on some x
    (`allow_unused`: its gradient is zero), or for what `Tensor.backward` raises.
    """
    if isinstance(xs, Tensor):
        raise TypeError("grad(y, xs) takes a list of tensors: write grad(y, [x])")
    xs = list(xs)
    for position, x in enumerate(xs):
        if not (isinstance(x, Tensor) and x.requires_grad):
            raise constant(x, position)
    token = recording.set(create_graph)
    try:
        start = initial_cotangent(y, cotangent)
        targets = {id(x) for x in xs}
        nodes = topological_order(y)
        wanted = set()
        for node in nodes:  # oldest first: a node is wanted if one of its inputs is
            if id(node) in targets or any(id(x) in wanted for x in node.inputs):
                wanted.add(id(node))
        if create_graph:  # the cotangent may be differentiated too
            start = cotangent if isinstance(cotangent, Tensor) else Tensor(start)
        gradients = {id(y): Accumulator(start, owned=False)}
        for node in reversed(nodes):
            if node.op is not None and id(node) in wanted and id(node) in gradients:
                g = gradients[id(node)].value if id(node) in targets else gradients.pop(id(node)).value
                propagate(node, g, gradients, wanted, create_graph)
    finally:
        recording.reset(token)

    results = []
    for position, x in enumerate(xs):
        total = gradients.get(id(x))
        if total is None or id(x) not in wanted:
            if not allow_unused:
                raise unused(x, position)
            results.append(Tensor(backend.array_module(x.data).zeros_like(x.data)))
        elif create_graph:
            results.append(total.value)
        else:
            results.append(Tensor(total.own_array()))
    return results


@dataclass(slots=True)
class Accumulator:
    """The sum of a node's gradients so far. Only a buffer that the engine owns is added to in place."""

    value: Any
    owned: bool

    def own_array(self) -> Array:
        """The sum as an array that is nobody else's."""
        value = self.value if self.owned else self.value + 0
        return value if backend.is_array(value) else np.asarray(value)


def topological_order(y: Tensor) -> list[Tensor]:
    """All tensors that y was computed from and that require a gradient, oldest first; iterative, so depth is no limit."""
    found = {id(y): y}
    stack = [y]
    while stack:
        node = stack.pop()
        if node.inputs is FREED:
            raise freed(node)
        for x in node.inputs:
            if isinstance(x, Tensor):
                if x.version > node.version:
                    raise stale(node, x)
                if x.requires_grad and id(x) not in found:
                    found[id(x)] = x
                    stack.append(x)
    return sorted(found.values(), key=attrgetter("version"))


def propagate(node: Tensor, g: Any, gradients: dict[int, Accumulator], wanted: set[int] | None, create_graph: bool) -> None:
    """Run the node's rules and add the results to its inputs' gradients."""
    op, observer = node.op, current_observer.get()
    attributes = {**op.defaults, **node.attributes} if op.attributes else {}
    # One rule, two modes: plain arrays give plain arrays; Tensors record the graph of the derivative.
    y, inputs = node, list(node.inputs)
    if not create_graph:
        y, inputs = node._data, [x._data if isinstance(x, Tensor) else unwrap(x) for x in inputs]
    for position, x in enumerate(node.inputs):
        if not isinstance(x, Tensor) or not x.requires_grad or (wanted is not None and id(x) not in wanted):
            continue
        rule = op.rule(position)
        if rule is None:
            continue
        if op.variadic:
            attributes["position"] = position
        if observer is None:
            gx = rule(g, y, *inputs, **attributes)
        else:
            gx = observer.backward(node, rule, (g, y, *inputs), attributes)
        data = x._data
        if op.broadcasts and hasattr(gx, "shape") and gx.shape != data.shape:
            with contextlib.suppress(ShapeError):  # not a shape that broadcasting can produce: reported below
                gx = gx.sum_to(shape=data.shape) if isinstance(gx, Tensor) else backend.sum_to_shape(gx, data.shape)
        if getattr(gx, "shape", None) != data.shape or (gx.dtype is not data.dtype and gx.dtype != data.dtype):
            raise wrong_gradient(op, rule, position, gx, x)

        total = gradients.get(id(x))
        if total is None:
            gradients[id(x)] = Accumulator(gx, owned=not create_graph and is_fresh(gx, g, y, *inputs))
        elif total.owned:
            total.value += gx
        else:
            total.value, total.owned = total.value + gx, not create_graph


def is_fresh(gx: Array, *others: Any) -> bool:
    """Whether a rule made gx itself; g, the result, an input, or a view of one belongs to others."""
    for array in others:
        if gx is array:
            return False
    return gx.base is None


def initial_cotangent(y: Tensor, cotangent: Any) -> Array:
    """dL/dy to start from: 1 for a single element, else what the caller gave, checked."""
    if not isinstance(y, Tensor):
        raise TypeError(f"expected a Tensor to differentiate, got {type(y).__name__}")
    xp = backend.array_module(y.data)
    if cotangent is None:
        if y.size != 1:
            raise GraphError(
                f"a derivative starts from a single number, got shape {y.shape}: reduce it with .sum() or .mean(), "
                "or pass the cotangent dL/dy"
            )
        return xp.ones_like(y.data)
    if isinstance(cotangent, Tensor) and cotangent.dtype != y.dtype:
        raise DtypeError(f"cotangent: got dtype {cotangent.dtype}, expected that of the output, {y.dtype}")
    g = unwrap(cotangent)
    g = xp.asarray(g if backend.is_real_array(g) else host_array(g), dtype=y.dtype)
    if g.shape != y.shape:
        raise ShapeError(f"cotangent: got shape {g.shape}, expected that of the output, {y.shape}")
    return g


Tensor.backward = backward  # type: ignore[method-assign, assignment]  # engine/methods.py lists it
