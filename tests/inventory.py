"""What a package holds that computes with Tensors, exported or not, and what of it no gradient check has run.

Nothing here knows minigen's own tables: `unchecked(package, checked)` is a function of a package and of what the checks have run,
so that it can itself be tested, on packages that hold what it must find.
"""

import ast
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin

from minigen.autograd import OPS, Tensor
from minigen.losses import AdversarialLoss, Penalty
from minigen.nn import Module

# The command line's entry; starters unfinished on purpose, which have tests of their own; what needs an extra.
LEFT_OUT = ("__main__", "coursework", "gallery", "sklearn")
COMPUTING = ("ops", "nn", "losses", "models", "training")  # where functions make graphs
CHECKED_KINDS = (Module, AdversarialLoss, Penalty)  # wherever they are; each is checked as itself, not only method by method
OTHERWISE = ("Array", "Callable", "Iterator", "Mapping", "dict")  # annotations of results that are not Tensors
SPECIAL = re.compile(r"__(?!call__)\w+__$")  # methods that Python calls, such as __init__
LEAVING = ("data", "item", "no_grad", "numpy", "unwrap", "Tensor", "to_numpy")  # names that lead out of the graph


@dataclass(frozen=True)
class Function:
    """A function or method as it is written: where, and which of its inputs may be Tensors."""

    node: ast.FunctionDef
    file: str
    inputs: tuple[str, ...]

    @property
    def place(self) -> tuple[str, int]:
        """File and first line, as a code object has them."""
        return self.file, min([self.node.lineno, *(decorator.lineno for decorator in self.node.decorator_list)])


@dataclass
class Checked:
    """What gradient checks to order 2 have run.

    functions: those that gave back a part of a graph, with their inputs that were parts of it.  constants: with their floating
    inputs that were none.  classes: of the objects whose methods these were.
    """

    functions: dict[str, set[str]] = field(default_factory=dict)
    constants: dict[str, set[str]] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)

    def add(self, other: "Checked") -> None:
        """Take over what another has seen."""
        for mine, theirs in ((self.functions, other.functions), (self.constants, other.constants)):
            for name, inputs in theirs.items():
                mine.setdefault(name, set()).update(inputs)
        self.classes |= other.classes

    def to_json(self) -> str:
        """All of it as text."""
        return json.dumps(vars(self), default=sorted)

    @classmethod
    def from_json(cls, text: str) -> "Checked":
        """What `to_json` has written."""
        seen = json.loads(text)
        functions, constants = ({name: set(inputs) for name, inputs in seen[kind].items()} for kind in ("functions", "constants"))
        return cls(functions, constants, set(seen["classes"]))


# -- what exists ---------------------------------------------------------------------------------------------------


def modules(package: ModuleType) -> list[ModuleType]:
    """The package and everything below it but LEFT_OUT, imported."""
    found = [
        part.name
        for part in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        if part.name.rpartition(".")[2] not in LEFT_OUT
    ]
    for part in found[:]:
        path = getattr(importlib.import_module(part), "__path__", [])
        found += [below.name for below in pkgutil.walk_packages(path, f"{part}.")]
    return [package, *map(importlib.import_module, found)]


def ops(package: ModuleType) -> list[str]:
    """All ops that the package defines, as OPS names them, but for one that only refuses to be differentiated."""
    modules(package)
    return [name for name in OPS if name.startswith(f"{package.__name__}.") and name != "minigen.nn.batching.without_graph"]


def classes(package: ModuleType) -> dict[str, type]:
    """Module and name -> class, of all that the package defines."""
    return {
        f"{module.__name__}.{value.__qualname__}": value
        for module in modules(package)
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }


def functions(package: ModuleType) -> dict[str, Function]:
    """Module and name -> function or method, private ones too, of all in COMPUTING that may give back a Tensor.

    Not the forward functions of ops, which work on arrays, and not what is left to subclasses.
    """
    return {
        f"{module.__name__}.{name}": Function(node, module.__file__, inputs(node, module))
        for module in modules(package)
        if {*module.__name__.split(".")[1:2]} & {*COMPUTING}
        for name, node in written(module)
        if not SPECIAL.search(name) and not is_op(node, module) and not abstract(node) and may_be_a_tensor(node.returns, module)
    }


def written(module: ModuleType) -> Iterator[tuple[str, ast.FunctionDef]]:
    """(qualified name, definition) of each function of a module and of each method of its classes."""

    def visit(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
        for node in body:
            if isinstance(node, ast.FunctionDef):
                yield prefix + node.name, node
            elif isinstance(node, ast.ClassDef):
                yield from visit(node.body, f"{prefix}{node.name}.")
            else:  # under an `if`, a `try` or a `with`
                yield from visit([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)], prefix)

    yield from visit(ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body, "")


