"""A demo as a notebook: `minigen demo notebook NAME [--out FILE]`.

A demo is a script of cells in Jupytext's percent format, from which the notebook is made. One cell is added, which finds minigen,
sets the options and selects the array library.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from minigen.gallery.libraries import jupytext, nbformat
from minigen.gallery.registry import find, source
from minigen.utils.arguments import Parser, output_path
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


def cells(name: str) -> list[Any]:
    """The cells of a demo: its docstring first, as a cell of text."""
    return parsed(source(name))


@cache
def parsed(script: str) -> list[Any]:
    """The cells of a script; do not change them."""
    return jupytext.reads(script, fmt="py:percent").cells


def notebook(name: str) -> dict[str, Any]:
    """A demo in nbformat, always the same for the same demo."""
    docstring, *rest = cells(name)
    chosen = [docstring, nbformat.v4.new_code_cell(SETUP), *rest]
    return nbformat.v4.new_notebook(
        cells=[nbformat.from_dict({**cell, "id": identity(place, cell.source)}) for place, cell in enumerate(chosen)],
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )


def identity(place: int, source: str) -> str:
    """The id of a cell, which depends only on its position and text; nbformat's own are random."""
    return hashlib.sha256(f"{place} {source}".encode()).hexdigest()[:8]


def text(name: str) -> str:
    """A demo as the text of an .ipynb file."""
    return nbformat.writes(notebook(name)) + "\n"


def write_notebook(words: Sequence[str]) -> int:
    """`minigen demo notebook NAME`: write the file and print how to open it."""
    parser = Parser("minigen demo notebook", __doc__)
    parser.add_argument("name", help="a demo: its name, its number, or a part of its name")
    parser.add_argument("--out", type=output_path, metavar="FILE", help="file to write (default: NAME.ipynb, here)")
    args = parser.parse_args(words)
    name = find(args.name)
    path = args.out or Path(f"{name}.ipynb")
    with replacing(path) as temporary:
        temporary.write_text(text(name), encoding="utf-8")
    print(f"wrote {path}: open it in Jupyter, or upload it to a hosted notebook; its options are in its first cell of code")
    return 0
