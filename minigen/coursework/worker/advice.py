"""What the text of a learner's file tells before it runs, and what an error in it may mean."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from minigen.coursework.worker.causes import body_of, function_at, is_rule, of_numpy, of_truth
from minigen.coursework.worker.learner import frames, message_of, traceback_of, unwritten

CUTS = {"numpy", "data", "_data", "detach", "item", "float", "to_numpy", "Tensor", "no_grad", "unwrap"}  # what leaves the graph
OURS = ("minigen.coursework.", "tests.")  # the checks themselves; a submission has no business there
MAKERS = ("zeros", "ones", "full", "empty", "array", "arange", "linspace", "eye", "identity")  # of float64 by default
OF_RESULTS = {  # by type
    "": "an op returns one array",
    "NoneType": "there is no return",
    "tuple": "an op has one result: make two ops, or one array of both",
    "int": "a number is not an array: x.sum() may be returned, int(...) and float(...) may not",
    "float": "a number is not an array: x.sum() may be returned, int(...) and float(...) may not",
    "list": "a list is not an array: np.stack makes one of several",
}

OF_MESSAGES = {  # what an error's message says, and what that means
    "'Tensor' object has no attribute 'base'": "the rule was given arrays and made a Tensor of them: operators and minigen's ops "
    "are enough, arrays stay arrays",
    "read-only": "this writes into its input, which belongs to the caller: make a new array, x = x + 1 instead of x += 1",
    "gave u?int|gave bool": "fractions came in and whole numbers out: the result must have the inputs' dtype, so no astype(int)",
    "mixes dtypes(?!.*gave (u?int|bool))|returned float64.*expected float32": "float32 came in and float64 out: a NumPy number "
    "such as np.sqrt(2.0), an array made without dtype=x.dtype, or a comparison times a number makes everything float64; use "
    "Python numbers, math.sqrt(2.0), and minigen.where(condition, a, b)",
    "has no rule for its input": 'every input needs a rule, or must be declared @op(non_differentiable=("name",))',
    r"bitwise_xor|for \^": "in Python ^ is an exclusive or: a power is x ** 2, or x * x",
    r"item\(\) needs a tensor of one element|arrays can be converted to Python scalars": "math's functions, and float(), take a "
    "single number; minigen.log(x) and other ops take a Tensor, and an array",
    "expected a Tensor to differentiate": "the result is not part of a graph: no float(...), .item() or .numpy() on the way",
    "returned NoneType": "the rule has no return",
    "returned (int|float|list|tuple),": "a rule returns one array, of the shape of its input: g times the derivative",
}


# -- the text ----------------------------------------------------------------------------------------------------


def forbidden_uses(tree: ast.Module, names: list[str]) -> Iterator[str]:
    """What the file does with one of these names of the library, and each import of what checks it, with the line."""
    nodes: list[Any] = list(ast.walk(tree))
    own = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    everything = any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and f"{node.module}.".startswith("minigen.")
        for node in nodes
    )
    for node in nodes:
        found: list[Any] = []
        modules: list[str] = []
        if isinstance(node, ast.Attribute):
            found = [node.attr]
        elif isinstance(node, ast.Name) and everything and node.id not in own:
            found = [node.id]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            found = [part.value for part in node.args if isinstance(part, ast.Constant)]
        elif isinstance(node, ast.ImportFrom):
            found, modules = [alias.name for alias in node.names], [node.module or ""]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        yield from (f"line {node.lineno} uses the library's {name}" for name in found if name in names)
        ours = [each for each in modules if f"{each}.".startswith(OURS) and each != "minigen.coursework"]
        yield from (f"line {node.lineno} imports {each}" for each in ours)


def line_of(function: Any) -> int:
    """The line on which a function or a class begins; 0 if unknown."""
    if isinstance(function, FunctionType):
        return inspect.unwrap(function).__code__.co_firstlineno  # of an __init__, which minigen wraps
    return next((line_of(value) for value in vars(function).values() if isinstance(value, FunctionType)), 0)


def place(function: FunctionType) -> str:
    """file.py, line 12, softsign_dx."""
    return f"{Path(function.__code__.co_filename).name}, line {function.__code__.co_firstlineno}, {function.__name__}"


def calls_of_numpy(function: FunctionType) -> Iterator[tuple[int, str, str]]:
    """(line, source, name) of each call np.name(...), or np.linalg.name(...), in a function of the file."""
    called = {name for name, value in function.__globals__.items() if value is np}  # usually "np"
    for node in ast.walk(body_of(function)):
        if not isinstance(node, ast.Call):
            continue
        root, _, name = ast.unparse(node.func).partition(".")
        if root in called and name.replace(".", "").isidentifier():  # not np.where(...).mean()
            yield node.lineno, ast.unparse(node), name


def of_float64(function: FunctionType) -> list[str]:
    """Calls of NumPy in a function that make float64 by themselves: of constants only, or of a shape without a dtype."""
    own = function.__code__.co_varnames
    return [
        f"line {line}: {text} is float64"
        for line, text, name in calls_of_numpy(function)
        if "dtype" not in text and (name in MAKERS or not any(re.search(rf"\b{re.escape(word)}\b", text) for word in own))
    ]


def of_cuts(function: FunctionType) -> Iterator[str]:
    """Where a function, a rule or a forward, takes values out of the graph, which derivatives then miss."""
    file = Path(function.__code__.co_filename).name
    for node in ast.walk(body_of(function)):
        text = ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Call)) else ""
        if (isinstance(node, ast.Attribute) and node.attr in CUTS) or (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CUTS and "len(" not in text
        ):
            yield f"{file}, line {node.lineno}: {text} takes a value out of the graph; use the tensor itself"
    for line, text, name in calls_of_numpy(function):
        yield f"{file}, line {line}: {of_numpy(text, name, is_rule(function))}"
    for name in function.__code__.co_names:
        if holds_array(function.__globals__.get(name)):
            yield (
                f"{place(function)} uses the global {name!r}, an array made earlier: to the rule it is a constant; compute it "
                "again from the inputs or from y"
            )


def holds_array(value: Any) -> bool:
    """Whether a global is an array, or holds arrays, such as a forward's result stored for the rule."""
    if isinstance(value, (dict, list)):
        return any(map(holds_array, value.values() if isinstance(value, dict) else value))
    return isinstance(value, np.ndarray) and value.size > 1


