"""Ctrl-C, SIGTERM and SIGHUP: a process is asked to stop, and may save before it does."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

INTERRUPTED = 130  # the exit status of a process that Ctrl-C has ended
ASKING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(SystemExit):
    """SIGTERM or SIGHUP: the process ends with 128 and the signal's number, as shells count."""


def ending(number: int) -> BaseException:
    """What a signal raises: KeyboardInterrupt for Ctrl-C, else Stopped."""
    return KeyboardInterrupt() if number == signal.SIGINT else Stopped(128 + number)


class Ending:
    """A handler that ends the process at once, after cleanup, which SIGTERM's default would skip."""

    def __call__(self, number: int, frame: Any) -> None:
        raise ending(number)


class Request(Ending):
    """A handler that records the first signal, its `number`, and ends the process at the second."""

    number: int | None = None

    def __call__(self, number: int, frame: Any) -> None:
        if self.number is not None:
            raise ending(number)
        self.number = number


@contextlib.contextmanager
def handled(handler: Ending) -> Iterator[None]:
    """Inside the block the signals call the handler; only in the main thread, where signals arrive.

    A signal that is ignored stays so, as after nohup. So does one with a handler of the user's own, except Ctrl-C, which always
    asks to stop.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in ASKING:
            handling = signal.getsignal(number)  # None: of a program around Python
            if handling not in (None, signal.SIG_IGN) and (
                number == signal.SIGINT or handling is signal.SIG_DFL or isinstance(handling, Ending)
            ):
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handling in before.items():
            signal.signal(number, handling)


@contextlib.contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Inside the block a signal only asks to stop, so that no step is interrupted halfway; a second one ends the process at once.

    Code that complies raises KeyboardInterrupt, which becomes Stopped if the signal was not Ctrl-C.
    """
    request = Request()
    try:
        with handled(request):
            yield lambda: request.number is not None
    except KeyboardInterrupt:
        if request.number is None:
            raise
        raise ending(request.number) from None
    if request.number is not None:  # after the last step
        raise ending(request.number)