def is_op(node: ast.FunctionDef, module: ModuleType) -> bool:
    """Whether a function is the forward function of an op."""
    return f"{module.__name__}.{node.name}" in OPS


def is_rule(node: ast.FunctionDef) -> bool:
    """Whether a function is a rule of an op."""
    return any(
        isinstance(each, ast.Attribute) and each.attr == "vjp"
        for decorator in node.decorator_list
        for each in ast.walk(decorator)
    )


def abstract(node: ast.FunctionDef) -> bool:
    """Whether a function has nothing but a docstring, a refusal or None."""
    return all(
        isinstance(each, (ast.Raise, ast.Pass))
        or isinstance(each, ast.Expr)
        and isinstance(each.value, ast.Constant)
        or isinstance(each, ast.Return)
        and (each.value is None or ast.unparse(each.value) == "None")
        for each in node.body
    )


def inputs(node: ast.FunctionDef, module: ModuleType) -> tuple[str, ...]:
    """The parameters that may be Tensors."""
    arguments = node.args
    parameters = [*arguments.posonlyargs, *arguments.args, *filter(None, [arguments.vararg]), *arguments.kwonlyargs]
    return tuple(each.arg for each in parameters if each.arg not in ("self", "cls") and may_be_a_tensor(each.annotation, module))


def may_be_a_tensor(annotation: ast.expr | None, module: ModuleType) -> bool:
    """Whether an annotation leaves room for a Tensor; none at all does."""
    if annotation is None:
        return True
    if isinstance(annotation, ast.Constant):  # None, the dots of tuple[int, ...], or an annotation in quotes
        return isinstance(annotation.value, str) and may_be_a_tensor(ast.parse(annotation.value, mode="eval").body, module)
    if isinstance(annotation, (ast.Name, ast.Attribute)):
        try:
            return ast.unparse(annotation) not in OTHERWISE and means_a_tensor(eval(ast.unparse(annotation), vars(module)))
        except (NameError, AttributeError):  # imported for type checkers only
            return False
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) in OTHERWISE:
        return False
    return any(may_be_a_tensor(child, module) for child in ast.iter_child_nodes(annotation) if isinstance(child, ast.expr))


def means_a_tensor(kind: Any) -> bool:
    """Whether a type is Any, a Tensor, or made of such."""
    return kind in (Any, Tensor) or get_origin(kind) is not dict and any(map(means_a_tensor, get_args(kind)))


# -- what is missing -----------------------------------------------------------------------------------------------


def unchecked(package: ModuleType, checked: Checked, declared: Container[str] = ()) -> dict[str, str]:
    """Name -> what no gradient check to order 2 has done with it, of all that the package defines and `declared` does not except.

    A function must have given back a part of a graph, and each of its inputs that was ever a floating array have been a part of
    one: "name(input)" if not. Of a rule, the samples of its op decide that. A class must have been run as itself, a base through
    one of its subclasses.
    """
    missing = {}
    for name, function in functions(package).items():
        if name not in checked.functions:
            missing[name] = "no gradient check to order 2 runs it, or it gives back no part of the graph"
        elif not is_rule(function.node):
            constant = checked.constants.get(name, set()).intersection(function.inputs) - checked.functions[name]
            missing |= {f"{name}({each})": "a constant in every gradient check to order 2" for each in constant}
    known = {name: kind for name, kind in classes(package).items() if issubclass(kind, CHECKED_KINDS)}
    for name, kind in known.items():
        if not checked.classes.intersection(below for below, other in known.items() if issubclass(other, kind)):
            missing[name] = "no gradient check to order 2 runs one"
    return {name: reason for name, reason in missing.items() if name not in declared}


def leaving(package: ModuleType) -> dict[str, list[str]]:
    """Name -> expressions that lead out of the graph, of all functions that may give back a Tensor."""
    return {name: found for name, function in functions(package).items() if (found := exits(function.node))}


def exits(node: ast.FunctionDef) -> list[str]:
    """The expressions in a function that turn Tensors into constants."""
    attributes = [each for each in ast.walk(node) if isinstance(each, ast.Attribute)]
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)]
    return [ast.unparse(each) for each in attributes if each.attr in LEAVING] + [
        ast.unparse(each) for each in calls if each.func.id in LEAVING
    ]


def unnamed(package: ModuleType, tests: Path) -> list[str]:
    """Public functions and classes of a package that neither the package itself nor a test in a folder uses by name."""
    sources = [*tests.rglob("test_*.py"), *(Path(module.__file__) for module in modules(package))]
    trees = [node for source in sources for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))]
    used = {node.id for node in trees if isinstance(node, ast.Name)} | {
        node.attr for node in trees if isinstance(node, ast.Attribute)
    }
    return [
        f"{module.__name__}.{name}"
        for module in modules(package)
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
        and not name.startswith("_")
        and name not in used
    ]
