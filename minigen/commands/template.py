"""Write a file to begin with: an op, a layer, a loss or a model that passes `minigen check`."""

import argparse
from pathlib import Path

from minigen.coursework.exercises import TEMPLATES, hand_out

EXAMPLES = """
  minigen template op
  minigen check my_op.py
"""

KINDS = ("op", "layer", "loss", "model")


def arguments(parser: argparse.ArgumentParser) -> None:
    """KIND."""
    parser.add_argument("kind", choices=KINDS, help="what to begin; it is written into this folder as my_KIND.py")


def run(args: argparse.Namespace) -> int:
    """0; 1 if the file exists already."""
    return hand_out(TEMPLATES / f"{args.kind}.py", Path(f"my_{args.kind}.py"))
