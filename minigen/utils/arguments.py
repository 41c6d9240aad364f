"""Types of arguments of a command line: each says what it expects, instead of what it got."""

import argparse
from pathlib import Path

MOST = 10_000  # images in a picture


def positive_int(text: str) -> int:
    """The type of an argument that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def image_count(text: str) -> int:
    """The type of an argument that counts images in one picture, which shows nothing if there are too many."""
    if positive_int(text) > MOST:
        raise argparse.ArgumentTypeError(f"expected at most {MOST:,}, got {text}")
    return int(text)


def nonnegative_int(text: str) -> int:
    """The type of an argument that is a seed."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r}")
    return int(text)


def output_path(text: str) -> Path:
    """The type of an argument that is a file or a folder: one with a name, and in a folder that there is or can be made."""
    path = Path(text)
    if not text or next((parent for parent in path.absolute().parents if parent.exists()), path).is_file():  # / has no parents
        raise argparse.ArgumentTypeError(f"expected a name, in a folder, got {text!r}")
    return path
