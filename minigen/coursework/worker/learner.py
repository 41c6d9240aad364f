"""A learner's file: how it is imported, and which part of an error they see."""

import importlib.util
import random
import sys
import sysconfig
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import minigen
from minigen.coursework.examples import EXAMPLES, Example

LIBRARY = Path(minigen.__file__).resolve().parent
STDLIB = Path(sysconfig.get_path("stdlib")).resolve()
NAME = "learner"  # the file's module name: its own might be that of a library
MESSAGE = 2000  # characters of an error's message
TRACEBACK = 20_000  # of its traceback
SHOWN_FRAMES = 1000  # of a recursion without end


def import_file(path: Path, backend: str) -> tuple[ModuleType, list[Example]]:
    """Import the file with this backend in use and all random streams at seed 0; the module and its examples.

    Whatever the file raises comes through. Files beside it can be imported by it, as when Python runs it, but for those that are
    called like a library's.
    """
    minigen.use(backend)
    reseed()
    EXAMPLES.clear()
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec: Any = importlib.util.spec_from_file_location(NAME, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    minigen.use(backend)  # whatever the file has chosen
    return module, [each for each in EXAMPLES if each.file == str(path)]  # not those of a file that it imports


def reseed() -> None:
    """Start every stream of random numbers that a file may draw from, so that the next call draws the same."""
    minigen.seed(0)
    np.random.seed(0)
    random.seed(0)


def theirs(filename: str, path: Path) -> bool:
    """Whether a file of a traceback is the learner's: the one that is checked, or one of their own beside it."""
    file = Path(filename)
    if not file.is_absolute():  # <frozen importlib> and the like
        return False
    file = file.resolve()
    foreign = {LIBRARY, STDLIB} & set(file.parents) or "site-packages" in file.parts
    return file == path or (path.parent in file.parents and not foreign)


def frames(error: BaseException, path: Path) -> list[traceback.FrameSummary]:
    """The learner's frames of an error and of what caused it, the innermost last."""
    found: list[traceback.FrameSummary] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        all_of_it = traceback.extract_tb(cause.__traceback__, limit=-SHOWN_FRAMES)
        found += [frame for frame in all_of_it if theirs(frame.filename, path) and frame not in found]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return found


def message_of(error: BaseException) -> str:
    """What an error says, if it can be read."""
    try:
        return "".join([str(error)])[:MESSAGE]
    except BaseException:  # its __str__ is the learner's
        return "(its message cannot be read)"


def traceback_of(error: BaseException, path: Path) -> str:
    """The error as Python would print it, without the frames that are not the learner's."""
    shown = frames(error, path)
    head = ["Traceback (most recent call last):\n", *traceback.format_list(shown)] if shown else []
    return "".join([*head, *traceback.format_exception_only(error)])[:TRACEBACK].rstrip()


def unwritten(error: BaseException, path: Path) -> str:
    """The message for a place that the learner has yet to fill in; empty for any other error."""
    shown = frames(error, path)
    if isinstance(error, NotImplementedError) and shown and "NotImplementedError" in (shown[-1].line or ""):
        return f"still to be written: {path.name}, line {shown[-1].lineno}, {shown[-1].name}"
    return ""


def why(error: BaseException, path: Path) -> str:
    """The learner's own part of the traceback; for an exit, where it was."""
    if isinstance(error, SystemExit):
        at = frames(error, path)
        return f"it ends the program, in line {at[-1].lineno}: {at[-1].line}" if at else "it ends the program"
    return traceback_of(error, path)
