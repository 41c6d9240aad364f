"""The checks, in the order in which they are reported; `Examination.run` reads like the report."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.coursework.grading import device, hints, modules
from minigen.coursework.grading.calls import Array, Call
from minigen.coursework.grading.numerics import Differentiable, find_mismatch
from minigen.coursework.grading.report import CheckFailed, Item, Line
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
        if ruled and alone and same:
            order = 1 if self.check("gradient, order 1", lambda: self.gradient(1)) else 0
        if order:
            order = 2 if self.check("gradient, order 2", lambda: self.gradient(2)) else 1
        if call.kind == "model":
            self.check("batch", lambda: modules.batch(call))
            if call.samples:
                self.check("sample(n)", lambda: modules.sample(call))
        if right:
            self.check("GPU-ready", lambda: device.gpu_ready(call, order))
            self.check("time", lambda: device.time(call))

    def check(self, name: str, function: Callable[[], Line]) -> bool:
        """Run one check and report it; an error inside it is the learner's, and shown as theirs. True unless it failed."""
        self.session.running = f"{name} of {self.call.name}"
        line = guarded(name, function)
        self.item.lines.append(line)
        return line.passed is not False

    # -- ops only ------------------------------------------------------------------------------------------------

    def missing_rules(self) -> list[str]:
        """Inputs of an op that have no rule and are not declared to need none."""
        op = self.call.op
        return [
            name
            for name in op["inputs"][: 1 if op["variadic"] else None]
            if name not in op["rules"] and name not in op["non_differentiable"]
        ]

    def rules(self) -> Line:
        op, missing = self.call.op, self.missing_rules()
        if missing:
            name, f = missing[0], self.call.name
            result = "y" if "y" not in op["inputs"] else "result"
            star = "*" if op["variadic"] else ""
            arguments = ", ".join(["g", result, *(star + n for n in op["inputs"]), *op["attributes"]])
            return Line(
                "rules",
                False,
                f"none for {', '.join(map(repr, missing))}",
                [
                    f'write\n    @{f}.vjp("{name}")\n    def {f}_d{name}({arguments}):\n        return ...'
                    f'\nor, if nobody differentiates by it, declare @op(non_differentiable=("{name}",))'
                ],
            )
        text = ", ".join(f"{name}: line {rule['line']}" for name, rule in op["rules"].items())
        if op["undocumented"]:
            text += f"; a docstring with the formula is missing in {', '.join(op['undocumented'])}"
        return Line("rules", True, text)

    # -- the call itself -----------------------------------------------------------------------------------------

    def not_made(self) -> Line:
        """Why there is no call: of a class that needs no settings and yet cannot be made, its error."""
        if self.call.error:
            raise self.call.error
        return Line("runs", False, self.call.problem)

    def runs(self) -> Line:
        call = self.call
        try:
            found = call.derive(call.drawn(call.precision))
        except LearnerError as error:
            if "WrongReturn" not in error.bases:
                raise
            return Line("runs", False, error.message, ['return total, {"error": error}: what is minimized, and what to watch'])
        if found["type"] != "Tensor":
            return Line("runs", False, f"it must return one Tensor, got {found['type']}", self.returned(found))
        shape, values = found["y"].shape, found["y"]
        text = f"{call.shapes().split('; ')[0]} -> {shape}" + (" (shapes guessed)" if call.guessed else "")
        if not np.isfinite(values).all():
            return Line(
                "runs",
                False,
                f"{text}: NaN or infinity in the result",
                ["does it take such inputs? positive(3, 4) and unit(3, 4) make others: example(f, positive(3, 4))"],
            )
        if call.output is not None and shape != call.output:
            return Line("runs", False, f"gave shape {shape}, the example says {call.output}")
        if call.kind == "model" and shape != ():
            return Line(
                "runs", False, f"the total of a loss is one number, got shape {shape}", ["reduce it: .mean(), or .sum() / n"]
            )
        return Line("runs", True, text + (f", one number: {float(values):.4g}" if shape == () else ""))

    def returned(self, found: dict[str, Any]) -> list[str]:
        """Why a result may be no Tensor."""
        if found["type"] == "NoneType":
            return ["there is no return"]
        if found["tuple"]:
            return ["to check one of its results: example(lambda *inputs: f(*inputs)[0], ...)"]
        return self.advice("arrays")

    def advice(self, about: str) -> list[str]:
        """What the text of the learner's functions suggests, if it can be read."""
        try:
            return self.call.ask("advise", [str], about=about)
        except LearnerError:
            return []

    def gradient_shapes(self) -> Line:
        """Whether the rules run, and what they return has the shape of the inputs; the engine checks that."""
        call = self.call
        for variant in range(len(call.variants)):
            arrays = call.drawn(call.precision, variant)
            y = call.value(arrays, variant=variant)
            if call.floating():
                call.derive(arrays, variant=variant, by=call.floating(), cotangents=[np.ones(y.shape, y.dtype)])
        shapes = [f"{name} {x.shape}" for name, x in zip(call.named(), call.of()) if x.floating]
        return Line("gradient shapes", True, ", ".join(shapes))

    def leaves_inputs_alone(self, ruled: bool) -> Line:
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
            return Line(
                "leaves inputs alone",
                False,
                f"{', '.join(changed)} was changed in place",
                ["it belongs to the caller: make a new array, x = x + 1 instead of x += 1"],
            )
        return Line("leaves inputs alone", True)

    def repeatable(self) -> Line:
        call = self.call
        arrays = call.drawn(call.precision)
        first, second = (call.value(arrays) for _ in "12")
        if not same(first, second):
            return Line(
                "repeatable",
                False,
                "two calls with the same inputs and the same seed differ",
                [
                    "random numbers that minigen.seed() cannot repeat? draw them with minigen.backend.random.normal(shape, "
                    "dtype=x.dtype), or let the caller pass them in"
                ],
            )
        alike = same(call.value(arrays, eval_mode=True), first)
        return Line("repeatable", True, "" if alike else "with the same seed; in eval() it gives something else than in training")

    def strided(self) -> Line:
        """Whether an op gives the same for arrays whose elements do not lie one behind the other in memory."""
        arrays = self.call.drawn(np.float64)
        y, spread = self.call.value(arrays), self.call.value(arrays, strided=True)
        if y.shape != spread.shape or not np.allclose(spread, y, rtol=1e-12, equal_nan=True):
            return Line("strided inputs", False, "a view such as x[:, ::2] gives another result than a copy of it")
        return Line("strided inputs", True)

    def dtype(self, ruled: bool) -> Line:
        try:
            found = device.derivatives(self.call, order=int(ruled))
        except LearnerError as error:
            if "DtypeError" not in error.bases:
                raise
            return Line("dtype", False, error.message.splitlines()[0], [*error.hints, *self.advice("float64")])
        wrong = [x.dtype for x in (found["y"], *found["first"]) if x.dtype != np.float32]
        if wrong:
            return Line("dtype", False, f"float32 came in, and the result is {wrong[0]}")
        return Line("dtype", True, "float32 stays float32" + (", gradients too" if found["first"] else ""))

    # -- gradients -----------------------------------------------------------------------------------------------

    def gradient(self, order: int) -> Line:
        """By all floating inputs and all parameters, or by the parameters only."""
        name, call = f"gradient, order {order}", self.call
        parameters = []
        if call.modules:  # not at their initial values, but nearby, where no bias is zero
            near = self.session.random(3)
            values = call.ask("double", [Array])
            if [x.shape for x in values] != [shape for _, shape in call.parameters]:
                raise self.session.nonsense("double")
            parameters = [np.asarray(x + 0.1 * near.standard_normal(x.shape), np.float64) for x in values]
        try:
            for variant in range(len(call.variants)):
                arrays = [*call.drawn(np.float64, variant), *parameters]
                f = self.differentiable(variant, order)
                if order == 2:
                    arrays.append(self.session.random(4).standard_normal(self.differentiable(variant, 1).value(arrays).shape))
                mismatch = find_mismatch(f, arrays, self.session.random(10 * order + variant))
                if mismatch:
                    return Line(name, False, f"wrong by {self.by(mismatch)}", self.explain(mismatch, arrays, order))
        finally:
            if call.modules:
                call.ask("single", None)
        names = self.names()
        what = f"by {', '.join(names)}" if len(names) <= 6 else f"by {', '.join(names[:4])} and {len(names) - 4} others"
        return Line(name, True, what if call.modules else f"{what}; shapes {call.shapes()}")

    def differentiable(self, variant: int, order: int) -> Differentiable:
        """The call as a function of its arrays and its parameters; at order 2 its gradients, in one row, of the cotangent too."""
        call = self.call
        inputs, count = len(call.of(variant)), len(call.parameters)
        by = [] if call.data else call.floating(variant)
        by_parameters = bool(call.modules)

        def derive(arrays: list[Array], cotangents: list[Array], **wanted: Any) -> dict[str, Any]:
            if by_parameters:
                wanted["parameters"] = arrays[inputs : inputs + count]
            found = call.derive(
                arrays[:inputs],
                variant=variant,
                dtype=np.float64,
                frozen=True,
                by_parameters=by_parameters,
                cotangents=cotangents,
                **wanted,
            )
            if found["type"] != "Tensor":
                raise CheckFailed(f"it must return one Tensor, got {found['type']}")
            return found

        def value(arrays: list[Array]) -> Array:
            return derive(arrays, [], by=call.floating(variant))["y"]  # it may itself contain grad()

        def vjp(arrays: list[Array], u: Array) -> list[Array]:
            return derive(arrays, [u], by=by)["first"]

        wrt = [*by, *range(inputs, inputs + count)]
        if order == 1:
            return Differentiable(value, vjp, wrt)

        def gradients(arrays: list[Array]) -> Array:
            return in_a_row(vjp(arrays[:-1], arrays[-1]))

        def second(arrays: list[Array], w: Array) -> list[Array]:
            ends = np.cumsum([arrays[i].size for i in wrt])[:-1]
            others = [part.reshape(arrays[i].shape) for i, part in zip(wrt, np.split(w, ends))]
            return derive(arrays[:-1], [arrays[-1], *others], by=by, by_cotangent=True)["second"]

        return Differentiable(gradients, second, [*wrt, inputs + count])

    def names(self) -> list[str]:
        """What is differentiated by: the floating arguments, unless they are data, and the parameters."""
        call = self.call
        arguments = [name for name, x in zip(call.named(), call.of()) if x.floating and not call.data]
        return arguments + [name for name, _ in call.parameters]

    def by(self, mismatch: Any) -> str:
        """What the derivative is taken by, in words."""
        names = [*self.call.named(), *(name for name, _ in self.call.parameters), "the cotangent g"]
        return f"{names[min(mismatch.input, len(names) - 1)]}, shape {mismatch.shape}"

    def explain(self, mismatch: Any, arrays: list[Array], order: int) -> list[str]:
        """Where the wrong rule is, and what its values suggest."""
        op = self.call.op
        if op is None:
            return hints.of_values(mismatch, None, None, whose="the graph") + self.advice("cuts")
        if order == 2:
            rules = ", ".join(rule["place"] for rule in op["rules"].values())
            return [
                f"rule: {rules}",
                *hints.of_values(mismatch, None, None)[:1],
                "order 1 is right: so is the formula. But at order 2 the rule is itself differentiated, and part of it was "
                "taken for a constant",
                *(self.advice("cuts") or hints.OF_HIDDEN_CUTS),
            ]
        name = op["inputs"][0 if op["variadic"] else mismatch.input]
        y = self.differentiable(0, 1).value(arrays)
        place = op["rules"][name]["place"] if name in op["rules"] else name
        return [f"rule: {place}", *hints.of_values(mismatch, arrays[mismatch.input], y), *self.of_another_input(mismatch, arrays)]

    def of_another_input(self, mismatch: Any, arrays: list[Array]) -> list[str]:
        """Whether a rule gives the derivative by another input, or the same whatever g is."""
        f = self.differentiable(0, 1)
        place = list(f.wrt).index(mismatch.input)
        once, twice = (f.vjp(arrays, k * mismatch.cotangent) for k in (1.0, 2.0))
        if len(arrays) == len(once) == 2 and all(x.shape == mismatch.shape for x in arrays):
            if np.allclose(once[1 - place].ravel()[mismatch.elements], mismatch.numeric, rtol=1e-3):
                return ["what the other input's rule gives is the derivative by this one: are the two rules exchanged?"]
        if not np.allclose(2.0 * once[place], twice[place], rtol=1e-6, equal_nan=True):
            return ["the rule is not proportional to g: dL/dx is g times the derivative, in every term"]
        return []


def in_a_row(arrays: list[Array]) -> Array:
    """All numbers of all arrays, so that several derivatives are one result."""
    return np.concatenate([x.ravel() for x in arrays]) if arrays else np.zeros(0)


def same(a: Array | None, b: Array) -> bool:
    """Whether two arrays are the same to the bit, NaN where NaN is."""
    return a is not None and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=b.dtype.kind == "f")


def guarded(name: str, function: Callable[[], Line]) -> Line:
    """The line of a check; of an error inside it, a line that fails and shows the learner their own part of the traceback."""
    try:
        with np.errstate(all="ignore"):
            return function()
    except CheckFailed as missed:
        return Line(name, False, str(missed), missed.hints)
    except LearnerError as error:
        if error.unwritten:
            return Line(name, False, error.unwritten)
        if error.line is None:
            return Line(name, False, error.first_line, [*error.hints, *hints.of_rule_result(error.message)])
        return Line(
            name,
            False,
            f"{error.type} in line {error.line}",
            [error.traceback, *error.hints, *hints.of_rule_result(error.message)],
        )
