"""Run a demo of the chapter, or list them: `python -m demos`, with all its arguments."""

import argparse
import runpy
import sys

from minigen.commands import Parser

EXAMPLES = """
  minigen demo
  minigen demo 12 --data fashion_mnist
  minigen demo 12 --help
"""


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="NAME ...",
        help="a demo, by name or number, and its options; none: list all",
    )


def run(args: argparse.Namespace) -> int:
    sys.argv = ["python -m demos", *args.arguments]
    runpy.run_module("demos", run_name="__main__", alter_sys=True)
    return 0
