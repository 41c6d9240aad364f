"""`python -m demos` lists the demos; `python -m demos NAME [options]` runs one: by name, number, or a part of the name.

`python -m demos all` runs them all and writes a page about them; `python -m demos notebook NAME` makes a notebook of one.
"""

import runpy
import sys

from demos.catalog import FOLDER, find, listing
from minigen.commands import guarded
from minigen.errors import BusyError, DataError, DeviceError

EXPECTED = (OSError, MemoryError, BusyError, DataError, DeviceError)  # what surroundings do; the rest is of the demo's own text


def main() -> int:
    """Do what the command line says; what only one command needs is imported by it, so that the list comes at once."""
    command, *words = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print(listing())
    elif command == "all":
        from demos.run_all import run_all

        return run_all(words)
    elif command == "notebook":
        from demos.notebook import write_notebook

        return write_notebook(words)
    else:
        path = FOLDER / f"{find(command)}.py"
        sys.argv = [str(path), *words]
        runpy.run_path(str(path), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, EXPECTED))
