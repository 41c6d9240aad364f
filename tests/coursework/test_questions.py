"""The chapter's questions are asked in words, and answered after an attempt, with demos and criteria that exist."""

import ast
import codecs
import json
import re
from pathlib import Path

import pytest

from minigen.commands import main
from minigen.coursework.questions import BELOW, WORDS, questions, words
from tests.docs.pages import DOCS, ROOT

TRY = "They copy, so I would hold out images and measure codes by a classifier, beside principal components, too."


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, where one works."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def criteria_of(demo):
    """The names of a demo's criteria: of those that were measured, and as its code has them, as far as they are fixed."""
    names = [each["name"] for path in DOCS.glob(f"results/*/{demo}*.json") for each in json.loads(path.read_text())["criteria"]]
    (source,) = (ROOT / "demos").glob(f"{demo}_*.py")
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "criteria.check":
            names += [
                part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant) and isinstance(part.value, str)
            ]
    return names


@pytest.mark.parametrize("number", range(1, 9))
def test_an_answer_names_criteria_that_its_demos_have(number):
    question = questions()[number]
    assert question.seen and question.text.rstrip().endswith(("?", "."))
    for each in question.seen:
        assert any(each["criterion"] in name for name in criteria_of(each["demo"])), each
    assert len(words(question.answer) - words(question.text)) > 3 * WORDS


def test_they_are_listed(capsys):
    assert main(["exercise", "question"]) == 0
    out = capsys.readouterr().out
    assert all(f"{number}  {each.title}\n" in out for number, each in questions().items())


def test_the_answer_comes_after_an_attempt(here, capsys):
    """Not before, not for an empty file, nor for the question's own words, or one word often."""
    answer = " ".join(questions()[3].answer.split())
    assert main(["exercise", "question", "3"]) == 0
    path, out = Path("question3.txt"), capsys.readouterr().out
    assert "Is it a good one for that reason?" in out and "type the same command again" in out
    asked = path.read_text(encoding="utf-8")
    assert asked.rstrip().endswith(BELOW)
    for attempt in ("", asked, "no " * 100, TRY[:30]):
        path.write_text(asked + attempt, encoding="utf-8")
        assert main(["exercise", "question", "3"]) == 1
        printed = capsys.readouterr()
        assert not printed.out and re.search(r"has \d words? of yours so far: the answer is shown after an attempt", printed.err)
    path.write_text(asked + TRY, encoding="utf-8")
    assert main(["exercise", "question", "3"]) == 0
    out = capsys.readouterr().out
    assert answer in " ".join(out.split()) and "minigen demo 02, " in out and "what does yours lack" in out
    assert path.read_text(encoding="utf-8") == asked + TRY
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    "written", [TRY.encode("utf-16"), codecs.BOM_UTF8 + TRY.encode(), TRY.replace("I", "ich öfter").encode("latin-1")]
)
def test_an_attempt_counts_as_whatever_editor_wrote_it(written, here):
    Path("question8.txt").write_bytes(written)
    assert main(["exercise", "question", "8"]) == 0


def test_what_is_no_text_is_named_and_left_as_it_is(here, capsys):
    Path("question1.txt").mkdir()
    assert main(["exercise", "question", "1"]) == 1
    assert "question1.txt cannot be read: " in capsys.readouterr().err
    Path("question2.txt").write_bytes(b"\0" * 10)
    assert main(["exercise", "question", "2"]) == 1
    assert "has 0 words of yours so far" in capsys.readouterr().err
    Path("question4.txt").symlink_to("nowhere")
    assert main(["exercise", "question", "4"]) == 1
    assert "question4.txt cannot be read: No such file" in capsys.readouterr().err
