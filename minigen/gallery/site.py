"""The gallery: a page of thumbnails, section by section of the chapter, and a page for every demo. They have nothing to load."""

import base64
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from minigen.gallery import chapter
from minigen.gallery.criteria_table import criteria_table
from minigen.gallery.libraries import markupsafe
from minigen.gallery.notebook import cells, text
from minigen.gallery.registry import FOLDER, PACKAGE, docstring, names, source
from minigen.gallery.rendering import code_style, render
from minigen.gallery.runs import DemoRun, read
from minigen.gallery.statement import statement
from minigen.utils.files import replacing


class Demo(NamedTuple):
    """A demo as the pages show it."""

    name: str
    heading: str
    summary: str
    run: DemoRun

    @property
    def number(self) -> str:
        return self.name[:2]


class Section(NamedTuple):
    """A section of the chapter with its demos; introduced: the demos that show its terms, if it has none of its own."""

    title: str
    text: str
    demos: list[Demo]
    introduced: list[Demo]


def write(out: Path) -> Path:
    """Write the pages of the output folders below `out`, each atomically, and return the index's path.

    The index is out/index.html, the demos' pages are in out/pages.
    """
    context = gathered(out)
    demos = [demo for section in context["sections"] for demo in section.demos]
    for section in context["sections"]:
        for demo in section.demos:
            put(out / "pages" / f"{demo.name}.html", demo_page(demo, section, demos, context, out / "pages"))
    put(out / "index.html", index_page(demos, context))
    return out / "index.html"


def put(path: Path, page: str) -> None:
    """Write a page unless it is unchanged: most demos have not changed since the last one finished."""
    if not path.is_file() or path.read_text(encoding="utf-8") != page:
        with replacing(path) as temporary:
            temporary.write_text(page, encoding="utf-8")


def gathered(out: Path) -> dict[str, Any]:
    """The content of all pages: the sections with their demos, the terms with theirs, the colors of code."""
    demos = {name[:2]: Demo(name, heading(name), docstring(name)[1], read(name, out / name)) for name in names()}
    sections = [
        Section(each.title, each.text, among(demos, each.demos), among(demos, [term.demos[0] for term in each.terms]))
        for each in chapter.sections()
    ]
    if others := sorted(set(demos).difference(*(each.demos for each in chapter.sections()))):
        sections.append(Section("More demos", "In no section of the chapter.", among(demos, others), []))
    terms = [(term, among(demos, term.demos)) for term in chapter.terms()]
    return {"sections": sections, "terms": terms, "code_style": code_style()}


def among(demos: dict[str, Demo], numbers: list[str]) -> list[Demo]:
    """The existing demos of these numbers, each once."""
    return [demos[number] for number in dict.fromkeys(numbers) if number in demos]


def index_page(demos: list[Demo], context: dict[str, Any]) -> str:
    """The page of thumbnails."""
    finished = [demo.run.result for demo in demos if demo.run.result]
    outcomes = [criterion["pass"] for result in finished for criterion in result["criteria"]]
    return render(
        "index.html.jinja",
        **context,
        index="",
        here=None,
        demos=demos,
        finished=finished,
        checked=[outcome for outcome in outcomes if outcome is not None],
        kept=any(demo.run.kept for demo in demos),
    )


def demo_page(demo: Demo, section: Section, demos: list[Demo], context: dict[str, Any], folder: Path) -> str:
    """The page of one demo, in a folder."""
    place = demos.index(demo)
    _, first, *rest = cells(demo.name)
    named = [
        (term.name, [linked(PACKAGE / file, folder) for file in term.files]) for term, shown in context["terms"] if demo in shown
    ]
    return render(
        "demo.html.jinja",
        **context,
        index="../index.html",
        here=section,
        demo=demo,
        introduction=first.source.partition("\n")[2],
        cells=rest,
        statement=statement(demo.name),
        criteria=markupsafe.Markup(criteria_table(demo.run.result)) if demo.run.result else None,
        source_url=data_url("text/x-python", source(demo.name)),
        notebook_url=data_url("application/x-ipynb+json", text(demo.name)),
        file=linked(FOLDER / f"{demo.name}.py", folder),
        named=named,
        before=demos[place - 1] if place else None,
        after=demos[place + 1] if place + 1 < len(demos) else None,
    )


def heading(name: str) -> str:
    """The heading of a demo's first text, without its number."""
    return re.sub(r"^# \d+\. ", "", cells(name)[1].source.split("\n", 1)[0])


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
