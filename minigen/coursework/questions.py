"""The chapter's questions in words: each is asked, and answered only after an attempt, with the demo that shows the answer."""

import codecs
import re
import sys
import textwrap
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from minigen.coursework.grading.submission import content, reason
from minigen.errors import CommandError
from minigen.utils.files import replacing

WORDS = 12  # different ones, not of the question, that are an attempt
WIDTH = 100
BELOW = "Your answer:"


@dataclass(frozen=True)
class Question:
    """A question and its answer. `seen`: for some demos the `demo`, part of the name of a `criterion`, and what it `shows`."""

    title: str
    text: str
    answer: str
    seen: list[dict[str, str]]


@cache
def questions() -> dict[int, Question]:
    """All of them, by their numbers, from questions.toml."""
    with open(Path(__file__).with_suffix(".toml"), "rb") as file:
        return {number: Question(**each) for number, each in enumerate(tomllib.load(file)["question"], 1)}


def ask(question: Question, path: Path) -> int:
    """Write the question into a file at `path`; once it holds an attempt, print the answer. Returns the exit status."""
    asked = f"{question.title}\n\n{textwrap.fill(question.text, WIDTH)}\n\n{BELOW}\n\n"
    if not (path.exists() or path.is_symlink()):
        with replacing(path) as temporary:
            temporary.write_text(asked, encoding="utf-8")
        print(f"{asked.partition(BELOW)[0].rstrip()}\n\nWrite your answer into {path}, then type the same command again.")
        return 0
    try:
        attempt = words(text_of(content(path))) - words(asked)
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read: {reason(error)}; move it away, and it is written again") from None
    if len(attempt) < WORDS:
        print(
            f"{path} has {len(attempt)} word{'s' * (len(attempt) != 1)} of yours so far: the answer is shown after an attempt, "
            f"of at least {WORDS} different words that are not the question's",
            file=sys.stderr,
        )
        return 1
    print(answer(question, path))
    return 0


def answer(question: Question, path: Path) -> str:
    """One answer, and where it can be seen."""
    rows = [question.title, "", textwrap.fill(" ".join(question.answer.split()), WIDTH), "", "Where this project shows it:"]
    for each in question.seen:
        where = f'minigen demo {each["demo"]}, "{each["criterion"]} ...": {each["shows"]}'
        rows.append(textwrap.fill(where, WIDTH, initial_indent="  ", subsequent_indent="    "))
    return "\n".join([*rows, "", f"Compare it with what you wrote in {path}: what does yours lack, what does this one lack?"])


def text_of(written: bytes) -> str:
    """The text of a file, as editors write it: UTF-8, or UTF-16 with its mark."""
    wide = written.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return written.decode("utf-16" if wide else "utf-8-sig", "replace")


def words(text: str) -> set[str]:
    """Its different words, of at least two letters."""
    return set(re.findall(r"[^\W\d_]{2,}", text.lower()))
