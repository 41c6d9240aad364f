"""How a command ends: with an exit status, and an error that a user can cause as one line on stderr.

0: done; 1: it failed; 2: it was not understood; 130, 143, 129: Ctrl-C, SIGTERM, SIGHUP. Other errors are bugs, and keep their
traceback.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from minigen import errors
from minigen.utils.signals import INTERRUPTED, Ending, handled

FAILURE, USAGE = 1, 2  # exit statuses
EXPECTED: tuple[type[Exception], ...] = (
    OSError,
    MemoryError,
    *(error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)),
)


def guarded(work: Callable[[], int]) -> int:
    """The exit status of `work`, or that of the error that it has ended with, which is printed in one line.

    What cannot be shown on a terminal is shown as an escape, SIGTERM and SIGHUP clean up before they end the process, and
    matplotlib needs no window.
    """
    ready_streams()
    os.environ.pop("MPLBACKEND", None)
    try:
        with handled(Ending()):
            try:
                return work()
            finally:
                print(end="", flush=True)  # what is left to print can fail, too
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        with silenced(sys.stdout):
            sys.stdout.flush()
        return FAILURE
    except (errors.UsageError, errors.RecipeError) as error:
        return print_error(error, USAGE)
    except EXPECTED as error:
        return print_error(error, FAILURE)
    except KeyboardInterrupt:
        return INTERRUPTED


def ready_streams() -> None:
    """Let stdout and stderr take any text, and be open: what is opened next would else get the number of a closed one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def silenced(stream: TextIO) -> Iterator[None]:
    """Inside the block a stream is written to; if it takes no more, its rest goes nowhere: Python flushes it when it ends."""
    try:
        yield
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_error(error: Exception, status: int) -> int:
    """Say in one line what went wrong; returns the exit status."""
    message = errors.one_line(str(error)) or type(error).__name__  # Python's own MemoryError says nothing
    with silenced(sys.stderr):
        print(f"minigen: error: {message}", file=sys.stderr, flush=True)
    with silenced(sys.stdout):
        sys.stdout.flush()
    return status
