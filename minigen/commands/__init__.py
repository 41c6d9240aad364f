"""The command line: one module per command, imported on demand.

A module has a docstring, whose first line says what the command does, EXAMPLES, `arguments(parser)`, which adds its arguments,
and `run(args)`, which returns the exit status. For errors see `minigen.utils.exits`.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import minigen
from minigen.errors import UsageError, suggestion
from minigen.utils.arguments import Parser
from minigen.utils.exits import guarded

COMMANDS = {
    "info": "versions, the backend in use, and why there is no GPU",
    "demo": "run a demo of the chapter, or list them",
    "models": "the models that came trained, or the card of one",
    "train": "train a model of the chapter, into a run folder",
    "resume": "continue a stopped run, or extend a finished one",
    "sample": "draw new images with a trained model",
    "interpolate": "walk from image to image through the latent space",
    "evaluate": "evaluate a trained model by metrics",
    "compare": "runs side by side: settings, losses, figures and curves",
    "check": "gradient-check, GPU-readiness and timing of a file of your own",
    "exercise": "the coursework: exercises, an engine in ten steps, questions",
    "template": "a starter file: an op, a layer, a loss or a model of your own",
}
HELP = """usage: minigen COMMAND ...

Autoencoders and GANs from scratch: train them, look at them, evaluate them.

{}

minigen COMMAND --help explains one, with examples; minigen --version.

  minigen train vae --data glyphs --out runs/vae
  minigen sample runs/vae"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status. `minigen COMMAND --help` prints and raises SystemExit(0), as argparse does."""
    return guarded(lambda: dispatch(list(sys.argv[1:] if argv is None else argv)))


def dispatch(argv: list[str]) -> int:
    """Run the command that the arguments name; returns the exit status."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(listing())
        return 0
    if argv[0] == "--version":
        print(f"minigen {minigen.__version__}")
        return 0
    if argv[0] not in COMMANDS:
        raise UsageError(f"unknown command {argv[0]!r}: {suggestion(argv[0], COMMANDS)}; see minigen --help")
    parser, module = parser_of(argv[0])
    return module.run(parser.parse_args(argv[1:]))


def listing() -> str:
    """The help of the command line as a whole."""
    return HELP.format("\n".join(f"  {name:12} {summary}" for name, summary in COMMANDS.items()))


def parser_of(name: str) -> tuple[Parser, Any]:
    """The parser of a command, and its module."""
    module = import_module(f"minigen.commands.{name}")
    description = module.__doc__ or COMMANDS[name]  # python -OO has no docstrings
    parser = Parser(f"minigen {name}", description, epilog=f"examples:\n{module.EXAMPLES.strip(chr(10))}")
    module.arguments(parser)
    return parser, module
