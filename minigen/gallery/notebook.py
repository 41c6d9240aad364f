"""A demo as a notebook, and back: `minigen demo notebook NAME [--out FILE]`.

Its cells are the demo's own, without loss. One is added, which finds minigen, sets the options and picks the array library.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minigen.gallery.cells import Cell, join, split
from minigen.gallery.registry import find, source
from minigen.utils.files import replacing

SETUP = """\
# Options of the demo: "" for the whole of it, "--quick" for a first look, "--data mnist", "--epochs 3" ...
options = ""
# Where minigen is, if Python does not find it: a folder with its pyproject.toml, or anything else that pip installs.
MINIGEN = "."

import importlib.util
import os
import subprocess
import sys

os.environ["MINIGEN_OPTIONS"] = options
if not importlib.util.find_spec("minigen"):
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", MINIGEN], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"minigen is not installed, and pip cannot install it from MINIGEN = {MINIGEN!r}: set MINIGEN, above, "
                           f"to the folder or the address that you have it from.\\n{done.stderr}")
    importlib.invalidate_caches()

import minigen as mg

try:
    mg.use("cupy")
    print("CuPy: computing on the GPU")
except TypeError as error:
    print(f"NumPy: computing on the CPU ({error})")"""


def notebook(name: str) -> dict[str, Any]:
    """A demo as nbformat 4.5. Its cells keep in their metadata what their text does not say."""
    docstring, *cells = split(source(name))
    return {
        "cells": [as_json(cell, place) for place, cell in enumerate([docstring, Cell("setup", SETUP), *cells])],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def as_json(cell: Cell, place: int) -> dict[str, Any]:
    """A cell as nbformat has it; its id changes with its place and its text only."""
    identity = hashlib.sha256(f"{place} {cell.text}".encode()).hexdigest()[:8]
    metadata = {"minigen": {"kind": cell.kind, "above": cell.above, "below": cell.below}}
    common = {"id": identity, "metadata": metadata, "source": cell.text.splitlines(keepends=True)}
    if cell.kind in ("docstring", "markdown"):
        return {"cell_type": "markdown", **common}
    return {"cell_type": "code", "execution_count": None, "outputs": [], **common}


def script(content: dict[str, Any]) -> str:
    """The script that a notebook was made from, with what has been changed in it since.

    A cell that was added has an empty line below it. Raises ValueError for a notebook that was not made here.
    """
    cells = []
    for cell in content["cells"]:
        kept = cell["metadata"].get("minigen", {"kind": cell["cell_type"], "above": 0, "below": int(cell["cell_type"] == "code")})
        if kept["kind"] != "setup" and cell["cell_type"] in ("code", "markdown"):
            cells.append(Cell(kept["kind"], "".join(cell["source"]), kept["above"], kept["below"]))
    return join(cells)


def write_notebook(words: Sequence[str]) -> int:
    """`minigen demo notebook NAME`: write the file and say how to open it."""
    parser = argparse.ArgumentParser(
        prog="minigen demo notebook", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="a demo: its name, its number, or a part of its name")
    parser.add_argument("--out", type=Path, help="file to write (default: NAME.ipynb, here)")
    args = parser.parse_args(words)
    name = find(args.name)
    path = args.out or Path(f"{name}.ipynb")
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(notebook(name), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path}: open it in Jupyter, or upload it to a hosted notebook; its options are in its first cell of code")
    return 0
