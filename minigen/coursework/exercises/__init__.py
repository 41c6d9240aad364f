"""The exercises: a starter file for each, which the learner completes, and the requirements of the completed file.

A module exerciseN has an `exercise`, an Exercise of tools.py, and its requirements; starters/exerciseN.py beside this folder is
handed out. Exercises of a teacher's have the same two files each, in a folder of their own: folder.py.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from minigen.coursework.exercises.folder import read_folder
from minigen.coursework.exercises.tools import COURSEWORK, Exercise

COUNT = len(list((COURSEWORK / "starters").glob("exercise*.py")))


def exercise(number: int) -> Exercise:
    """minigen's exercise of this number."""
    return import_module(f"minigen.coursework.exercises.exercise{number}").exercise


def exercises(folder: Path | None = None) -> dict[int, Exercise]:
    """All exercises by their numbers: minigen's own, or a teacher's. Raises UsageError for what is wrong with a folder."""
    return {number: exercise(number) for number in range(1, COUNT + 1)} if folder is None else read_folder(folder)


def unknown(number: int | str, known: Mapping[int, Exercise]) -> str:
    """What to say of an exercise that does not exist."""
    numbers = sorted(known)
    gaps = numbers != list(range(numbers[0], numbers[-1] + 1)) or len(numbers) == 1
    expected = ", ".join(map(str, numbers)) if gaps else f"{numbers[0]} to {numbers[-1]}"
    others = "; --exercises FOLDER has a teacher's own" if known[numbers[0]].home == COURSEWORK else ""
    return f"there is no exercise {number}: expected {expected}{others}"
