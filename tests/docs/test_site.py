"""The site in a browser: no page is wider than its window, misses a picture, or asks another server for anything.

MINIGEN_SITE names the folder that `mkdocs build` has written; without it these tests are skipped.
"""

import functools
import http.server
import os
import threading
from pathlib import Path

import pytest

from tests.browser import background, browser

SITE = os.environ.get("MINIGEN_SITE")
pytestmark = pytest.mark.skipif(not SITE, reason="needs MINIGEN_SITE, the folder of a built site")
HOME = Path(SITE or ".")
PAGES = (
    sorted(path.relative_to(HOME).as_posix() for path in HOME.rglob("index.html") if "source" not in path.parts) if SITE else []
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that does not write to the terminal."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    """Where the site is served: its search needs a server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def problems(session, address, page):
    """What is wrong with a page, in words."""
    session.get(address + page)
    session.execute_script("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    session.execute_async_script("""const done = arguments[0];
        Promise.all([...document.images].map(i => i.decode().catch(() => 0))).then(() => done())""")
    found = [entry["message"] for entry in session.get_log("browser")]
    loaded = session.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    found += [f"asks {name}" for name in loaded if not name.startswith((address, "data:", "blob:"))]
    script = "return [...document.images].filter(i => !i.naturalWidth || !i.alt).map(i => i.outerHTML.slice(0, 80))"
    found += [f"not drawn, or not described: {image}" for image in session.execute_script(script)]
    wide, window = session.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    return found + [f"{wide} pixels wide in a window of {window}"] * (wide > window)


@pytest.mark.parametrize(("width", "dark"), [(1200, True), (390, False)])
def test_every_page_is_whole_and_fits_its_window(address, width, dark):
    assert len(PAGES) > 60
    with browser(width=width, dark=dark) as session:
        wrong = {page: found for page in PAGES if (found := problems(session, address, page))}
        assert not wrong
        assert (background(session) < 200) == dark


def test_the_search_box_finds_an_op_and_a_guide(address):
    with browser(width=1200) as session:
        for words, place in (("logsumexp", "reference/engine"), ("experience replay", "techniques")):
            session.get(f"{address}?q={words.replace(' ', '+')}")
            session.implicitly_wait(10)
            session.find_element("css selector", ".md-search-result__item a")
            links = [link.get_attribute("href") for link in session.find_elements("css selector", ".md-search-result__item a")]
            assert any(place in link for link in links), links
