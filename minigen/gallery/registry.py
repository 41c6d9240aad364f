"""The demos: their names, titles and texts, and look-up by a word."""

import ast
from difflib import get_close_matches
from pathlib import Path

import minigen
from minigen.data.registry import LOADERS
from minigen.errors import UsageError

PACKAGE = Path(minigen.__file__).parent
FOLDER = next(folder for folder in (PACKAGE / "demos", PACKAGE.parent / "demos") if folder.is_dir())  # installed; in a clone
DATA = tuple(name for name in LOADERS if name != "cifar10")  # photographs, for which the demos' networks are too small


def names() -> list[str]:
    """All demos, in reading order."""
    return sorted(path.stem for path in FOLDER.glob("[0-9][0-9]_*.py"))


def source(name: str) -> str:
    """The text of a demo."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def docstring(name: str) -> tuple[str, str]:
    """A demo's title, which is the first line of its docstring, and what follows it."""
    heading, *rest = ast.get_docstring(ast.parse(source(name))).split("\n", 1)
    return heading, "".join(rest).strip()


def title(name: str) -> str:
    """The first line of a demo's docstring."""
    return docstring(name)[0]


def find(word: str) -> str:
    """The one demo that `word` names. UsageError, with the nearest name, otherwise."""
    known = names()
    matches = [name for name in known if name == word or name.split("_")[0] == word.zfill(2)]
    matches = matches or [name for name in known if word in name]
    if len(matches) == 1:
        return matches[0]
    parts = {part: name for name in known for part in (name, *name.split("_"))} | {"all": "all", "notebook": "notebook"}
    if matches:
        hint = f"it could be {' or '.join(matches)}"
    elif nearest := get_close_matches(word, parts, n=1):
        hint = f"did you mean {parts[nearest[0]]!r}?"
    else:
        hint = "expected a name, a number, or a part of a name"
    raise UsageError(f"no demo {word!r}: {hint}; `minigen demo` lists all")


def listing() -> str:
    """One line per demo."""
    lines = [f"  {name:24} {title(name)}" for name in names()]
    heading = "Demos, in reading order (minigen demo NAME --help for options; `all` for all of them, `notebook NAME`):"
    return "\n".join([heading, *lines])
