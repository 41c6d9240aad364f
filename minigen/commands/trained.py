"""What `sample`, `interpolate` and `evaluate` share: the model of a run folder, ready for use."""

import argparse
from pathlib import Path

from minigen.backend import current, seed, use
from minigen.backend.devices import NAMES
from minigen.commands import CommandError, Parser
from minigen.commands.pictures import SUFFIXES
from minigen.commands.run_folder import Config, RunFolder
from minigen.errors import StateError
from minigen.recipes import TrainedModel
from minigen.training import checkpoint
from minigen.utils.arguments import nonnegative_int, output_path


def run_arguments(parser: Parser) -> None:
    """The run, and what all that use it can be told."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, made by minigen train")
    parser.add_argument("--seed", type=nonnegative_int, default=0, metavar="N", help="of all random numbers (default: 0)")
    parser.add_argument("--backend", choices=NAMES, metavar="NAME", help=f"array library: {', '.join(NAMES)}")


def opened(args: argparse.Namespace) -> tuple[RunFolder, Config, TrainedModel]:
    """The folder, what it says of itself, and its model as of the last checkpoint, with the seed set.

    CommandError for a checkpoint of another model.
    """
    folder = RunFolder.opened(args.run)
    config = folder.config()
    path = folder.trained(config)
    use(args.backend or current().name)
    trained = config.recipe.build(config.input_spec)
    with checkpoint.opened(path) as saved:
        try:
            trained.load(saved)
        except StateError as error:
            raise CommandError(f"{path} is not of the model in {folder.config_file}: {error}") from error
    seed(args.seed)
    return folder, config, trained


def picture(text: str) -> Path:
    """The type of an argument that names a picture."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder: expected the name of a picture")
    if Path(text).suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"expected a name that ends in {', '.join(SUFFIXES)}, got {text!r}")
    return output_path(text)
