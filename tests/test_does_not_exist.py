"""The page of demo 34, in a real browser: whole on a phone and on a desk, light and dark, and it answers."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from tests.browser import background, browser, check_page

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a quick run."""
    folder = tmp_path_factory.mktemp("34")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["34_does_not_exist", "--quick", "--out", str(folder), "--portraits", "13"])
        runpy.run_path(str(ROOT / "demos" / "34_does_not_exist.py"), run_name="__main__")
    return folder / "page.html"


def test_it_says_what_it_shows(page):
    text = page.read_text(encoding="utf-8")
    assert "<h1>This face does not exist.</h1>" in text and "Nor do the 12 others below." in text
    assert "400 images of 16 × 16 pixels, all drawn by a program" in text
    assert re.search(r"farther than <strong>\d+\.\d\d</strong>", text)
    assert [len(re.findall(f'class="{kind}"', text)) for kind in ("pair", "matrix", "source")] == [13, 3, 3 * 10]
    assert not re.search(r"(src|href)=\"(?!data:)", text), "nothing is fetched"


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1200, False), (1200, True)])
def test_it_is_whole(page, width, dark):
    with browser(width, dark) as session:
        check_page(session, page)
        assert background(session) < 150 if dark else background(session) > 700
        sizes = session.execute_script("return [...document.querySelectorAll('.pair img')].map(i => [i.width, i.height])")
        assert len(sizes) == 26 and all(across == down >= 50 for across, down in sizes), sizes


def test_it_answers(page):
    with browser(1200) as session:
        check_page(session, page)

        def source(selector):
            return session.execute_script("return document.querySelector(arguments[0]).src", selector)

        portraits = session.execute_script("return [...document.querySelectorAll('.pair .new')].map(i => i.src)")
        seen = [source(".hero > img")]
        for _ in portraits:
            session.find_element("css selector", ".hero .another").click()
            seen.append(source(".hero > img"))
        assert seen == [*portraits, portraits[0]], "another one, and another, until the first comes back"

        session.find_elements("css selector", ".pair")[2].click()
        assert session.find_element("css selector", "dialog").is_displayed()
        assert source("dialog .new") == portraits[2] and source("dialog .known") == source(".pair:nth-child(3) .known")
        session.find_element("css selector", "dialog button").click()
        assert not session.find_element("css selector", "dialog").is_displayed()

        for band in ("fine", "middle", "coarse"):
            session.find_element("css selector", f"[value={band}]").click()
            shown = session.execute_script(
                "return [...document.querySelectorAll('.matrix')].filter(m => m.offsetHeight).map(m => m.id)"
            )
            assert shown == [band]

        offset = """const slider = document.querySelector('input[type=range]'), film = document.querySelector('.window img');
            slider.value = arguments[0]; slider.dispatchEvent(new Event('input'));
            return [film.getBoundingClientRect().x - film.parentElement.getBoundingClientRect().x,
                    film.parentElement.offsetWidth, film.getBoundingClientRect().width]"""
        for frame in (0, 7, 59):
            x, window, film = session.execute_script(offset, frame)
            assert film == pytest.approx(60 * window, rel=1e-3) and x == pytest.approx(-frame * window, abs=1), (
                "one frame fills it"
            )
