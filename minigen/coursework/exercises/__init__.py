"""The exercises: a starter file for each, which the learner completes, and the requirements of the completed file.

A module exerciseN has an `exercise`, an Exercise of tools.py, and its requirements.
"""

import sys
from argparse import ArgumentTypeError
from importlib import import_module
from pathlib import Path

from minigen.coursework.exercises.tools import STARTERS, Exercise
from minigen.utils.files import replacing

COUNT = len(list(STARTERS.glob("exercise*.py")))
TEMPLATES = Path(__file__).parents[1] / "templates"


def exercise(number: int) -> Exercise:
    """The exercise of this number. Raises ValueError for one that does not exist."""
    if number not in range(1, COUNT + 1):
        raise ValueError(f"there is no exercise {number}: expected 1 to {COUNT}")
    return import_module(f"minigen.coursework.exercises.exercise{number}").exercise


def number(text: str) -> int:
    """The number of an exercise, from a command line."""
    if not text.isdecimal() or int(text) not in range(1, COUNT + 1):
        raise ArgumentTypeError(f"there is no exercise {text!r}: expected 1 to {COUNT}")
    return int(text)


def hand_out(source: Path, path: Path) -> int:
    """Copy a starter or a template to `path`, atomically, and print so; an existing file is never overwritten. Returns the
    exit status."""
    if path.exists() or path.is_symlink():
        print(
            f"{path} already exists and is left as it is: move it away, or continue with `minigen check {path}`", file=sys.stderr
        )
        return 1
    with replacing(path) as temporary:
        temporary.write_bytes(source.read_bytes())
    print(f"{path} is written. Make it yours, then: minigen check {path}")
    return 0
