"""Text in aligned columns."""

from collections.abc import Container, Sequence


def table(rows: Sequence[Sequence[str]], align: str = "", gap: int = 2, rules: Container[int] = ()) -> str:
    """Rows of cells as lines of text, every column as wide as its longest cell, and `gap` spaces between columns.

    `align`: "<" (left) or ">" (right), one for each column; left for columns beyond its end. `rules`: indices of the rows above
    which a line is drawn. Lines have no trailing spaces. A table without rows is the empty string.
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    aligns = align.ljust(len(widths), "<")
    lines = []
    for i, row in enumerate(rows):
        if i in rules:
            lines.append("-" * (sum(widths) + gap * (len(widths) - 1)))
        cells = (f"{cell:{side}{width}}" for cell, side, width in zip(row, aligns, widths))
        lines.append((" " * gap).join(cells).rstrip())
    return "\n".join(lines)
