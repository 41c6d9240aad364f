"""The chapter as data, read from chapter.toml: its sections in order, and where each of its terms is shown.

"Representation Learning and Generative Learning Using Autoencoders and GANs". The gallery is built from this table.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple


class Term(NamedTuple):
    """A term of the chapter, the demos that show it, and the files that implement it, below minigen/.

    words: names for it, at least one of which these demos and files use; by default, the parts of its name.
    """

    name: str
    demos: list[str]
    files: list[str]
    words: list[str]


class Section(NamedTuple):
    """A section: its title, a summary in our words, its demos in reading order, and its terms."""

    title: str
    text: str
    demos: list[str]
    terms: list[Term]


@cache
def table() -> dict[str, Any]:
    """The content of chapter.toml."""
    return tomllib.loads(Path(__file__).with_name("chapter.toml").read_text(encoding="utf-8"))


def sections() -> list[Section]:
    """The sections of the chapter in order. Raises TypeError for an entry with a field too few or too many."""
    return [Section(**{**section, "terms": [term(**entry) for entry in section["terms"]]}) for section in table()["section"]]


def term(name: str, demos: list[str], files: list[str], words: list[str] | None = None) -> Term:
    """An entry of the table; its words are by default the parts of its name."""
    return Term(name, demos, files, words or [part.strip() for part in re.split(r"[,()]", name) if part.strip()])


def terms() -> list[Term]:
    """All terms of the chapter in alphabetical order."""
    return sorted((term for section in sections() for term in section.terms), key=lambda term: term.name.casefold())


def cover(number: str) -> str | None:
    """The file of the picture that a demo shows first, if it is not the first that it draws."""
    return table()["covers"].get(number)
