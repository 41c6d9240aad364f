"""Source analysis of a learner's file: what it uses, and where a function leaves the graph."""

import ast
import linecache
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

CUTS = {"numpy", "data", "_data", "detach", "item", "float", "to_numpy", "Tensor", "no_grad", "unwrap"}  # what leaves the graph
OURS = ("minigen.coursework.", "tests.")  # the checks themselves; a submission has no business there


def forbidden_uses(tree: ast.Module, names: list[str]) -> Iterator[str]:
    """What the file does with one of these names of the library, and each import of what checks it, with the line."""
    nodes = list(ast.walk(tree))
    own = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    everything = any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and f"{node.module}.".startswith("minigen.")
        for node in nodes
    )
    for node in nodes:
        found: list[str] = []
        if isinstance(node, ast.Attribute):
            found = [node.attr]
        elif isinstance(node, ast.Name) and everything and node.id not in own:
            found = [node.id]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            found = [part.value for part in node.args if isinstance(part, ast.Constant)]
        elif isinstance(node, ast.ImportFrom):
            found = [alias.name for alias in node.names]
        yield from (f"line {node.lineno} uses the library's {name}" for name in found if name in names)
        modules = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
        )
        yield from (
            f"line {node.lineno} imports {module}"
            for module in modules
            if f"{module}.".startswith(OURS) and module != "minigen.coursework"
        )


def line_of(function: Any) -> int:
    """The line on which a function or a class begins; 0 if unknown."""
    if isinstance(function, FunctionType):
        return function.__code__.co_firstlineno
    return next((line_of(value) for value in vars(function).values() if isinstance(value, FunctionType)), 0)


def body_of(function: FunctionType) -> ast.AST:
    """The syntax tree of a function of the file, with the file's line numbers."""
    lines = linecache.getlines(function.__code__.co_filename)
    first = function.__code__.co_firstlineno
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            if start == first and getattr(node, "name", "<lambda>") == function.__name__:
                return node
    return ast.Module(body=[], type_ignores=[])


def calls_of_numpy(function: FunctionType) -> Iterator[tuple[int, str, str]]:
    """(line, source, name) of each call np.name(...) in a function of the file."""
    called = {name for name, value in function.__globals__.items() if value is np}  # usually "np"
    for node in ast.walk(body_of(function)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            root = node.func.value
            if isinstance(root, ast.Name) and root.id in called:
                yield node.lineno, ast.unparse(node), node.func.attr


def cuts(function: FunctionType) -> Iterator[tuple[int, str]]:
    """(line, source) of what takes a value out of the graph in a function of the file: x.numpy(), x.data, float(x) ..."""
    for node in ast.walk(body_of(function)):
        text = ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Call)) else ""
        if isinstance(node, ast.Attribute) and node.attr in CUTS:
            yield node.lineno, text
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CUTS and "len(" not in text:
            yield node.lineno, text


def place(function: FunctionType) -> str:
    """file.py, line 12, softsign_dx."""
    return f"{Path(function.__code__.co_filename).name}, line {function.__code__.co_firstlineno}, {function.__name__}"
