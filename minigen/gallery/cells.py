"""The cells of a demo: a script whose lines `# %%` and `# %% [markdown]` part it into code and text.

This is the percent format of Jupytext, Spyder and VS Code. `split` and `join` are inverse to each other.
"""

import re
from typing import NamedTuple

MARK = re.compile(r"^(# %%(?: \[markdown\])?)\n", re.MULTILINE)


class Cell(NamedTuple):
    """One cell: "docstring" (the script's first), "markdown" or "code", and its text without marks and empty lines around it."""

    kind: str
    text: str
    above: int = 0  # empty lines between the mark and the text
    below: int = 0  # empty lines between the text and the next mark


def split(source: str) -> list[Cell]:
    """The cells of a script, the docstring first. Raises ValueError for what is no such script."""
    head, *parts = MARK.split(source)
    opening = re.fullmatch(r'"""(.*?)"""\n\n', head, re.DOTALL)
    if opening is None or not parts:
        raise ValueError(f"a demo begins with a docstring, an empty line and a cell, `# %%`; this begins {source[:40]!r}")
    cells = [Cell("docstring", opening[1])]
    for mark, text in zip(parts[::2], parts[1::2]):
        lines = text.removesuffix("\n").split("\n")
        filled = [number for number, line in enumerate(lines) if line]
        if not filled:
            raise ValueError(f"cell {len(cells)} is empty")
        above, below = filled[0], len(lines) - 1 - filled[-1]
        lines = lines[above : len(lines) - below]
        if mark == "# %%":
            cells.append(Cell("code", "\n".join(lines), above, below))
        else:
            wrong = [line for line in lines if not re.match(r"#( .*\S)?$", line)]
            if wrong:
                raise ValueError(f"a line of text begins with '# ', without spaces at its end; got {wrong[0]!r}")
            cells.append(Cell("markdown", "\n".join(line[2:] for line in lines), above, below))
    return cells


def join(cells: list[Cell]) -> str:
    """The script that has these cells."""
    if not cells or cells[0].kind != "docstring":
        raise ValueError("the first cell of a demo is its docstring")
    source = f'"""{cells[0].text}"""\n\n'
    for kind, text, above, below in cells[1:]:
        if kind == "markdown":
            mark, text = "# %% [markdown]\n", "\n".join(f"# {line}".rstrip() for line in text.split("\n"))
        else:
            mark = "# %%\n"
        source += mark + "\n" * above + text + "\n" + "\n" * below
    return source
