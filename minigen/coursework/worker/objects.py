"""Values on their way to and from the grader: plain ones are copied, other objects stay here and are known by a number."""

from types import ModuleType
from typing import Any

import numpy as np

from minigen.autograd import Tensor
from minigen.backend import is_array, to_numpy
from minigen.coursework.protocol import plain
from minigen.nn import Module

DEPTH, LENGTH = 6, 10_000  # of lists and dicts that are copied


class Objects:
    """The objects that have stayed here."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.file: ModuleType | None = None

    def encoded(self, value: Any, depth: int = DEPTH) -> Any:
        """A result, for a message: tensors and arrays as numbers, anything neither plain nor small as {"object": number}."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, np.generic):
            value = np.asarray(value)
        if isinstance(value, Tensor) or is_array(value):
            host = np.asarray(to_numpy(value))
            if plain(host):
                return host
        elif depth and type(value) in (list, tuple) and len(value) <= LENGTH:
            return {type(value).__name__: [self.encoded(part, depth - 1) for part in value]}
        elif depth and type(value) is dict and len(value) <= LENGTH and all(type(name) is str for name in value):
            return {"dict": [[name, self.encoded(part, depth - 1)] for name, part in value.items()]}
        return self.keep(value)

    def keep(self, value: Any) -> dict[str, int]:
        """A reference to an object."""
        self.kept.append(value)
        return {"object": len(self.kept) - 1}

    def decoded(self, value: Any) -> Any:
        """What the grader means: {"leaf": array} is a Tensor that requires a gradient, {"fixed": array} one that does not."""
        if isinstance(value, np.ndarray):
            return np.array(value)
        if isinstance(value, list):
            return [self.decoded(part) for part in value]
        if not isinstance(value, dict):
            return value
        for kind in ("leaf", "fixed"):
            if kind in value:
                return Tensor(np.array(value[kind]), requires_grad=kind == "leaf")
        if "tuple" in value:
            return tuple(self.decoded(part) for part in value["tuple"])
        return self.found(value)

    def found(self, reference: dict[str, Any]) -> Any:
        """What is meant: {"object": number} or else the file, the attributes on its "path", and of a module a "parameter"."""
        found = self.kept[reference["object"]] if "object" in reference else self.file
        for name in reference["path"]:
            found = getattr(found, name)
        return found.named_parameters()[reference["parameter"]] if "parameter" in reference else found


def described(value: Any) -> dict[str, Any]:
    """What the grader may ask of an object: whether it is a module, and its parameters."""
    module = isinstance(value, Module)
    named = value.named_parameters() if module else {}
    return {"module": module, "parameters": {name: list(x.shape) for name, x in named.items()}}


def assign(module: Module, values: dict[str, np.ndarray]) -> None:
    """Set parameters to these values, each in its own dtype."""
    named = module.named_parameters()
    for name, value in values.items():
        named[name].assign(np.asarray(value, dtype=named[name].dtype))
