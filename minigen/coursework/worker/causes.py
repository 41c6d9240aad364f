"""What in the text of a learner's function may make its values wrong, or raise an error there."""

import ast
import linecache
import sys
from collections.abc import Iterator
from traceback import FrameSummary
from types import FunctionType
from typing import Any

from minigen.ops import ALTERNATIVES

EXTREMES = {"min": "minigen.minimum(a, b)", "max": "minigen.maximum(a, b)"}  # Python's, and what is meant of arrays


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


# -- which function it is ----------------------------------------------------------------------------------------


def functions(value: Any, rules: bool = False) -> list[FunctionType]:
    """The learner's functions behind a name of a file: of a class its methods, of an op its forward, with `rules` these too."""
    found = list(vars(value).values()) if isinstance(value, type) else [value]
    found += getattr(getattr(value, "op", None), "rules", {}).values() if rules else []
    found = [getattr(each, "__wrapped__", each) for each in found]
    return [each for each in found if isinstance(each, FunctionType)]


def function_at(frame: FrameSummary) -> FunctionType | None:
    """The function in which a frame of a traceback is, if a name of its file leads to it."""
    modules = [vars(module) for module in list(sys.modules.values()) if module is not None]
    names = next((each for each in modules if each.get("__file__") == frame.filename), {})
    found = [
        each
        for value in list(names.values())
        for each in functions(value, rules=True)
        if each.__name__ == frame.name and each.__code__.co_filename == frame.filename
    ]
    begun = [each for each in found if each.__code__.co_firstlineno <= (frame.lineno or 0)]
    return max(begun, key=lambda each: each.__code__.co_firstlineno, default=None)


def is_rule(function: FunctionType) -> bool:
    """Whether a function of the file is a rule of one of its ops."""
    ops = [getattr(value, "op", None) for value in list(function.__globals__.values())]
    return any(function in getattr(each, "rules", {}).values() for each in ops)


# -- causes ------------------------------------------------------------------------------------------------------


def of_values(function: FunctionType) -> Iterator[str]:
    """What is seldom meant, in a function whose values are wrong."""
    for node in ast.walk(body_of(function)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) and divides_by_one(node.left):
            left: Any = node.left
            sign = "+" if isinstance(node.op, ast.Add) else "-"
            a, rest = ast.unparse(left.left), ast.unparse(node.right)
            yield (
                f"line {node.lineno}: {ast.unparse(node)} is ({ast.unparse(left)}) {sign} {rest}, for / comes before {sign}; "
                f"did you mean {a} / ({ast.unparse(left.right)} {sign} {rest})?"
            )
        elif isinstance(node, (ast.If, ast.IfExp)) and is_reduced_comparison(node.test):
            yield of_choice(node)


def divides_by_one(node: ast.AST) -> Any:
    """Whether it is something / 1, which nobody means."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and isinstance(node.right, ast.Constant)
        and node.right.value == 1
    )


def is_reduced_comparison(test: ast.AST) -> bool:
    """Whether it asks if all, or any, elements compare so."""
    called = [node for node in ast.walk(test) if isinstance(node, ast.Call)]
    names = {getattr(node.func, "attr", getattr(node.func, "id", "")) for node in called}
    return bool(names & {"all", "any"}) and any(
        isinstance(node, ast.Compare) and any(isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for op in node.ops)
        for node in ast.walk(test)
    )


def of_choice(node: Any) -> str:
    """What to write in place of an if that is to choose for each element."""
    compared = next((each for each in ast.walk(node.test) if isinstance(each, ast.Compare)), node.test)
    return (
        f"line {node.lineno}: `if {ast.unparse(node.test)}` chooses once, for all elements together; "
        f"minigen.where({ast.unparse(compared)}, a, b) chooses for each: a where it is true, b elsewhere"
    )


def of_truth(function: FunctionType | None, line: int | None) -> str:
    """What to write where the truth of an array was asked for, in this line."""
    nodes: list[Any] = [each for each in ast.walk(body_of(function)) if hasattr(each, "lineno")] if function else []
    for node in nodes:
        asked = getattr(node, "test", node)
        if not asked.lineno <= (line or 0) <= (asked.end_lineno or 0):
            continue
        text = ast.unparse(node)
        if isinstance(node, (ast.If, ast.IfExp)):
            return of_choice(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EXTREMES:
            return f"line {node.lineno}: {text} compares once, all elements together; {EXTREMES[node.func.id]} compares each"
        if isinstance(node, ast.BoolOp):
            word, sign = ("and", "&") if isinstance(node.op, ast.And) else ("or", "|")
            each = f" {sign} ".join(f"({ast.unparse(part)})" for part in node.values)
            return f"line {node.lineno}: `{word}` asks once, of all elements together; for each element write {each}"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"line {node.lineno}: `not` asks once, of all elements; for each write ~({ast.unparse(node.operand)})"
    return "an array has no truth of its own: minigen.where(condition, a, b) chooses for each element"


def of_numpy(text: str, name: str, rule: bool) -> str:
    """What to write instead of a call np.name(...), in a rule or in another function that gets Tensors."""
    ours = f"write {ALTERNATIVES[name]}" if name in ALTERNATIVES else "write it with operators and minigen's ops"
    why = "a rule is run on Tensors for a second derivative" if rule else "it gets Tensors here"
    return f"{text}: {why}, which NumPy's functions do not accept; {ours}"
