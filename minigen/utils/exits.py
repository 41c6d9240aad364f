"""How a command ends: with an exit status, and a user's error as one line on stderr.

0: done; 1: it failed; 2: usage error; 130, 143, 129: Ctrl-C, SIGTERM, SIGHUP. Other errors are bugs, and keep their traceback.
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
    """The exit status of `work`, or that of the error it raised, which is printed in one line.

    Characters that the terminal cannot show are escaped, SIGTERM and SIGHUP clean up before they end the process, and matplotlib
    needs no window.
    """
    ready_streams()
    os.environ.pop("MPLBACKEND", None)
    try:
        with handled(Ending()):
            try:
                return work()
            finally:
                print(end="", flush=True)  # flushing the rest can fail, too
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        with silenced(sys.stdout):
            sys.stdout.flush()
        return FAILURE
    except (errors.UsageError, errors.RecipeError) as error:
        return print_error(error, USAGE)
    except EXPECTED as error:
        return print_error(error, FAILURE)
    except KeyboardInterrupt:  # where nothing was to be saved, such as while data are loaded
        with silenced(sys.stderr):
            print("minigen: stopped", file=sys.stderr, flush=True)
        return INTERRUPTED


def ready_streams() -> None:
    """Make stdout and stderr accept any text, and open closed ones: the next file opened would otherwise get their number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def silenced(stream: TextIO) -> Iterator[None]:
    """Inside the block a stream is written to; if that fails, the rest is discarded, as Python flushes the stream at exit."""
    try:
        yield
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_error(error: Exception, status: int) -> int:
    """Print in one line what went wrong; returns the exit status."""
    message = errors.one_line(str(error)) or type(error).__name__  # Python's own MemoryError says nothing
    with silenced(sys.stderr):
        print(f"minigen: error: {message}", file=sys.stderr, flush=True)
    with silenced(sys.stdout):
        sys.stdout.flush()
    return status
