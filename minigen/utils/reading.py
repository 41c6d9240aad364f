"""Careful reading of files that others may have damaged or replaced: regular files only, bounded in size, and strict JSON."""

import errno
import json
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any


def open_regular(path: Path) -> BufferedReader:
    """A file, open for reading bytes. OSError for a folder, a pipe, a socket or a device, which could keep the reader waiting."""
    nowhere_waiting = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, os.O_RDONLY | nowhere_waiting)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file", str(path))
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bounded(path: Path, limit: int) -> bytes:
    """All bytes of a regular file. OSError if there are more than `limit`."""
    with open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes", str(path))
    return content


def parsed_json(content: bytes) -> Any:
    """The content of a JSON text in UTF-8. ValueError if it is invalid, repeats a key, or is nested too deeply."""
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=without_repetition)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a dict. ValueError for a key that occurs twice, which is ambiguous."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it says {shortened(next(name for name in names if names.count(name) > 1))} twice")
    return found


def shortened(value: Any, length: int = 100) -> str:
    """The repr of a value for a message, cut where it becomes long."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or an integer with more digits than Python prints
        text = f"<{type(value).__name__} too long to print>"
    return text if len(text) <= length else f"{text[:length]}..."
