"""The checks of one call, in the order in which they are reported; `Examination.run` reads like the report.

Each is a function that returns its finding, a text or a `Remark` (which neither passes nor fails), or raises CheckFailed.
"""

from collections.abc import Callable

import numpy as np

from minigen.coursework.grading import device, gradients, hints, modules
from minigen.coursework.grading.calls import Array, Call
from minigen.coursework.grading.report import CheckFailed, Item, Line, Remark
from minigen.coursework.grading.session import LearnerError


class Examination:
    """All checks of one call. `item`: gets a line for each."""

    def __init__(self, call: Call, item: Item):
        self.call, self.item, self.session = call, item, call.session

    def run(self) -> None:
        call = self.call
        if call.error or call.problem:
            self.check("runs", self.not_made)
            return
        ruled = call.op is None or self.check("rules", self.rules)
        if not self.check("runs", self.runs):
            return
        if call.modules:
            ruled = self.check("parameters", lambda: modules.parameters(call))
        if not call.data:
            ruled = ruled and self.check("gradient shapes", self.gradient_shapes)
        alone = self.check("leaves inputs alone", lambda: self.leaves_inputs_alone(ruled))
        same = self.check("repeatable", self.repeatable)
        if call.op is not None and alone and same:
            self.check("strided inputs", self.strided)
        right = self.check("dtype", lambda: self.dtype(ruled)) and ruled
        if call.kind in ("layer", "model"):
            self.check("state dict", lambda: modules.state(call))
        order = 0
        while ruled and alone and same and order < 2 and self.check(f"gradient, order {order + 1}", self.gradient(order + 1)):
            order += 1
        if call.kind == "model":
            self.check("batch", lambda: modules.batch(call))
            if call.samples:
                self.check("sample(n)", lambda: modules.sample(call))
        if right:
            self.check("GPU-ready", lambda: device.gpu_ready(call, order))
            self.check("time", lambda: device.time(call))

    def check(self, name: str, function: Callable[[], str | Remark]) -> bool:
        """Run one check and report it. True unless it failed."""
        self.session.running = f"{name} of {self.call.name}"
        line = checked(name, function)
        self.item.checks.append(line)
        return line.passed is not False

    # -- ops only ------------------------------------------------------------------------------------------------

    def rules(self) -> str:
        """Whether each input of an op has a rule, or is declared non_differentiable."""
        op, f = self.call.op, self.call.name
        inputs = op["inputs"][: 1 if op["variadic"] else None]
        missing = [name for name in inputs if name not in op["rules"] and name not in op["non_differentiable"]]
        if missing:
            name, result = missing[0], "y" if "y" not in op["inputs"] else "result"
            star = "*" if op["variadic"] else ""
            arguments = ", ".join(["g", result, *(star + n for n in op["inputs"]), *op["attributes"]])
            raise CheckFailed(
                f"none for {', '.join(map(repr, missing))}",
                f'write\n    @{f}.vjp("{name}")\n    def {f}_d{name}({arguments}):\n        return ...'
                f'\nor, if nobody differentiates by it, declare @op(non_differentiable=("{name}",))',
            )
        text = ", ".join(f"{name}: line {rule['line']}" for name, rule in op["rules"].items())
        if op["undocumented"]:
            text += f"; a docstring with the formula is missing in {', '.join(op['undocumented'])}"
        return text

    def strided(self) -> str:
        """Whether an op gives the same result for arrays that are not contiguous in memory."""
        arrays = self.call.drawn(np.float64)
        y, of_views = self.call.value(arrays), self.call.value(arrays, strided=True)
        if y.shape != of_views.shape or not np.allclose(of_views, y, rtol=1e-12, equal_nan=True):
            raise CheckFailed("a view such as x[:, ::2] gives another result than a copy of it")
        return ""

    # -- the call itself -----------------------------------------------------------------------------------------

    def not_made(self) -> str:
        """Why there is no call: of a class that needs no settings and yet cannot be made, its error."""
        raise self.call.error or CheckFailed(self.call.problem)

    def runs(self) -> str:
        call = self.call
        try:
            found = call.derive(call.drawn(call.precision))
        except LearnerError as error:
            if "WrongReturn" not in error.bases:
                raise
            hint = 'return total, {"error": error}: what is minimized, and what to watch'
            raise CheckFailed(error.message, hint) from None
        if found["type"] != "Tensor":
            if found["type"] == "NoneType":
                why = ["there is no return"]
            elif found["tuple"]:
                why = ["to check one of its results: example(lambda *inputs: f(*inputs)[0], ...)"]
            else:
                why = call.advice("arrays")
            raise CheckFailed(f"it must return one Tensor, got {found['type']}", *why)
        shape, values = found["y"].shape, found["y"]
        text = f"{call.shapes().split('; ')[0]} -> {shape}" + (" (shapes guessed)" if call.guessed else "")
        if not np.isfinite(values).all():
            hint = "does it take such inputs? positive(3, 4) and unit(3, 4) make others: example(f, positive(3, 4))"
            raise CheckFailed(f"{text}: NaN or infinity in the result", hint)
        if call.output is not None and shape != call.output:
            raise CheckFailed(f"gave shape {shape}, the example says {call.output}")
        if call.kind == "model" and shape != ():
            raise CheckFailed(f"the total of a loss is one number, got shape {shape}", "reduce it: .mean(), or .sum() / n")
        return text + (f", one number: {float(values):.4g}" if shape == () else "")

    def gradient_shapes(self) -> str:
        """Whether the rules run, and return the shapes of the inputs, which the engine checks."""
        call = self.call
        for variant in range(len(call.variants)):
            arrays = call.drawn(call.precision, variant)
            y = call.value(arrays, variant=variant)
            if call.floating():
                call.derive(arrays, variant=variant, by=call.floating(), cotangents=[np.ones(y.shape, y.dtype)])
        return ", ".join(f"{name} {x.shape}" for name, x in zip(call.named(), call.of()) if x.floating)

    def leaves_inputs_alone(self, ruled: bool) -> str:
        call = self.call
        arrays = call.drawn(call.precision)
        y = call.value(arrays)
        u = self.session.random(1).standard_normal(y.shape).astype(y.dtype)
        cotangents = [u] if ruled and call.floating() else []
        found = call.derive(arrays, by=call.floating(), cotangents=cotangents, afterward=True)
        changed = [name for name, x, old in zip(call.named(), found["arrays"], arrays) if not same(x, old)]
        changed += ["the cotangent g"] * (bool(cotangents) and not same(found["cotangent"], u))
        changed += ["the result y"] * (not same(found["y afterward"], found["y"]))
        if changed:
            raise CheckFailed(
                f"{', '.join(changed)} was changed in place",
                "it belongs to the caller: make a new array, x = x + 1 instead of x += 1",
            )
        return ""

    def repeatable(self) -> str:
        call = self.call
        arrays = call.drawn(call.precision)
        first, second = (call.value(arrays) for _ in "12")
        if not same(first, second):
            raise CheckFailed(
                "two calls with the same inputs and the same seed differ",
                "random numbers that minigen.seed() cannot repeat? draw them with minigen.backend.random.normal(shape, "
                "dtype=x.dtype), or let the caller pass them in",
            )
        alike = same(call.value(arrays, eval_mode=True), first)
        return "" if alike else "with the same seed; in eval() it gives something else than in training"

    def dtype(self, ruled: bool) -> str:
        try:
            found = device.derivatives(self.call, order=int(ruled))
        except LearnerError as error:
            if "DtypeError" not in error.bases:
                raise
            raise CheckFailed(error.message.splitlines()[0], *error.hints, *self.call.advice("float64")) from None
        wrong = [x.dtype for x in (found["y"], *found["first"]) if x.dtype != np.float32]
        if wrong:
            raise CheckFailed(f"float32 came in, and the result is {wrong[0]}")
        return "float32 stays float32" + (", gradients too" if found["first"] else "")

    def gradient(self, order: int) -> Callable[[], str]:
        """The check of the derivatives of this order."""
        return lambda: gradients.check(self.call, order)


def same(a: Array | None, b: Array) -> bool:
    """Whether two arrays are equal bit for bit, including NaN."""
    return a is not None and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=b.dtype.kind == "f")


def checked(name: str, function: Callable[[], str | Remark]) -> Line:
    """The line of a check; of an error inside it, one that fails and shows the learner their own part of the traceback."""
    try:
        with np.errstate(all="ignore"):
            found = function()
    except CheckFailed as failed:
        return Line(name, False, str(failed), failed.hints)
    except LearnerError as error:
        more = [*error.hints, *hints.of_rule_result(error.message)]
        if error.unwritten:
            return Line(name, False, error.unwritten)
        if error.line is None:
            return Line(name, False, error.first_line, more)
        return Line(name, False, f"{error.type} in line {error.line}", [error.traceback, *more])
    return Line(name, None, *found) if isinstance(found, Remark) else Line(name, True, found)
