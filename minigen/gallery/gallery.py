"""The gallery: one HTML page of all demos that have been run, section by section of the chapter, with nothing to load."""

import html
import io
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

import minigen
from minigen.gallery import cells, chapter, markdown
from minigen.gallery.page import criteria_table, document, small_picture, thumbnail
from minigen.gallery.registry import FOLDER, docstring, names, source
from minigen.utils.files import replacing

STYLE = """
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { max-width: 70rem; padding: 1rem clamp(1rem, 4vw, 3rem) 4rem; }
h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); margin-bottom: .5rem; text-wrap: balance; }
h2 { font-size: 1.5rem; margin: 4rem 0 .5rem; padding-top: 1rem; border-top: 2px solid var(--line); text-wrap: balance; }
h3 { font-size: 1.25rem; margin: 0; flex: 1 1 16rem; text-wrap: balance; }
h4 { margin: 1.5rem 0 .5rem; }
p, ul { max-width: 44rem; }
pre, table { font-size: .875rem; }
code { font-size: .9em; }
.number { color: var(--faint); font-weight: 400; font-variant-numeric: tabular-nums; margin-right: .4em; text-decoration: none; }
.small { font-size: .875rem; color: var(--faint); }
.badge { font-size: .8rem; font-weight: 600; padding: .15rem .6rem; border: 1px solid currentcolor; border-radius: 1rem;
         white-space: nowrap; }
.find { position: sticky; top: 0; z-index: 1; background: var(--paper); padding: .5rem 0; }
.find input { font: inherit; width: 100%; max-width: 28rem; padding: .5rem .75rem; border: 1px solid var(--faint);
              border-radius: .5rem; background: var(--box); color: inherit; }
.index { columns: 3 16rem; column-gap: 2rem; padding: 0; max-width: none; list-style: none; font-size: .9rem; margin: .5rem 0; }
.index li { break-inside: avoid; padding: .2rem 0 .2rem 1rem; text-indent: -1rem; }
.index a { text-decoration: none; } .index a:hover { text-decoration: underline; }
.index .number { margin: 0 0 0 .35em; font-size: .85em; }
.wall { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .75rem; padding: 0; list-style: none;
        max-width: none; }
.wall a { display: block; height: 100%; border: 1px solid var(--line); border-radius: .5rem; overflow: hidden;
          text-decoration: none; color: inherit; font-size: .8rem; line-height: 1.3; background: var(--box); }
.wall a:hover { border-color: var(--accent); }
.wall img, .wall .blank { display: block; width: 100%; aspect-ratio: 3 / 2; object-fit: cover; border-radius: 0; }
.wall .blank { display: grid; place-items: center; color: var(--faint); background: var(--line); }
.wall span.name { display: block; padding: .4rem .5rem .5rem; }
.terms { columns: 2 20rem; column-gap: 2rem; padding: 0; list-style: none; font-size: .875rem; max-width: none; }
.terms li { break-inside: avoid; padding: .15rem 0 .15rem 1rem; text-indent: -1rem; }
.terms a { text-decoration: none; } .terms a:hover { text-decoration: underline; } .terms code { color: var(--faint); }
article { margin: 1.5rem 0; padding: clamp(.75rem, 3vw, 1.5rem); border: 1px solid var(--line); border-radius: .75rem; }
article > header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; margin-bottom: .75rem; }
.lead { font-size: 1.05rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1rem;
            align-items: start; }
figure { margin: 0; } figure:first-child { grid-column: 1 / -1; } figure:first-child img { max-height: 34rem; width: auto; }
figcaption { font-size: .8rem; color: var(--faint); }
.zoom { display: block; cursor: zoom-in; } .zoom input { position: absolute; opacity: 0; }
.zoom:focus-within img { outline: 2px solid var(--accent); }
.zoom:has(input:checked) { position: fixed; inset: 0; z-index: 9; overflow: auto; display: flex; background: var(--paper);
                           cursor: zoom-out; }
figure .zoom input:checked + img { flex: none; margin: auto; max-width: none; max-height: none; width: 60rem; background: none; }
@media (min-width: 62rem) { figure .zoom input:checked + img { width: 100%; height: 100%; object-fit: contain; } }
.report td { color: var(--faint); border-bottom-style: dotted; }
@media (max-width: 40rem) {
  .criteria, .criteria tbody { display: block; }
  .criteria tr { display: grid; grid-template-columns: 1fr 1fr 1fr; padding: .35rem 0; border-bottom: 1px solid var(--line); }
  .criteria td, .criteria th { border: none; padding: 0 .5rem 0 0; }
  .criteria td:first-child, .criteria th:first-child, .report td:last-child { grid-column: 1 / -1; }
  .report td:empty { display: none; }
}
details { margin-top: 1rem; } summary { cursor: pointer; color: var(--accent); }
details pre { font-size: .8rem; }
"""

