"""The checks of one call; `examine` has them in the order in which they are reported.

Each is a function of the call that returns its finding, a text or a `Remark` (which neither passes nor fails), or raises
CheckFailed.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from minigen.coursework.grading import gradients, hints
from minigen.coursework.grading.calls import Call
from minigen.coursework.grading.remote import VALUE, Array
from minigen.coursework.grading.report import CheckFailed, Item, Line, Remark, expect
from minigen.coursework.grading.session import LearnerError

LARGE = (64, 100)  # of the op that is timed
REMEDIES = {  # of what a GPU refuses
    "mixes arrays": "make arrays where x is: array_module(x).zeros(...), zeros_like(x); from minigen.backend import array_module",
    "no implicit conversion": "a NumPy function was given a device array: use array_module(x) in place of np, or minigen's op",
    "cupy has no function": "compose it from functions that CuPy also has",
    "float64 result": "use Python numbers for constants, and dtype=x.dtype where arrays are made",
    "out of range": "a GPU does not check indices: keep them in range",
}


def examine(call: Call, item: Item) -> None:
    """All checks of one call. `item`: gets a line for each."""

    def check(name: str, function: Callable[..., str | Remark], *arguments: Any) -> bool:
        """Run one check and report it. True unless it failed."""
        call.session.running = f"{name} of {call.name}"
        item.checks.append(checked(name, lambda: function(call, *arguments)))
        return item.checks[-1].passed is not False

    if call.error or call.problem:
        check("runs", not_made)
        return
    ruled = call.op is None or check("rules", rules)
    if not check("runs", runs):
        return
    if call.modules:
        ruled = check("parameters", parameters)
    if not call.data:
        ruled = ruled and check("gradient shapes", gradient_shapes)
    alone = check("leaves inputs alone", leaves_inputs_alone, ruled)
    same = check("repeatable", repeatable)
    if call.op is not None and alone and same:
        check("strided inputs", strided)
    right = check("dtype", dtype, ruled) and ruled
    if call.kind in ("layer", "model"):
        check("state dict", state)
    order = 0
    while ruled and alone and same and order < 2 and check(f"gradient, order {order + 1}", gradients.check, order + 1):
        order += 1
    if call.kind == "model":
        check("batch", batch)
        if call.can_sample:
            check("sample(n)", sample)
    if right:
        check("GPU-ready", gpu_ready, order)
        check("time", time)


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


# -- the call itself ---------------------------------------------------------------------------------------------


def not_made(call: Call) -> str:
    """Why there is no call: of a class that needs no settings and yet cannot be made, its error."""
    raise call.error or CheckFailed(call.problem)


def rules(call: Call) -> str:
    """Whether each input of an op has a rule, or is declared non_differentiable."""
    op: Any = call.op
    inputs = op["inputs"][: 1 if op["variadic"] else None]
    missing = [name for name in inputs if name not in op["rules"] and name not in op["non_differentiable"]]
    if missing:
        f, name, result = call.name, missing[0], "y" if "y" not in op["inputs"] else "result"
        star = "*" if op["variadic"] else ""
        arguments = ", ".join(["g", result, *(star + n for n in op["inputs"]), *op["attributes"]])
        raise CheckFailed(
            f"none for {', '.join(map(repr, missing))}",
            f'write\n    @{f}.vjp("{name}")\n    def {f}_d{name}({arguments}):\n        return ...'
            f'\nor, if it is never differentiated by, declare @op(non_differentiable=("{name}",))',
        )
    text = ", ".join(f"{name}: line {rule['line']}" for name, rule in op["rules"].items())
    if op["undocumented"]:
        text += f"; a docstring with the formula is missing in {', '.join(op['undocumented'])}"
    return text


def runs(call: Call) -> str:
    """Whether it returns one Tensor, of the shape that was asked for."""
    try:
        found = call.derive(call.draw(call.precision))
    except LearnerError as error:
        if "WrongReturn" not in error.bases:
            raise
        hint = 'return total, {"error": error}: what is minimized, and what to watch'
        raise CheckFailed(error.message, hint) from None
    if found["type"] != "Tensor":
        known = {
            "NoneType": ["there is no return"],
            "float": ["float(...) and .item() take the value out of the graph: return the Tensor itself"],
            "tuple": ["to check one of its results: example(lambda *inputs: f(*inputs)[0], ...)"],
        }
        why = known.get(found["type"]) or call.advice("arrays")
        raise CheckFailed(f"it must return one Tensor, got {found['type']}", *why)
    shape, values = found["y"].shape, found["y"]
    text = f"{call.shapes().split('; ')[0]} -> {shape}" + (" (shapes guessed)" if call.guessed else "")
    hint = "does it take such inputs? above_zero(3, 4) and unit(3, 4) make others: example(f, above_zero(3, 4))"
    expect(np.isfinite(values).all(), f"{text}: NaN or infinity in the result", hint)
    expect(call.output in (None, shape), f"gave shape {shape}, the example says {call.output}")
    reduced = shape == () or call.kind != "model"
    expect(reduced, f"the total of a loss is one number, got shape {shape}", "reduce it: .mean(), or .sum() / n")
    return text + (f", one number: {float(values):.4g}" if shape == () else "")


def gradient_shapes(call: Call) -> str:
    """Whether the rules run, and return the shapes of the inputs, which the engine checks."""
    for variant in range(len(call.variants)):
        arrays = call.draw(call.precision, variant)
        y = call.value(arrays, variant=variant)
        if call.floating():
            call.result(arrays, variant=variant, by=call.floating(), cotangents=[np.ones(y.shape, y.dtype)])
    return ", ".join(f"{name} {x.shape}" for name, x in zip(call.array_names(), call.samples()) if x.floating)


def leaves_inputs_alone(call: Call, ruled: bool) -> str:
    """Whether neither the function nor, if they are right, its rules write into what they are given."""
    arrays = call.draw(call.precision)
    y = call.value(arrays)
    u = call.session.random(1).standard_normal(y.shape).astype(y.dtype)
    cotangents = [u] if ruled and call.floating() else []
    found = call.result(arrays, by=call.floating(), cotangents=cotangents, afterward=True)
    names = [*call.array_names(), *["the cotangent g"] * len(cotangents), "the result y"]
    before = [*arrays, *cotangents, found["y"]]
    changed = [name for name, old, new in zip(names, before, found["afterward"]) if not identical(new, old)]
    were = "was" if len(changed) == 1 else "were"
    hint = "what a function is given belongs to its caller: make a new array, x = x + 1 instead of x += 1"
    expect(not changed, f"{', '.join(changed)} {were} changed in place", hint)
    return ""


def repeatable(call: Call) -> str:
    """Whether the same inputs and the same seed give the same result."""
    arrays = call.draw(call.precision)
    first, second = (call.value(arrays) for _ in "12")
    expect(
        identical(first, second),
        "two calls with the same inputs and the same seed differ",
        "random numbers that minigen.seed() cannot repeat? draw them with minigen.backend.random.normal(shape, dtype=x.dtype), "
        "or let the caller pass them in",
    )
    alike = identical(call.value(arrays, eval_mode=True), first)
    return "" if alike else "with the same seed; in eval() the result differs from that in training"


def strided(call: Call) -> str:
    """Whether an op gives the same result for arrays that are not contiguous in memory."""
    arrays = call.draw(np.float64)
    y, of_views = call.value(arrays), call.value(arrays, strided=True)
    same = y.shape == of_views.shape and np.allclose(of_views, y, rtol=1e-12, equal_nan=True)
    expect(same, "a view such as x[:, ::2] gives a different result from a copy of it")
    return ""


def dtype(call: Call, ruled: bool) -> str:
    """Whether float32 stays float32."""
    try:
        found = derivatives(call, order=int(ruled))
    except LearnerError as error:
        if "DtypeError" not in error.bases:
            raise
        raise CheckFailed(error.message.splitlines()[0], *error.hints, *call.advice("float64")) from None
    wrong = [x.dtype for x in (found["y"], *found["first"]) if x.dtype != np.float32]
    expect(not wrong, f"float32 came in, and the result is {', '.join(map(str, wrong[:1]))}")
    return "float32 stays float32" + (", gradients too" if found["first"] else "")


def identical(a: Array, b: Array) -> bool:
    """Whether two arrays are equal bit for bit, including NaN."""
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=b.dtype.kind == "f")


# -- layers and models -------------------------------------------------------------------------------------------


def parameters(call: Call) -> str:
    """Which there are, and whether each gets a gradient."""
    arrays, form = call.draw(np.float32), {"lost": [str], "without": [str], "count": int}
    y = call.value(arrays)
    u = call.session.random(1).standard_normal(y.shape).astype(np.float32)
    found = call.ask("parameters", form, arrays=arrays, options=call.draw_options(np.float32), cotangent=u)
    without, count = found["without"], found["count"]
    expect(
        not found["lost"],
        f"{', '.join(found['lost'])} is a Tensor that no optimizer will find",
        "make it a Parameter: from minigen import Parameter; self.weight = Parameter(array)",
    )
    if without and call.kind == "function":
        return f"{count:,} values; {', '.join(without)} does not affect the result"
    expect(
        not without,
        f"{', '.join(without)} never gets a gradient",
        "it is made but not used, or its values are taken out of the graph on the way (.data, .numpy(), no_grad)",
    )
    return f"{count:,} values in {', '.join(call.parameters)}; each gets a gradient" if count else "none"


def state(call: Call) -> str:
    """Whether all that the module has learned is in its state: a fresh one that loads it must compute the same."""
    other = call.draw(np.float32, again=1)  # other inputs than those on which the two are compared
    count = call.ask("hand_over", int, arrays=other, options=call.draw_options(np.float32))
    arrays = call.draw(np.float32)
    used, fresh = (call.value(arrays, eval_mode=True, again=again) for again in (False, True))
    expect(
        np.array_equal(used, fresh),
        "a new object that has loaded the state of a used one computes something different",
        "values that change but are not a Parameter belong in an nn.Buffer(array), changed by .assign(array)",
    )
    return f"{count} array{'s' * (count != 1)}, saved and loaded"


def batch(call: Call) -> str:
    """Whether the loss is a mean over the examples: a batch of twice as many of the same then costs the same."""
    arrays, options = call.draw(np.float32), call.draw_options(np.float32)
    sizes = {len(x) for x in arrays if x.ndim}

    def repeated(x: Array, times: int) -> Array:
        return np.concatenate([x] * times) if x.ndim and len(x) in sizes else x

    def loss(times: int) -> tuple[float, dict[str, float]]:
        given = {"arrays": [repeated(x, times) for x in arrays], "options": {n: repeated(x, times) for n, x in options.items()}}
        found = call.ask("loss", {"total": float, "terms": {str: float}}, **given)
        return found["total"], found["terms"]

    total, terms = loss(1)
    once, twice = loss(8)[0], loss(16)[0]  # many, for noise that is drawn, not given, makes a difference
    expect(np.isfinite([total, *terms.values(), once, twice]).all(), f"a term is not finite: {terms}")
    expect(
        abs(once) <= 1e-6 or not 1.7 < twice / once < 2.3,
        f"twice as many of the same examples cost twice as much: {once:.4g}, {twice:.4g}",
        "a sum over the batch makes the learning rate depend on the batch size: take the mean over the examples",
    )
    weighted = "" if np.isclose(total, sum(terms.values()), rtol=1e-4) else " (not their plain sum: they are weighted)"
    return f"total {total:.4g}: {', '.join(f'{name} {term:.4g}' for name, term in terms.items())}{weighted}"


def sample(call: Call) -> str:
    """Whether it draws as many images as asked for, in [0, 1]."""
    values = call.ask("sample", VALUE, n=3)
    if not isinstance(values, np.ndarray) or values.ndim == 0 or values.dtype.kind not in "fiub":
        raise CheckFailed("sample(3) returned no array")
    expect(len(values) == 3, f"sample(3) returned {len(values)} examples, shape {values.shape}")
    extent = f"from {values.min():.3g} to {values.max():.3g}" if values.size else "none"
    right = values.size and np.isfinite(values).all() and values.min() >= 0.0 and values.max() <= 1.0
    expect(right, f"values {extent}, expected images in [0, 1]", "logits? minigen.sigmoid(logits) are pixels")
    return f"{values.shape}, {extent}"


# -- on a GPU ----------------------------------------------------------------------------------------------------


def derivatives(call: Call, order: int, watched: bool = False) -> dict[str, Any]:
    """Result, gradients, and gradients of a sum of these, up to `order`, in float32."""
    arrays, rng = call.draw(np.float32), call.session.random(2)
    wanted: dict[str, Any] = {"by": call.floating(), "by_parameters": True} if order else {}
    if order:
        shapes = [call.value(arrays).shape]
        shapes += [arrays[i].shape for i in call.floating()] + [*call.parameters.values()] if order == 2 else []
        wanted["cotangents"] = [np.asarray(rng.standard_normal(shape), np.float32) for shape in shapes]
    return call.derive(arrays, watched, **wanted)


def gpu_ready(call: Call, order: int) -> Remark:
    """Yes, or no and why: the call on the strict backend against the same on NumPy. `order`: of the derivatives, as far as they
    are right."""
    expected = derivatives(call, order)
    try:
        found = derivatives(call, order, watched=True)
    except LearnerError as error:
        where = [f"line {error.line}: {error.source}"] if error.line else []
        reason = error.message.splitlines()[0] if error.message else error.type
        return Remark(f"no: {reason}", where + [remedy for sign, remedy in REMEDIES.items() if sign in error.message])
    for what, name in (("result", "y"), ("gradient", "first"), ("second derivative", "second")):
        pairs = zip(*(x[name] if name != "y" else [x["y"]] for x in (expected, found)))
        if not all(alike(a, b) for a, b in pairs):
            hint = "uninitialized memory (empty), or random numbers that differ?"
            return Remark(f"no: the {what} has different values there", [hint])
    if found["waits"]:
        hint = "float(x), int(x), `if x > 0` and x.numpy() copy values to the host; use where, and tensors"
        return Remark("no: it works, but the processor waits for the GPU", [*found["waits"], hint])
    through = ("forward", "forward and backward", "forward, backward and second derivative")[order]
    copies = [*found["copies"], "copies an array to the GPU in every call: make it once"] if found["copies"] else []
    return Remark(f"yes ({through}: {found['launches']} kernel{'s' * (found['launches'] != 1)}, no waiting)", copies)


def alike(a: Array | None, b: Array | None) -> bool:
    """Whether two results are the same up to rounding."""
    return a is not None and b is not None and a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-5, equal_nan=True)


def time(call: Call) -> Remark:
    """Of the inputs that are checked, or of more where these were guessed."""
    arrays, form = call.draw(np.float32), {"forward": float, "backward": (float, None)}
    found, options = None, call.draw_options(np.float32)
    if call.guessed and call.kind == "op":
        enlarged = [np.resize(x, LARGE) for x in arrays]
        with suppress(LearnerError):  # an op of another number of axes is timed as it was checked
            found = call.ask("time", form, arrays=enlarged, options=options)
            arrays = enlarged
    found = found or call.ask("time", form, arrays=arrays, options=options)
    backward = "" if found["backward"] is None else f", {in_words(found['backward'])} backward"
    shapes = ", ".join(str(x.shape) for x in arrays)
    return Remark(f"{in_words(found['forward'])} forward{backward}, for {shapes} float32")


def in_words(seconds: float) -> str:
    """12 us, 3.4 ms, 1.2 s."""
    unit, scale = ("us", 1e6) if seconds < 1e-3 else ("ms", 1e3) if seconds < 1.0 else ("s", 1.0)
    return f"{seconds * scale:.3g} {unit}"
