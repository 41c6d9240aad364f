"""Continue a stopped run, or extend a finished one.

The run goes on from its last checkpoint, bit for bit as if it had never stopped. With more --epochs (or --steps) it
becomes longer; a learning rate that falls to 0 at the end of the run then falls along the longer curve. A folder keeps only its
last state: a run never becomes shorter than it is. Of a run that is done, pictures that are missing are made.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from minigen.backend import use
from minigen.backend.devices import NAMES
from minigen.commands.learning import is_complete, train_into
from minigen.errors import CommandError, UsageError
from minigen.recipes.config import Config
from minigen.recipes.run_folder import RunFolder
from minigen.utils.arguments import Parser, add_name, add_progress, positive_int

EXAMPLES = """
  minigen resume runs/vae
  minigen resume runs/vae --epochs 50
  minigen resume runs/dcgan --steps 6000
"""


def arguments(parser: Parser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, made by minigen train")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=positive_int, metavar="N", help="total number, including those already done")
    length.add_argument("--steps", type=positive_int, metavar="N", help="the same for a run counted in steps, such as a GAN's")
    add_name(parser, "backend", NAMES, "array library, if not the run's")
    add_progress(parser)


def run(args: argparse.Namespace) -> int:
    folder = RunFolder.opened(args.run)
    with folder.locked():
        config = longer(folder.config(), args)
        folder.trained(config)
        use(config.backend)
        check_unfinished(folder, config)
        data = config.load()
        folder.sweep()
        config.save(folder.config_file)
        return train_into(folder, config, data, args.progress)


def longer(config: Config, args: argparse.Namespace) -> Config:
    """The config with the given length. UsageError for epochs if the run counts steps."""
    counted = config.counted
    for name in ("epochs", "steps"):
        if getattr(args, name) is not None and name != counted:
            raise UsageError(f"{args.run} counts {counted}, not {name}: say --{counted}")
    length = getattr(args, counted) or config.settings[counted]
    return replace(config, settings={**config.settings, counted: length}, backend=args.backend or config.backend)


def check_unfinished(folder: RunFolder, config: Config) -> None:
    """Raise CommandError if all epochs, or steps, are done already, and all pictures are there; or if fewer are asked for."""
    done, asked, counted = folder.done(config), config.settings[config.counted], config.counted
    if asked < done:
        raise CommandError(
            f"{folder.path} has trained for {done} {counted}, more than {asked}: a run folder keeps only its last state, "
            f"from which it can go on but not back. --{counted} counts those already done: for {asked} more, "
            f"minigen resume {folder.path} --{counted} {done + asked}; for a run of {asked}, "
            f"minigen train {config.model} --{counted} {asked} --out ANOTHER"
        )
    if asked == done and is_complete(folder, config):
        raise CommandError(
            f"{folder.path} has trained for all its {counted}: {done}; for more say how many in all, "
            f"such as --{counted} {2 * done}"
        )
