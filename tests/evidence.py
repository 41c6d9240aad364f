"""A pytest plugin that asks the suite what it gradient-checks: each check runs its function once, watched, in place of the check.

    python -m pytest -p tests.evidence --evidence FILE TESTS

Of the tests that call a gradient check, those that pass are evidence; a check that must fail, and then does not, is none.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pytest

import minigen
from minigen.autograd import Tensor, grad
from minigen.backend import asarray
from tests.inventory import Checked, functions

LIBRARY = os.path.dirname(minigen.__file__)
CALLS = {"gradcheck", "gradcheck_module"}
checks = importlib.import_module("minigen.autograd.gradient_check")


class Watcher:
    """What the functions of the library do with Tensors while it watches."""

    def __init__(self) -> None:
        self.names = {function.place: name for name, function in functions(minigen).items()}
        self.checked = Checked()
        self.calls: list[tuple[set[str], set[str]]] = []  # of the calls in progress: inputs in the graph, constant inputs

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Inside the block every call is looked at."""
        sys.setprofile(self.look)
        try:
            yield
        finally:
            sys.setprofile(None)

    def look(self, frame: FrameType, event: str, value: Any) -> None:
        """What Python calls at each call and return."""
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(LIBRARY):
            return
        name = self.names.get((code.co_filename, code.co_firstlineno))
        if name is None:
            return
        if event == "call":
            arguments = {key: frame.f_locals[key] for key in parameters(code) if key in frame.f_locals}
            self.calls.append(
                (
                    {key for key, x in arguments.items() if in_graph(x)},
                    {key for key, x in arguments.items() if floating(x) and not in_graph(x)},
                )
            )
            return
        differentiated, constant = self.calls.pop()
        if in_graph(value):
            self.checked.functions.setdefault(name, set()).update(differentiated)
            self.checked.constants.setdefault(name, set()).update(constant)
            if "self" in frame.f_locals:
                kind = type(frame.f_locals["self"])
                self.checked.classes.add(f"{kind.__module__}.{kind.__qualname__}")


def parameters(code: CodeType) -> tuple[str, ...]:
    """The names of a function's parameters, *inputs included."""
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 0x04)]


def parts(value: Any) -> Iterator[Any]:
    """What is in tuples, lists and dicts."""
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from parts(part)
    elif isinstance(value, dict):
        yield from parts(list(value.values()))
    else:
        yield value


def in_graph(value: Any) -> bool:
    """Whether a Tensor that requires a gradient is among these."""
    return any(isinstance(part, Tensor) and part.requires_grad for part in parts(value))


def floating(value: Any) -> bool:
    """Whether an array or Tensor of floating numbers is among these."""
    return any(
        getattr(getattr(part, "dtype", None), "kind", "") == "f" and getattr(part, "shape", ()) != () for part in parts(value)
    )


class Evidence:
    """The plugin: gradient checks that only look, and the selection of tests that hold them."""

    def __init__(self, file: str):
        checks.gradcheck = minigen.autograd.gradcheck = self.gradcheck  # before any test or module imports its name
        self.file, self.watcher, self.found = file, Watcher(), Checked()

    def gradcheck(self, f: Callable, *arrays: Any, order: int = 2, wrt: Any = None, **options: Any) -> None:
        """In place of minigen.gradcheck: f once, and what its gradients to be differentiated are made of."""
        floats = [i for i, x in enumerate(arrays) if np.asarray(x).dtype.kind == "f"]
        wanted = floats if wrt is None else list(wrt)
        leaves = [Tensor(x, requires_grad=i in wanted) if i in floats else asarray(x) for i, x in enumerate(arrays)]
        if order < 2:
            return
        with self.watcher.watching():
            y = f(*leaves)
            cotangent = Tensor(np.ones(y.shape), requires_grad=True)
            grad(y, [leaves[i] for i in wanted], cotangent, create_graph=True, allow_unused=True)

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Only tests that call a gradient check, and each on one backend only."""
        items[:] = [item for item in items if CALLS & called(item.function.__code__) and backend_of(item) == "numpy"]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """What a test has shown counts if it passes."""
        self.watcher.checked = Checked()
        outcome = yield
        if outcome.excinfo is None:
            self.found.add(self.watcher.checked)

    def pytest_sessionfinish(self) -> None:
        Path(self.file).write_text(self.found.to_json())


def backend_of(item: pytest.Function) -> str:
    """The backend on which a test runs."""
    return item.callspec.params.get("backend", "numpy") if hasattr(item, "callspec") else "numpy"


def called(code: CodeType) -> set[str]:
    """All names in a function, those of the functions inside it included."""
    return {*code.co_names, *(name for inner in code.co_consts if isinstance(inner, CodeType) for name in called(inner))}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--evidence", help="the file to write")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Evidence(config.getoption("--evidence")))
