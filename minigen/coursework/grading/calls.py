"""A call of the submission, as the grader sees it: its arguments, and how to ask for values and derivatives."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minigen.coursework.grading.border import fits
from minigen.coursework.grading.report import CheckFailed
from minigen.coursework.grading.session import LearnerError, Session
from minigen.coursework.samples import Sample

VALUES = 1 << 21  # that the inputs of a call may have
VARIANTS = 20  # of inputs that are tried
Array = np.ndarray

OP = {
    "inputs": [str],
    "variadic": bool,
    "non_differentiable": [str],
    "attributes": [str],
    "rules": {str: {"line": int, "place": str}},
    "undocumented": [str],
}
DESCRIBED = {"kind": str, "name": str, "line": int, "problem": str, "guessed": bool}
CALLABLE = {
    "variants": [list],
    "options": dict,
    "output": ([int], None),
    "arguments": [str],
    "modules": int,
    "parameters": {str: [int]},
    "samples": bool,
    "op": (OP, None),
}
RESULT = {
    "type": str,
    "y": (Array, None),
    "tuple": (bool, None),
    "first": [Array],
    "second": [Array],
    "arrays": [Array],
    "cotangent": (Array, None),
    "y afterward": (Array, None),
}
WATCHED = {"launches": int, "waits": [str], "copies": [str]}


@dataclass
class Call:
    """call(*inputs, **options) -> Tensor, for several choices of inputs, the first of them the main one.

    `data`: its arrays are data, without derivatives: those of a model, or of a function of networks. `parameters`: the
    names and shapes of those of all modules that it depends on.
    """

    session: Session
    position: int
    kind: str
    name: str
    line: int
    problem: str = ""
    error: Any = None
    guessed: bool = False
    variants: tuple[tuple[Sample | None, ...], ...] = ()
    options: tuple[tuple[str, Sample], ...] = ()
    output: tuple[int, ...] | None = None
    arguments: tuple[str, ...] = ()
    modules: int = 0
    parameters: tuple[tuple[str, tuple[int, ...]], ...] = ()
    samples: bool = False
    op: dict[str, Any] | None = None

    @property
    def data(self) -> bool:
        return self.kind == "model" or (self.kind == "function" and bool(self.parameters))

    @property
    def precision(self) -> type:
        """The dtype in which the call is tried first: that of its parameters, or else the gradient check's."""
        return np.float32 if self.modules else np.float64

    def drawn(self, dtype: Any, variant: int = 0, again: int = 0) -> list[Array]:
        """The arrays of a variant, floats of this dtype."""
        return [x.draw(dtype, [self.session.seed, again, variant, i]) for i, x in enumerate(self.of(variant))]

    def chosen(self, dtype: Any) -> dict[str, Array]:
        """The arrays among the options."""
        return {name: x.draw(dtype, [self.session.seed, 1000 + i]) for i, (name, x) in enumerate(self.options)}

    def of(self, variant: int = 0) -> list[Sample]:
        """The samples of a variant, without what is not an array."""
        return [x for x in self.variants[variant] if x is not None]

    def floating(self, variant: int = 0) -> list[int]:
        """Which of the arrays are of floats."""
        return [i for i, x in enumerate(self.of(variant)) if x.floating]

    def named(self) -> list[str]:
        """The names of the arrays in the learner's code."""
        return [name for name, x in zip(self.arguments, self.variants[0]) if x is not None]

    def shapes(self) -> str:
        """The inputs of all variants, as text."""
        return "; ".join(", ".join(x.text for x in self.of(variant)) for variant in range(len(self.variants)))

    def ask(self, question: str, form: Any, **fields: Any) -> Any:
        return self.session.ask(question, form, position=self.position, **fields)

    def derive(self, arrays: list[Array], watched: bool = False, **wanted: Any) -> dict[str, Any]:
        """The result of the call and its derivatives, which have the shapes that they must; see worker.calls.Wanted."""
        dtype = next((x.dtype for x in arrays if x.dtype.kind == "f"), np.float32)
        question, form = ("watched", RESULT | WATCHED) if watched else ("derive", RESULT)
        found = self.ask(question, form, arrays=arrays, options=self.chosen(wanted.pop("dtype", dtype)), **wanted)
        shapes = [arrays[i].shape for i in wanted.get("by", ())]
        shapes += [shape for _, shape in self.parameters] if wanted.get("by_parameters") else []
        cotangents = wanted.get("cotangents", ())
        expected = {
            "first": shapes if cotangents else [],
            "second": shapes + [cotangents[0].shape] * wanted.get("by_cotangent", False) if len(cotangents) > 1 else [],
            "arrays": [x.shape for x in arrays] if wanted.get("afterward") else [],
        }
        right = found["y"] is not None and all([g.shape for g in found[name]] == shapes for name, shapes in expected.items())
        if found["type"] == "Tensor" and not right:
            raise self.session.nonsense("derive")
        return found

    def result(self, arrays: list[Array], **wanted: Any) -> dict[str, Any]:
        """The same, of a call that returns a Tensor. Raises CheckFailed if it does not."""
        found = self.derive(arrays, **wanted)
        if found["type"] != "Tensor":
            raise CheckFailed(f"it must return one Tensor, got {found['type']}")
        return found

    def value(self, arrays: list[Array], **wanted: Any) -> Array:
        """The result as an array. Raises CheckFailed if it is not one."""
        return self.result(arrays, **wanted)["y"]

    def advice(self, about: str) -> list[str]:
        """What the text of the learner's functions suggests, about "arrays", "float64" or "cuts", if it can be read."""
        try:
            return self.ask("advise", [str], about=about)
        except LearnerError:
            return []

    @classmethod
    def of_answer(cls, session: Session, position: int, found: dict[str, Any]) -> "Call":
        """What a worker says of a call. Raises Stopped if that makes no sense."""
        error = None if found.get("error") is None else session.error(found["error"])
        known = {name: found[name] for name in DESCRIBED}
        known |= {name: " ".join(found[name].split())[:100] for name in ("kind", "name")}  # in one line, whatever it says
        if found["problem"] or error:
            return cls(session, position, **known, error=error)
        try:
            if not fits(found, CALLABLE):
                raise ValueError
            known |= {name: found[name] for name in ("modules", "samples", "op")}
            known["arguments"] = tuple(found["arguments"])
            known["variants"] = tuple(tuple(x and Sample.of(x) for x in variant) for variant in found["variants"][:VARIANTS])
            known["options"] = tuple((name, Sample.of(x)) for name, x in found["options"].items())
            known["parameters"] = tuple((name, shape_of(shape)) for name, shape in found["parameters"].items())
            known["output"] = None if found["output"] is None else shape_of(found["output"])
            if len(set(map(len, known["variants"]))) != 1:
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError):
            raise session.nonsense("targets") from None
        call = cls(session, position, **known)
        others = sum(x.size for _, x in call.options)
        if max(others + sum(x.size for x in call.of(i)) for i in range(len(call.variants))) > VALUES:
            call.problem = f"inputs of more than {VALUES:,} values are too large to be checked: small ones show the same"
        return call


def shape_of(found: Any) -> tuple[int, ...]:
    """A shape, from an answer."""
    if not all(type(n) is int and 0 <= n < 2**31 for n in found):
        raise ValueError
    return tuple(found)
