"""The command line: one module a command, imported when it is asked for.

A module has a docstring, whose first line says what the command does, EXAMPLES, `arguments(parser)`, which adds its arguments,
and `run(args)`, which returns the exit status: 0, or 1 for a failure. Bad usage ends with 2, Ctrl-C with 130, SIGTERM with 143.
Errors that a user can cause are one line on stderr; others are bugs and keep their traceback.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, NoReturn, TextIO

import minigen
from minigen import errors
from minigen.utils.signals import INTERRUPTED, Ending, handled

COMMANDS = {
    "info": "versions, the backend in use, and why there is no GPU",
    "demo": "run a demo of the chapter, or list them",
    "train": "train a model of the chapter, into a run folder",
    "resume": "go on with a run that was stopped, or make it longer",
    "sample": "draw new images with a trained model",
    "interpolate": "walk from image to image through the latent space",
    "evaluate": "evaluate a trained model by figures",
    "check": "gradient-check, GPU-readiness and timing of a file of your own",
    "exercise": "the coursework: list the exercises, or write one's starter file",
    "template": "a file to begin with: an op, a layer, a loss or a model of your own",
}
HELP = """usage: minigen COMMAND ...

Autoencoders and GANs from scratch: train them, look at them, evaluate them.

{}

minigen COMMAND --help explains one, with examples; minigen --version.

  minigen train vae --data glyphs --out runs/vae
  minigen sample runs/vae"""
USAGE, FAILURE = 2, 1  # exit statuses
EXPECTED = (
    OSError,
    MemoryError,
    *(error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)),
)


class CommandError(Exception):
    """What was asked for cannot be done; the message says what would be right."""


class UsageError(CommandError):
    """The command line is not understood."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError, and names the nearest option to one that it does not know."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> argparse.Namespace:
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            speaking = getattr(known, "parser", self)  # that of the subcommand, which has options of its own
            options = [name[2:] for action in speaking._actions for name in action.option_strings if name.startswith("--")]
            name = unknown[0].split("=")[0]
            if not name.startswith("-"):
                raise UsageError(f"{speaking.prog} does not know what to do with {name!r}; see {speaking.prog} --help")
            raise UsageError(
                f"{speaking.prog} has no option {name}: {errors.suggestion(name.lstrip('-'), options)}; "
                f"see {speaking.prog} --help"
            )
        return known

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = list(map(str, action.choices))
            hint = errors.suggestion(value, known) if isinstance(value, str) else f"expected one of {', '.join(known)}"
            raise argparse.ArgumentError(action, f"unknown {action.dest.replace('_', ' ')} {value!r}: {hint}")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def listing() -> str:
    """The help of the command line as a whole."""
    return HELP.format("\n".join(f"  {name:12} {summary}" for name, summary in COMMANDS.items()))


def parser_of(name: str) -> tuple[Parser, Any]:
    """The parser of a command, and its module."""
    module = import_module(f"minigen.commands.{name}")
    parser = Parser(
        prog=f"minigen {name}",
        description=module.__doc__ or COMMANDS[name],  # python -OO has no docstrings
        epilog=f"examples:\n{module.EXAMPLES.strip(chr(10))}",
    )
    module.arguments(parser)
    return parser, module


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status. `minigen COMMAND --help` prints and raises SystemExit(0), as argparse does."""
    return guarded(lambda: obey(list(sys.argv[1:] if argv is None else argv)))


def guarded(work: Callable[[], int], expected: tuple[type[Exception], ...] = EXPECTED) -> int:
    """The exit status of `work`, or of the complaint in one line about an error that is `expected`, wherever it is run.

    What cannot be shown on a terminal is shown as an escape, SIGTERM and SIGHUP end with 143 and 129 after cleaning up, and
    matplotlib needs no window.
    """
    ready_streams()
    os.environ.pop("MPLBACKEND", None)
    try:
        with handled(Ending()):
            try:
                return work()
            finally:
                print(end="", flush=True)  # what is left to print can fail, too
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        with silenced(sys.stdout):
            sys.stdout.flush()
        return FAILURE
    except (UsageError, errors.RecipeError) as error:
        return complain(error, USAGE)
    except (CommandError, *expected) as error:
        return complain(error, FAILURE)
    except KeyboardInterrupt:
        return INTERRUPTED


def ready_streams() -> None:
    """Let stdout and stderr take any text, and be open: what is opened next would else get the number of a closed one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def silenced(stream: TextIO) -> Iterator[None]:
    """Inside the block a stream is written to; if it takes no more, its rest goes nowhere: Python flushes it when it ends."""
    try:
        yield
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def obey(argv: list[str]) -> int:
    """Do what the words of a command line say; returns the exit status."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(listing())
        return 0
    if argv[0] == "--version":
        print(f"minigen {minigen.__version__}")
        return 0
    if argv[0] not in COMMANDS:
        raise UsageError(f"unknown command {argv[0]!r}: {errors.suggestion(argv[0], COMMANDS)}; see minigen --help")
    parser, module = parser_of(argv[0])
    return module.run(parser.parse_args(argv[1:]))


def complain(error: Exception, status: int) -> int:
    """Say in one line what went wrong; returns the exit status."""
    message = errors.one_line(str(error)) or type(error).__name__  # Python's own MemoryError says nothing
    with silenced(sys.stderr):
        print(f"minigen: error: {message}", file=sys.stderr, flush=True)
    with silenced(sys.stdout):
        sys.stdout.flush()
    return status
