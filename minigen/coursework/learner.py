"""A learner's file: how it is imported, and which part of an error is theirs to see."""

import ast
import importlib.util
import linecache
import random
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

import minigen
from minigen.coursework.examples import EXAMPLES, Example

LIBRARY = Path(minigen.__file__).resolve().parent
STDLIB = Path(sysconfig.get_path("stdlib")).resolve()
CUTS = {"numpy", "data", "_data", "detach", "item", "float", "to_numpy", "Tensor", "no_grad"}  # what leaves the graph
NAME = "learner"  # the file's module name: its own might be that of a library


def load(path: Path, backend: str) -> tuple[ModuleType, list[Example]]:
    """Import the file with this backend in use and all random streams at seed 0; the module and its examples.

    Whatever the file raises comes through. Files beside it can be imported by it, as when Python runs it.
    """
    minigen.use(backend)
    reseed()
    EXAMPLES.clear()
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(NAME, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    minigen.use(backend)  # whatever the file has chosen
    return module, [each for each in EXAMPLES if each.file == module.__file__]  # not those of a file that it imports


def reseed() -> None:
    """Start every stream of random numbers that a file may draw from, so that the next call draws the same."""
    minigen.seed(0)
    np.random.seed(0)
    random.seed(0)


def exercise_of(path: Path) -> int | None:
    """The number N of a line `EXERCISE = N` of the file, which is not run for it; None without one, or if it is no Python."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(name, ast.Name) and name.id == "EXERCISE" for name in node.targets):
            return node.value.value if isinstance(node.value, ast.Constant) and type(node.value.value) is int else None
    return None


def theirs(filename: str, path: Path) -> bool:
    """Whether a file of a traceback is the learner's: the one that is checked, or one of their own beside it."""
    file = Path(filename)
    if not file.is_absolute():  # <frozen importlib> and the like
        return False
    file = file.resolve()
    foreign = {LIBRARY, STDLIB} & set(file.parents) or "site-packages" in file.parts
    return file == path or (path.parent in file.parents and not foreign)


def frames(error: BaseException, path: Path) -> list[traceback.FrameSummary]:
    """The learner's frames of an error and of what caused it, the innermost last."""
    found: list[traceback.FrameSummary] = []
    while error is not None:
        found += [frame for frame in traceback.extract_tb(error.__traceback__)
                  if theirs(frame.filename, path) and frame not in found]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def traceback_of(error: BaseException, path: Path) -> str:
    """The error as Python would print it, without the frames that are not the learner's."""
    shown = frames(error, path)
    head = ["Traceback (most recent call last):\n", *traceback.format_list(shown)] if shown else []
    return "".join([*head, *traceback.format_exception_only(error)]).rstrip()


def unwritten(error: BaseException, path: Path) -> str:
    """What to say of a place that the learner has yet to fill in; empty for any other error."""
    shown = frames(error, path)
    if isinstance(error, NotImplementedError) and shown and "NotImplementedError" in (shown[-1].line or ""):
        return f"still to be written: {path.name}, line {shown[-1].lineno}, {shown[-1].name}"
    return ""


def line_of(function: Any) -> int:
    """The line on which a function or a class begins; 0 if it cannot be said."""
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


def numpy_names(function: FunctionType) -> set[str]:
    """What the function's file calls NumPy: usually {"np"}."""
    return {name for name, value in function.__globals__.items() if value is np}


def calls_of_numpy(function: FunctionType) -> Iterator[tuple[int, str, str]]:
    """(line, source, name) of each call np.name(...) in a function of the file."""
    for node in ast.walk(body_of(function)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            root = node.func.value
            if isinstance(root, ast.Name) and root.id in numpy_names(function):
                yield node.lineno, ast.unparse(node), node.func.attr


def cuts(function: FunctionType) -> Iterator[tuple[int, str]]:
    """(line, source) of what takes a value out of the graph in a function of the file: x.numpy(), x.data, float(x) ..."""
    for node in ast.walk(body_of(function)):
        text = ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Call)) else ""
        if isinstance(node, ast.Attribute) and node.attr in CUTS:
            yield node.lineno, text
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CUTS and "len(" not in text:
            yield node.lineno, text
