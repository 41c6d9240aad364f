"""What a wrong derivative suggests: from the ratio of what the rules say to what is right, and from the rule's text."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

import minigen
from minigen.autograd.gradcheck import Mismatch
from minigen.coursework.learner import calls_of_numpy, cuts

CLOSE = 1e-3   # relative: two derivatives or ratios that agree to this are taken for equal
ENOUGH = 4     # elements that must agree before a pattern in them is believed

OF_RESULTS = {  # by type
    "": "an op returns one array",
    "NoneType": "there is no return",
    "tuple": "an op has one result: make two ops, or one array of both",
    "int": "a number is no array: x.sum() stays one, int(...) and float(...) do not",
    "float": "a number is no array: x.sum() stays one, int(...) and float(...) do not",
    "list": "a list is no array: np.stack makes one of several",
}
OF_HIDDEN_CUTS = ["does a rule use what another function has kept (an attribute, a closure), or call one that leaves the graph? "
                  "Compute all from g, y and the inputs, with operators and minigen's ops"]


def of_values(mismatch: Mismatch, x: np.ndarray | None, y: np.ndarray | None, whose: str = "your rule") -> list[str]:
    """What a Mismatch looks like; x: the input, y: the result, for patterns such as "a factor y too much"."""
    analytic, numeric = mismatch.analytic, mismatch.numeric
    shown = f"{whose} against the numerical derivative: {str(mismatch).split(': ', 1)[1]}"
    if not np.isfinite(analytic).all():
        return [shown, f"{whose} gives NaN or infinity: a division by 0, a root or a logarithm of what is not positive?"]
    largest = np.abs(numeric).max(initial=0.0)
    seen = np.abs(numeric) > 1e-4 * largest
    if largest < 1e-9:
        return [shown, f"numerically the result does not depend on this input, and {whose} says that it does"]
    if np.abs(analytic).max() < CLOSE * largest:
        return [shown, f"{whose} gives 0 everywhere, but the result does change with this input"]
    ratio = analytic[seen] / numeric[seen]
    if np.ptp(ratio) < CLOSE * np.abs(ratio).max():
        if len(ratio) == 1 and mismatch.elements.size > 1:
            return [shown]
        return [shown, f"the ratio is {ratio.mean():.4g} at every element: {of_ratio(ratio.mean(), mismatch.shape)}"]
    return [shown, *of_pattern(mismatch, seen, x, y)]


def of_ratio(ratio: float, shape: tuple[int, ...]) -> str:
    """What a ratio that is the same everywhere suggests."""
    known = {
        1.0: "nearly right: a small term is missing, or the result differs from call to call",
        -1.0: "the sign is wrong",
        2.0: "twice too much; a factor 1/2 is missing, or one of two shares was counted twice",
        0.5: "half of what it should be; the factor 2 of a square's derivative is missing, or the input is used twice and "
             "only one use was differentiated",
        -2.0: "the sign is wrong, and a factor 1/2 is missing",
        -0.5: "the sign is wrong, and the factor 2 of a square's derivative is missing",
    }
    meanings = [meaning for value, meaning in known.items() if np.isclose(ratio, value, rtol=CLOSE)]
    counts = {int(np.prod(shape)): "the number of elements"}
    counts.update({n: f"the length of axis {axis}" for axis, n in enumerate(shape)})
    for n, meaning in counts.items():
        if n > 1 and np.isclose(ratio, n, rtol=CLOSE):
            meanings.append(f"{n} is {meaning}: a mean divides by it, and so does its derivative")
        if n > 1 and np.isclose(ratio, 1.0 / n, rtol=CLOSE):
            meanings.append(f"{n} is {meaning}: a sum does not divide by it, and neither does its derivative")
    return "; or ".join(meanings) or "a constant factor that does not belong there"


def of_pattern(mismatch: Mismatch, seen: np.ndarray, x: np.ndarray | None, y: np.ndarray | None) -> list[str]:
    """What a ratio that differs from element to element suggests, of an op that works element by element."""
    wrong = ~np.isclose(mismatch.analytic, mismatch.numeric, rtol=CLOSE, atol=CLOSE * np.abs(mismatch.numeric).max())
    if 0 < wrong.sum() <= 0.5 * wrong.size:
        rows = {int(np.unravel_index(e, mismatch.shape)[0]) for e in mismatch.elements[wrong]}
        where = f", all in row {rows.pop()}" if len(rows) == 1 and mismatch.shape[0] > 1 and wrong.sum() > 1 else ""
        return [f"{wrong.sum()} of {wrong.size} elements are wrong{where}: a special case, a branch or an edge?"]
    if x is None or y is None or y.shape != x.shape or seen.sum() < ENOUGH:
        return []
    at = mismatch.elements[seen]
    x, y, g = (values.ravel()[at] for values in (x, y, mismatch.cotangent))
    ratio, difference = mismatch.analytic[seen] / mismatch.numeric[seen], (mismatch.analytic - mismatch.numeric)[seen]
    for name, values in expressions(x, y, g).items():
        for factor in (1.0, -1.0, 2.0, -2.0, 0.5, -0.5):
            times = "" if factor == 1.0 else f"{factor:g} * "
            if equal(ratio, factor * values):
                return [f"at every element the ratio is {times}{name}: your rule has this factor too much"]
            if equal(ratio * values, np.full_like(values, factor)):
                return [f"at every element the ratio is {factor:g} / ({name}): your rule lacks the factor {name}"]
            if name != "g" and equal(difference, factor * g * values):
                term = f"{'' if abs(factor) == 1.0 else f'{abs(factor):g} * '}g * {name}"
                return [f"your rule is right but for a term {term}, which it has too {'much' if factor > 0 else 'little'}"]
    return []


def expressions(x: np.ndarray, y: np.ndarray, g: np.ndarray) -> dict[str, np.ndarray]:
    """What is often forgotten, or written where it does not belong."""
    with np.errstate(all="ignore"):
        return {
            "x": x, "y": y, "g": g, "|x|": np.abs(x), "x^2": x * x, "y^2": y * y, "x * y": x * y,
            "(1 + x)": 1 + x, "(1 - x)": 1 - x, "(1 + y)": 1 + y, "(1 - y)": 1 - y, "(1 + |x|)": 1 + np.abs(x),
            "(1 + x^2)": 1 + x * x, "(1 - y^2)": 1 - y * y, "y * (1 - y)": y * (1 - y),
            "e^x": np.exp(x), "e^-x": np.exp(-x), "cos(x)": np.cos(x), "sin(x)": np.sin(x),
        }


def equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two patterns agree at every element."""
    return bool(np.isfinite(b).all() and np.allclose(a, b, rtol=CLOSE, atol=1e-6))


