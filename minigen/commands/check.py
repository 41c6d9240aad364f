"""Check a file of your own: gradients to order 2, shapes, dtype, GPU-readiness, time; or an exercise."""

import argparse
import math
import sys
from pathlib import Path

from minigen.coursework import exercises
from minigen.coursework.grader import grade
from minigen.coursework.grading.report import EXIT_STATUS, Report
from minigen.coursework.grading.submission import read_all
from minigen.errors import UsageError
from minigen.utils.arguments import Parser, number, output_path
from minigen.utils.files import write_json

EXAMPLES = """
  minigen check my_op.py
  minigen check exercise3.py --timeout 120
  minigen check submissions/*.py --exercise 3 --json marks.json
"""


def arguments(parser: Parser) -> None:
    """FILE..., --timeout, --exercise, --json."""
    parser.add_argument("files", metavar="FILE.py", nargs="+", type=Path, help="Python files with ops, layers, losses or models")
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
        type=exercises.number,
        default=None,
        help="check all files as this exercise (default: their line EXERCISE = NUMBER)",
    )
    parser.add_argument("--json", metavar="FILE", type=marks, help="also write everything to a file, for marking")


def marks(text: str) -> Path:
    """Any path except a submission's, which a misplaced asterisk would overwrite."""
    if text.endswith(".py"):
        raise argparse.ArgumentTypeError(f"{text} would be overwritten: name a file for the marks, such as marks.json")
    return output_path(text)


def run(args: argparse.Namespace) -> int:
    """Check the files, one after the other; a single one is reported in full, several in one line each. 0: all pass; 1: something
    fails; 2: a file cannot be checked."""
    sys.stdout.reconfigure(errors="backslashreplace")  # a learner's text may have characters that a terminal lacks
    submissions = read_all(args.files, args.exercise)  # before any of them runs
    reports: list[Report] = []
    write_marks(args.json, reports)  # before any work, which would be in vain if this fails
    width = min(60, max(len(submission.shown) for submission in submissions))
    for submission in submissions:
        report = grade(submission, args.timeout, args.exercise)
        reports.append(report)
        write_marks(args.json, reports)  # as they come
        if len(submissions) == 1:
            print(report)
        else:
            print(
                f"{submission.shown:<{width}}  {report.status:<9}  {report.passed:3d} of {report.passed + report.failed:3d}  "
                f"{report.first_failure()}".rstrip(),
                flush=True,
            )
    return max(EXIT_STATUS[report.status] for report in reports)


def write_marks(path: Path | None, reports: list[Report]) -> None:
    """Write all reports so far to a file, replacing its content."""
    if path is None:
        return
    try:
        write_json(path, {"files": [report.as_dict() for report in reports]})
    except OSError as error:
        raise UsageError(f"the marks cannot be written to {path} ({error.strerror}): give another file") from None
