"""What training has measured, a row an epoch, or a row for so many steps of adversarial training."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from minigen.files import replacing


class History(Mapping):
    """Column name -> list of numbers, one a row: history["loss"][-1]. The first column is "epoch", or "step", counted from 1."""

    def __init__(self, rows: list[dict[str, float]] | None = None):
        self.rows = list(rows or [])

    def append(self, row: dict[str, float]) -> None:
        """Add an epoch."""
        self.rows.append(row)

    def __getitem__(self, column: str) -> list[float]:
        if not any(column in row for row in self.rows):
            raise KeyError(f"the history has no column {column!r}, only {', '.join(self)}")
        return [row.get(column, float("nan")) for row in self.rows]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for row in self.rows for name in row))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def save_csv(self, path: str | Path) -> None:
        """Write all columns as CSV, with a header; an existing file is replaced as a whole."""
        with replacing(Path(path)) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(self))
            writer.writeheader()
            writer.writerows(self.rows)

    def __repr__(self) -> str:
        last: dict[str, Any] = self.rows[-1] if self.rows else {}
        return f"History({len(self.rows)} rows; last: {', '.join(f'{name} {value:.6g}' for name, value in last.items())})"