# -- what the text of a rule says -------------------------------------------------------------------------------


def place(function: FunctionType) -> str:
    """file.py, line 12, softsign_dx."""
    return f"{Path(function.__code__.co_filename).name}, line {function.__code__.co_firstlineno}, {function.__name__}"


def of_cuts(functions: list[FunctionType]) -> list[str]:
    """What the functions, rules or a forward, take out of the graph, so that a derivative misses it."""
    hints = []
    for function in functions:
        name = Path(function.__code__.co_filename).name
        hints += [f"{name}, line {line}: {text} takes a number out of the graph; use the tensor itself"
                  for line, text in cuts(function)]
        hints += [f"{name}, line {line}: {of_numpy(text, called)}" for line, text, called in calls_of_numpy(function)]
        kept = [cell for cell in function.__code__.co_names if holds_array(function.__globals__.get(cell))]
        hints += [f"{place(function)} uses the global {cell!r}, an array made earlier: to the rule it is a constant; compute it "
                  "anew from the inputs or from y" for cell in kept]
    return hints


def holds_array(value: Any) -> bool:
    """Whether a global is an array, or keeps arrays: a forward's result that was put aside for the rule."""
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
    return [f"line {line}: {text} is float64" for line, text, name in calls_of_numpy(function)
            if "dtype" not in text and (name in makers or not any(re.search(rf"\b{re.escape(word)}\b", text) for word in own))]


def of_error(error: BaseException, function: FunctionType | None) -> Iterator[str]:
    """What an error that came out of the learner's code may mean."""
    text = str(error)
    if "does not support ufuncs" in text or "on a Tensor" in text or "does not turn into an array" in text:
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
        yield ("float32 came in and float64 out: a NumPy number such as np.sqrt(2.0), or an array made without dtype=x.dtype, "
               "makes everything float64; use Python numbers, math.sqrt(2.0)")
    if "has no rule for its input" in text:
        yield 'every input needs a rule, or is declared @op(nondiff=("name",))'
    if isinstance(error, TypeError) and ("unexpected keyword argument" in text or "positional argument" in text):
        yield "a rule takes g, y, the op's inputs and its attributes, by the same names: def f_dx(g, y, x, *, axis)"
    if "returned NoneType" in text:
        yield "the rule has no return"
    elif re.search(r"returned (int|float|list|tuple),", text):
        yield "a rule returns one array, of the shape of its input: g times the derivative"


def of_wrong_shape(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Why a rule's result may not have the shape of its input."""
    if len(got) >= len(expected) and np.prod(got, dtype=int) > np.prod(expected, dtype=int):
        return (f"the input of shape {expected} was repeated (broadcast) on the way: its gradient is the sum over the axes along "
                "which it was, g.sum(axis=...), or declare @op(broadcasts=True) and the engine sums")
    if np.prod(got, dtype=int) < np.prod(expected, dtype=int):
        return (f"each element of the input of shape {expected} has its own derivative: after a sum or a mean g must be spread "
                "again, as in g.reshape(n, 1) * x or minigen.broadcast_to")
    return "transpose or reshape the result"