# Without this the index is whole, only longer.
SCRIPT = """
const box = document.querySelector('.find'), words = box.querySelector('input'), said = box.querySelector('output');
const entries = [...document.querySelectorAll('.index li')];
function narrow() {
  const asked = words.value.toLowerCase().split(/\\s+/);
  for (const entry of entries) entry.hidden = !asked.every(word => entry.dataset.words.includes(word));
  const left = entries.filter(entry => !entry.hidden);
  said.textContent = words.value ? `${left.length} of ${entries.length}` : '';
  return left;
}
box.hidden = false;
words.addEventListener('input', narrow);
words.addEventListener('keydown', event => {
  const [first] = narrow();
  if (event.key === 'Enter') first?.querySelector('a')?.click();
});
"""


class Picture(NamedTuple):
    """A picture: its file's bytes and its title."""

    content: bytes
    title: str


class Run(NamedTuple):
    """A demo and what its last run left: result.json, the end of its log, its pictures, the most telling first, its own pages."""

    name: str
    result: dict[str, Any] | None
    log: str | None
    pictures: list[Picture]
    pages: list[str]

    @property
    def number(self) -> str:
        return self.name[:2]

    @property
    def status(self) -> tuple[str, str]:
        """Its color and a few words."""
        if self.result is None:
            return ("faint", "not run yet") if self.log is None else ("bad", "✗ did not finish")
        passed = [criterion["pass"] for criterion in self.result["criteria"]]
        if None in passed:
            return "faint", "quick run, not judged"
        return ("bad", f"✗ {passed.count(False)} of {len(passed)} FAIL") if False in passed else ("good", f"✓ {len(passed)} pass")


def read(name: str, folder: Path) -> Run:
    """What is in a demo's output folder."""
    try:
        result = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        result = None
    log = folder / "log.txt"
    end = None
    if result is None and log.exists():
        end = "\n".join(re.findall(r"[^\r\n]*\S[^\r\n]*", log.read_text(errors="replace"))[-15:])
    text, telling = source(name), chapter.TELLING.get(name[:2])
    paths = sorted(folder.glob("*.png"), key=lambda path: (path.name != telling, text.find(path.name) % 10**9, path.name))
    contents = [(path, path.read_bytes()) for path in paths if result]
    pictures = [
        Picture(content, title or path.stem.replace("_", " "))
        for path, content in contents
        if (title := title_of(content)) is not None
    ]
    return Run(name, result, end, pictures, sorted(path.name for path in folder.glob("*.html") if result))


@cache
def title_of(content: bytes) -> str | None:
    """The title that a picture's file carries, or ""; None of what is no whole picture, since a demo may just be writing it."""
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, SyntaxError):
        return None
    return image.info.get("Title", "")


def write(out: Path) -> Path:
    """Write the page of what is in the output folders below `out`, whole or not at all, and return its path."""
    path = out / "index.html"
    with replacing(path) as temporary:
        temporary.write_text(page(out), encoding="utf-8")
    return path


