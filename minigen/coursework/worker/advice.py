"""What an error in a learner's code may mean, and what may be wrong in the source of a function."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

import minigen
from minigen.coursework.worker.learner import frames, message_of, traceback_of, unwritten
from minigen.coursework.worker.source import calls_of_numpy, cuts, place

OF_RESULTS = {  # by type
    "": "an op returns one array",
    "NoneType": "there is no return",
    "tuple": "an op has one result: make two ops, or one array of both",
    "int": "a number is not an array: x.sum() stays one, int(...) and float(...) do not",
    "float": "a number is not an array: x.sum() stays one, int(...) and float(...) do not",
    "list": "a list is not an array: np.stack makes one of several",
}


def described(error: BaseException, path: Path, code: FunctionType | None) -> dict[str, Any]:
    """An error in the learner's code, for the grader. `code`: the function that was called."""
    try:
        at = frames(error, path)
        return {
            "type": type(error).__name__,
            "bases": [kind.__name__ for kind in type(error).__mro__],
            "message": message_of(error),
            "unwritten": unwritten(error, path),
            "line": at[-1].lineno if at else None,
            "source": at[-1].line if at else None,
            "traceback": traceback_of(error, path),
            "hints": list(of_error(error, innermost(at, code))),
        }
    except BaseException:  # an error of a class that raises errors
        unread = {"type": "an error", "message": "it cannot be read", "unwritten": "", "traceback": ""}
        return unread | {"line": None, "source": None, "bases": [], "hints": []}


def innermost(at: list, code: FunctionType | None) -> FunctionType | None:
    """The function of the innermost frame, if it is a rule or the code of the call."""
    if not at or code is None:
        return code
    named = code.__globals__.get(at[-1].name)
    named = getattr(named, "__wrapped__", named)
    return named if isinstance(named, FunctionType) else code


def of_cuts(functions: list[FunctionType]) -> list[str]:
    """Places where the functions, rules or a forward, take values out of the graph, which derivatives then miss."""
    hints = []
    for function in functions:
        name = Path(function.__code__.co_filename).name
        hints += [
            f"{name}, line {line}: {text} takes a value out of the graph; use the tensor itself" for line, text in cuts(function)
        ]
        hints += [f"{name}, line {line}: {of_numpy(text, called)}" for line, text, called in calls_of_numpy(function)]
        kept = [cell for cell in function.__code__.co_names if holds_array(function.__globals__.get(cell))]
        hints += [
            f"{place(function)} uses the global {cell!r}, an array made earlier: to the rule it is a constant; compute it "
            "again from the inputs or from y"
            for cell in kept
        ]
    return hints


def holds_array(value: Any) -> bool:
    """Whether a global is an array, or holds arrays, such as a forward's result stored for the rule."""
    if isinstance(value, (dict, list)):
        return any(map(holds_array, value.values() if isinstance(value, dict) else value))
    return isinstance(value, np.ndarray) and value.size > 1


def of_numpy(text: str, name: str) -> str:
    """What to write instead of a call np.name(...) in a rule."""
    ours = f"write minigen.{name}, or an operator" if hasattr(minigen, name) else "write it with operators and minigen's ops"
    return f"{text}: a rule is run on Tensors for a second derivative, which NumPy's functions do not take; {ours}"


def of_float64(function: FunctionType) -> list[str]:
    """Calls of NumPy in a function that make float64 by themselves: of constants only, or of a shape without a dtype."""
    own = function.__code__.co_varnames
    makers = ("zeros", "ones", "full", "empty", "array", "arange", "linspace", "eye", "identity")
    return [
        f"line {line}: {text} is float64"
        for line, text, name in calls_of_numpy(function)
        if "dtype" not in text and (name in makers or not any(re.search(rf"\b{re.escape(word)}\b", text) for word in own))
    ]


def of_error(error: BaseException, function: FunctionType | None) -> Iterator[str]:
    """What an error that came out of the learner's code may mean."""
    text = message_of(error)
    if "does not support ufuncs" in text or "on a Tensor" in text or "is not converted to an array" in text:
        found = list(calls_of_numpy(function)) if function else []
        yield from (f"line {line}: {of_numpy(source, name)}" for line, source, name in found)
        if not found:
            yield "a NumPy function was given a Tensor: write minigen's op of that name, or an operator"
            yield "or an op's function made a Tensor: it gets arrays, and returns one"
    if "'Tensor' object has no attribute 'base'" in text:
        yield "the rule was given arrays and made a Tensor of them: operators and minigen's ops are enough, arrays stay arrays"
    if "is its result one array?" in text:
        yield OF_RESULTS[next((kind for kind in OF_RESULTS if f"'{kind}'" in text), "")]
    if "read-only" in text:
        yield "this writes into its input, which belongs to the caller: make a new array, x = x + 1 instead of x += 1"
    if re.search(r"gave u?int|gave bool", text):
        yield "fractions came in and whole numbers out: the result must have the inputs' dtype, so no astype(int)"
    elif "mixes dtypes" in text or ("returned float64" in text and "expected float32" in text):
        yield (
            "float32 came in and float64 out: a NumPy number such as np.sqrt(2.0), or an array made without dtype=x.dtype, "
            "makes everything float64; use Python numbers, math.sqrt(2.0)"
        )
    if "has no rule for its input" in text:
        yield 'every input needs a rule, or is declared @op(non_differentiable=("name",))'
    if isinstance(error, TypeError) and ("unexpected keyword argument" in text or "positional argument" in text):
        yield "a rule takes g, y, the op's inputs and its attributes, by the same names: def f_dx(g, y, x, *, axis)"
    if "returned NoneType" in text:
        yield "the rule has no return"
    elif re.search(r"returned (int|float|list|tuple),", text):
        yield "a rule returns one array, of the shape of its input: g times the derivative"
