"""Calls to be checked, as the worker makes them: arrays in, values and derivatives out."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from minigen.autograd import Op, Parameter, Tensor, grad
from minigen.backend import asarray, to_numpy
from minigen.coursework.examples import Sample
from minigen.coursework.worker.advice import place
from minigen.coursework.worker.learner import reseed
from minigen.nn import Module
from minigen.nn.gradient_check import swapped


class WrongReturn(TypeError):
    """What a loss returns is not the total and its terms."""


class Parts(Module):
    """The modules of a call as one, so that their parameters have one list."""

    def __init__(self, parts: list[Module]):
        self.parts = parts


@dataclass(eq=False)
class CheckTarget:
    """A call to be checked: call(*inputs, **options) -> Tensor, for several choices of inputs, the first of them the main one.

    `guessed`: the inputs are ours, as the file gives no example. `problem`: why there is no call; `error`: what the
    learner's code raised instead of making the object.
    """

    kind: str
    name: str
    line: int
    callee: Any
    variants: list[tuple]
    options: dict[str, Any] = field(default_factory=dict)
    output: tuple[int, ...] | None = None
    guessed: bool = False
    problem: str = ""
    error: BaseException | None = None

    @property
    def op(self) -> Op | None:
        return self.callee.op if self.kind == "op" else None

    @property
    def parts(self) -> list[Module]:
        """The modules whose parameters it depends on."""
        owner = self.callee.__self__ if isinstance(self.callee, MethodType) else self.callee
        return [x for x in (owner, *self.variants[0]) if isinstance(x, Module)]

    def parameters(self) -> dict[str, Parameter]:
        """All parameters of the parts, each once, by name; of several parts with the part's class and place."""
        named: dict[str, Parameter] = {}
        for i, part in enumerate(self.parts):
            prefix = f"{type(part).__name__}[{i}]." if len(self.parts) > 1 else ""
            known = set(map(id, named.values()))
            named.update({prefix + name: each for name, each in part.named_parameters().items() if id(each) not in known})
        return named

    @property
    def function(self) -> Any:
        """The learner's function behind the call, if there is one."""
        target = getattr(self.callee, "__wrapped__", self.callee)
        target = getattr(type(target), "forward", target) if isinstance(target, Module) else getattr(target, "__func__", target)
        return target if isinstance(target, FunctionType) else None

    def __call__(self, inputs: Sequence[Any], options: dict[str, np.ndarray], variant: int = 0) -> Any:
        """The result, one Tensor. Random numbers are the same in every call."""
        reseed()
        return self.once(inputs, options, variant)

    def once(self, inputs: Sequence[Any], options: dict[str, np.ndarray], variant: int = 0) -> Any:
        """The call itself, with these in place of the samples; for a model the total of its loss."""
        if self.kind == "model":
            return self.loss(inputs, options, variant)[0]
        return self.callee(*self.fill(inputs, variant), **self.fill_options(options))

    def loss(self, inputs: Sequence[Any], options: dict[str, np.ndarray], variant: int = 0) -> tuple[Any, dict]:
        """What the loss of a model returns, given arrays as in training."""
        arrays = [x.data if isinstance(x, Tensor) else x for x in self.fill(inputs, variant)]
        result = self.callee.loss(*arrays, **self.fill_options(options))
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise WrongReturn(f"{self.name}.loss must return the total and a dict of its terms, got {type(result).__name__}")
        return result

    def fill(self, inputs: Sequence[Any], variant: int) -> list[Any]:
        """The inputs of a variant, with these in place of its samples."""
        given = iter(inputs)
        return [next(given) if isinstance(x, Sample) else x for x in self.variants[variant]]

    def fill_options(self, options: dict[str, np.ndarray]) -> dict[str, Any]:
        """The options, with arrays in place of samples."""
        return {name: asarray(np.array(options[name])) if isinstance(x, Sample) else x for name, x in self.options.items()}

    def arguments(self) -> list[str]:
        """The names of the inputs in the learner's code."""
        function: Any = self.callee.loss if self.kind == "model" else self.callee
        function = function.forward if isinstance(function, Module) else getattr(function, "__wrapped__", function)
        function = function.__call__ if callable(function) and not hasattr(function, "__code__") else function
        code = getattr(function, "__code__", None)
        names = code.co_varnames[isinstance(function, MethodType) : code.co_argcount] if code else ()
        return [names[i] if i < len(names) else f"input {i}" for i in range(len(self.variants[0]))]

    def described(self) -> dict[str, Any]:
        """All that the grader is to know of it, for a message."""
        described = {name: getattr(self, name) for name in ("kind", "name", "line", "problem", "guessed")}
        if self.problem or self.error:
            return described
        return described | {
            "variants": [[vars(x) if isinstance(x, Sample) else None for x in variant] for variant in self.variants],
            "options": {name: vars(x) for name, x in self.options.items() if isinstance(x, Sample)},
            "output": None if self.output is None else list(self.output),
            "arguments": self.arguments(),
            "modules": len(self.parts),
            "parameters": {name: x.shape for name, x in self.parameters().items()},
            "can_sample": hasattr(self.callee, "sample"),
            "op": None if self.op is None else description_of(self.op, self.function),
        }


