"""Proxies for what a submission defines: calling one returns arrays, numbers, or further proxies.

file.bump(np.zeros(3))                                   the worker calls it; an array
gradients(file.bump, [AsTensor(x)], by=[0], cotangent=u) the gradients by its inputs
layer = file.WeightNormDense(4, 3)                       an object that stays in the worker
gradients(layer, [AsTensor(x)], by=[layer.bias])         the gradients by one of its parameters
layer.state_dict()["bias"]                               its values
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigen.coursework.examples import Sample, shape_of
from minigen.coursework.grading.report import CheckFailed, expect
from minigen.coursework.grading.session import Session

Array = np.ndarray
VALUE = (Array, dict, str, int, float, bool, None)
ALL_ELEMENTS = ".mean(axis=0) and .sum(axis=0) leave the other axes: without axis they are over all elements"


class CheckerMistake(Exception):
    """A checker asks for something that no submission was told to have."""


@dataclass(frozen=True)
class AsTensor:
    """An array that the worker turns into a Tensor, which requires a gradient where one is asked for."""

    array: Array


@dataclass(frozen=True)
class Network:
    """A network of worker/objects.py."""

    name: str
    settings: tuple = ()


class Remote:
    """A name of the submission, or an object in its worker; attributes and results are found there when they are used. By
    default the submission itself. `names`: what it was told to define, and so all that may be asked of it."""

    def __init__(self, session: Session, target: dict[str, Any] | None = None, names: Sequence[str] | None = None):
        self._session, self._target, self._names = session, target or {"path": []}, names

    def __getattr__(self, name: str) -> "Remote":
        if name.startswith("_"):
            raise AttributeError(name)
        if self._names is not None and name not in self._names:
            raise CheckerMistake(f"file.{name} is not among the names that a file must define: {', '.join(self._names)}")
        return Remote(self._session, self._target | {"path": [*self._target["path"], name]})

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """What the call returns."""
        return called(self, inputs, **options)["value"]


def called(
    target: Remote, inputs: Sequence[Any], by: Sequence[Any] | None = None, cotangent: Array | None = None, **options: Any
) -> dict[str, Any]:
    """Of target(*inputs, **options) the "value", the "inputs" as they are afterward, and the "gradients": of the value, or of
    <cotangent, value>, by inputs (their positions) or parameters."""
    session = target._session
    for x in by or ():
        if isinstance(x, int) and not isinstance(inputs[x], AsTensor):
            raise CheckerMistake(f"by={x} differentiates by an input that is no Tensor: write AsTensor(x) for input {x}")
    found = session.ask(
        "call",
        {"value": VALUE, "inputs": VALUE, "gradients": [Array]},
        target=target._target,
        inputs=[encoded(x) for x in inputs],
        options={name: encoded(x) for name, x in options.items()},
        by=[x if isinstance(x, int) else x._target for x in by or ()],
        cotangent=cotangent,
    )
    if len(found["gradients"]) != len(by or ()):
        raise session.nonsense("call")
    return found | {name: decoded(session, found[name]) for name in ("value", "inputs")}


def gradients(target: Remote, inputs: Sequence[Any], by: Sequence[Any], **options: Any) -> list[Array]:
    """Only the gradients of a call."""
    return called(target, inputs, by, **options)["gradients"]


def network(file: Remote, name: str, *settings: Any) -> Remote:
    """A network that stays in the worker, to be given to the submission's functions."""
    return decoded(file._session, file._session.ask("keep", dict, value=encoded(Network(name, settings))))


def fetched(target: Remote) -> Any:
    """What an attribute is."""
    return decoded(target._session, target._session.ask("get", VALUE, target=target._target))


def parameters_of(module: Any, what: str) -> dict[str, tuple[int, ...]]:
    """Name -> shape, of all parameters. Raises CheckFailed for what is not a module."""
    found: dict[str, Any] = {"module": False}
    if isinstance(module, Remote):
        found = module._session.ask("describe", {"module": bool, "parameters": {str: [int]}}, target=module._target)
    expect(found["module"], f"{what} is not an nn.Module")
    return {name: shape_of(shape) for name, shape in found["parameters"].items()}


def arrays_of(module: Remote) -> dict[str, str]:
    """Name -> type, of the attributes of a module that are arrays or Tensors, and so no parameters."""
    return module._session.ask("describe", {"arrays": {str: str}}, target=module._target)["arrays"]


def assign(module: Remote, values: dict[str, Array]) -> None:
    """Set parameters to these values, each in its own dtype."""
    module._session.ask("assign", None, target=module._target, values=values)


def fit(model: Remote, images: Array, epochs: int, lr: float) -> None:
    """Train a learner's model on its own loss: Adam, batches of 60, in the same order in each epoch."""
    model._session.ask("fit", None, target=model._target, images=images, epochs=epochs, lr=lr)


def loss_of(model: Remote, images: Array) -> tuple[float, dict[str, float]]:
    """The total and the terms of a model's loss. Raises CheckFailed where it returns something else."""
    found = model.loss(images)
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict)):
        raise CheckFailed("loss must return the total and a dict of its terms", 'return total, {"error": error}')
    return number("the total", found[0]), {name: number(f"the term {name}", term) for name, term in found[1].items()}


def numbers(what: str, x: Any) -> Array:
    """A result as an array. Raises CheckFailed for one that is not."""
    x = np.asarray(x) if type(x) in (bool, int, float) else x
    if not isinstance(x, np.ndarray):
        kind = "another object" if isinstance(x, Remote) else "nothing" if x is None else type(x).__name__
        raise CheckFailed(f"{what}: expected numbers, got {kind}", "there is no return" if x is None else "")
    return x


def number(what: str, x: Any) -> float:
    """A result as one number. Raises CheckFailed for one that is not."""
    x = numbers(what, x)
    expect(x.size == 1, f"{what}: expected one number, got shape {x.shape}", ALL_ELEMENTS)
    return float(x.item()) if x.dtype.kind in "fiub" else math.nan


def encoded(value: Any) -> Any:
    """An argument, for a message: what Objects.decoded of the worker reads."""
    if isinstance(value, AsTensor):
        return {"tensor": value.array}
    if isinstance(value, (Network, Sample)):
        return {type(value).__name__.lower(): vars(value)}
    if isinstance(value, Remote):
        return value._target
    if isinstance(value, tuple):
        return {"tuple": [encoded(part) for part in value]}
    return value


def decoded(session: Session, value: Any) -> Any:
    """A result, from a message: what Objects.encoded of the worker writes. Raises Stopped for what no worker sends."""
    if type(value) not in (dict, list):
        return value
    try:
        if isinstance(value, dict) and value.keys() == {"object"} and type(value["object"]) is int:
            return Remote(session, {"object": value["object"], "path": []})
        ((kind, parts),) = value.items()
        if kind == "dict":
            return {str(name): decoded(session, part) for name, part in parts}
        return {"list": list, "tuple": tuple}[kind](decoded(session, part) for part in parts)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise session.nonsense("call") from None
