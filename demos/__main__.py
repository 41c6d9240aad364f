"""`python -m demos` lists the demos; `python -m demos NAME [options]` runs one: by name, number, or a part of the name."""

import ast
import runpy
import sys
from difflib import get_close_matches
from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """All demos, in reading order."""
    return sorted(path.stem for path in FOLDER.glob("[0-9][0-9]_*.py"))


def title(name: str) -> str:
    """The first line of a demo's docstring."""
    return (ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))) or name).splitlines()[0]


def find(word: str) -> str:
    """The one demo that `word` names. Exits with the nearest name otherwise."""
    known = names()
    matches = [name for name in known if name == word or name.split("_")[0] == word.zfill(2)]
    matches = matches or [name for name in known if word in name]
    if len(matches) == 1:
        return matches[0]
    parts = {part: name for name in known for part in (name, *name.split("_"))}
    nearest = [parts[part] for part in get_close_matches(word, parts, n=1)]
    hint = f"it could be {' or '.join(matches)}" if matches else f"did you mean {nearest[0]}?" if nearest else "see the list:"
    sys.exit(f"no demo {word!r}: {hint}\n\n{listing()}")


def listing() -> str:
    """One line a demo."""
    lines = [f"  {name:24} {title(name)}" for name in names()]
    return "\n".join(["Demos, in reading order (python -m demos NAME --help for options):", *lines])


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(listing())
    else:
        path = FOLDER / f"{find(sys.argv[1])}.py"
        sys.argv = [str(path), *sys.argv[2:]]
        runpy.run_path(str(path), run_name="__main__")