def page(out: Path) -> str:
    """The gallery of the output folders below `out`."""
    runs = {name[:2]: read(name, out / name) for name in names()}
    sections = [*chapter.SECTIONS]
    if others := sorted(set(runs).difference(*(section.demos for section in sections))):
        sections.append(chapter.Section("More demos", "Of no section of the chapter.", tuple(others), ()))
    finished = [run.result for run in runs.values() if run.result]
    judged = [criterion["pass"] for result in finished for criterion in result["criteria"] if criterion["pass"] is not None]
    score = f"{judged.count(True)} of {len(judged)} criteria pass" if judged else "none is judged yet"
    body = [
        "<h1>Autoencoders and GANs, from scratch</h1>",
        '<p class="lead">Everything that the chapter “Representation Learning and Generative Learning Using Autoencoders and '
        "GANs” names, made by minigen: what it is, its formula, what it makes, and whether it does what theory says. Criteria "
        "are fixed before a run.</p>",
        f'<p class="small">{len(finished)} of {len(runs)} demos have run, in {duration(sum(r["seconds"] for r in finished))}; '
        f"{score}.</p>",
        index(runs),
        wall(sections, runs),
        *(section_html(number, section, runs, out) for number, section in enumerate(sections, 1)),
        f"<script>{SCRIPT}</script>",
    ]
    return document("Autoencoders and GANs, from scratch: minigen", "\n".join(body), STYLE)


def index(runs: dict[str, Run]) -> str:
    """All terms in alphabetical order, each a link to where it is shown, with a box to narrow them."""
    entries = []
    for entry in chapter.terms():
        name = html.escape(entry.name)
        shown = [number for number in entry.demos if number in runs]
        links = " ".join(f'<a class="number" href="#demo-{number}">{number}</a>' for number in shown)
        first = f'<a href="#demo-{shown[0]}">{name}</a>' if shown else name
        words = html.escape(" ".join([entry.name, *(runs[number].name for number in shown)]).lower())
        entries.append(f'<li data-words="{words}">{first} {links}</li>')
    box = '<input type="search" placeholder="weight tying, mode collapse …" aria-label="Narrow the index">'
    return (
        f'<nav><h2 id="index">Find it</h2><p class="find" hidden>{box} <output class="small"></output></p>'
        f'<ul class="index">{"".join(entries)}</ul></nav>'
    )


def wall(sections: list[chapter.Section], runs: dict[str, Run]) -> str:
    """One small picture a demo, in the order of the chapter."""
    cards = []
    for run in (runs[number] for section in sections for number in section.demos if number in runs):
        thumb = f'<span class="blank">{run.status[1]}</span>'
        if run.pictures:
            thumb = on_the_wall(*run.pictures[0])
        cards.append(
            f'<li><a href="#demo-{run.number}">{thumb}<span class="name"><span class="number">{run.number}</span>'
            f"{heading(run.name)}</span></a></li>"
        )
    return f'<h2 id="wall">See it</h2><ul class="wall">{"".join(cards)}</ul>'


def section_html(number: int, section: chapter.Section, runs: dict[str, Run], out: Path) -> str:
    """A section: what it says, its terms with their demos and files, its demos."""
    terms = []
    for term in section.terms:
        links = " ".join(f'<a href="#demo-{demo}">{demo}</a>' if demo in runs else demo for demo in term.demos)
        files = ", ".join(linked(Path(minigen.__file__).parent / file, out) for file in term.files)
        terms.append(f"<li>{html.escape(term.name)}: {links}{' · ' * bool(files)}{files}</li>")
    demos = [demo_html(runs[demo], out) for demo in section.demos if demo in runs]
    return (
        f'<section id="section-{number}"><h2><span class="number">{number}</span>{html.escape(section.title)}</h2>'
        f'<p>{html.escape(section.text)}</p><ul class="terms">{"".join(terms)}</ul>{"".join(demos)}</section>'
    )


