"""Run a demo of the chapter, or list them; run all of them, for a gallery of their pictures; make a notebook of one."""

import argparse
import runpy
import sys
import traceback

from minigen.errors import BusyError, DataError, DeviceError, MissingPackageError
from minigen.gallery import registry
from minigen.utils.arguments import Parser
from minigen.utils.exits import EXPECTED, FAILURE

EXAMPLES = """
  minigen demo
  minigen demo 12 --data fashion_mnist
  minigen demo 12 --help
  minigen demo all --quick
  minigen demo notebook 12
"""
# Errors of a demo's environment; all others come from its own code.
SURROUNDINGS = (OSError, MemoryError, BusyError, DataError, DeviceError, MissingPackageError)


def arguments(parser: Parser) -> None:
    """NAME..."""
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="NAME ...",
        help="a demo, by name, number or a part of its name, and its options; or all; or notebook NAME; none: list them",
    )


def run(args: argparse.Namespace) -> int:
    """Imports are local to each case, so that the list is fast."""
    if not args.words:
        print(registry.listing())
        return 0
    name, *words = args.words
    if name == "all":
        from minigen.gallery.run_all import run_all

        return run_all(words)
    if name == "notebook":
        from minigen.gallery.notebook import write_notebook

        return write_notebook(words)
    return run_script(registry.find(name), words)


def run_script(name: str, words: list[str]) -> int:
    """Run a demo as a script; an error in its own code keeps its traceback, since learners are meant to change it."""
    path = registry.FOLDER / f"{name}.py"
    sys.argv = [str(path), *words]
    try:
        runpy.run_path(str(path), run_name="__main__")
    except EXPECTED as error:
        if isinstance(error, SURROUNDINGS):
            raise
        traceback.print_exc()
        return FAILURE
    return 0
