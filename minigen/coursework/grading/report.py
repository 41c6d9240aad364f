"""What a check has found, as a text that teaches and as data to be marked."""

import textwrap
from dataclasses import dataclass, field
from typing import Any

PASSED, FAILED, UNCHECKED = "passed", "failed", "unchecked"
EXIT_STATUS = {PASSED: 0, FAILED: 1, UNCHECKED: 2}
MARKS = {True: "ok", False: "FAIL", None: "-"}
WIDTH = 120
ROWS = 10  # of what the file prints


class CheckFailed(Exception):
    """Something is not as it should be: what is wrong, and hints."""

    def __init__(self, detail: str, *hints: str):
        super().__init__(detail)
        self.hints = [hint for hint in hints if hint]


@dataclass
class Line:
    """One check. `passed` None: a remark, which neither passes nor fails. hints: what is wrong, where, and what may help."""

    check: str
    passed: bool | None
    detail: str = ""
    hints: list[str] = field(default_factory=list)

    def text(self, told: set[str]) -> str:
        """As it is printed; a traceback that has been told is not told again."""
        first = f"  {MARKS[self.passed]:<5} {self.check:<20} {' '.join(self.detail.split())}".rstrip()
        hints = ["as above" if hint in told else hint for hint in self.hints]
        told.update(hint for hint in self.hints if hint.startswith("Traceback"))
        return "\n".join(
            [
                wrapped(first, 29),
                *(wrapped(row, 10) if "\n" not in hint else row for hint in hints for row in shifted(hint, 8).splitlines()),
            ]
        )


@dataclass
class Item:
    """What was found in a file, and its checks."""

    kind: str  # op, layer, model, function, exercise
    name: str
    line: int = 0
    lines: list[Line] = field(default_factory=list)

    def text(self, told: set[str]) -> str:
        where = f"  ({self.kind}, line {self.line})" if self.line else ""
        return "\n".join([self.name + where, *(line.text(told) for line in self.lines)])


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

    @property
    def passed(self) -> int:
        return sum(line.passed is True for item in self.items for line in item.lines)

    @property
    def failed(self) -> int:
        return sum(line.passed is False for item in self.items for line in item.lines)

    @property
    def status(self) -> str:
        """passed; failed: something is wrong; unchecked: the file does not import, holds nothing to check, or never ends."""
        if self.stopped:
            return UNCHECKED
        return FAILED if self.failed else PASSED

    def __str__(self) -> str:
        parts = [self.file + (f"  (exercise {self.exercise})" if self.exercise else "")]
        told: set[str] = set()
        parts += [item.text(told) for item in self.items]
        if self.remarks:
            parts.append("\n".join(self.remarks))
        if self.printed:
            parts.append("The file printed while it was imported:\n" + shifted(shown(self.printed)))
        if self.stopped:
            parts.append(self.stopped)
        return "\n\n".join([*parts, self.summary()])

    def summary(self) -> str:
        """The last line."""
        if self.stopped:
            return "NOT CHECKED" + (f" to the end; so far {self.passed} passed, {self.failed} failed" if self.items else "")
        passed = f"PASSED: {self.passed} check{'s' * (self.passed != 1)} passed"
        waiting = [
            item.name for item in self.items for line in item.lines if line.check == "GPU-ready" and line.detail.startswith("no")
        ]
        result = f"FAILED: {self.failed} of {self.passed + self.failed} checks" if self.failed else passed
        return result + (f"; not GPU-ready: {', '.join(waiting)}" if waiting else "")

    def first_failure(self) -> str:
        """The first check that failed, for a list of many files."""
        if self.stopped:
            said = self.stopped.strip().splitlines()
            return said[-1 if said[0].endswith(":") else 0][:WIDTH]  # of a traceback what it ends with
        return next((f"{item.name}: {line.check}" for item in self.items for line in item.lines if line.passed is False), "")

    def as_dict(self) -> dict[str, Any]:
        """For a file of marks."""
        return {
            "file": self.file,
            "exercise": self.exercise,
            "status": self.status,
            "passed": self.passed,
            "failed": self.failed,
            "seconds": round(self.seconds, 2),
            "stopped": self.stopped,
            "remarks": self.remarks,
            "printed": self.printed,
            "items": [
                {
                    "kind": item.kind,
                    "name": item.name,
                    "line": item.line,
                    "checks": [
                        {"check": line.check, "passed": line.passed, "detail": line.detail, "hints": line.hints}
                        for line in item.lines
                    ],
                }
                for item in self.items
            ],
        }


def shifted(text: str, columns: int = 4) -> str:
    """Each line moved to the right."""
    return textwrap.indent(text.rstrip(), " " * columns)


def shown(printed: str) -> str:
    """What a terminal would show of it, for progress bars overwrite their line; of many lines the first."""
    rows = [row.rpartition("\r")[2].rstrip() for row in printed.rstrip().split("\n")]
    return "\n".join(rows[:ROWS] + ["..."] * (len(rows) > ROWS))


def wrapped(line: str, columns: int) -> str:
    """A long line broken at spaces, its further lines moved to the right."""
    return textwrap.fill(
        line,
        WIDTH,
        subsequent_indent=" " * columns,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
