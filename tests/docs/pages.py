"""The pages that a reader reads: README, CONTRIBUTING, and everything in docs/; their code, commands and links."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PATHS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(path for path in sorted(DOCS.rglob("*.md")) if "templates" not in path.parts),
]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PATHS}

STEP = re.compile(r"```(?P<language>python|sh)\n(?P<block>.*?)```|`(?P<inline>(?:minigen|python|pip|mkdocs)\s[^`]+)`", re.DOTALL)
LINK = re.compile(r'\]\(([^)\s]+)\)|\b(?:src|href)="([^"]+)"')


def steps(text: str) -> Iterator[tuple[str, str]]:
    """What a reader of a page does, in order: ("python", a block of code) or ("sh", one command)."""
    for match in STEP.finditer(text):
        if match["language"] == "python":
            yield "python", match["block"]
        else:
            for line in (match["block"] or " ".join(match["inline"].split())).replace("\\\n", " ").splitlines():
                for command in line.split(" #")[0].split("&&"):
                    if command.strip():
                        yield "sh", command.strip().replace(".venv/bin/", "")


def links(text: str) -> set[str]:
    """The targets of a page's links and pictures."""
    return {first or second for first, second in LINK.findall(text)}


def words(command: str, folder: Path) -> list[str]:
    """A command as a shell splits it: quotes, and stars for files."""
    found = []
    for word in shlex.split(command):
        found += sorted(path.relative_to(folder).as_posix() for path in folder.glob(word)) if "*" in word else [word]
    return found


def script(name: str) -> ModuleType:
    """A script of docs/, imported: it belongs to no package."""
    specification = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
