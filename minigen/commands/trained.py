"""Shared by `sample`, `interpolate` and `evaluate`: a trained model, ready for use, and pictures as arguments."""

import argparse
from pathlib import Path

from minigen import pretrained
from minigen.backend import current, seed, use
from minigen.backend.devices import NAMES
from minigen.utils.arguments import Parser, add_name, add_seed, output_path, positive_int

MOST = 10_000  # images in a picture
SUFFIXES = (".png", ".jpg", ".pdf", ".svg")


def run_arguments(parser: Parser) -> None:
    """RUN, and the options of all commands that use a trained model."""
    parser.add_argument("run", metavar="RUN", help="a run folder, made by minigen train, or the name of one of minigen models")
    best = "the checkpoint whose validation loss, or Fréchet distance, was lowest (default: the last one)"
    parser.add_argument("--best", action="store_true", help=best)
    add_seed(parser)
    add_name(parser, "backend", NAMES, "array library")


def opened(args: argparse.Namespace) -> pretrained.Opened:
    """The model that RUN names, as of its last checkpoint or its best one, with the seed set. Raises what `pretrained.load`
    raises."""
    use(args.backend or current().name)
    model = pretrained.opened(args.run, args.best)
    seed(args.seed)
    return model


def image_count(text: str) -> int:
    """The type of an argument that counts images in one picture, which is unreadable with too many."""
    if positive_int(text) > MOST:
        raise argparse.ArgumentTypeError(f"expected at most {MOST:,}, got {text}")
    return int(text)


def picture_path(text: str) -> Path:
    """The type of an argument that names a picture."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder: expected the name of a picture")
    if Path(text).suffix.lower() not in SUFFIXES:
        named = f": {Path(text).name}.png?" if Path(text).name and not Path(text).suffix else ""
        raise argparse.ArgumentTypeError(f"expected a name that ends in {', '.join(SUFFIXES)}, got {text!r}{named}")
    return output_path(text)
