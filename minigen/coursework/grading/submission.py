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
NAME = re.compile(r"exercise([1-9]\d{0,5})\.py")
FOREIGN = {"site-packages", "__MACOSX"}  # folders that came along, with files that nobody handed in
IMPORTS = re.compile(rb"(?:^|[;:])[ \t]*(?:from|import)[ \t]([^\n;#]*)", re.MULTILINE)


@dataclass
class Submission:
    """A file and those that it imports from beside it. `problem`: why it cannot be checked. `link`: what to know of its path.
    `named`: the number in its name, exerciseN.py, by which it is known where it does not say its number."""

    shown: str
    path: Path
    problem: str = ""
    link: str = ""
    named: int | None = None
    source: bytes = b""
    helpers: dict[str, bytes] = field(default_factory=dict)  # name -> content

    @property
    def seed(self) -> int:
        """Of the random numbers with which it is tried: the same for the same text, its helpers' included."""
        texts = b"\0".join([self.source, *self.helpers.values()])
        return int.from_bytes(hashlib.sha256(texts).digest()[:8], "big")

    @property
    def said(self) -> int | None:
        """The number N of a line `EXERCISE = N`; None without one."""
        found = EXERCISE.search(self.source)
        return int(found.group(1)) if found else None

    @property
    def exercise(self) -> int | None:
        """Its exercise: what it says, or else its name, exerciseN.py."""
        return self.named if self.said is None else self.said

    def write_into(self, folder: Path) -> None:
        """Copy it, with its helpers."""
        for name, content in [*self.helpers.items(), (self.path.name, self.source)]:
            (folder / name).write_bytes(content)


def found_in(paths: Iterable[Path], number: int | None = None, secret: Iterable[Path] = ()) -> tuple[list[Path], list[Path]]:
    """The paths, with the submissions in it, at any depth, in place of a folder; and what else is in it, which may be helpers.

    A submission is a Python file that says EXERCISE = N or is called exerciseN.py, with this `number` if there is one; and a file
    that cannot be read, for it may be one; not in a `secret` folder. A folder without any stays, and `read` says so.
    """
    found: list[Path] = []
    others: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = []
        for each in python_files(path):
            if set(secret) & set((each.parent.resolve() / each.name).parents):
                continue
            submission = read(each)
            if submission.exercise is None and not submission.problem:
                others.append(each)
            elif submission.exercise is None or number in (None, submission.exercise):
                inside.append(each)
        found += inside or [path]
    return found, others


def python_files(folder: Path) -> list[Path]:
    """All Python files in a folder, at any depth, and folders that are called like an exercise; nothing hidden or foreign."""
    return [
        each
        for each in sorted(folder.rglob("*.py"))
        if not any(part.startswith(".") or part in FOREIGN for part in each.relative_to(folder).parts)
        and (NAME.fullmatch(each.name) or not each.is_dir())
    ]


def left_out(others: Iterable[Path], submissions: Iterable[Submission]) -> list[Path]:
    """Those of these files that no submission imports from beside it: nothing of them is checked."""
    imported = {each.path.parent / name for each in submissions for name in each.helpers}
    return [path for path in others if path.resolve() not in imported]


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
    named = NAME.fullmatch(path.name)
    submission = Submission(shown, path, named=int(named[1]) if named else None)
    try:
        submission.path = path.resolve()
        if path.is_symlink():
            submission.link = f"{shown} is a link: what was checked is {in_one_line(str(submission.path))}"
        if path.is_dir():
            submission.problem = (
                f"{shown} is a folder without submissions, Python files with a line EXERCISE = NUMBER: give a file"
            )
        elif path.is_symlink() and not path.exists():
            submission.problem = f"{shown} is a link to {in_one_line(str(path.readlink()))}, which does not exist"
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
