"""A call to be checked, as the worker makes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from minigen.autograd import Op, Parameter, Tensor
from minigen.backend import asarray
from minigen.coursework.samples import Sample
from minigen.coursework.worker.learner import reseed
from minigen.coursework.worker.source import place
from minigen.nn import Module


class WrongReturn(TypeError):
    """What a loss returns is not the total and its terms."""


@dataclass
class CheckTarget:
    """A call to be checked: call(*inputs, **options) -> Tensor, for several choices of inputs, the first of them the main one.

    `parts`: the modules whose parameters it depends on. `guessed`: the inputs are ours, as the file gives no example.
    `problem`: why there is no call; `error`: what the learner's code raised instead of making the object.
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
    def function(self) -> FunctionType | None:
        """The learner's function behind the call."""
        target = getattr(self.callee, "__wrapped__", self.callee)
        target = getattr(type(target), "forward", target) if isinstance(target, Module) else getattr(target, "__func__", target)
        return target if isinstance(target, FunctionType) else None

    def __call__(self, inputs: Sequence[Any], options: dict[str, np.ndarray], variant: int = 0) -> Any:
        """The result, one Tensor. Random numbers are the same in every call."""
        reseed()
        return self.once(inputs, options, variant)

    def once(self, inputs: Sequence[Any], options: dict[str, np.ndarray], variant: int = 0) -> Any:
        """The call itself, with these in place of the samples; for a model the total of its loss."""
        inputs = self.filled(inputs, variant)
        if self.kind != "model":
            return self.callee(*inputs, **self.chosen(options))
        return self.loss(inputs, options)[0]

    def loss(self, inputs: Sequence[Any], options: dict[str, np.ndarray]) -> tuple[Any, dict]:
        """What the loss of a model returns, given arrays as in training."""
        result = self.callee.loss(*(x.data if isinstance(x, Tensor) else x for x in inputs), **self.chosen(options))
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise WrongReturn(f"{self.name}.loss must return the total and a dict of its terms, got {type(result).__name__}")
        return result

    def filled(self, inputs: Sequence[Any], variant: int = 0) -> list[Any]:
        """The inputs of a variant, with these in place of its samples."""
        given = iter(inputs)
        return [next(given) if isinstance(x, Sample) else x for x in self.variants[variant]]

    def chosen(self, options: dict[str, np.ndarray]) -> dict[str, Any]:
        """The options, with arrays in place of samples."""
        return {name: moved(np.array(options[name])) if isinstance(x, Sample) else x for name, x in self.options.items()}

    def arguments(self) -> list[str]:
        """The names of the inputs in the learner's code."""
        function = self.callee.loss if self.kind == "model" else self.callee
        function = function.forward if isinstance(function, Module) else getattr(function, "__wrapped__", function)
        function = function.__call__ if callable(function) and not hasattr(function, "__code__") else function
        code = getattr(function, "__code__", None)
        names = code.co_varnames[isinstance(function, MethodType) : code.co_argcount] if code else ()
        return [names[i] if i < len(names) else f"input {i}" for i in range(len(self.variants[0]))]

    def described(self) -> dict[str, Any]:
        """All that the grader is to know of it, for a message."""
        described = {"kind": self.kind, "name": self.name, "line": self.line, "problem": self.problem, "guessed": self.guessed}
        if self.problem or self.error:
            return described
        return described | {
            "variants": [[x.as_dict() if isinstance(x, Sample) else None for x in variant] for variant in self.variants],
            "options": {name: x.as_dict() for name, x in self.options.items() if isinstance(x, Sample)},
            "output": None if self.output is None else list(self.output),
            "arguments": self.arguments(),
            "modules": len(self.parts),
            "parameters": {name: list(x.shape) for name, x in self.parameters().items()},
            "samples": hasattr(self.callee, "sample"),
            "op": None if self.op is None else description_of(self.op, self.function),
        }


def description_of(op: Op, function: FunctionType | None) -> dict[str, Any]:
    """What the grader is to know of an op and its rules."""
    rules = {name: {"line": rule.__code__.co_firstlineno, "place": place(rule)} for name, rule in op.rules.items()}
    return {
        "inputs": list(op.inputs),
        "variadic": op.variadic,
        "non_differentiable": list(op.non_differentiable),
        "attributes": list(op.attributes),
        "rules": rules,
        "undocumented": [f.__name__ for f in (function, *op.rules.values()) if f and not (f.__doc__ or "").strip()],
    }


def moved(x: Any) -> Any:
    """A host array where new arrays are made; anything else as it is."""
    return asarray(x) if isinstance(x, np.ndarray) else x
