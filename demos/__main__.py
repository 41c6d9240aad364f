"""`python -m demos` lists the demos; `python -m demos NAME [options]` runs one: by name, number, or a part of the name."""

import runpy
import sys

from demos.catalogue import FOLDER, find, listing

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(listing())
    else:
        path = FOLDER / f"{find(sys.argv[1])}.py"
        sys.argv = [str(path), *sys.argv[2:]]
        runpy.run_path(str(path), run_name="__main__")
