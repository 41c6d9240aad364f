"""What a workload is, and where workloads are found."""

import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Library:
    """What computes a workload."""

    label: str
    function: str  # of a workload's module, which builds it
    package: str | None = None  # that it needs, beside NumPy


LIBRARIES = {
    "minigen": Library("minigen", "with_minigen"),
    "loops": Library("minigen, loops", "with_minigen", "ziglang"),
    "pytorch": Library("PyTorch", "with_pytorch", "torch"),
    "torch.compile": Library("torch.compile", "with_pytorch", "torch"),
    "jax": Library("JAX", "with_jax", "jax"),
    "keras": Library("Keras", "with_keras", "keras"),
    "dezero": Library("DeZero", "with_dezero", "dezero"),
    "numpy": Library("bare NumPy", "with_numpy"),
}
OURS = ("minigen", "loops")  # of these


@dataclass(frozen=True)
class Goal:
    """`measure` should be at most `limit`, and `with_loops` with the compiled loops, if that differs.

    "ratio": to PyTorch's time; "seconds": of a step; "over NumPy": seconds a call beyond the bare NumPy call.
    """

    measure: str
    limit: float
    with_loops: float | None = None

    def at_most(self, library: str) -> float:
        """The limit for "minigen" or "loops"."""
        return self.with_loops if library == "loops" and self.with_loops else self.limit


STEP = Goal("ratio", 1.5, 0.9)  # of a training step
GROUPS = {  # goals for the geometric mean of the ratios
    "dense": Goal("ratio", 0.9, 0.65),
    "convolutional": Goal("ratio", 1.2, 0.70),
}
EVERY_STEP = Goal("ratio", 1.05, 0.70)  # and for that of all groups
BESIDE_DEZERO = Goal("to DeZero", 0.5)  # of each step


@dataclass(frozen=True)
class Side:
    """One library's half of a workload: step(prepare()) is one step, `synchronize` waits for what the last one returned."""

    step: Callable[[Any], Any]
    prepare: Callable[[], Any]
    synchronize: Callable[[Any], None]


@dataclass(frozen=True)
class Workload:
    """A case of a module in workloads/."""

    name: str
    module_name: str
    case: dict[str, Any]

    @property
    def module(self) -> ModuleType:
        return importlib.import_module(self.module_name)

    @property
    def description(self) -> str:
        return self.module.__doc__.splitlines()[0]

    @property
    def goal(self) -> Goal:
        return self.module.GOAL

    @property
    def group(self) -> str | None:
        """One of GROUPS."""
        return getattr(self.module, "GROUP", None)

    @property
    def calls(self) -> int:
        """Calls of an op in a step; 1 where a step is a step."""
        return getattr(self.module, "CALLS", 1)

    def variants(self, library: str) -> list[dict[str, Any]]:
        """The ways to run it with a library, of which the fastest counts; none if the module does not have it."""
        build = getattr(self.module, LIBRARIES[library].function, None)
        if not build or library == "torch.compile" and "compiled" not in inspect.signature(build).parameters:
            return []
        return getattr(self.module, "VARIANTS", [{}]) if build.__name__ == "with_pytorch" else [{}]

    def side(self, library: str, device: str = "cpu", variant: dict[str, Any] | None = None) -> Side:
        """Built with a library: minigen on its current backend, with the loops if they are on; PyTorch on "cpu" or "cuda"."""
        build = getattr(self.module, LIBRARIES[library].function)
        case = self.case | (variant or {})
        if library in OURS:
            from minigen import backend

            return side(build(**case), lambda _: backend.current().synchronize())
        if library in ("pytorch", "torch.compile"):
            import torch

            with torch.device(device):  # while building only: it slows down every call of torch
                made = build(**case, compiled=torch.compile) if library == "torch.compile" else build(**case)
            return side(made, lambda _: torch.cuda.synchronize() if device == "cuda" else None)
        if library == "keras":
            os.environ.setdefault("KERAS_BACKEND", "jax" if installed("jax") else "torch")  # read when it is imported
        if library == "jax":
            import jax

            return side(build(**case), jax.block_until_ready)
        return side(build(**case))


def nothing(_: Any = None) -> None:
    """Nothing to prepare, nothing to wait for."""


def side(made: Any, synchronize: Callable[[Any], None] = nothing) -> Side:
    """A Side of what a workload's function returned: step, or (prepare, step)."""
    if isinstance(made, tuple):
        prepare, step = made
        return Side(step, prepare, synchronize)
    return Side(lambda _: made(), nothing, synchronize)


def run(side: Side, steps: int) -> None:
    """Some steps."""
    for _ in range(steps):
        side.step(side.prepare())


def unchanged(function: Callable) -> Callable:
    """What torch.compile is in a workload that is not compiled."""
    return function


def training_step(loss: Callable[[], Any], optimizer: Any) -> Callable[[], Any]:
    """One step of gradient descent on loss(), the same lines for both libraries; returns the loss."""

    def step() -> Any:
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def discover() -> list[Workload]:
    """Every case of every module in workloads/, by file name."""
    package = importlib.import_module("tests.benchmarks.workloads")
    names = sorted(f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__))
    return [Workload(name, module, case) for module in names for name, case in importlib.import_module(module).CASES.items()]


def select(words: list[str]) -> list[Workload]:
    """The workloads chosen by names or parts of names; by none, all. Exits with the nearest known name."""
    known = {workload.name: workload for workload in discover()}
    chosen = set() if words else set(known)
    for word in words:
        found = {word} & known.keys() or {name for name in known if word in name}
        if not found:
            nearest = get_close_matches(word, known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}"
            sys.exit(f"no workload {word!r}: {hint}")
        chosen |= found
    return [workload for name, workload in known.items() if name in chosen]


def installed(package: str) -> bool:
    """Whether a package can be imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # it is None in sys.modules
        return False


def missing(libraries: Iterable[str], device: str) -> dict[str, str]:
    """Those that cannot be used here, and why not."""
    why = {}
    for library in libraries:
        package = LIBRARIES[library].package
        if package and not installed(package):
            why[library] = f"{LIBRARIES[library].label} is left out: {package} is not installed"
    if device == "cuda" and "pytorch" not in why:
        import torch

        if not torch.cuda.is_available():
            why["pytorch"] = f"PyTorch is left out: {torch.__version__} sees no CUDA device"
    return why
