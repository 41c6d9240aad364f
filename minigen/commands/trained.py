"""Shared by `sample`, `interpolate` and `evaluate`: a trained model, ready for use, and pictures as arguments."""

import argparse
from pathlib import Path
from typing import NamedTuple

from minigen import pretrained
from minigen.backend import current, seed, use
from minigen.backend.devices import NAMES
from minigen.recipes import TrainedModel
from minigen.recipes.config import Config
from minigen.recipes.run_folder import RunFolder
from minigen.utils.arguments import Parser, add_name, add_seed, output_path, positive_int

MOST = 10_000  # images in a picture
SUFFIXES = (".png", ".jpg", ".pdf", ".svg")


class Opened(NamedTuple):
    """A trained model, by its run folder or its name, with what it was trained on."""

    name: str
    folder: Path | None  # None for one that came with minigen
    config: Config
    trained: TrainedModel

    def out(self, name: str) -> Path:
        """Where a file goes that is made with it: into the run folder, or else into this one, with the model's name before."""
        return Path(f"{self.name}-{name}") if self.folder is None else self.folder / name


def run_arguments(parser: Parser) -> None:
    """RUN, and the options of all commands that use a trained model."""
    parser.add_argument("run", metavar="RUN", help="a run folder, made by minigen train, or the name of one of minigen models")
    add_seed(parser)
    add_name(parser, "backend", NAMES, "array library")


def opened(args: argparse.Namespace) -> Opened:
    """The model that RUN names, as of its last checkpoint, with the seed set. Raises what `pretrained.load` raises."""
    use(args.backend or current().name)
    trained = pretrained.load(args.run)
    seed(args.seed)
    if pretrained.is_name(args.run):
        return Opened(args.run, None, pretrained.card(args.run).config, trained)
    folder = RunFolder.opened(args.run)
    return Opened(folder.path.name, folder.path, folder.config(), trained)


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
        raise argparse.ArgumentTypeError(f"expected a name that ends in {', '.join(SUFFIXES)}, got {text!r}")
    return output_path(text)
