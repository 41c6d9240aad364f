"""Calls of a CheckTarget: arrays in, values and derivatives out, time taken."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigen.autograd import Tensor, grad
from minigen.backend import asarray, to_numpy
from minigen.coursework.worker.targets import CheckTarget
from minigen.nn import Buffer, Module
from minigen.nn.gradient_check import swapped

BUDGET = 0.03  # seconds for each figure of the time line


class Parts(Module):
    """The modules of a call as one, so that their parameters have one list."""

    def __init__(self, parts: list[Module]):
        self.parts = parts


@contextmanager
def eval_mode(parts: list[Module]) -> Iterator[None]:
    """Inside the block all these modules are in evaluation mode."""
    with Parts(parts).eval_mode():
        yield


def tensor(x: np.ndarray, requires_grad: bool = False) -> Any:
    """A floating host array as a Tensor, whole numbers as an array where new arrays are made."""
    return Tensor(x, requires_grad=requires_grad) if x.dtype.kind == "f" else asarray(x)


@dataclass
class Wanted:
    """What is asked about a call.

    by: the arrays with respect to which it is differentiated; `by_parameters`: also the parameters of its parts, which
    `parameters` may replace. cotangents: none for the result only; one, dL/dy, for the gradients; and one more for each gradient,
    for the derivatives of their sum (`by_cotangent`: by the first cotangent as well).
    """

    arrays: list[np.ndarray]
    options: dict[str, np.ndarray] = field(default_factory=dict)
    variant: int = 0
    by: list[int] = field(default_factory=list)
    by_parameters: bool = False
    parameters: list[np.ndarray] | None = None
    cotangents: list[np.ndarray] = field(default_factory=list)
    by_cotangent: bool = False
    frozen: bool = False  # the arrays cannot be written to
    strided: bool = False  # the arrays are not contiguous
    eval_mode: bool = False  # in evaluation mode
    afterward: bool = False  # tell what became of the arrays, the cotangent and the result


NOTHING = {"y": None, "tuple": None, "first": [], "second": [], "arrays": [], "cotangent": None, "y afterward": None}


def derive(target: CheckTarget, wanted: Wanted) -> dict[str, Any]:
    """The result ("type", and "y" if it is a Tensor), "first" and "second" derivatives, and what became of the arguments."""
    arrays = [laid_out(x, wanted) for x in wanted.arrays]
    xs = [tensor(x, requires_grad=i in wanted.by) for i, x in enumerate(arrays)]
    parts = Parts(target.parts)
    own = list(target.parameters().values())
    parameters, block = own, nullcontext()
    if wanted.parameters is not None:
        parameters = [Tensor(x, requires_grad=True) for x in wanted.parameters]
        block = swapped(parts, dict(zip(map(id, own), parameters)))
    with block, eval_mode(target.parts) if wanted.eval_mode else nullcontext():
        y = target(xs, wanted.options, wanted.variant)
    if not isinstance(y, Tensor):
        kind = "an array" if isinstance(y, np.ndarray) else type(y).__name__
        return NOTHING | {"type": kind, "tuple": isinstance(y, tuple)}
    found = NOTHING | {"type": "Tensor", "y": np.array(y.numpy())}
    leaves = [xs[i] for i in wanted.by] + (parameters if wanted.by_parameters else [])
    cotangents = [np.array(u) for u in wanted.cotangents]
    if cotangents:  # otherwise only the result is requested
        found["first"], found["second"] = derivatives(y, leaves, cotangents, wanted.by_cotangent)
    if wanted.afterward:
        found |= {"arrays": arrays, "cotangent": cotangents[0] if cotangents else None, "y afterward": np.array(y.numpy())}
    return found


def laid_out(x: np.ndarray, wanted: Wanted) -> np.ndarray:
    """A copy of an array, with the requested memory layout."""
    x = np.repeat(x, 2, axis=-1)[..., ::2] if wanted.strided and x.ndim else np.array(x)
    x.flags.writeable = not wanted.frozen
    return x


def derivatives(y: Tensor, leaves: list[Tensor], cotangents: list[np.ndarray], by_cotangent: bool) -> tuple[list, list]:
    """vjp(u) for each leaf; and, given a cotangent for each of these, the derivatives of their sum. Zeros if there are none."""
    if not (leaves and y.requires_grad):
        zeros = [np.zeros(x.shape, x.dtype) for x in leaves]
        return zeros, [*zeros, np.zeros(y.shape, y.dtype)][: len(zeros) + by_cotangent] if len(cotangents) > 1 else []
    u, *others = map(asarray, cotangents)
    if not others:
        return [np.array(to_numpy(g)) for g in grad(y, leaves, u, allow_unused=True)], []
    u = Tensor(u, requires_grad=by_cotangent)
    first = grad(y, leaves, u, create_graph=True, allow_unused=True)
    along = sum((g * w).sum() for g, w in zip(first, others))
    wanted = leaves + [u] * by_cotangent
    second = grad(along, wanted, allow_unused=True) if along.requires_grad else [x * 0.0 for x in wanted]
    return [g.numpy() for g in first], [g.numpy() for g in second]


def fastest(call: Callable) -> float:
    """Seconds of the fastest of several calls."""
    best, end = np.inf, time.perf_counter() + BUDGET
    while time.perf_counter() < end or not np.isfinite(best):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


class Doubled:
    """The parts of a call in float64, with the same buffers (running statistics) at the beginning of each call, until `end`."""

    def __init__(self, target: CheckTarget):
        self.parts = Parts(target.parts)
        self.before = self.parts.state_dict()
        self.parts.astype("float64")
        self.buffers = [(x, np.array(to_numpy(x.data))) for x in self.parts.named_state().values() if isinstance(x, Buffer)]

    def begin(self) -> None:
        for buffer, value in self.buffers:
            buffer.assign(asarray(value))

    def end(self) -> None:
        self.parts.astype("float32")
        self.parts.load_state_dict(self.before)
