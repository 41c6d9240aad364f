"""Values on their way to and from the grader: plain ones are copied, other objects stay here and are known by a number."""

from typing import Any

import numpy as np

from minigen import nn
from minigen.autograd import Parameter, Tensor
from minigen.backend import is_array, seed, to_numpy
from minigen.coursework.examples import Sample
from minigen.coursework.protocol import plain

DEPTH, LENGTH = 6, 10_000  # of lists and dicts that are copied


class Objects:
    """The objects that have stayed here."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.file: Any = None

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
        """What the grader means: a copy of an array, {"tensor": array} as a Tensor, an object that is kept or described."""
        if isinstance(value, np.ndarray):
            return np.array(value)
        if isinstance(value, list):
            return [self.decoded(part) for part in value]
        if not isinstance(value, dict):
            return value
        if "path" in value:
            return self.found(value)
        ((kind, part),) = value.items()
        if kind == "tensor":
            return Tensor(np.array(part))
        if kind == "network":
            return NETWORKS[part["name"]](*part["settings"])
        return Sample.of(part) if kind == "sample" else tuple(map(self.decoded, part))

    def found(self, reference: dict[str, Any]) -> Any:
        """What is meant: {"object": number} or else the file, and the attributes on its "path"."""
        found = self.kept[reference["object"]] if "object" in reference else self.file
        for name in reference["path"]:
            found = getattr(found, name)
        return found


# -- networks that the grader gives to a submission's functions: small, and with known closed forms ------------------


class Critic(nn.Module):
    """Points (n, 2) -> scores (n, 1)."""

    def __init__(self) -> None:
        seed(3)
        self.hidden, self.out = nn.Dense(2, 5, activation="tanh"), nn.Dense(5, 1)

    def forward(self, x: Any) -> Any:
        return self.out(self.hidden(x))


class Line(nn.Module):
    """score = slope * x, of points on a line (n, 1)."""

    def __init__(self, slope: float):
        self.slope = Parameter(np.array([[slope]]))

    def forward(self, x: Any) -> Any:
        return x @ self.slope


class Square(nn.Module):
    """score = scale * |x|^2, of points (n, d)."""

    def __init__(self, scale: float):
        self.scale = scale

    def forward(self, x: Any) -> Any:
        return self.scale * (x * x).sum(axis=1, keepdims=True)


NETWORKS = {kind.__name__: kind for kind in (Critic, Line, Square)}
