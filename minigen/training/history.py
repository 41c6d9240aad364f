"""The measurements of training: one row per epoch, or per `record_every` steps of adversarial training."""

import csv
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from minigen.errors import StateError, suggestion
from minigen.utils.files import replacing
from minigen.utils.reading import shortened


def is_finite_number(value: Any) -> bool:
    """Whether a value from a file is a finite number within the range of a float."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


class History(Mapping):
    """Column name -> list of values, one per row: `history["loss"][-1]`.

    The first column is "epoch", or "step", counted from 1.
    """

    def __init__(self, rows: list[dict[str, float]] | None = None):
        self.rows = list(rows or [])

    @classmethod
    def checked(cls, rows: Any) -> "History":
        """A history from rows of a file. StateError unless they are names with finite numbers, and the first column counts."""
        if not isinstance(rows, list):
            raise StateError(f"history is {shortened(rows)}, expected rows")
        before = 0
        for i, row in enumerate(rows):
            if not isinstance(row, dict) or not row:
                raise StateError(f"history: row {i} is {shortened(row)}, expected names and numbers")
            for name, value in row.items():
                if not is_finite_number(value):
                    raise StateError(f"history: {shortened(name)} of row {i} is {shortened(value)}, expected a finite number")
            clock, count = next(iter(row.items()))
            if clock not in ("epoch", "step") or type(count) is not int or count <= before:
                raise StateError(
                    f"history: row {i} begins with {shortened(clock)} {shortened(count)}, expected an epoch or step "
                    f"after {before}"
                )
            before = count
        return cls(rows)

    def append(self, row: dict[str, float]) -> None:
        """Add a row."""
        self.rows.append(row)

    def __getitem__(self, column: str) -> list[float]:
        if not any(column in row for row in self.rows):
            hint = suggestion(re.sub("^val_", "validation ", str(column)), list(self))  # Keras's names
            raise KeyError(f"the history has no column {column!r}: {hint}")
        return [row.get(column, float("nan")) for row in self.rows]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for row in self.rows for name in row))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def save_csv(self, path: str | Path) -> None:
        """Write all columns as CSV, with a header; an existing file is replaced atomically."""
        with replacing(Path(path)) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(self))
            writer.writeheader()
            writer.writerows(self.rows)

    def __repr__(self) -> str:
        last: dict[str, Any] = self.rows[-1] if self.rows else {}
        return f"History({len(self.rows)} rows; last: {', '.join(f'{name} {value:.6g}' for name, value in last.items())})"
