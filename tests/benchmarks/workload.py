"""What a workload is, and where workloads are found."""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import Any

INSTALL = "pip install -e '.[torch]'"


@dataclass(frozen=True)
class Goal:
    """`measure` should be at most `limit`.

    "ratio": to PyTorch's time; "seconds": of a step; "over NumPy": seconds a call beyond the bare NumPy call.
    """

    measure: str
    limit: float


@dataclass(frozen=True)
class Side:
    """One library's half of a workload: step(prepare()) is one step, `synchronize` waits for the device."""

    step: Callable[[Any], Any]
    prepare: Callable[[], Any]
    synchronize: Callable[[], None]


@dataclass(frozen=True)
class Workload:
    """A case of a module in workloads/."""

    name: str
    module: ModuleType
    case: dict[str, Any]

    @property
    def description(self) -> str:
        return self.module.__doc__.splitlines()[0]

    @property
    def goal(self) -> Goal:
        return self.module.GOAL

    @property
    def calls(self) -> int:
        """Calls of an op in a step; 1 where a step is a step."""
        return getattr(self.module, "CALLS", 1)

    @property
    def variants(self) -> list[dict[str, Any]]:
        """The ways to run it with PyTorch, of which the fastest counts."""
        return getattr(self.module, "VARIANTS", [{}])

    def minigen(self) -> Side:
        """Built on minigen's current backend."""
        from minigen.backend import current

        return side(self.module.with_minigen(**self.case), lambda: current().synchronize())

    def pytorch(self, device: str, variant: dict[str, Any]) -> Side:
        """Built on "cpu" or "cuda"."""
        import torch

        with torch.device(device):  # while building only: it slows down every call of torch
            made = self.module.with_pytorch(**self.case, **variant)
        return side(made, torch.cuda.synchronize if device == "cuda" else nothing)

    @property
    def has_numpy(self) -> bool:
        """Whether there are bare NumPy calls to be subtracted."""
        return hasattr(self.module, "with_numpy")

    def numpy(self) -> Side:
        """The bare NumPy calls."""
        return side(self.module.with_numpy(**self.case), nothing)


def side(made: Any, synchronize: Callable[[], None]) -> Side:
    """A Side of what a workload's function returned: step, or (prepare, step)."""
    if isinstance(made, tuple):
        prepare, step = made
        return Side(step, prepare, synchronize)
    return Side(lambda _: made(), nothing, synchronize)


def training_step(loss: Callable[[], Any], optimizer: Any) -> Callable[[], Any]:
    """One step of gradient descent on loss(), the same lines for both libraries; returns the loss."""

    def step() -> Any:
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def nothing() -> None:
    """Nothing to prepare, nothing to wait for."""


def discover() -> list[Workload]:
    """Every case of every module in workloads/, by file name."""
    package = importlib.import_module("tests.benchmarks.workloads")
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name)
    ]
    return [Workload(name, module, case) for module in modules for name, case in module.CASES.items()]


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


def pytorch_missing(device: str) -> str | None:
    """Why there is nothing to compare with on this device; None if PyTorch can be used."""
    if importlib.util.find_spec("torch") is None:
        return f"PyTorch is not installed, so there is nothing to compare with: {INSTALL}"
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        return f"PyTorch {torch.__version__} sees no CUDA device, so there is nothing to compare with"
    return None
