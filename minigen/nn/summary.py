"""The table of a network's layers, with their output shapes and parameters."""

from collections.abc import Callable, Iterator
from typing import Any

from minigen.utils.tables import table

Shape = tuple[int, ...]  # of one example
Module = Any  # nn.Module, whose method summary() is made of this file


def summary(module: Module, input_shape: Shape) -> str:
    """The table as text: a row for each layer, in order of application if that is known, for one example's input shape."""
    rows = [("layer", "output shape", "parameters"), ("input", str(input_shape), "")]
    counted: set[int] = set()
    add_rows(rows, module, "", input_shape, counted)
    others = module.parameter_count() - sum(parameter.size for parameter in module.parameters() if id(parameter) in counted)
    if others:
        rows.append(("parameters outside the layers", "", f"{others:,}"))
    rows.append(("total", "", f"{module.parameter_count():,}"))
    return table(rows, "<<>", gap=3, rules=(1, len(rows) - 1))


def add_rows(rows: list[tuple[str, str, str]], module: Module, path: str, shape: Shape, counted: set[int]) -> Shape:
    """Append the rows of a module, or of its `summary_children`; returns its output shape."""
    parts = module.summary_children()
    if parts is not None:
        for name, child in parts:
            shape = add_rows(rows, child, f"{path}{name}.", shape, counted)
    elif not module.knows_output_shape() and any(module.children()):
        layers: dict[int, tuple[str, Module]] = {}
        for name, layer in layers_below(module, path):
            layers.setdefault(id(layer), (name, layer))
        shapes, shape = trace(module, shape, [layer for _, layer in layers.values()])
        for name, child in layers.values():
            rows.append(row(name, child, shapes.get(id(child), "not reached"), counted))
    else:
        shape = module.output_shape(shape)
        rows.append(row(path.rstrip("."), module, shape, counted))
    return shape


def layers_below(module: Module, path: str) -> Iterator[tuple[str, Module]]:
    """(path, module) of the modules below that know their own output shape, or have no modules below themselves."""
    for name, child in module.children():
        known = child.knows_output_shape() and child.summary_children() is None
        if known or not any(child.children()):
            yield path + name, child
        else:
            yield from layers_below(child, f"{path}{name}.")


def trace(module: Module, shape: Shape, layers: list[Module]) -> tuple[dict[int, Any], Shape]:
    """Output shapes of the layers (by id) and of the module, recorded in a forward pass of one example of zeros."""
    shapes: dict[int, Any] = {}

    def watched(layer: Module, forward: Callable) -> Callable:
        def seen(*inputs: Any, **options: Any) -> Any:
            y = forward(*inputs, **options)
            shapes[id(layer)] = tuple(getattr(y, "shape", ("?", "?"))[1:])
            return y

        return seen

    for layer in layers:
        layer.__dict__["forward"] = watched(layer, layer.forward)
    try:
        return shapes, module.traced_output_shape(shape)
    finally:
        for layer in layers:
            del layer.__dict__["forward"]


def row(name: str, module: Module, shape: Any, counted: set[int]) -> tuple[str, str, str]:
    """One line of the table; a shared parameter counts at its first occurrence."""
    new = [parameter for parameter in module.parameters() if id(parameter) not in counted]
    counted.update(map(id, new))
    return f"{name} {module!r}".strip(), str(shape), f"{sum(parameter.size for parameter in new):,}"
