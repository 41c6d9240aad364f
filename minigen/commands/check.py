"""Check a file of your own: gradients to order 2, shapes, dtype, GPU-readiness, time; or an exercise."""

import argparse
import csv
import math
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from minigen.coursework.exercises import exercises, unknown
from minigen.coursework.exercises.tools import COURSEWORK, Exercise
from minigen.coursework.grader import grade
from minigen.coursework.grading.report import EXIT_STATUS, PASSED, Report
from minigen.coursework.grading.session import in_one_line
from minigen.coursework.grading.submission import Submission, found_in, left_out, read_all
from minigen.errors import UsageError
from minigen.utils.arguments import Parser, memory_size, number, output_path, positive_int
from minigen.utils.files import replacing, write_json

EXAMPLES = """
  minigen check my_op.py
  minigen check exercise3.py --timeout 120
  minigen check submissions/*.py --exercise 3 --json marks.json
  minigen check submissions --csv marks.csv --jobs 2 --memory 2G
  minigen check ada.py --exercises my-exercises
"""
COLUMNS = ("file", "exercise", "status", "passed", "of", "seconds", "first failure")
NAMED = 10  # files that a message lists
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # with which a cell begins that a spreadsheet would compute


def arguments(parser: Parser) -> None:
    """PATH..., and what limits and records the checks."""
    parser.add_argument(
        "files",
        metavar="PATH",
        nargs="+",
        type=Path,
        help="Python files with ops, layers, losses or models; or folders of submissions: files that say EXERCISE = NUMBER, or "
        "are called exerciseNUMBER.py",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=number("a number of seconds above 0", lambda seconds: 0.0 < seconds < math.inf),
        default=None,
        help="end a file that takes longer (default: 60, or what its exercise allows)",
    )
    parser.add_argument(
        "--exercise",
        metavar="NUMBER",
        type=positive_int,
        default=None,
        help="check all files as this exercise (default: their line EXERCISE = NUMBER)",
    )
    parser.add_argument(
        "--exercises", metavar="FOLDER", type=Path, help="the exercises of a folder of your own, in place of minigen's"
    )
    parser.add_argument(
        "--memory", metavar="SIZE", type=memory_size, help="end a file that takes more, such as 512M (default: 2G)"
    )
    parser.add_argument("--jobs", metavar="N", type=positive_int, default=1, help="files that are checked at a time (default: 1)")
    parser.add_argument("--json", metavar="FILE", type=marks, help="also write everything to a file, for marking")
    parser.add_argument("--csv", metavar="FILE", type=marks, help="also write a table, a row for each submission and exercise")


def marks(text: str) -> Path:
    """Any path except a submission's, which a misplaced asterisk would overwrite."""
    if text.endswith(".py"):
        raise argparse.ArgumentTypeError(f"{text} would be overwritten: name a file for the marks, such as marks.json")
    return output_path(text)


def run(args: argparse.Namespace) -> int:
    """Check the files; a single one is reported in full, several in one line each. 0: all pass; 1: something fails; 2: a file
    cannot be checked."""
    sys.stdout.reconfigure(errors="backslashreplace")  # a learner's text may have characters that a terminal lacks
    known = exercises(args.exercises)
    if args.exercise is not None and args.exercise not in known:
        raise UsageError(f"argument --exercise: {unknown(args.exercise, known)}")
    secret = {each.home for each in known.values()} - {COURSEWORK}
    paths, others = found_in(args.files, args.exercise, secret)
    submissions = read_all(paths, args.exercise, secret)  # before any of them runs
    reports: list[Report] = []
    write_marks(args, reports)  # before any work, which would be in vain if this fails
    width = min(60, max(len(submission.shown) for submission in submissions))
    for submission, report in zip(submissions, graded(submissions, args, known)):
        reports.append(report)
        write_marks(args, reports)  # as they come
        if len(submissions) == 1:
            print(report)
        else:
            print(
                f"{submission.shown:<{width}}  {report.status:<9}  {report.passed:3d} of {report.of:3d}  "
                f"{report.first_failure()}".rstrip(),
                flush=True,
            )
    linked = [each for each in submissions if each.link and not each.problem]
    links = [each.link for each in linked if len(submissions) > 1]  # of a single one the report tells
    for trouble in [*links, *miscounted(reports, known)]:
        print(trouble, file=sys.stderr)
    if ignored := left_out(others, submissions):
        names = ", ".join(in_one_line(str(path)) for path in ignored[:NAMED]) + (", ..." if len(ignored) > NAMED else "")
        print(f"not checked, without a line EXERCISE = NUMBER: {names}", file=sys.stderr)
    return max(EXIT_STATUS[report.status] for report in reports)


def graded(submissions: list[Submission], args: argparse.Namespace, known: Mapping[int, Exercise]) -> Iterator[Report]:
    """The reports in the order of the submissions, so many at a time; none that is waiting begins after Ctrl-C."""

    def one(submission: Submission) -> Report:
        return grade(submission, args.timeout, args.exercise, True, args.memory, known)

    if args.jobs == 1:
        yield from map(one, submissions)
        return
    pool = ThreadPoolExecutor(args.jobs)  # each waits for a process of its own
    try:
        yield from pool.map(one, submissions)
    finally:
        pool.shutdown(cancel_futures=True)


def miscounted(reports: list[Report], known: Mapping[int, Exercise]) -> Iterator[str]:
    """For each exercise a file that fails none of its checks, but does not pass as many as it says that a solution does."""
    for task in known.values():
        solved = [each for each in reports if each.exercise == task.number and each.status == PASSED]
        if other := [each for each in solved if task.checks not in (0, each.passed)]:
            yield (
                f"{other[0].file} passes {other[0].passed} checks and fails none, but {task.checker} says checks={task.checks}: "
                "marks are of a wrong total until the two agree"
            )


def write_marks(args: argparse.Namespace, reports: list[Report]) -> None:
    """Write all reports so far to the files that were asked for, replacing their content."""
    for path, write in ((args.json, write_reports), (args.csv, write_table)):
        try:
            if path is not None:
                write(path, reports)
        except OSError as error:
            raise UsageError(f"the marks cannot be written to {path} ({error.strerror}): give another file") from None


def write_reports(path: Path, reports: list[Report]) -> None:
    """Everything, as JSON."""
    write_json(path, {"files": [report.as_dict() for report in reports]})


def write_table(path: Path, reports: list[Report]) -> None:
    """A row each, for a spreadsheet, which must not take a learner's text for a formula."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for each in reports:
            texts = ["'" + text if text.startswith(FORMULAS) else text for text in (each.file, each.first_failure())]
            counts = (each.exercise or "", each.status, each.passed, each.of, round(each.seconds, 2))
            table.writerow([texts[0], *counts, texts[1]])
