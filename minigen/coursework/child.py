"""The process in which a learner's file is run: main(FILE, EVENTS, SECONDS[, EXERCISE]).

All that is found goes line by line into the file EVENTS as JSON, so that it is there even if this process is killed. After
SECONDS seconds it ends itself and leaves beside EVENTS, in EVENTS.trace, where it was.
"""

import ast
import faulthandler
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import minigen
from minigen.coursework.discover import Subject, merged, of_example, plain_classes, plain_functions, subjects
from minigen.coursework.examine import Examination, guarded
from minigen.coursework.examples import Example
from minigen.coursework.exercises import Exercise, Missed, exercise
from minigen.coursework.learner import frames, load, reseed, traceback_of
from minigen.coursework.report import THE_END, Line

SHOWN = 2000  # characters of what the file prints


class Printed:
    """Stands where standard output was: tells the scribe how what is printed begins, lest a loop that prints fill the disk."""

    def __init__(self, scribe: "Scribe"):
        self.scribe, self.left = scribe, SHOWN

    def write(self, text: str) -> int:
        if self.left > 0:
            self.scribe.write(printed=text[:self.left])
            self.left -= len(text)
        return len(text)

    def close(self) -> None:
        """Keep nothing of what is printed from now on."""
        self.left = 0

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return False


class Scribe:
    """Writes down what is found, at once."""

    def __init__(self, events: Path):
        self.file = events.open("a", encoding="utf-8")

    def write(self, **event: Any) -> None:
        self.file.write(json.dumps(event) + "\n")
        self.file.flush()

    def item(self, kind: str, name: str, line: int) -> None:
        self.write(item={"kind": kind, "name": name, "line": line})

    def line(self, line: Line) -> None:
        self.write(line=asdict(line))

    def running(self, what: str) -> None:
        self.write(running=what)

    def remark(self, text: str) -> None:
        self.write(remark=text)

    def stopped(self, text: str) -> None:
        self.write(stopped=text)


def check(path: Path, number: int | None, scribe: Scribe, printed: Printed) -> None:
    """Import the file and run all checks on what is in it. `number`: of its exercise; `printed` hears what the import prints."""
    try:
        task = None if number is None else exercise(number)
    except ValueError as error:
        scribe.stopped(f"EXERCISE = {number} in {path.name}: {error}")
        return
    scribe.running("importing the file")
    try:
        module, examples = load(path, "numpy")
    except BaseException as error:  # whatever a file may do, SystemExit and KeyboardInterrupt included
        scribe.stopped(f"{path.name} cannot be imported:\n\n{why(error, path)}")
        return
    finally:
        printed.close()
    scribe.running("looking for what there is to check")
    found, problems = calls_in(module, examples, task, path)
    if task is None and not found:
        scribe.stopped(nothing(path, plain_functions(module, examples), plain_classes(module)))
        return
    twins = Twins(path, task)
    for position, subject in enumerate(found):
        Examination(subject, path, scribe, twins.of(position)).run()
    if task is not None:
        examine_exercise(task, module, path, scribe, problems)
        return
    for name in plain_classes(module):
        scribe.remark(f"{name} has a forward, but is no layer: write class {name}(nn.Module), with from minigen import nn.")
    left = plain_functions(module, examples)
    if left:
        scribe.remark(f"Not checked: {', '.join(left)}. To check a function, write `from minigen.coursework import example`, and "
                      f"example({left[0]}, (3, 4)), a shape for each input.")


def calls_in(module: ModuleType, examples: list[Example], task: Exercise | None, path: Path) -> tuple[list[Subject], list[Line]]:
    """What is to be checked in a file, of an exercise its own calls only; and why some of it cannot be called."""
    if task is None:
        return subjects(module, examples), []
    missing = task.missing(module)
    if missing:
        return [], [Line("defines", False, f"{path.name} has no {' and no '.join(missing)}", ["names must stay as handed out"])]
    asked, problems = [], []

    def collect() -> Line:
        asked.extend(task.examples(module))
        return Line("", True)

    line = guarded("begins", collect, path, None)
    if not line.passed:
        problems.append(line)
    return merged(map(of_example, asked)), problems


