"""Shared by `sample`, `interpolate` and `evaluate`: the model of a run folder, ready for use."""

import argparse
from pathlib import Path

from minigen.backend import current, seed, use
from minigen.backend.devices import NAMES
from minigen.commands.run_folder import Config, RunFolder
from minigen.errors import CommandError, StateError
from minigen.recipes import TrainedModel
from minigen.training import checkpoint
from minigen.utils.arguments import Parser, add_name, add_seed


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