# -- an error ----------------------------------------------------------------------------------------------------


def described(error: BaseException, path: Path, code: FunctionType | None) -> dict[str, Any]:
    """An error in the learner's code, for the grader. `code`: the function that was called."""
    try:
        at = frames(error, path)
        code = function_at(at[-1]) or code if at else code  # rather the function of the innermost frame
        return {
            "type": type(error).__name__,
            "bases": [kind.__name__ for kind in type(error).__mro__],
            "message": message_of(error),
            "unwritten": unwritten(error, path),
            "line": at[-1].lineno if at else None,
            "source": at[-1].line if at else None,
            "traceback": traceback_of(error, path),
            "hints": list(of_error(error, code, at[-1].lineno if at else None)),
        }
    except BaseException:  # an error of a class that raises errors
        unread = {"type": "an error", "message": "it cannot be read", "unwritten": "", "traceback": ""}
        return unread | {"line": None, "source": None, "bases": [], "hints": []}


def of_error(error: BaseException, function: FunctionType | None, line: int | None) -> Iterator[str]:
    """What an error that came out of the learner's code, in this line of a function, may mean."""
    text = message_of(error)
    if re.search("does not support ufuncs|on a Tensor|is not converted to an array", text):
        calls = list(calls_of_numpy(function)) if function else []
        here = [call for call in calls if call[0] == line] or calls
        rule = function is not None and is_rule(function)
        yield from (f"line {at}: {of_numpy(source, name, rule)}" for at, source, name in here)
        if not here:
            yield "a NumPy function was given a Tensor: write minigen's op of that name, or an operator"
            yield "or an op's function made a Tensor: it gets arrays, and returns one"
    if re.search(r"truth value of an array|the truth of \d+ values", text):
        yield of_truth(function, line)
    if "is its result one array?" in text:
        yield OF_RESULTS[next((kind for kind in OF_RESULTS if f"'{kind}'" in text), "")]
    if isinstance(error, TypeError) and re.search("unexpected keyword argument|positional argument", text):
        yield "a rule takes g, y, the op's inputs and its attributes, by the same names: def f_dx(g, y, x, *, axis)"
    yield from (hint for sign, hint in OF_MESSAGES.items() if re.search(sign, text))