def examine_exercise(task: Exercise, module: ModuleType, path: Path, scribe: Scribe, problems: list[Line]) -> None:
    """The requirements of an exercise."""
    scribe.item("exercise", f"Exercise {task.number}: {task.title}", 0)
    for line in [*problems, *borrowed(task, path)]:
        scribe.line(line)
    if task.missing(module):
        return
    for name, function in task.requirements():
        def required(function: Callable = function, name: str = name) -> Line:
            minigen.use("numpy")
            reseed()
            try:
                with np.errstate(all="ignore"):
                    return Line(name, True, function(module))
            except Missed as missed:
                return Line(name, False, str(missed), missed.hints)

        scribe.running(f"requirement {name!r}")
        scribe.line(guarded(name, required, path, None))


def borrowed(task: Exercise, path: Path) -> list[Line]:
    """A failing line for each use of what the library has as the exercise's solution."""
    uses = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = [node.attr] if isinstance(node, ast.Attribute) else (
            [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else [])
        uses += [f"line {node.lineno} uses the library's {name}" for name in names if name in task.forbidden()]
    return [Line("your own work", False, use, ["write it yourself, of ops"]) for use in uses]


class Twins:
    """The file imported once more, on each backend that is asked for, and what is found in it there."""

    def __init__(self, path: Path, task: Exercise | None):
        self.path, self.task = path, task
        self.found: dict[str, list[Subject]] = {}

    def calls(self, module: ModuleType, examples: list[Example]) -> list[Subject]:
        """What calls_in finds; an error comes through, which it would report."""
        return subjects(module, examples) if self.task is None else merged(map(of_example, self.task.examples(module)))

    def of(self, position: int) -> Callable[[str], Subject]:
        """A function of the backend that gives the subject at this position, with that backend in use."""
        def twin(backend: str) -> Subject:
            if backend not in self.found:
                self.found[backend] = self.calls(*load(self.path, backend))
            minigen.use(backend)
            subject = self.found[backend][position]
            if subject.error:
                raise subject.error
            return subject

        return twin


def why(error: BaseException, path: Path) -> str:
    """The learner's own part of the traceback; for an exit, where it was."""
    if isinstance(error, SystemExit):
        at = frames(error, path)
        return f"it ends the program, in line {at[-1].lineno}: {at[-1].line}" if at else "it ends the program"
    return traceback_of(error, path)


def nothing(path: Path, functions: list[str], classes: list[str]) -> str:
    """What to write in a file that holds nothing to check."""
    text = (f"{path.name} has nothing to check: no op (a function under @op), no layer or model (a class of nn.Module), and "
            "no call of example(). (What it imports is checked with the file in which it stands.)")
    for name in classes:
        text += f"\nIt does define {name}, with a forward: write class {name}(nn.Module), with from minigen import nn."
    if functions:
        text += f"\nIt does define {', '.join(functions)}. Put @op above a function of arrays, or write"
        text += f"\n\n    from minigen.coursework import example\n\n    example({functions[0]}, (3, 4))"
    return text + "\n\n`minigen template op` writes a file to begin with."


def main(file: str, events: str, seconds: str, number: str | None = None) -> None:
    """Check one file."""
    trace = open(f"{events}.trace", "w")  # stays open: it is written to when time is over
    faulthandler.enable(trace)
    faulthandler.dump_traceback_later(float(seconds), exit=True, file=trace)
    sys.dont_write_bytecode = True  # leave no __pycache__ in the learner's folder
    scribe = Scribe(Path(events))
    sys.stdout = sys.stderr = printed = Printed(scribe)
    try:
        check(Path(file), None if number is None else int(number), scribe, printed)
        scribe.running(THE_END)
    except Exception:
        scribe.stopped(f"minigen itself failed here, which is not your fault. Please report:\n\n{traceback.format_exc()}")
    os._exit(0)  # all is written down; what the file has left running, threads or atexit, is not waited for
