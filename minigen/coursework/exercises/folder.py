"""Exercises from a teacher's own folder: exerciseN.py, the checker, and starters/exerciseN.py, which is handed out.

A checker is run in the grader, and is as free as the grader is: it is the teacher's own program. A submission never is, and does
not see the folder (see `grade`).
"""

import sys
import traceback
from pathlib import Path
from types import ModuleType

from minigen.coursework.exercises.tools import Exercise
from minigen.coursework.grading.submission import EXERCISE, NAME
from minigen.errors import UsageError

PAGE = "docs/coursework.md says how they are written"


def read_folder(folder: Path) -> dict[int, Exercise]:
    """The exercises of a folder, by their numbers. Raises UsageError for a folder without any, and for what is incomplete."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: --exercises expects one with exercises; {PAGE}")
    checkers, starters = numbers_in(folder), numbers_in(folder / "starters")
    if not checkers | starters:
        raise UsageError(
            f"{folder} has no exercises: expected exercise1.py, which checks, and starters/exercise1.py, which is handed out; "
            f"{PAGE}"
        )
    for number in sorted(checkers ^ starters):
        names = [f"exercise{number}.py, which checks", f"starters/exercise{number}.py, which is handed out"]
        has, lacks = names if number in checkers else names[::-1]
        raise UsageError(f"{folder} has {has.partition(',')[0]}, but no {lacks}")
    return {number: loaded(folder, number) for number in sorted(checkers)}


def numbers_in(folder: Path) -> set[int]:
    """The numbers of the files exerciseN.py in a folder."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return {int(match[1]) for match in map(NAME.fullmatch, names) if match}


def loaded(folder: Path, number: int) -> Exercise:
    """The exercise of a checker, which is run; nothing is written beside it."""
    path = folder / f"exercise{number}.py"
    module = ModuleType(f"exercise{number}_of_a_folder")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses look for the module of a class
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path} cannot be used: {type(error).__name__}: {error}{line_in_checker(error)}") from error
    found = getattr(module, "exercise", None)
    if not isinstance(found, Exercise):
        raise UsageError(f'{path} has no exercise: write exercise = Exercise({number}, "its title", names=("f",)); {PAGE}')
    if found.number != number:
        raise UsageError(f"{path} has Exercise({found.number}, ...): expected {number}, the number in its name")
    if not found.examples and not found.requirements:
        raise UsageError(f"{path} checks nothing: give it examples, or functions under @exercise.requirement")
    found.home = folder.resolve()
    match = EXERCISE.search(found.starter.read_bytes())
    if match is None or int(match[1]) != number:
        raise UsageError(
            f"{folder / 'starters' / path.name} has no line EXERCISE = {number}, by which a submission is recognized"
        )
    return found


def line_in_checker(error: BaseException) -> str:
    """The innermost line of a checker that an error came through, as text; "" if it came through none."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if NAME.fullmatch(Path(each.filename).name)]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