def demo_html(run: Run, out: Path) -> str:
    """A demo: what it is, its pictures, its criteria, its settings, and all of its text and code."""
    text, summary = source(run.name), docstring(run.name)[1]
    first, *_ = (cell.text for cell in cells.split(text) if cell.kind == "markdown")
    color, status = run.status
    parts = [
        f'<header><h3><a class="number" href="#demo-{run.number}">{run.number}</a>{heading(run.name)}</h3>'
        f'<span class="badge {color}">{status}</span></header>',
        f'<p class="lead">{markdown.inline(summary)}</p>',
        markdown.to_html(first.partition("\n")[2], level=3),
    ]
    if run.pictures:
        parts.append(f'<div class="pictures">{"".join(map(figure, run.pictures))}</div>')
    if run.result:
        parts.append(f"<h4>Did it work?</h4>{criteria_table(run.result)}")
    for own in run.pages:
        parts.append(f'<p>Its own page: <a href="{run.name}/{own}">{own}</a></p>')
    if run.log is not None:
        parts.append(f"<h4>Its last words</h4><pre>{html.escape(run.log)}</pre>")
    took = f"{duration(run.result['seconds'])} · " if run.result else ""
    parts += [
        f'<p class="small">{took}<code>{html.escape(command(run))}</code> · {linked(FOLDER / f"{run.name}.py", out)}</p>',
        f"<details><summary>Its code, and what it says of it</summary>{rest(text)}</details>",
    ]
    return f'<article id="demo-{run.number}">{"".join(parts)}</article>'


def figure(picture: Picture) -> str:
    """A picture with its title, which a click enlarges to the size of the window."""
    return (
        f'<figure><label class="zoom"><input type="checkbox" aria-label="Enlarge">{carried(*picture)}</label>'
        f"<figcaption>{html.escape(picture.title)}</figcaption></figure>"
    )


def heading(name: str) -> str:
    """The heading of a demo's first cell, without its number."""
    first = next(cell.text for cell in cells.split(source(name)) if cell.kind == "markdown")
    return markdown.inline(re.sub(r"^# \d+\. ", "", first.split("\n", 1)[0]))


def command(run: Run) -> str:
    """What one types to run it again, with the options that differ from their defaults."""
    given = (run.result or {}).get("config", {}).get("given", {})
    options = (f"--{key.replace('_', '-')}" + ("" if value is True else f" {value}") for key, value in given.items())
    return " ".join(["minigen demo", run.number, *options])


def rest(text: str) -> str:
    """All cells of a demo after its docstring and its first text."""
    shown = {"markdown": lambda text: markdown.to_html(text, level=3), "code": lambda text: f"<pre>{html.escape(text)}</pre>"}
    return "".join(shown[cell.kind](cell.text) for cell in cells.split(text)[2:])


def linked(path: Path, out: Path) -> str:
    """A path below the project, as a link from the page to the file if it is there: minigen may have been installed without."""
    name = html.escape(path.relative_to(Path(minigen.__file__).parents[1]).as_posix())
    if not path.is_file():
        return f"<code>{name}</code>"
    try:
        return f'<a href="{html.escape(Path(os.path.relpath(path, out)).as_posix())}"><code>{name}</code></a>'
    except ValueError:  # on Windows, from one drive to another
        return f"<code>{name}</code>"


@cache
def carried(content: bytes, alt: str) -> str:
    """A picture for the page, from the bytes of its file; it is kept for the next page."""
    return small_picture(io.BytesIO(content), alt, width=1000)


@cache
def on_the_wall(content: bytes, alt: str) -> str:
    """A picture for the wall, from the bytes of its file."""
    return thumbnail(io.BytesIO(content), alt, width=240)


def duration(seconds: float) -> str:
    """Seconds in words: "8.2 s", "12 min", "1 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
