"""What the templates call: Markdown and code as HTML; and what is said where a library is missing."""

import importlib
import re
import sys
from html.parser import HTMLParser

import pytest

from minigen.errors import MissingPackageError
from minigen.gallery import libraries, rendering
from minigen.gallery.notebook import cells
from minigen.gallery.registry import names


@pytest.mark.parametrize("text, expected", [
    ("# Title\nText", "<h1>Title</h1>\n<p>Text</p>\n"),
    ("So:\n\n    a = b\n\n        c < d\n\nand", "<p>So:</p>\n<pre><code>a = b\n\n    c &lt; d\n</code></pre>\n<p>and</p>\n"),
    ("of `a*b*c` and *this*", "<p>of <code>a*b*c</code> and <em>this</em></p>\n"),
    ("12 * 255^2 * x, a_b, D* and 2 * y", "<p>12 * 255^2 * x, a_b, D* and 2 * y</p>\n"),
    ("a < b & <b>", "<p>a &lt; b &amp; &lt;b&gt;</p>\n"),
])  # fmt: skip
def test_markdown_becomes_html(text, expected):
    assert rendering.markdown(text) == expected


def test_headings_begin_at_the_level_asked_for():
    assert rendering.markdown("# A\n## B", level=3) == "<h3>A</h3>\n<h4>B</h4>\n"
    assert rendering.markdown("##### A", level=3) == "<h6>A</h6>\n"


def test_code_is_highlighted_on_light_pages_and_on_dark_ones():
    assert '<span class="k">def</span>' in rendering.python("def f(): pass")
    light, dark = rendering.code_style().split("@media (prefers-color-scheme: dark)")
    colors = [set(re.findall(r"\.code \.k \{ color: (#\w+)", part)) for part in (light, dark)]
    assert len(colors[0]) == len(colors[1]) == 1 and colors[0] != colors[1]


class Text(HTMLParser):
    """Collects the text of a page and sees that its tags match."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", names())
def test_no_word_of_a_demo_is_lost(name):
    """What is between the tags is the text, but for the marks themselves."""
    for cell in cells(name):
        page = rendering.markdown(cell.source) if cell.cell_type == "markdown" else rendering.python(cell.source)
        parser = Text()
        parser.feed(str(page))
        parser.close()
        assert not parser.open
        assert re.sub(r"[\s#*`-]", "", parser.text) == re.sub(r"[\s#*`-]", "", cell.source)


@pytest.mark.parametrize("package", ["jinja2", "jupytext", "markdown_it", "pygments"])
def test_a_missing_library_is_named_with_what_installs_it(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=f"need {package}: pip install jinja2 jupytext markdown-it-py pygments"):
        importlib.reload(libraries)
    monkeypatch.undo()
    importlib.reload(libraries)
