"""The results of a demo's last run in its output folder."""

import io
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from minigen.gallery import chapter
from minigen.gallery.registry import FOLDER, docstring, source, title


class Picture(NamedTuple):
    """A picture: its file's bytes and its title."""

    content: bytes
    title: str


class DemoRun(NamedTuple):
    """A demo and what its last run left: result.json, the end of its log, its pictures, the cover first, and its own pages.

    kept: the one picture is from a full run, as this run was too short to learn anything, or has not taken place.
    """

    name: str
    result: dict[str, Any] | None
    log: str | None
    pictures: list[Picture]
    kept: bool
    pages: list[str]

    @property
    def number(self) -> str:
        return self.name[:2]

    @property
    def heading(self) -> str:
        """The heading of its first text, without its number."""
        return re.findall(r"^# # \d+\. (.+)", source(self.name), re.MULTILINE)[0]

    @property
    def summary(self) -> str:
        """What its docstring says after the title."""
        return docstring(self.name)[1]

    @property
    def status(self) -> tuple[str, str]:
        """Its color and a short text."""
        if self.result is None:
            return ("faint", "not run yet") if self.log is None else ("bad", "✗ did not finish")
        passed = [criterion["pass"] for criterion in self.result["criteria"]]
        if None in passed:
            return "faint", "quick run, not checked"
        return ("bad", f"✗ {passed.count(False)} of {len(passed)} FAIL") if False in passed else ("good", f"✓ {len(passed)} pass")

    @property
    def command(self) -> str:
        """The command to run it again, with the options that differ from their defaults."""
        given = (self.result or {}).get("config", {}).get("given", {})
        options = (f"--{key.replace('_', '-')}" + ("" if value is True else f" {value}") for key, value in given.items())
        return " ".join(["minigen demo", self.number, *options])


def read(name: str, folder: Path) -> DemoRun:
    """The contents of a demo's output folder."""
    try:
        result = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        result = None
    log, end = folder / "log.txt", None
    if result is None and log.exists():
        end = "\n".join(re.findall(r"[^\r\n]*\S[^\r\n]*", log.read_text(errors="replace"))[-15:])
    own = sorted(path.name for path in folder.glob("*.html") if result)
    if result is None or result["config"].get("quick"):
        return DemoRun(name, result, end, kept(name), True, own)
    text, cover = source(name), chapter.cover(name[:2])
    paths = sorted(folder.glob("*.png"), key=lambda path: (path.name != cover, text.find(path.name) % 10**9, path.name))
    return DemoRun(name, result, end, pictures(paths), False, own)


def kept(name: str) -> list[Picture]:
    """The picture of a full run that comes with the demos."""
    path = FOLDER / "pictures" / f"{name[:2]}.png"
    return [Picture(path.read_bytes(), title(name))] if path.is_file() else []


def pictures(paths: Iterable[Path]) -> list[Picture]:
    """The pictures in these files, each with its embedded title, or else its name; without incomplete ones."""
    contents = [(path, path.read_bytes()) for path in paths]
    titled = [(path, content, title_of(content)) for path, content in contents]
    return [Picture(content, text or path.stem.replace("_", " ")) for path, content, text in titled if text is not None]


@cache
def title_of(content: bytes) -> str | None:
    """The title embedded in a picture's file, or ""; None for an incomplete picture, since a demo may just be writing it."""
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, SyntaxError):
        return None
    return image.info.get("Title", "")


def duration(seconds: float) -> str:
    """Seconds as text: "8.2 s", "12 min", "1 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
