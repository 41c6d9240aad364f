"""The Markdown that the demos use, as HTML: headings, paragraphs, indented formulas, lists, `code`, *emphasis* and links."""

import html
import re

# A block ends where another one begins; formulas and list items may have empty lines between them.
BLOCKS = re.compile(
    r"""
      ^(?P<heading> \#{1,6}[ ].+)
    | ^(?P<formula> [ ]{4}.*(?:\n+[ ]{4}.*)*)
    | ^(?P<list>    (?:[-*]|\d+\.)[ ].*(?:\n+(?:[-*]|\d+\.)[ ].*|\n[ ]+\S.*)*)
    | ^(?P<text>    (?!\#{1,6}[ ]|[-*][ ])\S.*(?:\n(?!\#{1,6}[ ]|[-*][ ])[ ]*\S.*)*)
""",
    re.MULTILINE | re.VERBOSE,
)

CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
MARKS = [
    (re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)"), r'<a href="\2">\1</a>'),
    (re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", re.DOTALL), r"<strong>\1</strong>"),
    (re.compile(r"(?<!\w)\*(?=\S)([^*]+?)(?<=\S)\*(?!\w)"), r"<em>\1</em>"),
]


def to_html(text: str, level: int = 1) -> str:
    """A text as HTML. level: of its largest headings; 3 makes "# Title" an <h3>."""
    return "\n".join(block(match.lastgroup, match[0], level) for match in BLOCKS.finditer(text))


def block(kind: str, text: str, level: int) -> str:
    """One heading, formula, list or paragraph."""
    if kind == "heading":
        marks, words = text.split(" ", 1)
        height = min(len(marks) + level - 1, 6)
        return f"<h{height}>{inline(words)}</h{height}>"
    if kind == "formula":
        return f"<pre>{html.escape(re.sub(r'^ {4}', '', text, flags=re.MULTILINE))}</pre>"
    if kind == "list":
        items = re.split(r"^(?:[-*]|\d+\.) ", text, flags=re.MULTILINE)[1:]
        tag = "ol" if text[0].isdigit() else "ul"
        return f"<{tag}>{''.join(f'<li>{inline(item.strip())}</li>' for item in items)}</{tag}>"
    return f"<p>{inline(text)}</p>"


def inline(text: str) -> str:
    """Code, emphasis and links within a line; the rest is escaped."""
    parts, end = [], 0
    for match in CODE.finditer(text):
        parts += [marked(text[end : match.start()]), f"<code>{html.escape(match[2])}</code>"]
        end = match.end()
    return "".join([*parts, marked(text[end:])])


def marked(text: str) -> str:
    """Emphasis and links in a text without code."""
    text = html.escape(text, quote=False)
    for pattern, tag in MARKS:
        text = pattern.sub(tag, text)
    return text