def description_of(op: Any, function: FunctionType | None) -> dict[str, Any]:
    """What the grader is to know of an op and its rules."""
    return {
        "inputs": op.inputs,
        "variadic": op.variadic,
        "non_differentiable": list(op.non_differentiable),
        "attributes": op.attributes,
        "rules": {name: {"line": rule.__code__.co_firstlineno, "place": place(rule)} for name, rule in op.rules.items()},
        "undocumented": [f.__name__ for f in (function, *op.rules.values()) if f and not (f.__doc__ or "").strip()],
    }


# -- derivatives -------------------------------------------------------------------------------------------------


def derive(
    target: CheckTarget,
    arrays: list[np.ndarray],
    options: dict[str, np.ndarray],
    variant: int = 0,
    by: Sequence[int] = (),
    by_parameters: bool = False,
    parameters: list[np.ndarray] | None = None,
    cotangents: Sequence[np.ndarray] = (),
    by_cotangent: bool = False,
    frozen: bool = False,
    strided: bool = False,
    eval_mode: bool = False,
    afterward: bool = False,
) -> dict[str, Any]:
    """The result of a call ("type", and "y" if it is a Tensor), its "first" and "second" derivatives, and what is asked for
    "afterward": the arrays, the first cotangent and the result, as the rules have left them.

    by: the arrays with respect to which it is differentiated; `by_parameters`: also the parameters of its parts, which
    `parameters`, in float64, may replace. cotangents: none for the result only; one, dL/dy, for the gradients; and one more for
    each gradient, for the derivatives of their sum (`by_cotangent`: by the first cotangent as well). `frozen`: the arrays cannot
    be written to; `strided`: they are not contiguous. `eval_mode`: the parts are in evaluation mode.
    """
    arrays = [laid_out(x, frozen, strided) for x in arrays]
    xs = [tensor(x, requires_grad=i in by) for i, x in enumerate(arrays)]
    parts = Parts(target.parts)
    leaves: list[Any] = list(target.parameters().values())
    with ExitStack() as stack:
        if parameters is not None:
            own, leaves = leaves, [Tensor(x, requires_grad=True) for x in parameters]
            stack.enter_context(doubled(parts))
            stack.enter_context(swapped(parts, dict(zip(map(id, own), leaves))))
        if eval_mode:
            stack.enter_context(parts.eval_mode())
        y = target(xs, options, variant)
    found: dict[str, Any] = {"type": "Tensor", "y": None, "first": [], "second": [], "afterward": []}
    if not isinstance(y, Tensor):
        kinds = {np.ndarray: "an array", tuple: "tuple"}
        return found | {"type": next((name for kind, name in kinds.items() if isinstance(y, kind)), type(y).__name__)}
    found["y"] = np.array(y.numpy())
    cotangents = [np.array(u) for u in cotangents]
    if cotangents:  # otherwise only the result is requested
        leaves = [xs[i] for i in by] + (leaves if by_parameters else [])
        found["first"], found["second"] = derivatives(y, leaves, cotangents, by_cotangent)
    if afterward:
        found["afterward"] = [*arrays, *cotangents[:1], np.array(y.numpy())]
    return found


@contextmanager
def doubled(parts: Module) -> Iterator[None]:
    """Inside the block the parts are in float64; behind it they are as before, their running statistics included."""
    before = parts.state_dict()
    parts.astype("float64")
    try:
        yield
    finally:
        parts.astype("float32")
        parts.load_state_dict(before)


def tensor(x: np.ndarray, requires_grad: bool = False) -> Any:
    """A floating host array as a Tensor, whole numbers as an array where new arrays are made."""
    return Tensor(x, requires_grad=requires_grad) if x.dtype.kind == "f" else asarray(x)


def laid_out(x: np.ndarray, frozen: bool, strided: bool) -> np.ndarray:
    """A copy of an array, with the requested memory layout."""
    x = np.repeat(x, 2, axis=-1)[..., ::2] if strided and x.ndim else np.array(x)
    x.flags.writeable = not frozen
    return x


def derivatives(y: Tensor, leaves: list[Tensor], cotangents: list[np.ndarray], by_cotangent: bool) -> tuple[list, list]:
    """vjp(u) for each leaf; and, given a cotangent for each of these, the derivatives of their sum. Zeros if there are none."""
    if not (leaves and y.requires_grad):
        zeros = [np.zeros(x.shape, x.dtype) for x in leaves]
        return zeros, [*zeros, np.zeros(y.shape, y.dtype)][: len(zeros) + by_cotangent] if len(cotangents) > 1 else []
    u, *others = map(asarray, cotangents)
    if not others:
        return [np.array(to_numpy(g)) for g in grad(y, leaves, u, allow_unused=True)], []
    u = Tensor(u, requires_grad=by_cotangent)
    first = grad(y, leaves, u, create_graph=True, allow_unused=True)
    along = sum((g * w).sum() for g, w in zip(first, others))
    wanted = leaves + [u] * by_cotangent
    second = grad(along, wanted, allow_unused=True) if along.requires_grad else [x * 0.0 for x in wanted]
    return [g.numpy() for g in first], [g.numpy() for g in second]
