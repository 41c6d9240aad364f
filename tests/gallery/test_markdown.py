"""Cells and their text: scripts come apart and together without loss, and their Markdown becomes HTML."""

import re
from html.parser import HTMLParser

import pytest

from minigen.gallery import markdown
from minigen.gallery.cells import Cell, join, split
from minigen.gallery.registry import names, source

SCRIPT = '''"""Title.

Summary.
"""

# %% [markdown]
# # 99. Title
#
#     y = x^2
# %%
import numpy as np


# %%


def square(x):
    """Not a cell: # %% in a text."""
    return x * x
'''


def test_cells():
    assert split(SCRIPT) == [
        Cell("docstring", "Title.\n\nSummary.\n"),
        Cell("markdown", "# 99. Title\n\n    y = x^2"),
        Cell("code", "import numpy as np", 0, 2),
        Cell("code", 'def square(x):\n    """Not a cell: # %% in a text."""\n    return x * x', 2, 0),
    ]


@pytest.mark.parametrize("text", [SCRIPT, *map(source, names())], ids=["example", *names()])
def test_join_undoes_split(text):
    assert join(split(text)) == text


@pytest.mark.parametrize("text, message", [
    ("import numpy\n", "a demo begins with a docstring, an empty line and a cell"),
    ('"""Title."""\n\nimport numpy\n# %%\nx = 1\n', "a demo begins with a docstring"),
    ('"""Title."""\n\n# %%\n\n# %%\nx = 1\n', "cell 1 is empty"),
    ('"""Title."""\n\n# %% [markdown]\n# text\nx = 1\n', "a line of text begins with '# ', .* got 'x = 1'"),
])  # fmt: skip
def test_what_is_no_script_of_cells(text, message):
    with pytest.raises(ValueError, match=message):
        split(text)


def test_a_script_needs_its_docstring():
    with pytest.raises(ValueError, match="the first cell of a demo is its docstring"):
        join([Cell("code", "x = 1")])


@pytest.mark.parametrize("text, expected", [
    ("# Title\nText", "<h1>Title</h1>\n<p>Text</p>"),
    ("one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>"),
    ("So:\n\n    a = b\n\n        c < d\n\nand", "<p>So:</p>\n<pre>a = b\n\n    c &lt; d</pre>\n<p>and</p>"),
    ("- one\n  more\n- two", "<ul><li>one\n  more</li><li>two</li></ul>"),
    ("text\n- one", "<p>text</p>\n<ul><li>one</li></ul>"),
    ("1. one\n2. two", "<ol><li>one</li><li>two</li></ol>"),
    ("of `a*b*c` and *this* and **that**", "<p>of <code>a*b*c</code> and <em>this</em> and <strong>that</strong></p>"),
    ("12 * 255^2 * x, a_b, D* and 2 * y", "<p>12 * 255^2 * x, a_b, D* and 2 * y</p>"),
    ("[the paper](https://example.org/a?b&c)", '<p><a href="https://example.org/a?b&amp;c">the paper</a></p>'),
    ("a < b & c, `x < y`", "<p>a &lt; b &amp; c, <code>x &lt; y</code></p>"),
    ("\n\n", ""),
])  # fmt: skip
def test_markdown(text, expected):
    assert markdown.to_html(text) == expected


def test_the_level_of_headings():
    assert markdown.to_html("# A\n## B", level=3) == "<h3>A</h3>\n<h4>B</h4>"
    assert markdown.to_html("##### A", level=3) == "<h6>A</h6>"


class Balance(HTMLParser):
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
    for cell in split(source(name)):
        if cell.kind == "markdown":
            parser = Balance()
            parser.feed(markdown.to_html(cell.text))
            parser.close()
            assert not parser.open
            assert re.sub(r"[\s#*`-]", "", parser.text) == re.sub(r"[\s#*`-]", "", cell.text)
