"""The exercises: for each a starter file, which the learner completes, and here what the completed file must do.

A module exerciseN has a TITLE, SECONDS that its check may take, FORBIDDEN names (the library's own solution), EXAMPLES, the
calls that `minigen check` is to gradient-check, and requirements: functions (file, rng) that return a remark, or raise CheckFailed.
`file` stands for the learner's, which runs in another process (see grading/remote.py): it is called, and arrays come back. `rng`
draws what it is called with, for a submission should not know beforehand what it will be asked.
"""

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.coursework.grading.calls import Call
from minigen.coursework.grading.remote import Array, numbers
from minigen.coursework.grading.report import CheckFailed
from minigen.coursework.samples import Sample
from minigen.utils.files import replacing

if TYPE_CHECKING:
    from minigen.data import Dataset

COUNT = 8
STARTERS = Path(__file__).parents[1] / "starters"
TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True)
class Network:
    """One of worker/networks.py, as an input of an example."""

    name: str
    settings: tuple = ()


@dataclass(frozen=True)
class Asked:
    """A call to be checked: of the learner's op or function `name`, or of an object of the class `name` made with `settings`, a
    layer or a model."""

    name: str
    inputs: tuple
    kind: str = "function"
    options: dict[str, Any] = field(default_factory=dict)
    output: tuple[int, ...] | None = None
    settings: dict[str, Any] | None = None

    def is_that(self, call: Call, variant: tuple) -> bool:
        """Whether this is what a worker says it is, with inputs that are no easier."""
        samples = [x.as_dict() if isinstance(x, Sample) else None for x in self.inputs]
        options = {name: x.as_dict() for name, x in self.options.items() if isinstance(x, Sample)}
        networks = sum(isinstance(x, Network) for x in self.inputs)
        data = self.kind == "model" or networks > 0
        return (
            samples == [x and x.as_dict() for x in variant]
            and options == {name: x.as_dict() for name, x in call.options}
            and self.output == call.output
            and (data or not call.data)
            and call.modules == networks + (call.kind in ("layer", "model"))
        )

    def as_dict(self) -> dict[str, Any]:
        """For a message."""
        return {
            "name": self.name,
            "inputs": list(map(described, self.inputs)),
            "settings": self.settings,
            "output": self.output,
            "options": {name: described(x) for name, x in self.options.items()},
        }


def described(x: Any) -> dict[str, Any]:
    """An input of an example, for a message."""
    if isinstance(x, Network):
        return {"network": [x.name, *x.settings]}
    return {"sample": x.as_dict()} if isinstance(x, Sample) else {"value": x}


@dataclass(frozen=True)
class Exercise:
    """One exercise, from its module."""

    number: int
    module: ModuleType

    @property
    def title(self) -> str:
        return self.module.TITLE

    @property
    def seconds(self) -> float:
        """The time limit of its check."""
        return self.module.SECONDS

    @property
    def starter(self) -> Path:
        """The file that is handed out."""
        return STARTERS / f"exercise{self.number}.py"

    @property
    def names(self) -> tuple[str, ...]:
        """What the file must define."""
        return self.module.NAMES

    @property
    def examples(self) -> tuple[Asked, ...]:
        """The calls to be checked."""
        return self.module.EXAMPLES

    @property
    def forbidden(self) -> tuple[str, ...]:
        """Names of the library that would be the solution."""
        return getattr(self.module, "FORBIDDEN", ())

    def requirements(self) -> list[tuple[str, Callable]]:
        """(name, function), in the order of the module."""
        return [(value.requirement, value) for value in vars(self.module).values() if hasattr(value, "requirement")]


def exercise(number: int) -> Exercise:
    """The exercise of this number. Raises ValueError for one that does not exist."""
    if number not in range(1, COUNT + 1):
        raise ValueError(f"there is no exercise {number}: expected 1 to {COUNT}")
    return Exercise(number, import_module(f"minigen.coursework.exercises.exercise{number}"))


