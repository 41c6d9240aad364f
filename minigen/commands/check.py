"""Check a file of your own: gradients to order 2, shapes, dtype, GPU-readiness, time; or an exercise."""

import argparse
import json
import math
import sys
from pathlib import Path

from minigen.coursework.exercises import number
from minigen.coursework.report import EXIT_STATUS
from minigen.coursework.run import check_file
from minigen.files import replacing

EXAMPLES = """
  minigen check my_op.py
  minigen check exercise3.py --timeout 120
  minigen check submissions/*.py --exercise 3 --json marks.json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """FILE..., --timeout, --exercise, --json."""
    parser.add_argument("files", metavar="FILE.py", nargs="+", type=Path, help="Python files with ops, layers, losses or models")
    parser.add_argument("--timeout", metavar="SECONDS", type=seconds, default=None,
                        help="end a file that takes longer (default: 60, or what its exercise allows)")
    parser.add_argument("--exercise", metavar="NUMBER", type=number, default=None,
                        help="check all files as this exercise (default: what their line EXERCISE = NUMBER says)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write everything to a file, for marking")


def seconds(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, got {text!r}")
    return value


def run(args: argparse.Namespace) -> int:
    """Check the files, one after the other; one is reported in full, of many each gets a line. 0: all pass; 1: something fails;
    2: a file cannot be checked."""
    sys.stdout.reconfigure(errors="backslashreplace")  # a learner's text may have letters that a terminal lacks
    reports = []
    width = max(len(str(path)) for path in args.files)
    for path in args.files:
        report = check_file(path, args.timeout, args.exercise)
        reports.append(report)
        if len(args.files) == 1:
            print(report)
        else:
            print(f"{str(path):<{width}}  {report.status:<9}  {report.passed:3d} of {report.passed + report.failed:3d}  "
                  f"{report.first_failure()}".rstrip(), flush=True)
    if args.json:
        with replacing(args.json) as temporary:
            temporary.write_text(json.dumps({"files": [report.as_dict() for report in reports]}, indent=1), encoding="utf-8")
    return max(EXIT_STATUS[report.status] for report in reports)
