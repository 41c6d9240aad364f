"""A call on the strict backend, which needs no GPU and refuses what one would refuse; and counts what a GPU would do."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minigen.backend import strict
from minigen.coursework.worker.learner import LIBRARY, theirs

ENGINE = {LIBRARY / room for room in ("backend", "engine", "autograd", "coursework")}  # through which a call comes to the device


class Watched(strict.Counters):
    """Counters that also remember which lines of the learner's file wait for the device, or copy an array to it."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = path
        self.waits: set[str] = set()
        self.copies: set[str] = set()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("synchronizations", "uploads") and value:
            stack = traceback.extract_stack()
            outside = next((frame for frame in reversed(stack) if not set(Path(frame.filename).parents) & ENGINE), None)
            noise = any(Path(frame.filename) == LIBRARY / "backend" / "random.py" for frame in stack)  # a GPU draws its own
            # If a function of the library waits, it is not their fault.
            if outside and theirs(outside.filename, self.path) and not noise:
                (self.waits if name == "synchronizations" else self.copies).add(f"line {outside.lineno}: {outside.line}")
        super().__setattr__(name, value)


@contextmanager
def watching(path: Path) -> Iterator[Watched]:
    """Count inside the block."""
    with strict.count():
        strict.counters = Watched(path)
        yield strict.counters
