"""Checkpoints: one .npz file without pickle, written whole or not at all, and refused by name if it does not fit."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from minigen.errors import CheckpointError
from minigen.files import replacing

FORMAT = 1  # counts up when the meaning of a file changes
HEADER = "minigen"


def save(path: str | Path, arrays: dict[str, dict[str, np.ndarray]], header: dict[str, Any]) -> None:
    """Write groups of arrays (e.g. "model" -> its state dict) and a JSON header to `path`, atomically."""
    flat = {f"{group}/{name}": array for group, members in arrays.items() for name, array in members.items()}
    text = json.dumps({"format": FORMAT, **header}, default=np.generic.item)  # NumPy's numbers count as Python's
    with replacing(Path(path)) as temporary, open(temporary, "wb") as file:
        np.savez(file, **flat, **{HEADER: np.frombuffer(text.encode(), dtype=np.uint8)})


def load(path: str | Path) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
    """(arrays, header) of a checkpoint. Raises FileNotFoundError, or CheckpointError for a file that is truncated or foreign."""
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            flat = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged archive fails in a dozen ways: BadZipFile, EOFError, NotImplementedError ...
        raise CheckpointError(f"{path} is not a readable checkpoint; truncated, or of another program? ({error})") from error
    if HEADER not in flat:
        raise CheckpointError(f"{path} was not written by minigen: it has the arrays {', '.join(sorted(flat)[:5])}")
    try:
        header = dict(json.loads(bytes(flat.pop(HEADER)).decode()))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} has a damaged header ({error})") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path} has format {header.get('format')}, this version of minigen reads format {FORMAT}")
    arrays: dict[str, dict[str, np.ndarray]] = {}
    for name, array in flat.items():
        group, _, member = name.partition("/")
        arrays.setdefault(group, {})[member] = array
    return arrays, header
