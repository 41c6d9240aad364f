"""The eight exercises: list them, or write one's starter file into this folder."""

import argparse
from pathlib import Path

from minigen.coursework.exercises import COUNT, exercise, hand_out, number
from minigen.utils.arguments import Parser

EXAMPLES = """
  minigen exercise
  minigen exercise 1
  minigen check exercise1.py
"""


def arguments(parser: Parser) -> None:
    """[NUMBER]."""
    parser.add_argument("number", metavar="NUMBER", nargs="?", type=number, help=f"1 to {COUNT}; without it, they are listed")


def run(args: argparse.Namespace) -> int:
    """0; 1 if the file exists already."""
    if args.number is None:
        for each in map(exercise, range(1, COUNT + 1)):
            print(f"{each.number}  {each.title}")
        print("\n`minigen exercise 1` writes exercise1.py into this folder; complete it, then `minigen check exercise1.py`.")
        return 0
    chosen = exercise(args.number)
    return hand_out(chosen.starter, Path(chosen.starter.name))
