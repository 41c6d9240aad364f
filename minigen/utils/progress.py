"""Progress bars, where somebody watches: a log has no use for lines that are overwritten."""

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

Progress = bool | str  # of a training: a bar and a line per epoch, LINES: the lines alone, False: nothing
LINES = "lines"


def watched() -> bool:
    """Whether bars are shown: stderr is a terminal, or a notebook's output, and TQDM_DISABLE is not set in the environment."""
    if os.environ.get("TQDM_DISABLE", "").lower() not in ("", "0", "false"):
        return False
    with contextlib.suppress(AttributeError, ValueError):  # there is no stderr, or it was closed
        return sys.stderr.isatty()
    return False


def bar(*iterable: Any, show: bool = True, **options: Any) -> "tqdm":
    """tqdm(*iterable, **options), invisible unless it is to be shown and somebody watches."""
    from tqdm import tqdm  # not before it is needed: it takes time to import

    return tqdm(*iterable, disable=not (show and watched()), **options)


def checked(progress: Progress) -> Progress:
    """The setting `progress` of a training. ValueError for another text."""
    if isinstance(progress, str) and progress != LINES:
        raise ValueError(
            f"progress: True for a bar and a line per epoch, {LINES!r} for the lines alone, False for nothing, got {progress!r}"
        )
    return progress