def number(text: str) -> int:
    """The number of an exercise, from a command line."""
    if not text.isdecimal() or int(text) not in range(1, COUNT + 1):
        raise ArgumentTypeError(f"there is no exercise {text!r}: expected 1 to {COUNT}")
    return int(text)


def exercises() -> Iterator[Exercise]:
    """All exercises."""
    return map(exercise, range(1, COUNT + 1))


def hand_out(source: Path, path: Path) -> int:
    """Copy a starter or a template to `path`, whole or not at all, and say so; an existing file is never overwritten. Returns the
    exit status."""
    if path.exists() or path.is_symlink():
        print(f"{path} exists already and is left as it is: move it away, or go on with `minigen check {path}`", file=sys.stderr)
        return 1
    with replacing(path) as temporary:
        temporary.write_bytes(source.read_bytes())
    print(f"{path} is written. Make it yours, then: minigen check {path}")
    return 0


# -- what requirements are written with --------------------------------------------------------------------------


def requirement(name: str) -> Callable:
    """Mark a function as a requirement, by the name under which it is reported."""

    def mark(function: Callable) -> Callable:
        function.requirement = name
        return function

    return mark


def expect_close(what: str, got: Any, expected: Any, *hints: str, rtol: float = 1e-5) -> None:
    """Raise CheckFailed unless a result is what it should be: shape and values."""
    got, expected = numbers(what, got), np.asarray(expected)
    if got.shape != expected.shape:
        raise CheckFailed(f"{what}: expected shape {expected.shape}, got {got.shape}", *hints)
    if not np.allclose(got, expected, rtol=rtol, atol=rtol):
        worst = np.unravel_index(np.argmax(np.nan_to_num(np.abs(got - expected), nan=np.inf)), got.shape)
        at = f" at index {tuple(map(int, worst))}" if got.shape else ""
        raise CheckFailed(f"{what}: expected {expected[worst]:.6g}{at}, got {got[worst]:.6g}", *hints)


def expect(condition: Any, detail: str, *hints: str) -> None:
    """Raise CheckFailed unless the condition holds."""
    if not condition:
        raise CheckFailed(detail, *hints)


def expect_images(what: str, got: Any, shape: tuple[int, ...]) -> Array:
    """The result, images in [0, 1]. Raises CheckFailed for anything else."""
    got = numbers(what, got)
    extent = f", from {got.min():.3g} to {got.max():.3g}" if got.size else ""
    expect(
        got.shape == shape and got.min() >= 0.0 and got.max() <= 1.0,
        f"{what} gave shape {got.shape}{extent}; expected images in [0, 1]",
    )
    return got


def pictures(characters: str, train_size: int, test_size: int, rng: np.random.Generator) -> "tuple[Dataset, Dataset]":
    """Glyphs at 14 x 14 pixels, each the mean of four, so that a network learns them in seconds: (train, test).

    Everyone is trained on the same, and tested on what nobody has seen.
    """
    from minigen import data  # imported late, for most checks need none and shall begin at once

    train, _ = data.load("glyphs", characters=characters, train_size=train_size, test_size=1)
    _, test = data.load("glyphs", characters=characters, train_size=1, test_size=test_size, seed=int(rng.integers(1, 2**31)))
    return tuple(replace(split, images=split.images.reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4))) for split in (train, test))


def pixelwise_nats(train: np.ndarray, test: np.ndarray) -> float:
    """What a model costs that knows each pixel's mean and nothing of how pixels go together: -log p of a test image, in nats."""
    p = train.mean(axis=0, dtype=np.float64).clip(0.005, 0.995)
    return float(-(test * np.log(p) + (1 - test) * np.log(1 - p)).sum(axis=(1, 2, 3)).mean())


def least_nats(images: np.ndarray) -> float:
    """What no model can go below: the entropy of the pixels, for a gray one is as uncertain as a coin."""
    p = images.astype(np.float64).clip(1e-12, 1 - 1e-12)
    return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=(1, 2, 3)).mean())
