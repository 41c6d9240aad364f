"""The exercises: for each a starter file, which the learner completes, and here what the completed file must do.

A module exerciseN has a TITLE, SECONDS that its check may take, FORBIDDEN names (the library's own solution),
`examples(file)`, the calls that `minigen check` is to gradient-check, and requirements: functions of the learner's file that
return a remark, or raise Missed.
"""

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.backend import to_numpy
from minigen.coursework.examples import Example

if TYPE_CHECKING:
    from minigen.data import Dataset

COUNT = 8
STARTERS = Path(__file__).parents[1] / "starters"
TEMPLATES = Path(__file__).parents[1] / "templates"


class Missed(Exception):
    """A requirement is not met: what is wrong, and hints."""

    def __init__(self, detail: str, *hints: str):
        super().__init__(detail)
        self.hints = [hint for hint in hints if hint]


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

    def examples(self, file: ModuleType) -> list[Example]:
        """The calls to be checked, of a file that defines all that is asked for."""
        return [Example(*parts) for parts in self.module.examples(file)]

    def requirements(self) -> list[tuple[str, Callable]]:
        """(name, function), in the order of the module."""
        return [(value.requirement, value) for value in vars(self.module).values() if hasattr(value, "requirement")]

    def missing(self, file: ModuleType) -> list[str]:
        """Names that the file should define and does not."""
        return [name for name in self.module.NAMES if not hasattr(file, name)]

    def forbidden(self) -> tuple[str, ...]:
        """Names of the library that would be the solution."""
        return getattr(self.module, "FORBIDDEN", ())


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
    """Copy a starter or a template to `path`, and say so; an existing file is never overwritten. Returns the exit status."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(source.read_text(encoding="utf-8"))
    except FileExistsError:
        print(f"{path} exists already and is left as it is: move it away, or go on with `minigen check {path}`", file=sys.stderr)
        return 1
    print(f"{path} is written. Make it yours, then: minigen check {path}")
    return 0


# -- what requirements are written with --------------------------------------------------------------------------


def requirement(name: str) -> Callable:
    """Mark a function of the learner's file as a requirement, by the name under which it is reported."""
    def mark(function: Callable) -> Callable:
        function.requirement = name
        return function

    return mark


def numbers(x: Any) -> np.ndarray:
    """A result of the learner's as a host array, whatever it is."""
    return np.asarray(to_numpy(x))


def expect_close(what: str, got: Any, expected: Any, *hints: str, rtol: float = 1e-5) -> None:
    """Raise Missed unless a result is what it should be: shape and values."""
    got, expected = numbers(got), np.asarray(expected)
    if got.shape != expected.shape:
        raise Missed(f"{what}: expected shape {expected.shape}, got {got.shape}", *hints)
    if not np.allclose(got, expected, rtol=rtol, atol=rtol):
        worst = np.unravel_index(np.argmax(np.nan_to_num(np.abs(got - expected), nan=np.inf)), got.shape)
        at = f" at index {tuple(map(int, worst))}" if got.shape else ""
        raise Missed(f"{what}: expected {expected[worst]:.6g}{at}, got {got[worst]:.6g}", *hints)


def expect(condition: Any, detail: str, *hints: str) -> None:
    """Raise Missed unless the condition holds."""
    if not condition:
        raise Missed(detail, *hints)


def pictures(characters: str, train_size: int, test_size: int) -> "tuple[Dataset, Dataset]":
    """Glyphs at 14 x 14 pixels, each the mean of four, so that a network learns them in seconds: (train, test)."""
    from minigen import data  # imported late, for most checks need none and shall begin at once

    splits = data.load("glyphs", characters=characters, train_size=train_size, test_size=test_size)
    return tuple(replace(split, images=split.images.reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4))) for split in splits)


def learn(model: Any, images: np.ndarray, epochs: int, lr: float) -> None:
    """Train a learner's model on its own loss: Adam, batches of 60, in the same order in each epoch."""
    from minigen import data, optim

    optimizer = optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        for batch in data.batches(images, batch_size=60, seed=0):
            loss = model.loss(batch)[0]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def pixelwise_nats(train: np.ndarray, test: np.ndarray) -> float:
    """What a model costs that knows each pixel's mean and nothing of how pixels go together: -log p of a test image, in nats."""
    p = train.mean(axis=0, dtype=np.float64).clip(0.005, 0.995)
    return float(-(test * np.log(p) + (1 - test) * np.log(1 - p)).sum(axis=(1, 2, 3)).mean())
