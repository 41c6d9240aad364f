"""Is it ready for a GPU? The call on the strict backend, which needs no GPU and refuses what one would refuse."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import minigen
from minigen.backend import strict
from minigen.coursework.calls import derivatives
from minigen.coursework.discover import Subject
from minigen.coursework.learner import LIBRARY, frames, theirs
from minigen.coursework.report import Line

REMEDIES = {
    "mixes arrays": "make arrays where x is: array_module(x).zeros(...), zeros_like(x); from minigen.backend import array_module",
    "no implicit conversion": "a NumPy function was given a device array: use array_module(x) in place of np, or minigen's op",
    "cupy has no function": "compose it of functions that CuPy has as well",
    "float64 result": "use Python numbers for constants, and dtype=x.dtype where arrays are made",
    "out of range": "a GPU does not check indices: keep them in range",
}

ENGINE = {LIBRARY / "backend", LIBRARY / "autograd", LIBRARY / "coursework"}  # through which a call comes to the device


class Watched(strict.Counters):
    """Counters that also remember which lines of the learner's file wait for the device, or copy an array to it."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = path
        self.waits: set[str] = set()
        self.copies: set[str] = set()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("synchronizations", "uploads") and value:
            stack = traceback.extract_stack()
            outside = [frame for frame in stack if not set(Path(frame.filename).parents) & ENGINE][-1]
            noise = any(Path(frame.filename) == LIBRARY / "backend" / "random.py" for frame in stack)  # a GPU draws its own
            if theirs(outside.filename, self.path) and not noise:  # where a function of the library waits, it is not their fault
                (self.waits if name == "synchronizations" else self.copies).add(f"line {outside.lineno}: {outside.line}")
        super().__setattr__(name, value)


@contextmanager
def watching(path: Path) -> Iterator[Watched]:
    """Count inside the block."""
    with strict.count():
        strict.counters = Watched(path)
        yield strict.counters


def gpu_ready(subject: Subject, twin: Callable[[str], Subject], path: Path, order: int) -> Line:
    """A remark: yes, or no and why. `twin`: imports the file on the strict device and finds the same call there. `order`: of the
    derivatives, as far as they are right."""
    expected = derivatives(subject, order)
    try:
        other = twin("strict")
        with watching(path) as counted:
            found = derivatives(other, order)
        return compared(expected, found, counted, order)
    except Exception as error:
        at = frames(error, path)
        where = [f"line {at[-1].lineno}: {at[-1].line}"] if at else []
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        advice = [remedy for sign, remedy in REMEDIES.items() if sign in str(error)]
        return Line("GPU-ready", None, f"no: {reason}", where + advice)
    finally:
        minigen.use("numpy")


def compared(expected: tuple, found: tuple, counted: Watched, order: int) -> Line:
    """Same numbers, and no waiting?"""
    (y, first, second), (y_, first_, second_) = expected, found
    for what, a, b in (("result", [y], [y_]), ("gradient", first, first_), ("second derivative", second, second_)):
        if not all(np.allclose(p.numpy(), q.numpy(), rtol=1e-3, atol=1e-5, equal_nan=True) for p, q in zip(a, b)):
            return Line("GPU-ready", None, f"no: the {what} has other values there",
                        ["memory that was not filled (empty), or random numbers that differ?"])
    if counted.waits:
        return Line("GPU-ready", None, "no: it works, but the processor waits for the GPU", [
            *sorted(counted.waits), "float(x), int(x), `if x > 0` and x.numpy() bring numbers home; use where and tensors"])
    through = ("forward", "forward and backward", "forward, backward and second derivative")[order]
    copies = [*sorted(counted.copies), "copies an array to the GPU in every call: make it once"] if counted.copies else []
    kernels = f"{counted.launches} kernel{'s' * (counted.launches != 1)}"
    return Line("GPU-ready", None, f"yes ({through}: {kernels}, no waiting)", copies)
