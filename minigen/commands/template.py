"""Write a starter file: an op, a layer, a loss or a model that passes `minigen check`."""

import argparse
from pathlib import Path

from minigen.coursework.handouts import TEMPLATES, hand_out
from minigen.utils.arguments import Parser, one_of

EXAMPLES = """
  minigen template op
  minigen check my_op.py
"""

KINDS = ("op", "layer", "loss", "model")


def arguments(parser: Parser) -> None:
    """KIND."""
    parser.add_argument(
        "kind",
        type=one_of("kind", KINDS),
        metavar="KIND",
        help=f"{', '.join(KINDS)}: what to write, as my_KIND.py in this folder",
    )


def run(args: argparse.Namespace) -> int:
    """0; 1 if the file exists already."""
    return hand_out(TEMPLATES / f"{args.kind}.py", Path(f"my_{args.kind}.py"))
