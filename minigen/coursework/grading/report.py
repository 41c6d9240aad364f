"""The findings of a check, as text for the learner and as data for marking."""

import textwrap
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

PASSED, FAILED, UNCHECKED = "passed", "failed", "unchecked"
EXIT_STATUS = {PASSED: 0, FAILED: 1, UNCHECKED: 2}
MARKS = {True: "ok", False: "FAIL", None: "-"}
WIDTH = 120
ROWS = 10  # of what the file prints


class CheckFailed(Exception):
    """A check failed: what is wrong, and hints."""

    def __init__(self, detail: str, *hints: str):
        super().__init__(detail)
        self.hints = [hint for hint in hints if hint]


def expect(condition: Any, detail: str, *hints: str) -> None:
    """Raise CheckFailed unless the condition holds."""
    if not condition:
        raise CheckFailed(detail, *hints)


class Remark(NamedTuple):
    """What a check returns that neither passes nor fails."""

    detail: str
    hints: list[str] = []


@dataclass
class Line:
    """One check. `passed` None: a remark. hints: what is wrong, where, and what may help. `follows`: it failed because another
    did, which comes first."""

    check: str
    passed: bool | None
    detail: str = ""
    hints: list[str] = field(default_factory=list)
    follows: bool = False

    def text(self, shown: set[str]) -> str:
        """As it is printed; a traceback that was shown is not shown again."""
        first = f"  {MARKS[self.passed]:<5} {self.check:<20} {' '.join(self.detail.split())}".rstrip()
        rows = [wrapped(first, 29)]
        for hint in self.hints:
            several = "\n" in hint  # a traceback, or code: its lines stay as they are
            text = shifted("as above" if hint in shown else hint, 8).splitlines()
            rows += text if several else [wrapped(row, 10) for row in text]
        shown.update(hint for hint in self.hints if hint.startswith("Traceback"))
        return "\n".join(rows)


@dataclass
class Item:
    """What was found in a file, and its checks."""

    kind: str  # op, layer, model, function, exercise
    name: str
    line: int = 0
    checks: list[Line] = field(default_factory=list)

    def text(self, shown: set[str]) -> str:
        where = f"  ({self.kind}, line {self.line})" if self.line else ""
        return "\n".join([self.name + where, *(line.text(shown) for line in self.checks)])


@dataclass
class Report:
    """All about one file. `stopped`: why it could not be checked to its end; with it, the learner's own traceback."""

    file: str
    exercise: int | None = None
    items: list[Item] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    printed: str = ""
    stopped: str = ""
    seconds: float = 0.0
    checks: int = 0  # that a solution of the exercise passes

    @property
    def of(self) -> int:
        """How many checks could have passed: what depends on a check that fails is not tried."""
        return max(self.checks, self.passed) if self.checks else self.passed + self.failed

    @property
    def lines(self) -> list[Line]:
        """Those of all items."""
        return [line for item in self.items for line in item.checks]

    @property
    def passed(self) -> int:
        return sum(line.passed is True for line in self.lines)

    @property
    def failed(self) -> int:
        return sum(line.passed is False for line in self.lines)

    @property
    def status(self) -> str:
        """passed; failed: something is wrong; unchecked: the file does not import, holds nothing to check, or never ends."""
        if self.stopped:
            return UNCHECKED
        return FAILED if self.failed else PASSED

    def __str__(self) -> str:
        parts = [self.file + (f"  (exercise {self.exercise})" if self.exercise else "")]
        shown: set[str] = set()
        parts += [item.text(shown) for item in self.items]
        if self.remarks:
            parts.append("\n".join(self.remarks))
        if self.printed:
            parts.append("The file printed while it was imported:\n" + shifted(on_screen(self.printed)))
        if self.stopped:
            parts.append(self.stopped)
        return "\n\n".join([*parts, self.summary()])

    def summary(self) -> str:
        """The last line."""
        if self.stopped:
            return "NOT CHECKED" + (f" to the end; so far {self.passed} passed, {self.failed} failed" if self.items else "")
        passed = f"PASSED: {self.passed} check{'s' * (self.passed != 1)} passed"
        unready = ("GPU-ready", "no")
        waiting = [item.name for item in self.items if unready in ((line.check, line.detail[:2]) for line in item.checks)]
        result = f"FAILED: {self.failed} of {self.passed + self.failed} checks" if self.failed else passed
        return result + (f"; not GPU-ready: {', '.join(waiting)}" if waiting else "")

    def first_failure(self) -> str:
        """The first check that failed, for a list of many files."""
        if self.stopped:
            said = self.stopped.strip().splitlines()
            first = said[-1 if said[0].endswith(":") else 0]  # of a traceback what it ends with
            return first.removeprefix(f"{self.file} ")[:WIDTH]  # the list names it
        failed = [
            (line.follows, f"{item.name}: {line.check}") for item in self.items for line in item.checks if line.passed is False
        ]
        return min(failed, key=lambda each: each[0], default=(False, ""))[1]

    def as_dict(self) -> dict[str, Any]:
        """For a file of marks."""
        counts = {"passed": self.passed, "failed": self.failed, "of": self.of, "seconds": round(self.seconds, 2)}
        return asdict(self) | {"status": self.status} | counts


def shifted(text: str, columns: int = 4) -> str:
    """Each line moved to the right."""
    return textwrap.indent(text.rstrip(), " " * columns)


def on_screen(printed: str) -> str:
    """What a terminal would show of it, for progress bars overwrite their line; of many lines the first."""
    rows = [row.rpartition("\r")[2].rstrip() for row in printed.rstrip().split("\n")]
    return "\n".join(rows[:ROWS] + ["..."] * (len(rows) > ROWS))


def wrapped(line: str, columns: int) -> str:
    """A long line broken at spaces, its further lines moved to the right."""
    return textwrap.fill(
        line, WIDTH, subsequent_indent=" " * columns, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )
