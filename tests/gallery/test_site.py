"""The gallery: pictures first, section by section; every demo has a page; and all of it is whole in a real browser."""

import base64
import json
import re
import shutil
from html import escape
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

from minigen.gallery import chapter, images, site
from minigen.gallery.notebook import text as notebook_text
from minigen.gallery.registry import names, source
from tests.browser import background, browser, check_page

ROOT = Path(__file__).parents[2]
KEPT = sorted((ROOT / "demos" / "pictures").glob("*.png"))


def result(name, passed):
    """A result.json with one criterion."""
    return {
        "demo": name,
        "config": {"given": {"data": "mnist"}, "data": "mnist", "quick": passed is None},
        "report": {"parameters": "17 <b>"},
        "seconds": 7.31,
        "criteria": [{"name": "loss & <more>", "expected": "at most 1", "measured": 0.5, "pass": passed}],
    }


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Output folders as all demos would leave them, with this project's own pictures; some have failed, some have not run."""
    out = tmp_path_factory.mktemp("out")
    for number, name in enumerate(names(), 1):
        (out / name).mkdir()
        if number == 3:
            (out / name / "log.txt").write_text("a\n\n10%|#\r20%|##\r\nValueError: <nothing> works\n")
        elif number != 4:
            (out / name / "result.json").write_text(json.dumps(result(name, {5: False, 6: None}.get(number, True))))
            for place in range(4):  # more than most demos have
                picture = KEPT[(number + 9 * place) % len(KEPT)]
                shutil.copy(picture, out / name / picture.name)
    site.write(out)
    return out


def page(out, name=None):
    """A page as it is written: of a demo, or the index."""
    return (out / "pages" / f"{name}.html" if name else out / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def alone(tmp_path):
    """Writes the pages of one demo's result, with one picture, and returns the demo's page."""

    def written(content, name="01_linear_pca"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "result.json").write_text(json.dumps(content))
        shutil.copy(KEPT[-1], folder / "plane.png")
        site.write(tmp_path)
        return page(tmp_path, name)

    return written


# -- the index ---------------------------------------------------------------------------------------------------


def test_every_demo_has_a_card_that_leads_to_its_page(out):
    cards = re.findall(r'<a class="card" href="pages/(\w+)\.html"', page(out))
    assert sorted(cards) == names()
    assert all((out / "pages" / f"{name}.html").is_file() for name in cards)


def test_sections_come_in_the_order_of_the_chapter_with_their_demos(out):
    found = re.findall(r'<section id="section-\d+".*?</section>', page(out), re.DOTALL)
    assert len(found) == len(chapter.sections())
    for shown, section in zip(found, chapter.sections()):
        assert f"<h2>{escape(section.title)}</h2>" in shown
        assert [number for number in re.findall(r'class="card" href="pages/(\d\d)', shown)] == section.demos


def test_the_index_of_terms_is_behind_the_pictures(out):
    pictures, entries = page(out).split("</main>")[0].split('id="terms"')
    assert pictures.count('class="card"') == len(names()) and entries.count("<li") == len(chapter.terms())
    for term in chapter.terms():
        assert re.search(rf'<a href="pages/{term.demos[0]}_\w+\.html">{re.escape(escape(term.name, quote=False))}</a>', entries)


def test_the_index_counts_what_has_run_and_passed(out):
    assert "32 of 34 demos have run, in 4 min." in page(out) and "30 of 31 criteria pass." in page(out)
    assert "the picture was kept from a full run" in page(out)
    states = re.findall(r'class="state (\w+)">([^<]+)<', page(out))
    assert {"✓ 1 pass", "✗ 1 of 1 FAIL", "✗ did not finish", "not run yet", "quick run, not checked"} == {
        words for _, words in states
    }


def test_a_demo_of_no_section_has_a_place(tmp_path, monkeypatch):
    sections = chapter.sections()[3:]
    monkeypatch.setattr(chapter, "sections", lambda: sections)
    site.write(tmp_path)
    assert "More demos" in page(tmp_path) and 'class="card" href="pages/01_linear_pca.html"' in page(tmp_path)


# -- pages of demos ----------------------------------------------------------------------------------------------


def test_every_link_leads_somewhere(out):
    pages = [out / "index.html", *sorted((out / "pages").iterdir())]
    ids = {path: re.findall(r' id="([^"]+)"', path.read_text(encoding="utf-8")) for path in pages}
    assert all(len(set(each)) == len(each) for each in ids.values())
    for path in pages:
        for link in re.findall(r'href="([^"]+)"', path.read_text(encoding="utf-8")):
            if not link.startswith("data:"):
                file, _, place = unquote(link).partition("#")
                target = (path.parent / file).resolve() if file else path
                assert target.is_file() and (not place or place in ids[target]), f"{path.name}: {link}"


def test_a_demos_page_shows_formula_pictures_criteria_code_and_recipe(out):
    shown = page(out, "01_linear_pca")
    assert "</span> A linear autoencoder is principal component analysis</h1>" in shown and "<code>z = x W1 + b1" in shown
    assert shown.count("<figure>") == 4 and ">Did it work?</h2>" in shown
    assert "loss &amp; &lt;more&gt;" in shown and "17 &lt;b&gt;" in shown and "✓ pass" in shown and "7.3 s" in shown
    assert "minigen demo 01 --data mnist" in shown and "<code>demos/01_linear_pca.py</code>" in shown
    assert '<span class="n">criteria</span><span class="o">.</span><span class="n">finish</span>' in shown, "its code"
    assert "linear autoencoder: " in shown and "<code>minigen/models/autoencoders/linear.py</code>" in shown
    assert '<span class="k">class</span><span class="w"> </span><span class="nc">Linear' in shown, "its recipe"
    assert 'rel="next">02 A stacked autoencoder' in shown and 'rel="prev"' not in shown


@pytest.mark.parametrize("name", [names()[0], names()[-1]])
def test_downloads_are_the_demos_script_and_notebook(out, name):
    files = dict(re.findall(r'download="([^"]+)" href="data:[^,]+;base64,([^"]+)"', page(out, name)))
    script, notebook = (base64.b64decode(files[f"{name}.{kind}"]).decode() for kind in ("py", "ipynb"))
    assert script == source(name) and notebook == notebook_text(name)
    nbformat.validate(nbformat.reads(notebook, as_version=4))


def test_failed_crashed_and_missing_runs_say_so(out):
    crashed, missing, failed = (page(out, name) for name in names()[2:5])
    assert "✗ did not finish" in crashed and "10%|#\n20%|##\nValueError: &lt;nothing&gt; works" in crashed
    assert "not run yet" in missing and "minigen demo 04" in missing and "This demo has not run yet" in missing
    assert "✗ FAIL" in failed and "✗ 1 of 1 FAIL" in failed


def test_a_quick_run_shows_the_kept_picture_and_says_so(alone):
    quick = alone(result("01_linear_pca", None))
    assert "This was a quick run" in quick and "The picture was kept from a full run." in quick and "quick: not checked" in quick
    image = images.compact((ROOT / "demos" / "pictures" / "01.png").read_bytes(), 1200)
    assert re.findall(r'<img src="([^"]+)"', quick) == [image.src]


def test_a_full_run_shows_its_own(alone):
    full = alone(result("01_linear_pca", True))
    assert "kept from a full run" not in full
    assert re.findall(r'<img src="([^"]+)"', full) == [images.compact(KEPT[-1].read_bytes(), 1200).src]


def test_a_demos_own_page_is_linked(tmp_path, alone):
    alone(result("01_linear_pca", True))
    (tmp_path / "01_linear_pca" / "faces.html").write_text("x")
    site.write(tmp_path)
    assert 'href="../01_linear_pca/faces.html">Its own page: faces.html</a>' in page(tmp_path, "01_linear_pca")


def test_only_what_has_changed_is_written_again(tmp_path, alone):
    alone(result("01_linear_pca", True))
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.html")}
    (tmp_path / "01_linear_pca" / "result.json").write_text(json.dumps(result("01_linear_pca", False)))
    site.write(tmp_path)
    changed = {path.name for path, inode in before.items() if path.stat().st_ino != inode}
    assert changed == {"index.html", "01_linear_pca.html"}


def test_pages_are_small(out):
    assert (out / "index.html").stat().st_size < 2e6
    assert max(path.stat().st_size for path in (out / "pages").iterdir()) < 1.5e6


# -- in a browser ------------------------------------------------------------------------------------------------


WINDOWS = pytest.mark.parametrize("width, dark", [(390, True), (390, False), (1200, True), (1200, False)])


@WINDOWS
def test_the_index_in_a_browser(out, width, dark):
    with browser(width, dark) as session:
        check_page(session, out / "index.html")
        assert background(session) < 150 if dark else background(session) > 700
        top, bottom = session.execute_script(
            "const box = document.querySelector('.card img').getBoundingClientRect(); return [box.top, box.bottom]"
        )
        assert bottom < (600 if width == 1200 else 844), "pictures come first"
        session.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
        session.find_element("css selector", ".up").click()
        if width == 390:
            session.find_element("css selector", ".to-contents").click()
        session.find_element("css selector", ".contents a[href='#section-14']").click()
        place = "return document.querySelector('#section-14').getBoundingClientRect().top"
        assert 0 <= session.execute_script(place) < 300
        session.find_element("css selector", ".up").click()
        assert session.execute_script("return window.scrollY") == 0


def test_the_search_box_narrows_the_index(out):
    with browser(1200) as session:
        check_page(session, out / "index.html")
        shown = "return [...document.querySelectorAll('.terms li')].filter(entry => entry.offsetHeight).length"
        assert session.execute_script(shown) == len(chapter.terms())
        box = session.find_element("css selector", "input[type=search]")
        box.send_keys("tying")
        assert session.execute_script(shown) == 1
        box.send_keys("\n")
        assert session.current_url.endswith("pages/04_tied.html")


@WINDOWS
def test_a_demo_in_a_browser(out, width, dark):
    with browser(width, dark) as session:
        check_page(session, out / "pages" / "02_stacked.html")
        assert background(session) < 150 if dark else background(session) > 700
        top = session.execute_script("return document.querySelector('figure img').getBoundingClientRect().top")
        assert top < (600 if width == 1200 else 844), "pictures come first"

        picture = session.find_element("css selector", ".zoom")
        size = "return document.querySelector('.zoom').getBoundingClientRect().height"
        before = session.execute_script(size)
        session.execute_script("arguments[0].click()", picture)
        assert session.execute_script(size) > max(before, 800), "a click enlarges it to the window"
        session.execute_script("arguments[0].click()", picture)
        assert session.execute_script(size) == pytest.approx(before, abs=1)
