"""How the tests check a file: in this process, or, where it may hang or die, as the command line does."""

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minigen.coursework.exercises.tools import Exercise
from minigen.coursework.grader import grade, question
from minigen.coursework.grading.report import Item, Line, Report
from minigen.coursework.grading.session import Session, cleaned
from minigen.coursework.grading.submission import read_all
from minigen.coursework.protocol import pack, receive
from minigen.coursework.worker.serve import Worker

SOLUTIONS = Path(__file__).parent / "solutions"
PAGE = (Path(__file__).parents[2] / "docs" / "coursework.md").read_text(encoding="utf-8")


class Local(Session):
    """A worker in this process; the messages are the same."""

    def __init__(self, path: Path, seed: int):
        super().__init__(seed, [path.name])
        self.path, self.worker = path, Worker(path, self.heard)

    def heard(self, message: dict[str, Any]) -> None:
        self.hear(passed_on(message)["printed"])

    def exchange(self, question: dict[str, Any]) -> dict[str, Any]:
        with contextlib.redirect_stdout(self.worker.printed):
            answer = self.worker.answer(passed_on(question))
        return cleaned(passed_on(answer), str(self.path.parent), str(self.path.parent))


def passed_on(message: Any) -> Any:
    """A message as the other side gets it."""
    return receive(io.BytesIO(pack(message)).read)


def check_file(path: Path, seconds: float | None = None, number: int | None = None, apart: bool = True) -> Report:
    """The report on a file, which is run as the command line runs it: in a process of its own."""
    (submission,) = read_all([path], number)
    return grade(submission, seconds, number, apart)


def checked(path: Path, number: int | None = None, known: dict[int, Exercise] | None = None) -> Report:
    """The report on a file, which is run in this process. `known`: the exercises, by default minigen's."""
    report = Report(path.name, number)
    with importing():
        (submission,) = read_all([path])
        question(Local(submission.path, submission.seed), report, path.name, known)
    return report


def checked_text(folder: Path, text: str, number: int | None = None, known: dict[int, Exercise] | None = None) -> Report:
    """The report on a file of this text."""
    path = folder / "theirs.py"
    path.write_text(text, encoding="utf-8")
    return checked(path, number, known)


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Inside the block files are imported; afterward the import system is as before."""
    paths = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = paths
        sys.modules.pop("learner", None)


def item(report: Report, name: str) -> Item:
    """The item of this name."""
    return next(each for each in report.items if each.name == name)


def line(report: Report, check: str, name: str | None = None) -> Line:
    """The line of a check, of the item of this name or of the first that has one."""
    items = report.items if name is None else [item(report, name)]
    return next(each for part in items for each in part.checks if each.check == check)


def failures(report: Report) -> dict[str, str]:
    """Check -> what is said of it, of all that failed."""
    return {each.check: "\n".join([each.detail, *each.hints]) for each in report.lines if each.passed is False}
