"""The checks, in the order in which they are reported; `Examination.run` reads like the report."""

import re
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from minigen.autograd import Tensor, grad, gradcheck
from minigen.coursework import hints, modules
from minigen.coursework.calls import Parts, derivatives, evaluating, fastest, fixed, in_words, leaves, tensor
from minigen.coursework.device import gpu_ready
from minigen.coursework.discover import LARGE, Subject, WrongReturn
from minigen.coursework.gradients import gradcheck_module
from minigen.coursework.learner import frames, traceback_of, unwritten
from minigen.coursework.report import Line
from minigen.errors import DtypeError, GradcheckError
from minigen.nn import Module


class Examination:
    """All checks of one Subject. `scribe` hears of each; `path`: the learner's file; `twin`: imports it again, with the backend
    that it is told, and finds the same call there."""

    def __init__(self, subject: Subject, path: Path, scribe: Any, twin: Callable[[str], Subject]):
        self.subject, self.path, self.scribe, self.twin = subject, path, scribe, twin

    def run(self) -> None:
        subject = self.subject
        self.scribe.item(subject.kind, subject.name, subject.line)
        if subject.error:
            self.check("runs", self.made)
            return
        if subject.problem:
            self.scribe.line(Line("runs", False, subject.problem))
            return
        ruled = subject.op is None or self.check("rules", self.rules)
        if not self.check("runs", self.runs):
            return
        if subject.parts:
            ruled = self.check("parameters", lambda: modules.parameters(subject))
        if not subject.data:
            ruled = ruled and self.check("gradient shapes", self.gradient_shapes)
        alone = self.check("leaves inputs alone", lambda: self.leaves_inputs_alone(ruled))
        same = self.check("repeatable", self.repeatable)
        if subject.op is not None and alone and same:
            self.check("strided inputs", self.strided)
        right = self.check("dtype", lambda: self.dtype(ruled)) and ruled
        if subject.kind in ("layer", "model"):
            self.check("state dict", lambda: modules.state(subject, self.twin))
        order = 0
        if ruled and alone and same:
            order = 1 if self.check("gradient, order 1", lambda: self.gradient(1)) else 0
        if order:
            order = 2 if self.check("gradient, order 2", lambda: self.gradient(2)) else 1
        if subject.kind == "model":
            self.check("batch", lambda: modules.batch(subject))
            if hasattr(subject.target, "sample"):
                self.check("sample(n)", lambda: modules.sample(subject))
        if right:
            self.check("GPU-ready", lambda: gpu_ready(subject, self.twin, self.path, order))
            self.check("time", self.time)

    def check(self, name: str, function: Callable[[], Line]) -> bool:
        """Run one check and report it; an error inside it is the learner's, and shown as theirs. True unless it failed."""
        self.scribe.running(f"{name} of {self.subject.name}")
        with np.errstate(all="ignore"):
            line = guarded(name, function, self.path, self.function)
        self.scribe.line(line)
        return line.passed is not False

    @property
    def function(self) -> FunctionType | None:
        """The learner's function behind the call."""
        target = self.subject.target
        target = getattr(target, "__wrapped__", target)
        target = getattr(type(target), "forward", target) if isinstance(target, Module) else getattr(target, "__func__", target)
        return target if isinstance(target, FunctionType) else None

    @property
    def precision(self) -> type:
        """The dtype in which the call is tried first: that of its parameters, or else the gradcheck's."""
        return np.float32 if self.subject.parts else np.float64

    # -- ops only ------------------------------------------------------------------------------------------------

    def missing_rules(self) -> list[str]:
        """Inputs of an op that have no rule and are not declared to need none."""
        op = self.subject.op
        names = op.inputs[:1] if op and op.variadic else op.inputs if op else ()
        return [name for name in names if name not in op.rules and name not in op.nondiff]

    def rules(self) -> Line:
        op, missing = self.subject.op, self.missing_rules()
        if missing:
            name = missing[0]
            result = "y" if "y" not in op.inputs else "result"
            arguments = ", ".join(["g", result, *(f"*{n}" if op.variadic else n for n in op.inputs), *op.attributes])
            return Line("rules", False, f"none for {', '.join(map(repr, missing))}", [
                f'write\n    @{op.name}.vjp("{name}")\n    def {op.name}_d{name}({arguments}):\n        return ...'
                f'\nor, if nobody differentiates by it, declare @op(nondiff=("{name}",))'])
        undocumented = [f.__name__ for f in (self.function, *op.rules.values()) if f and not (f.__doc__ or "").strip()]
        text = ", ".join(f"{name}: line {rule.__code__.co_firstlineno}" for name, rule in op.rules.items())
        if undocumented:
            text += f"; a docstring with the formula is missing in {', '.join(undocumented)}"
        return Line("rules", True, text)

    # -- the call itself -----------------------------------------------------------------------------------------

    def made(self) -> Line:
        """Of a class that needs no settings and yet cannot be made: its error."""
        raise self.subject.error

    def runs(self) -> Line:
        try:
            y = self.subject(*map(tensor, self.subject.drawn(self.precision)))
        except WrongReturn as error:
            return Line("runs", False, str(error), ['return total, {"error": error}: what is minimized, and what to watch'])
        if not isinstance(y, Tensor):
            kind = "an array" if isinstance(y, np.ndarray) else type(y).__name__
            return Line("runs", False, f"it must return one Tensor, got {kind}", self.returned(y))
        shape, values = tuple(y.shape), y.numpy()
        text = f"{self.subject.shapes().split('; ')[0]} -> {shape}" + (" (shapes guessed)" if self.subject.guessed else "")
        if not np.isfinite(values).all():
            return Line("runs", False, f"{text}: NaN or infinity in the result",
                        ["does it take such inputs? positive(3, 4) and unit(3, 4) make others: example(f, positive(3, 4))"])
        if self.subject.output is not None and shape != tuple(self.subject.output):
            return Line("runs", False, f"gave shape {shape}, the example says {tuple(self.subject.output)}")
        if self.subject.kind == "model" and shape != ():
            return Line("runs", False, f"the total of a loss is one number, got shape {shape}",
                        ["reduce it: .mean(), or .sum() / n"])
        return Line("runs", True, text + (f", one number: {float(values):.4g}" if shape == () else ""))

    def returned(self, y: Any) -> list[str]:
        """Why a result may be no Tensor."""
        if y is None:
            return ["there is no return"]
        if isinstance(y, tuple):
            return ["to check one of its results: example(lambda *inputs: f(*inputs)[0], ...)"]
        found = list(hints.calls_of_numpy(self.function)) if self.function and self.subject.kind != "op" else []
        return [f"line {line}: {hints.of_numpy(text, name)}" for line, text, name in found]

    def gradient_shapes(self) -> Line:
        """Whether the rules run, and what they return has the shape of the inputs; the engine checks that."""
        for variant in range(len(self.subject.variants)):
            tensors = [tensor(x, requires_grad=True) for x in self.subject.drawn(self.precision, variant)]
            y = self.subject(*tensors)
            if leaves(tensors) and y.requires_grad:
                grad(y, leaves(tensors), np.ones(y.shape, dtype=y.dtype), allow_unused=True)
        shapes = [f"{self.subject.argument(i)} {x.shape}" for i, x in enumerate(self.subject.drawn(np.float64))
                  if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
        return Line("gradient shapes", True, ", ".join(shapes))

    def leaves_inputs_alone(self, ruled: bool) -> Line:
        inputs = self.subject.drawn(self.precision)
        before = [np.array(x) if isinstance(x, np.ndarray) else None for x in inputs]
        tensors = [tensor(x, requires_grad=True) for x in inputs]
        y = self.subject(*tensors)
        u = np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype)
        result, cotangent = y.numpy().copy(), u.copy()
        if ruled and leaves(tensors) and y.requires_grad:
            grad(y, leaves(tensors), u, allow_unused=True)
        changed = [self.subject.argument(i) for i, (x, old) in enumerate(zip(inputs, before))
                   if old is not None and not np.array_equal(x, old, equal_nan=x.dtype.kind == "f")]
        changed += ["the cotangent g"] * (not np.array_equal(u, cotangent)) + ["the result y"] * (
            not np.array_equal(y.numpy(), result, equal_nan=True))
        if changed:
            return Line("leaves inputs alone", False, f"{', '.join(changed)} was changed in place",
                        ["it belongs to the caller: make a new array, x = x + 1 instead of x += 1"])
        return Line("leaves inputs alone", True)

    def repeatable(self) -> Line:
        first, second = (self.subject(*map(tensor, self.subject.drawn(self.precision))).numpy() for _ in "12")
        if not np.array_equal(first, second):
            return Line("repeatable", False, "two calls with the same inputs and the same seed differ", [
                "random numbers that minigen.seed() cannot repeat? draw them with minigen.backend.random.normal(shape, "
                "dtype=x.dtype), or let the caller pass them in"])
        with evaluating(self.subject.parts):
            inputs = [tensor(x) for x in self.subject.drawn(self.precision)]
            same = np.array_equal(self.subject(*inputs).numpy(), first)
        return Line("repeatable", True, "" if same else "with the same seed; in eval() it gives something else than in training")

    def strided(self) -> Line:
        """Whether an op gives the same for arrays whose elements do not lie one behind the other in memory."""
        arrays = self.subject.drawn(np.float64)
        y = self.subject(*map(tensor, arrays)).numpy()
        spread = [np.repeat(x, 2, axis=-1)[..., ::2] if isinstance(x, np.ndarray) and x.ndim else x for x in arrays]
        if not np.allclose(self.subject(*map(tensor, spread)).numpy(), y, rtol=1e-12, equal_nan=True):
            return Line("strided inputs", False, "a view such as x[:, ::2] gives another result than a copy of it")
        return Line("strided inputs", True)

    def dtype(self, ruled: bool) -> Line:
        try:
            y, first, _ = derivatives(self.subject, order=int(ruled))
        except DtypeError as error:
            op = self.subject.op
            functions = [self.function, *(op.rules.values() if op else ())]
            return Line("dtype", False, str(error).splitlines()[0],
                        [*hints.of_error(error, None), *(hint for f in functions if f for hint in hints.of_float64(f))])
        if y.dtype != np.float32:
            return Line("dtype", False, f"float32 came in, and the result is {y.dtype}")
        return Line("dtype", True, "float32 stays float32" + (", gradients too" if first else ""))

    # -- gradients -----------------------------------------------------------------------------------------------

    def gradient(self, order: int) -> Line:
        name, subject = f"gradient, order {order}", self.subject
        for variant in range(len(subject.variants)):
            arrays = subject.drawn(np.float64, variant)
            try:
                self.gradcheck(arrays, order)
            except GradcheckError as error:
                found = error.mismatch
                return Line(name, False, f"wrong by {self.by(found, arrays)}", self.explain(found, arrays, order))
        names = self.names()
        what = f"by {', '.join(names)}" if len(names) <= 6 else f"by {', '.join(names[:4])} and {len(names) - 4} others"
        return Line(name, True, what if subject.parts else f"{what}; shapes {subject.shapes()}")

    def gradcheck(self, arrays: list, order: int) -> None:
        """By all floating inputs and all parameters, or by the parameters only."""
        f = fixed(self.subject, arrays)
        given = [x for x in arrays if isinstance(x, np.ndarray)]
        if not self.subject.parts:
            gradcheck(f, *given, order=order)
            return
        parts = Parts(self.subject.parts)
        state = parts.state_dict()
        options: dict[str, Any] = {"allow_unused": self.subject.kind == "function"}
        if self.subject.data:
            options["wrt"] = range(len(given), len(given) + len(parts.parameters()))
        try:
            gradcheck_module(parts, f, *given, order=order, **options)
        finally:
            parts.astype("float32")
            parts.load_state_dict(state)

    def names(self) -> list[str]:
        """What is differentiated by: the floating arguments, unless they are data, and the parameters."""
        arguments = [self.subject.argument(i) for i, x in enumerate(self.subject.drawn(np.float64))
                     if isinstance(x, np.ndarray) and x.dtype.kind == "f" and not self.subject.data]
        return arguments + list(self.subject.parameters())

    def by(self, mismatch: Any, arrays: list) -> str:
        """What the derivative is taken by, in words."""
        arguments = [self.subject.argument(i) for i, x in enumerate(arrays) if isinstance(x, np.ndarray)]
        names = [*arguments, *self.subject.parameters(), "the cotangent g"]
        return f"{names[min(mismatch.input, len(names) - 1)]}, shape {mismatch.shape}"

    def explain(self, mismatch: Any, arrays: list, order: int) -> list[str]:
        """Where the wrong rule is, and what its values suggest."""
        op = self.subject.op
        if op is None:
            found = hints.of_values(mismatch, None, None, whose="the graph")
            return found + hints.of_cuts([self.function] if self.function else [])
        if order == 2:
            rules = list(op.rules.values())
            return [f"rule: {', '.join(map(hints.place, rules))}", *hints.of_values(mismatch, None, None)[:1],
                    "order 1 is right: so is the formula. But at order 2 the rule is itself differentiated, and part of it was "
                    "taken for a constant", *(hints.of_cuts(rules) or hints.OF_HIDDEN_CUTS)]
        y = self.subject(*map(tensor, arrays)).numpy()
        return [f"rule: {hints.place(op.rule(mismatch.input))}", *hints.of_values(mismatch, arrays[mismatch.input], y),
                *self.of_another_input(mismatch, arrays)]

    def of_another_input(self, mismatch: Any, arrays: list) -> list[str]:
        """Whether a rule gives the derivative by another input, or the same whatever g is."""
        xs = [tensor(x, requires_grad=True) for x in arrays]
        y = self.subject(*xs)
        if len(arrays) == 2 and all(isinstance(x, np.ndarray) and x.shape == mismatch.shape for x in arrays):
            gradients = grad(y, xs, mismatch.cotangent, allow_unused=True)
            other = gradients[1 - mismatch.input].numpy().ravel()[mismatch.elements]
            if np.allclose(other, mismatch.numeric, rtol=1e-3):
                return ["what the other input's rule gives is the derivative by this one: are the two rules exchanged?"]
        (once,), (twice,) = (grad(y, [xs[mismatch.input]], k * mismatch.cotangent) for k in (1.0, 2.0))
        if not np.allclose(2.0 * once.numpy(), twice.numpy(), rtol=1e-6, equal_nan=True):
            return ["the rule is not proportional to g: dL/dx is g times the derivative, in every term"]
        return []

    # -- device and time -----------------------------------------------------------------------------------------

    def time(self) -> Line:
        """Of the inputs that are checked, or of more where these were guessed."""
        inputs = self.subject.drawn(np.float32)
        if self.subject.guessed and self.subject.kind == "op":
            enlarged = [np.resize(x, LARGE) for x in inputs]
            try:
                self.subject(*map(tensor, enlarged))
                inputs = enlarged
            except Exception:  # an op of another number of axes is timed as it was checked
                pass
        tensors = [tensor(x, requires_grad=True) for x in inputs]
        y = self.subject(*tensors)
        wanted = [*leaves(tensors), *(self.subject.parameters().values())]
        u = np.ones(y.shape, dtype=y.dtype)
        text = f"{in_words(fastest(lambda: self.subject.once(*tensors)))} forward"
        if wanted and y.requires_grad:
            text += f", {in_words(fastest(lambda: grad(y, wanted, u, allow_unused=True)))} backward"
        return Line("time", None, f"{text}, for {', '.join(str(x.shape) for x in inputs if isinstance(x, np.ndarray))} float32")


