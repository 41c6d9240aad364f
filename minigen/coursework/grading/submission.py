"""A submission, as it was before any code ran: read once, and then kept in memory."""

import hashlib
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from minigen.coursework.grading.session import in_one_line

LARGEST = 1 << 20  # bytes of a file
HELPERS = 20  # files beside it that may be copied along
EXERCISE = re.compile(rb"^EXERCISE[ \t]*=[ \t]*(\d{1,6})[ \t]*(?:#.*)?\r?$", re.MULTILINE)
IMPORTS = re.compile(rb"(?:^|[;:])[ \t]*(?:from|import)[ \t]([^\n;#]*)", re.MULTILINE)


@dataclass
class Submission:
    """A file and those that it imports from beside it. `problem`: why it cannot be checked. `link`: what to know of its path."""

    shown: str
    path: Path
    problem: str = ""
    link: str = ""
    source: bytes = b""
    helpers: dict[str, bytes] = field(default_factory=dict)  # name -> content

    @property
    def seed(self) -> int:
        """Of the random numbers with which it is tried: the same for the same text, its helpers' included."""
        texts = b"\0".join([self.source, *self.helpers.values()])
        return int.from_bytes(hashlib.sha256(texts).digest()[:8], "big")

    @property
    def exercise(self) -> int | None:
        """The number N of a line `EXERCISE = N`; None without one."""
        found = EXERCISE.search(self.source)
        return int(found.group(1)) if found else None

    def write_into(self, folder: Path) -> None:
        """Copy it, with its helpers."""
        for name, content in [*self.helpers.items(), (self.path.name, self.source)]:
            (folder / name).write_bytes(content)


def found_in(paths: Iterable[Path], number: int | None = None) -> list[Path]:
    """The paths, with the submissions in it, at any depth, in place of a folder: the Python files that say EXERCISE = N, this
    `number` if there is one. A folder without any stays, and `read` says so."""
    found: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            files = [each for each in sorted(path.rglob("*.py")) if not each.relative_to(path).parts[0].startswith(".")]
            said = {each: read(each).exercise for each in files}
            inside = [each for each in files if said[each] is not None and number in (None, said[each])] or inside
        found += inside
    return found


def read_all(paths: Iterable[Path], number: int | None = None, secret: Iterable[Path] = ()) -> list[Submission]:
    """The submissions of these paths, with their helpers. `number`: of the exercise of all of them, by default what they say.

    Submissions of the same exercise are not helpers of one another, and nothing is that lies in a `secret` folder.
    """
    submissions = list(map(read, paths))
    for each in submissions:
        task = each.exercise if number is None else number
        rivals = {other.path for other in submissions if task is not None and task in (number, other.exercise)}
        try:
            each.helpers = helpers(each, rivals | {each.path}, set(secret))
        except (OSError, ValueError) as error:
            each.problem = each.problem or f"what {each.shown} imports from beside it cannot be read: {reason(error)}"
    return submissions


def read(path: Path) -> Submission:
    """One submission, or what is wrong with its file."""
    shown = in_one_line(str(path))
    submission = Submission(shown, path)
    try:
        submission.path = path.resolve()
        if path.is_symlink():
            submission.link = f"{shown} is a link: what was checked is {in_one_line(str(submission.path))}"
        if path.is_dir():
            submission.problem = (
                f"{shown} is a folder without submissions, Python files with a line EXERCISE = NUMBER: give a file"
            )
        elif not path.exists():
            submission.problem = f"{shown} does not exist: give a Python file, such as `minigen check my_op.py`"
        elif path.suffix != ".py":
            submission.problem = f"{shown} is not a Python file: its name should end in .py"
        else:
            submission.source = content(path)
    except (OSError, ValueError, RuntimeError) as error:  # closed to us, no file of bytes, links in a circle
        submission.problem = f"{shown} cannot be read: {reason(error)}"
    return submission


def reason(error: Exception) -> str:
    """Why a file cannot be read."""
    return getattr(error, "strerror", None) or str(error)


def content(path: Path) -> bytes:
    """The bytes of a regular file. Raises ValueError for one that is not, or is too large."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))  # a FIFO would keep us waiting
    with os.fdopen(file, "rb") as reader:
        found = os.fstat(reader.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a regular file")
        if found.st_size > LARGEST:
            raise ValueError(f"it has {found.st_size:,} bytes, expected at most {LARGEST:,}")
        return reader.read(LARGEST)


def helpers(submission: Submission, others: set[Path], secret: set[Path]) -> dict[str, bytes]:
    """The files beside a submission that it imports, directly or indirectly, except other submissions, and what is secret."""
    if submission.path.parent in secret:
        return {}
    found: dict[str, bytes] = {}
    left = [submission.source]
    while left:
        for names in IMPORTS.findall(left.pop()):
            for name in re.findall(r"\w+", names.decode("utf-8", "replace")):
                path = submission.path.parent / f"{name}.py"
                if len(found) < HELPERS and path.name not in found and path.is_file() and path.resolve() not in others:
                    found[path.name] = content(path)
                    left.append(found[path.name])
    return found
