"""Shared by `sample`, `interpolate` and `evaluate`: the model of a run folder, ready for use, and pictures as arguments."""

import argparse
from pathlib import Path

from minigen.backend import current, seed, use
from minigen.backend.devices import NAMES
from minigen.commands.run_folder import Config, RunFolder
from minigen.errors import CommandError, StateError
from minigen.recipes import TrainedModel
from minigen.training import checkpoint
from minigen.utils.arguments import Parser, add_name, add_seed, output_path, positive_int

MOST = 10_000  # images in a picture
SUFFIXES = (".png", ".jpg", ".pdf", ".svg")


def run_arguments(parser: Parser) -> None:
    """RUN, and the options of all commands that use a trained model."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, made by minigen train")
    add_seed(parser)
    add_name(parser, "backend", NAMES, "array library")


def opened(args: argparse.Namespace) -> tuple[RunFolder, Config, TrainedModel]:
    """The folder, its config, and its model as of the last checkpoint, with the seed set.

    CommandError for a checkpoint of another model.
    """
    folder = RunFolder.opened(args.run)
    config = folder.config()
    path = folder.trained(config)
    use(args.backend or current().name)
    trained = config.recipe.build(config.input_spec)
    with checkpoint.opened(path) as saved:
        try:
            trained.restore(saved)
        except StateError as error:
            raise CommandError(f"{path} is not of the model in {folder.config_file}: {error}") from error
    seed(args.seed)
    return folder, config, trained


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
