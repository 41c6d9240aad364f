"""The templates of the pages, and their filters: text, code and pictures as HTML."""

from functools import cache, partial
from typing import Any

from minigen.gallery import images
from minigen.gallery.libraries import jinja2, markdown_it, markupsafe, pygments
from minigen.gallery.runs import duration

MARKDOWN = markdown_it.MarkdownIt("commonmark", {"html": False})
PYTHON = pygments.lexers.PythonLexer()
STYLES = {"light": "default", "dark": "github-dark"}  # of highlighted code


def render(template: str, **context: Any) -> str:
    """A page from a file in templates/."""
    return ENVIRONMENT.get_template(template).render(context)


def markdown(text: str, level: int = 1) -> str:
    """Markdown as HTML. level: of its largest headings; 3 makes "# Title" an <h3>."""
    tokens = MARKDOWN.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + level - 1, 6)}"
    return markupsafe.Markup(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}))


def inline(text: str) -> str:
    """Markdown within a line as HTML."""
    return markupsafe.Markup(MARKDOWN.renderInline(text))


@cache
def python(code: str) -> str:
    """Highlighted code as HTML."""
    return markupsafe.Markup(pygments.highlight(code, PYTHON, pygments.formatters.HtmlFormatter(cssclass="code")))


def code_style() -> str:
    """The colors of highlighted code, on light pages and on dark ones."""
    rules = {
        kind: "\n".join(pygments.formatters.HtmlFormatter(style=style).get_token_style_defs([".code"]))
        for kind, style in STYLES.items()
    }
    return markupsafe.Markup(f"{rules['light']}\n@media (prefers-color-scheme: dark) {{\n{rules['dark']}\n}}")


ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("minigen.gallery"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {
    "markdown": markdown,
    "inline": inline,
    "python": python,
    "duration": duration,
    "compact": cache(partial(images.compact, width=1200)),  # a picture, from the bytes of its file, for its demo's page
    "thumbnail": cache(partial(images.thumbnail, width=480)),  # and for the index: both are cached
}
