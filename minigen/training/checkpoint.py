"""Checkpoints: groups of arrays and a header in one file, written atomically; if it does not fit, the error names the part."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigen.errors import CheckpointError, StateError
from minigen.utils import archive
from minigen.utils.archive import Archive, Layout


def save(path: str | Path, arrays: Mapping[str, Mapping[str, np.ndarray]], header: Mapping[str, Any]) -> None:
    """Write groups of arrays (e.g. "model" -> its state dict) and a JSON header to `path`, atomically."""
    flat = {f"{group}/{name}": array for group, members in arrays.items() for name, array in members.items()}
    archive.save(Path(path), flat, header)


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator["Saved"]:
    """A checkpoint of which only the header has been read: arrays are read on demand.

    FileNotFoundError if there is none; CheckpointError, naming file and field, for one that is damaged or another program's.
    """
    with archive.opened(Path(path)) as file:
        yield Saved(file)


def load(path: str | Path) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
    """(arrays, header) of a checkpoint. Raises what `opened` raises."""
    with opened(path) as saved:
        return {group: saved[group] for group in saved.layout}, saved.header


class Saved:
    """An open checkpoint: `header`; `layout`, group -> name -> the dtype and shape of an array; and saved[group], the arrays."""

    def __init__(self, file: Archive):
        self.file, self.header = file, file.header
        self.layout: dict[str, dict[str, Layout]] = {}
        for name, layout in file.layout.items():
            group, _, member = name.partition("/")
            self.layout.setdefault(group, {})[member] = layout

    def __getitem__(self, group: str) -> dict[str, np.ndarray]:
        arrays = self.file.read(f"{group}/{name}" if name else group for name in self.layout[group])
        return dict(zip(self.layout[group], arrays.values()))

    __iter__ = None  # else iteration would count 0, 1, 2 ...

    def __contains__(self, group: str) -> bool:
        return group in self.layout

    def fitting(self, group: str, owner: Any) -> dict[str, np.ndarray]:
        """The arrays of a group, to be loaded as the state of `owner`. StateError if they do not fit it, before they are read;
        CheckpointError if one of them, which it names, holds NaN or infinity."""
        if group not in self.layout:
            raise StateError(f"the checkpoint has no part {group!r}, only {', '.join(self.layout)}")
        owner.check_state(self.layout[group])
        state = self[group]
        for name, array in state.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise CheckpointError(f"{self.file.path} is damaged: {group}/{name} holds NaN or infinity")
        return state
