"""Sequences of layers, and layers that only change the shape."""

import math
from collections.abc import Iterator
from typing import Any

from minigen import ops
from minigen.autograd import TensorLike
from minigen.errors import ShapeError
from minigen.nn.module import Module
from minigen.utils.checks import check_shape


class Sequential(Module):
    """Modules in sequence: Sequential(a, b)(x) = b(a(x)). Members by position: net[0], len(net), for layer in net."""

    def __init__(self, *layers: Module):
        for layer in layers:
            check_module(layer)
        self.layers = list(layers)

    def arguments(self) -> tuple[tuple[Module, ...], dict[str, Any]]:
        """The layers as they are now."""
        return tuple(self.layers), {}

    def forward(self, x: TensorLike) -> TensorLike:
        for layer in self.layers:
            x = layer(x)
        return x

    def members(self) -> Iterator[tuple[str, Any]]:
        """Layers are named by their positions."""
        return ((name.removeprefix("layers."), value) for name, value in super().members())

    def summary_children(self) -> Iterator[tuple[str, Module]]:
        """The layers."""
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        for layer in self.layers:
            input_shape = layer.output_shape(input_shape)
        return tuple(input_shape)

    def __getitem__(self, i: int) -> Module:
        return self.layers[i]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)

    def describe(self) -> str:
        return ", ".join(map(repr, self.layers))


class Flatten(Module):
    """(n, h, w, c) -> (n, h * w * c): each example as one row."""

    def forward(self, x: TensorLike) -> TensorLike:
        return ops.flatten(x, 1)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (math.prod(input_shape),)


class Reshape(Module):
    """(n, ...) -> (n, *shape), e.g. Reshape((28, 28, 1))."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = check_shape("Reshape", shape)

    def forward(self, x: TensorLike) -> TensorLike:
        self.output_shape(x.shape[1:])
        return ops.reshape(x, shape=(x.shape[0], *self.shape))

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        if math.prod(input_shape) != math.prod(self.shape):
            raise ShapeError(
                f"{self!r} expects {math.prod(self.shape)} values per example, got {math.prod(input_shape)}: {input_shape}"
            )
        return self.shape

    def describe(self) -> str:
        return str(self.shape)


def check_module(layer: Any) -> None:
    """Raise TypeError for what is not a Module, with what to write instead."""
    if not isinstance(layer, Module):
        several = isinstance(layer, (list, tuple))
        hint = "Sequential(*layers)" if several else "nn.ReLU(), with brackets, or a Module of yours"
        raise TypeError(f"Sequential takes modules one by one, got {layer!r}: write {hint}")
