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
    """Counters that also remember in which lines of the learner's file the device was waited for."""

    def __init__(self, path: Path):
        super().__init__()
        self.waits: list[str] = []
        self.path = path

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "synchronizations" and value:
            outside = [frame for frame in traceback.extract_stack() if not set(Path(frame.filename).parents) & ENGINE]
            if theirs(outside[-1].filename, self.path):  # where a function of the library waits, it is not the learner's fault
                self.waits.append(f"line {outside[-1].lineno}: {outside[-1].line}")
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
    waits = sorted(set(counted.waits))
    if waits:
        return Line("GPU-ready", None, "no: it works, but the processor waits for the GPU", [
            *waits, "float(x), int(x), if x > 0: and x.numpy() bring a number home; use where, masks and tensors"])
    through = ("forward", "forward and backward", "forward, backward and second derivative")[order]
    return Line("GPU-ready", None, f"yes ({through}: {counted.launches} kernels, no waiting)")
