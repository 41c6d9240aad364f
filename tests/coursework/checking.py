"""How the tests check a file: in this process, or, where it may hang or die, as the command line does."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from minigen.coursework import child
from minigen.coursework.learner import LIBRARY
from minigen.coursework.report import Item, Line, Report
from minigen.coursework.run import gather

SOLUTIONS = Path(__file__).parent / "solutions"
PAGE = (LIBRARY / "coursework" / "TEACHING.md").read_text(encoding="utf-8")


def checked(path: Path, number: int | None = None) -> Report:
    """The report on a file, which is run in this process."""
    events = path.with_suffix(".events")
    report = Report(path.name, number)
    with importing():
        scribe = child.Scribe(events)
        with contextlib.redirect_stdout(child.Printed(scribe)) as printed:
            child.check(path.resolve(), number, scribe, printed)
    gather(report, events)
    events.unlink()
    return report


def checked_text(folder: Path, text: str, number: int | None = None) -> Report:
    """The report on a file of this text."""
    path = folder / "theirs.py"
    path.write_text(text, encoding="utf-8")
    return checked(path, number)


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Inside the block files are imported; afterwards the import system is as before."""
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
    return next(each for part in items for each in part.lines if each.check == check)


def failures(report: Report) -> dict[str, str]:
    """Check -> what is said of it, of all that failed."""
    return {each.check: "\n".join([each.detail, *each.hints]) for part in report.items for each in part.lines
            if each.passed is False}
