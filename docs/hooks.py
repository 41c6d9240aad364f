"""What the site needs beyond its pages.

The pages link into the repository, so that they can be read there as they are; here every such link is made to lead to a page of
the site. A demo is a page, made by mkdocs-jupyter; CONTRIBUTING.md and CHANGELOG.md are pages; any other file that a page
links to, such as minigen/engine/operation.py, is shown as highlighted source; and in place of a line <!-- file: minigen/... -->,
which nobody sees in the repository, stands that file. In the reference, Tensor's methods have the
docstrings of the functions that minigen/ops/methods.py puts behind them, as in help().
"""

import inspect
import posixpath
import re
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from minigen import Tensor

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"""(?P<before>\]\(|\b(?:href|src)=")(?P<target>[^)\s"#:]+)(?P<anchor>#[^)"\s]*)?(?=[)"])""")
SHOWN = re.compile(r"^<!-- file: (\S+) -->$", re.MULTILINE)
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "README.md": "index.md"}
LANGUAGES = {".py": "python", ".yml": "yaml", ".toml": "toml", ".cfg": "ini", ".md": "markdown"}


def on_config(config: MkDocsConfig) -> None:
    """One entry of the navigation for each demo."""
    demos = [{heading(path): f"demos/{path.name}"} for path in sorted((ROOT / "demos").glob("[0-9]*.py"))]
    config.nav.insert(2, {"Demos": demos})


def heading(demo: Path) -> str:
    """The heading of a demo: "2. A stacked autoencoder"."""
    return re.search(r"^# # (.+)", demo.read_text(encoding="utf-8"), re.MULTILINE)[1]


@event_priority(100)  # before mkdocs-jupyter, which takes the demos
def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the demos, their pictures, and a page for every other file that a page links to."""
    for path in [*(ROOT / "demos").glob("[0-9]*.py"), *(ROOT / "demos/pictures").glob("*.png")]:
        place = path.relative_to(ROOT).as_posix()
        files.append(File(place, str(ROOT), config.site_dir, config.use_directory_urls))
    texts = {path: path.read_text(encoding="utf-8") for path in [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]}
    for path, text in texts.items():
        files.append(File.generated(config, PAGES[path.name], content=text))
    texts |= {path: path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    linked = {target(path, match["target"]) for path, text in texts.items() for match in LINK.finditer(text)}
    for place in sorted(filter(None, linked)):
        if place_on_site(place).startswith("source/"):
            files.append(File.generated(config, place_on_site(place), content=source_page(place)))


def target(page: Path, link: str) -> str | None:
    """The file in the repository that a link on a page leads to, if it is outside docs/: "minigen/engine/operation.py"."""
    place = posixpath.normpath(posixpath.join(page.parent.relative_to(ROOT).as_posix(), link))
    return place if not place.startswith("docs/") and (ROOT / place).is_file() else None


def place_on_site(place: str) -> str:
    """Where the site has a file of the repository."""
    if place in PAGES or place.startswith("demos/"):
        return PAGES.get(place, place)
    return f"source/{place}.md"


def source_page(place: str) -> str:
    """A page that shows a file, in the whole width; the search box does not find what is on it."""
    return f"---\nsearch: {{exclude: true}}\nhide: [toc]\n---\n\n# {place}\n\n{source(place)}\n"


def source(place: str) -> str:
    """A file of the repository as a block of highlighted code."""
    language = LANGUAGES.get(Path(place).suffix, "text")
    return f'``````{language} linenums="1"\n{(ROOT / place).read_text(encoding="utf-8")}``````'


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let the links into the repository lead to the site's own pages, and show the files that are to be shown."""
    if page.file.src_uri.startswith("source/"):
        return markdown
    if page.file.src_uri == "index.md":
        page.meta["hide"] = ["navigation", "toc"]
    if page.file.src_uri == "techniques.md":
        page.meta["hide"] = ["toc"]  # its table needs the width
    written = {name: place for place, name in PAGES.items() if place != "README.md"}
    path = ROOT / written[page.file.src_uri] if page.file.src_uri in written else DOCS / page.file.src_uri
    here = posixpath.dirname(page.file.src_uri)

    def led(match: re.Match) -> str:
        place = target(path, match["target"])
        if place is None and path.parent == ROOT and match["target"].startswith("docs/"):
            there = match["target"].removeprefix("docs/")
        elif place is None:
            return match[0]
        else:
            there = place_on_site(place)
        return f"{match['before']}{posixpath.relpath(there, here or '.')}{match['anchor'] or ''}"

    return SHOWN.sub(lambda match: source(match[1]), LINK.sub(led, markdown))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A demo in the style of the site, its heading and its picture first.

    mkdocs-jupyter adds half a megabyte of Jupyter's own style to each page, and scripts that ask the network.
    """
    if not page.file.src_uri.startswith("demos/"):
        return html
    unwanted = r'<(script|style|clipboard-copy)\b.*?</\1>|<!--.*?-->|<div class="clipboard-copy-txt".*?</div>'
    html = re.sub(unwanted, "", html, flags=re.DOTALL)
    html = re.sub(
        r'<div class="highlight-ipynb[^>]*><pre>(.*?)</pre>',
        r'<div class="highlight"><pre><code>\1</code></pre>',
        html,
        flags=re.DOTALL,
    )
    html = html.replace('class="anchor-link"', 'class="headerlink"')
    title = re.search(r"<h1.*?</h1>", html, re.DOTALL)[0]
    name = posixpath.basename(page.file.src_uri)
    picture = f'<p class="picture"><img src="../pictures/{name[:2]}.png" alt="What it draws"></p>'
    run = f'<p><code>minigen demo {name[:2]}</code>, as a file: <a href="{name}" download>{name}</a></p>'
    return title + picture + html.replace(title, "", 1) + run


class MethodDocstrings(griffe.Extension):
    """Gives every method that engine/methods.py lists without a docstring that of the function behind it."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        for name, method in pkg["engine.methods.Methods"].members.items():
            text = inspect.getdoc(getattr(Tensor, name, None))
            if method.docstring is None and text:
                method.docstring = griffe.Docstring(text, parent=method)
