"""the eight exercises: list them, or write one's starter file into this folder"""

import argparse
from pathlib import Path

from minigen.coursework.exercises import COUNT, exercise, exercises, hand_out

EXAMPLES = """\
minigen exercise
minigen exercise 1
minigen check exercise1.py"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """[NUMBER]."""
    parser.add_argument("number", metavar="NUMBER", nargs="?", type=number, help=f"1 to {COUNT}; without it, they are listed")


def number(text: str) -> int:
    """The number of an exercise."""
    if not text.isdecimal() or int(text) not in range(1, COUNT + 1):
        raise argparse.ArgumentTypeError(f"there is no exercise {text!r}: expected 1 to {COUNT}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """0; 1 if the file exists already."""
    if args.number is None:
        for each in exercises():
            print(f"{each.number}  {each.title}")
        print("\n`minigen exercise 1` writes exercise1.py into this folder; complete it, then `minigen check exercise1.py`.")
        return 0
    chosen = exercise(args.number)
    return hand_out(chosen.starter, Path(chosen.starter.name))
