"""The parser of every command line, and argument types whose errors say what was expected and what was given."""

import argparse
import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from minigen.errors import UsageError, suggestion
from minigen.utils.progress import LINES


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError, and suggests the nearest option for an unknown one."""

    def __init__(self, prog: str, description: str | None, epilog: str | None = None):
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    # typeshed wants a namespace of any class to be filled and returned; nobody has one
    def parse_args(self, args: Sequence[str] | None = None, namespace: None = None) -> argparse.Namespace:  # type: ignore[override]
        known, unknown = self.parse_known_args(args)
        if unknown:
            name, options = unknown[0].split("=")[0], ["help", *re.findall(r"--([\w-]+)", self.format_usage())]
            if not name.startswith("-"):
                raise UsageError(f"{self.prog} does not know what to do with {name!r}; see {self.prog} --help")
            hint = suggestion(name.lstrip("-"), options)
            raise UsageError(f"{self.prog} has no option {name}: {hint}; see {self.prog} --help")
        return known

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def integer(least: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number of at least `least`."""

    def checked(text: str) -> int:
        try:
            value = int(text) if text.isdecimal() else -1
        except ValueError:  # more digits than Python reads
            value = -1
        if value < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text!r}")
        return value

    return checked


positive_int, nonnegative_int = integer(1), integer(0)


def number(expected: str, accepted: Callable[[float], bool]) -> Callable[[str], float]:
    """The type of an argument that is an accepted number; `expected`: which these are, in words."""

    def checked(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not accepted(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
        return value

    return checked


finite_float = number("a finite number", math.isfinite)


def memory_size(text: str) -> int:
    """The type of an argument that is a number of bytes, such as 512M or 2G; at least 256M, which Python and NumPy take."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)\s*([KMGT])i?B?", text, re.IGNORECASE)
    size = float(found[1]) * 1024 ** ("KMGT".index(found[2].upper()) + 1) if found else 0
    if not 256 << 20 <= size <= 1 << 50:
        raise argparse.ArgumentTypeError(f"expected a size of at least 256M, such as 512M or 2G, got {text!r}")
    return int(size)


def one_of(what: str, names: Sequence[str]) -> Callable[[str], str]:
    """The type of an argument that is one of these names, each a `what`; for another, the error suggests the nearest."""

    def checked(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"unknown {what} {text!r}: {suggestion(text, names)}")
        return text

    return checked


def resolution(text: str) -> int:
    """The type of an argument that is the side of images that grow: a power of two."""
    if text not in [str(4 << doublings) for doublings in range(9)]:
        raise argparse.ArgumentTypeError(f"expected 4, 8, 16 ... 1024, got {text!r}")
    return int(text)


def output_path(text: str) -> Path:
    """The type of an argument that is a file or a folder to be written: one with a name, in a folder that exists, or is made with
    the file. So what cannot be written is said before any work, by every command."""
    if not text:
        raise argparse.ArgumentTypeError(f"expected a name, got {text!r}")
    path = Path(text)
    nearest = path if path.is_dir() else next((parent for parent in path.parents if parent.exists()), path)
    if nearest != path and nearest.is_file():
        raise argparse.ArgumentTypeError(f"'{nearest}' is a file, so {text!r} cannot be in it: choose another name")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"nothing may be written to '{nearest}': choose another folder")
    return path


def add_output(parser: argparse.ArgumentParser, default: Path, help: str, metavar: str = "FOLDER") -> None:
    """--out."""
    parser.add_argument("--out", type=output_path, default=default, metavar=metavar, help=f"{help} (default: {default})")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """--seed."""
    parser.add_argument("--seed", type=nonnegative_int, default=0, metavar="N", help="of all random numbers (default: 0)")


def add_progress(parser: argparse.ArgumentParser) -> None:
    """--quiet and --silent: what `progress` of a training is, without them True."""
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument(
        "--quiet", dest="progress", action="store_const", const=LINES, default=True, help="no bar, only a line per epoch"
    )
    shown.add_argument("--silent", dest="progress", action="store_const", const=False, help="no lines either")


def add_name(parser: argparse.ArgumentParser, what: str, names: Sequence[str], help: str, default: str | None = None) -> None:
    """--WHAT, one of these names, which its help lists."""
    help = f"{help}: {', '.join(names)}{f' (default: {default})' if default else ''}"
    parser.add_argument(f"--{what}", type=one_of(what, names), default=default, metavar="NAME", help=help)
