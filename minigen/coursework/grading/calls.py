"""A call of the submission, as the grader sees it: its arguments, and how to ask for values and derivatives."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigen.coursework.examples import Sample, shape_of
from minigen.coursework.grading.remote import Array
from minigen.coursework.grading.report import CheckFailed
from minigen.coursework.grading.session import LearnerError, Session, fits

VALUES = 1 << 21  # that the inputs of a call may have
VARIANTS = 20  # of inputs that are tried

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
    "can_sample": bool,
    "op": (OP, None),
}
RESULT = {"type": str, "y": (Array, None), "first": [Array], "second": [Array], "afterward": [Array]}
WATCHED = {"launches": int, "waits": [str], "copies": [str]}


@dataclass
class Call:
    """call(*inputs, **options) -> Tensor, for several choices of inputs, the first of them the main one.

    `problem`, `error`: why it cannot be made. `arguments`: the names of its inputs. `modules`, `parameters`: how many modules it
    depends on, and the shapes of their parameters. `can_sample`: whether it is of a model that has a method `sample`.
    """

    session: Session
    position: int
    kind: str
    name: str
    line: int
    problem: str = ""
    guessed: bool = False
    error: LearnerError | None = None
    variants: list[list[Sample | None]] = field(default_factory=list)
    options: dict[str, Sample] = field(default_factory=dict)
    output: tuple[int, ...] | None = None
    arguments: list[str] = field(default_factory=list)
    modules: int = 0
    parameters: dict[str, tuple[int, ...]] = field(default_factory=dict)
    can_sample: bool = False
    op: dict[str, Any] | None = None

    @property
    def data(self) -> bool:
        """Whether its arrays are data, without derivatives: those of a model, or of a function of networks."""
        return self.kind == "model" or (self.kind == "function" and bool(self.parameters))

    @property
    def precision(self) -> type:
        """The dtype in which the call is tried first: that of its parameters, or else the gradient check's."""
        return np.float32 if self.modules else np.float64

    def draw(self, dtype: Any, variant: int = 0, again: int = 0) -> list[Array]:
        """The arrays of a variant, floats of this dtype."""
        return [x.draw(dtype, [self.session.seed, again, variant, i]) for i, x in enumerate(self.samples(variant))]

    def draw_options(self, dtype: Any) -> dict[str, Array]:
        """The arrays among the options."""
        return {name: x.draw(dtype, [self.session.seed, 1000 + i]) for i, (name, x) in enumerate(self.options.items())}

    def samples(self, variant: int = 0) -> list[Sample]:
        """The samples of a variant, without what is not an array."""
        return [x for x in self.variants[variant] if x is not None]

    def floating(self, variant: int = 0) -> list[int]:
        """Which of the arrays are of floats."""
        return [i for i, x in enumerate(self.samples(variant)) if x.floating]

    def array_names(self) -> list[str]:
        """The names of the arrays in the learner's code."""
        return [name for name, x in zip(self.arguments, self.variants[0]) if x is not None]

    def shapes(self) -> str:
        """The inputs of all variants, as text."""
        return "; ".join(", ".join(x.text for x in self.samples(variant)) for variant in range(len(self.variants)))

    def ask(self, question: str, form: Any, **fields: Any) -> Any:
        return self.session.ask(question, form, position=self.position, **fields)

    def derive(self, arrays: list[Array], watched: bool = False, **wanted: Any) -> dict[str, Any]:
        """The result of the call and its derivatives, which have the shapes that they must; see worker.targets.derive."""
        dtype = next((x.dtype for x in arrays if x.dtype.kind == "f"), np.float32)
        question, form = ("watched", RESULT | WATCHED) if watched else ("derive", RESULT)
        found = self.ask(question, form, arrays=arrays, options=self.draw_options(wanted.pop("dtype", dtype)), **wanted)
        if found["type"] != "Tensor":
            return found
        if found["y"] is None:
            raise self.session.nonsense("derive")
        cotangents = [u.shape for u in wanted.get("cotangents", ())]
        shapes = [arrays[i].shape for i in wanted.get("by", ())]
        shapes += self.parameters.values() if wanted.get("by_parameters") else []
        expected = {
            "first": shapes if cotangents else [],
            "second": shapes + cotangents[:1] * wanted.get("by_cotangent", False) if len(cotangents) > 1 else [],
            "afterward": [*(x.shape for x in arrays), *cotangents[:1], found["y"].shape] if wanted.get("afterward") else [],
        }
        if any([x.shape for x in found[name]] != shapes for name, shapes in expected.items()):
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
        """What the text of the learner's functions suggests, about "arrays", "float64", "cuts" or "rules", if it can be read."""
        try:
            return self.ask("advise", [str], about=about)
        except LearnerError:
            return []

    @classmethod
    def of_answer(cls, session: Session, position: int, found: dict[str, Any]) -> "Call":
        """What a worker says of a call. Raises Stopped if that makes no sense."""
        known = {name: found[name] for name in DESCRIBED}
        known |= {name: " ".join(found[name].split())[:100] for name in ("kind", "name")}  # in one line, whatever it says
        call = cls(session, position, **known)
        if found.get("error") is not None:
            call.error = session.error(found["error"])
        if call.problem or call.error:
            return call
        try:
            if not fits(found, CALLABLE):
                raise ValueError
            call.arguments, call.modules, call.can_sample, call.op = (
                found[name] for name in ("arguments", "modules", "can_sample", "op")
            )
            call.variants = [[None if x is None else Sample.of(x) for x in variant] for variant in found["variants"][:VARIANTS]]
            call.options = {name: Sample.of(x) for name, x in found["options"].items()}
            call.parameters = {name: shape_of(shape) for name, shape in found["parameters"].items()}
            call.output = None if found["output"] is None else shape_of(found["output"])
            (_,) = set(map(len, call.variants))  # all of them have as many inputs
        except (ValueError, TypeError, KeyError, AttributeError):
            raise session.nonsense("targets") from None
        sizes = [sum(x.size for x in (*call.samples(i), *call.options.values())) for i in range(len(call.variants))]
        if max(sizes) > VALUES:
            call.problem = f"inputs of more than {VALUES:,} values are too large to be checked: small ones show the same"
        return call
