"""The floors of minigen, read from docs/architecture.md, and their drawing: `python docs/house.py` writes docs/house.svg."""

import re
from html import escape
from pathlib import Path

DOCS = Path(__file__).parent
WIDTH, HEIGHT, GAP, SIDE = 720, 34, 6, 150  # a floor's width and height, what is between two, and room for words at the left
HALVES = ("the chapter", "the framework")
COLORS = {"the chapter": "#b45309", "the framework": "#3f51b5"}  # legible on light paper and on dark


def floors() -> dict[str, list[list[str]]]:
    """The rooms of each floor, from the top down, of the chapter and of the framework below it."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = re.search(r"^\| rooms \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)[1]
    halves: dict[str, list[list[str]]] = {half: [] for half in HALVES}
    half = HALVES[0]
    for line in table.splitlines():
        cell = line.split("|")[1]
        if rooms := re.findall(r"`(\w+)`", cell):
            halves[half].append(rooms)
        else:
            half = HALVES[1]  # the line between the two
    return halves


def drawing() -> str:
    """The house as an SVG: a roof, and one box for each room."""
    parts, top = [], 60
    middle = SIDE + WIDTH / 2
    parts.append(
        f'<path d="M{SIDE} {top - GAP} L{middle} 8 L{SIDE + WIDTH} {top - GAP} Z" fill="{COLORS[HALVES[0]]}" opacity=".25"/>'
    )
    for half, rows in floors().items():
        start = top
        for rooms in rows:
            width = (WIDTH - GAP * (len(rooms) - 1)) / len(rooms)
            for place, room in enumerate(rooms):
                parts.append(box(SIDE + place * (width + GAP), top, width, room, COLORS[half]))
            top += HEIGHT + GAP
        parts.append(words(SIDE - 14, (start + top - GAP) / 2, half, COLORS[half], "end"))
        top += 2 * GAP
    size = f'width="{SIDE + WIDTH + 10}" height="{top}" viewBox="0 0 {SIDE + WIDTH + 10} {top}"'
    title = "<title>The rooms of minigen: imports point downward</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{title}\n' + "\n".join(parts) + "\n</svg>\n"


def box(left: float, top: float, width: float, room: str, color: str) -> str:
    """A room."""
    shape = f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{HEIGHT}" rx="4" fill="{color}"/>'
    return shape + words(left + width / 2, top + HEIGHT / 2, room, "#fff", "middle")


def words(x: float, y: float, text: str, color: str, anchor: str) -> str:
    """A line of text, its middle at the height y."""
    style = f'font-family="ui-monospace, monospace" font-size="15" text-anchor="{anchor}" dominant-baseline="central"'
    return f'<text x="{x:g}" y="{y:g}" fill="{color}" {style}>{escape(text)}</text>'


if __name__ == "__main__":
    (DOCS / "house.svg").write_text(drawing(), encoding="utf-8")