# -- errors in the learner's code ---------------------------------------------------------------------------------


def guarded(name: str, function: Callable[[], Line], path: Path, code: FunctionType | None) -> Line:
    """The line of a check; of an error inside it, a line that fails and shows the learner their own part of the traceback."""
    try:
        return function()
    except (Exception, SystemExit) as error:
        if unwritten(error, path):
            return Line(name, False, unwritten(error, path))
        at = frames(error, path)
        rule = innermost(at, code)
        first = f"{type(error).__name__}: {error}".splitlines()[0]
        return Line(name, False, first if not at else f"{type(error).__name__} in line {at[-1].lineno}",
                    [*([traceback_of(error, path)] if at else []), *hints.of_error(error, rule), *of_rule_result(error)])


def innermost(at: list, code: FunctionType | None) -> FunctionType | None:
    """The function of the innermost frame, if it is a rule or the code of the call."""
    if not at or code is None:
        return code
    named = code.__globals__.get(at[-1].name)
    named = getattr(named, "__wrapped__", named)
    return named if isinstance(named, FunctionType) else code


def of_rule_result(error: BaseException) -> list[str]:
    """What to do about a rule whose result has a wrong shape."""
    found = re.search(r"returned \w+\[(.*?)\], expected \w+\[(.*?)\]", str(error))
    if not found or found.group(1) == found.group(2):
        return []
    got, expected = (tuple(int(n) for n in part.split(",") if n.strip()) for part in found.groups())
    return [hints.of_wrong_shape(got, expected)]
