"""The architecture page is true: its walks are walked, and its drawing is of its table. (Its floors are
tests/test_imports.py's.)"""

import re
import sys
from pathlib import Path

import pytest

import minigen
from minigen import data, plot, recipes
from tests.docs.pages import DOCS, PAGES, ROOT, script
from tests.test_imports import GAMES

PAGE = PAGES["docs/architecture.md"]
ROW = re.compile(r"^\| \[[\w/]+\.py\]\(\.\./(?P<file>[\w/]+\.py)\) \| (?P<functions>`.*?`) \|", re.MULTILINE)


def walk(title: str) -> list[tuple[str, str]]:
    """(file, function) of each step of a walk, in order."""
    (section,) = re.findall(rf"^## {title}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    return [(row["file"], name) for row in ROW.finditer(section) for name in re.findall(r"`([\w.]+)`", row["functions"])]


@pytest.fixture(scope="module")
def calls() -> list[tuple[str, str]]:
    """Every call, in order, while demo 02's network is made, takes one step, and rebuilds two images."""
    found = []
    names: dict[object, tuple[str, str]] = {}

    def note(frame, event, _):
        if event == "call":
            code = frame.f_code
            if code not in names:
                path = Path(code.co_filename)
                inside = path.is_relative_to(ROOT)
                names[code] = (path.relative_to(ROOT).as_posix(), code.co_qualname) if inside else ("", "")
            found.append(names[code])

    minigen.seed(0)
    recipe = recipes.find("stacked").with_settings(epochs=1)
    sys.setprofile(note)
    try:
        train, test = data.load("glyphs", train_size=32, test_size=2)
        model = recipe.network(recipe.spec_of(train))
        recipe.fit(model, train, progress=False)
        rebuilt = model.reconstruct(minigen.asarray(test.images))
        plot.image_rows({"original": test.images, "rebuilt": rebuilt.numpy()})
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize("title", ["The path of a parameter", "The path of an image"])
def test_a_walk_is_walked(title, calls):
    steps = walk(title)
    assert len(steps) > 12
    place = 0
    for step in steps:
        assert step in calls, f"{step} is not called at all"
        assert step in calls[place:], f"{step} is not called after what stands above it"
        place = calls.index(step, place) + 1


def test_the_parameter_of_the_walk_has_the_name_that_is_said():
    recipe = recipes.find("stacked")
    name = re.search(r"named by its path: `([\w.]+)`", PAGE)[1]
    assert (
        next(iter(recipe.network(recipe.spec_of(data.load("glyphs", train_size=1, test_size=1)[0])).named_parameters())) == name
    )


def test_the_drawing_is_of_the_table():
    assert (DOCS / "house.svg").read_text(encoding="utf-8") == script("house").drawing(), "run `python docs/house.py`"


def test_what_is_of_the_chapter_in_the_framework_is_said():
    said = re.search(r"nothing there\s+imports (.*?)\.\n", PAGE, re.DOTALL)[1]
    assert tuple(re.findall(r"`([\w.]+)`", said)) == GAMES
