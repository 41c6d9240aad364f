"""The floors of minigen, read from docs/architecture.md, and their drawing: `python docs/house.py` writes docs/house.svg."""

import re
from html import escape
from pathlib import Path

DOCS = Path(__file__).parent
WIDTH, HEIGHT, GAP, SIDE = 440, 34, 6, 40  # a floor's width and height, what is between two, and room at the left for a wall
HALVES = ("the chapter", "the framework")
COLORS = {"the chapter": "#b45309", "the framework": "#3f51b5"}  # seen on light paper and on dark; white words stand on them


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
    """The house as an SVG: a roof, one box for each room, and at the left a wall with the name of each half."""
    top, whole = 60, SIDE + WIDTH
    parts = [f'<path d="M0 {top - GAP} L{whole / 2:g} 8 L{whole} {top - GAP} Z" fill="{COLORS[HALVES[0]]}" opacity=".25"/>']
    for half, rows in floors().items():
        start = top
        for rooms in rows:
            width = (WIDTH - GAP * (len(rooms) - 1)) / len(rooms)
            for place, room in enumerate(rooms):
                parts.append(box(SIDE + place * (width + GAP), top, width, room, COLORS[half]))
            top += HEIGHT + GAP
        parts.append(wall(start, top - GAP - start, half, COLORS[half]))
        top += 2 * GAP
    size = f'width="{whole}" height="{top}" viewBox="0 0 {whole} {top}"'
    title = "<title>The rooms of minigen: imports point downward</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{title}\n' + "\n".join(parts) + "\n</svg>\n"


def box(left: float, top: float, width: float, name: str, color: str) -> str:
    """A box with a name in it, white."""
    shape = f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{HEIGHT}" rx="4" fill="{color}"/>'
    place = f'x="{left + width / 2:g}" y="{top + HEIGHT / 2:g}" text-anchor="middle" dominant-baseline="central"'
    return f'{shape}<text {place} fill="#fff" font-family="ui-monospace, monospace" font-size="15">{escape(name)}</text>'


def wall(top: float, height: float, name: str, color: str) -> str:
    """A box that stands upright at the left, its name read from below."""
    lying = box((HEIGHT - height) / 2, top + (height - HEIGHT) / 2, height, name, color)
    return f'<g transform="rotate(-90 {HEIGHT / 2:g} {top + height / 2:g})">{lying}</g>'


if __name__ == "__main__":
    (DOCS / "house.svg").write_text(drawing(), encoding="utf-8")
