"""GPU-readiness: the call on the strict backend against the same on NumPy; and timing."""

from contextlib import suppress

import numpy as np

from minigen.coursework.grading.calls import Array, Call
from minigen.coursework.grading.report import Remark
from minigen.coursework.grading.session import LearnerError

LARGE = (64, 100)  # of the op that is timed
REMEDIES = {
    "mixes arrays": "make arrays where x is: array_module(x).zeros(...), zeros_like(x); from minigen.backend import array_module",
    "no implicit conversion": "a NumPy function was given a device array: use array_module(x) in place of np, or minigen's op",
    "cupy has no function": "compose it of functions that CuPy has as well",
    "float64 result": "use Python numbers for constants, and dtype=x.dtype where arrays are made",
    "out of range": "a GPU does not check indices: keep them in range",
}


def derivatives(call: Call, order: int, watched: bool = False) -> dict:
    """Result, gradients, and gradients of a sum of these, up to `order`, in float32."""
    arrays, rng = call.drawn(np.float32), call.session.random(2)
    wanted = {"by": call.floating(), "by_parameters": True} if order else {}
    if order:
        shapes = [call.value(arrays).shape]
        shapes += [arrays[i].shape for i in call.floating()] + [shape for _, shape in call.parameters] if order == 2 else []
        wanted["cotangents"] = [np.asarray(rng.standard_normal(shape), np.float32) for shape in shapes]
    return call.derive(arrays, watched, **wanted)


def gpu_ready(call: Call, order: int) -> Remark:
    """Yes, or no and why. `order`: of the derivatives, as far as they are right."""
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
            hint = "memory that was not filled (empty), or random numbers that differ?"
            return Remark(f"no: the {what} has other values there", [hint])
    if found["waits"]:
        hint = "float(x), int(x), `if x > 0` and x.numpy() bring values home; use where and tensors"
        return Remark("no: it works, but the processor waits for the GPU", [*found["waits"], hint])
    through = ("forward", "forward and backward", "forward, backward and second derivative")[order]
    copies = [*found["copies"], "copies an array to the GPU in every call: make it once"] if found["copies"] else []
    return Remark(f"yes ({through}: {found['launches']} kernel{'s' * (found['launches'] != 1)}, no waiting)", copies)


def alike(a: Array | None, b: Array | None) -> bool:
    """Whether two results are the same up to rounding."""
    return a is not None and b is not None and a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-5, equal_nan=True)


def time(call: Call) -> Remark:
    """Of the inputs that are checked, or of more where these were guessed."""
    arrays, form = call.drawn(np.float32), {"forward": float, "backward": (float, None)}
    found, options = None, call.chosen(np.float32)
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
