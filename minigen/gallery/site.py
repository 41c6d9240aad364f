"""The gallery: a page of thumbnails, section by section of the chapter, and a page for every demo. They have nothing to load."""

import base64
import os
from pathlib import Path
from typing import Any

from minigen.gallery import chapter
from minigen.gallery.criteria_table import criteria_table
from minigen.gallery.libraries import markupsafe
from minigen.gallery.notebook import cells, text
from minigen.gallery.registry import FOLDER, PACKAGE, names, source
from minigen.gallery.rendering import code_style, render
from minigen.gallery.runs import DemoRun, read
from minigen.gallery.statement import statement
from minigen.utils.files import replacing


def write(out: Path) -> Path:
    """Write the pages of the output folders below `out`, each atomically, and return the index's path.

    The index is out/index.html, the demos' pages are in out/pages.
    """
    demos = {name[:2]: read(name, out / name) for name in names()}
    sections = chapter.sections()
    if others := sorted(demos.keys() - {number for section in sections for number in section.demos}):
        sections = [*sections, chapter.Section("More demos", "In no section of the chapter.", others, [])]
    context = {"demos": demos, "sections": sections, "terms": chapter.terms(), "code_style": code_style()}
    order = [(section, demos[number]) for section in sections for number in section.demos]
    neighbors = [None, *(demo for _, demo in order), None]
    for (section, demo), before, after in zip(order, neighbors, neighbors[2:]):
        page = demo_page(demo, out / "pages", here=section, before=before, after=after, **context)
        put(out / "pages" / f"{demo.name}.html", page)
    put(out / "index.html", index_page(list(demos.values()), context))
    return out / "index.html"


def put(path: Path, page: str) -> None:
    """Write a page unless it is unchanged: most demos have not changed since the last one finished."""
    if not path.is_file() or path.read_text(encoding="utf-8") != page:
        with replacing(path) as temporary:
            temporary.write_text(page, encoding="utf-8")


def index_page(demos: list[DemoRun], context: dict[str, Any]) -> str:
    """The page of thumbnails."""
    finished = [demo.result for demo in demos if demo.result]
    outcomes = [criterion["pass"] for result in finished for criterion in result["criteria"]]
    return render(
        "index.html.jinja",
        **context,
        index="",
        here=None,
        finished=finished,
        checked=[outcome for outcome in outcomes if outcome is not None],
        kept=any(demo.kept for demo in demos),
    )


def demo_page(demo: DemoRun, folder: Path, terms: list[chapter.Term], **context: Any) -> str:
    """The page of one demo, in a folder."""
    _, first, *rest = cells(demo.name)
    named = [(term.name, [linked(PACKAGE / file, folder) for file in term.files]) for term in terms if demo.number in term.demos]
    return render(
        "demo.html.jinja",
        **context,
        terms=terms,
        index="../index.html",
        demo=demo,
        introduction=first.source.partition("\n")[2],
        cells=rest,
        statement=statement(demo.name),
        criteria=markupsafe.Markup(criteria_table(demo.result)) if demo.result else None,
        source_url=data_url("text/x-python", source(demo.name)),
        notebook_url=data_url("application/x-ipynb+json", text(demo.name)),
        file=linked(FOLDER / f"{demo.name}.py", folder),
        named=named,
    )


def data_url(kind: str, content: str) -> str:
    """A file embedded in a page."""
    return f"data:{kind};base64,{base64.b64encode(content.encode()).decode()}"


def linked(path: Path, folder: Path) -> str:
    """The name of a file of minigen, as a link from a page in this folder."""
    name = markupsafe.Markup("<code>{}</code>").format(path.relative_to(PACKAGE.parent).as_posix())
    try:
        address = Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on Windows, from one drive to another
        return name
    return markupsafe.Markup('<a href="{}">{}</a>').format(address, name)
