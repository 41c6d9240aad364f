"""A process for each library: it builds its side of a workload, and lives on to take its turns.

So no library's threads are in another's way, and each is limited before it is imported.
"""

import multiprocessing
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.benchmarks import machine

LONGEST_GOODBYE = 5.0  # seconds


class WorkerFailed(RuntimeError):
    """A task raised an exception; the message is its traceback."""

    @property
    def last_line(self) -> str:
        return str(self).strip().splitlines()[-1]


class Worker:
    """The other end of such a process. A call of one of `Tasks`' methods is answered by `answer()`."""

    def __init__(self, library: str, threads: int = 2, isa: str = "native", backend: str = "numpy"):
        self.library = library
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, library, threads, isa, backend), daemon=True)
        with machine.variables(machine.environment(threads, isa)):
            self.process.start()
        theirs.close()

    def ask(self, task: str, *arguments: Any) -> None:
        """Begin a task, without waiting for it."""
        self.connection.send((task, arguments))

    def answer(self, longest: float | None = None) -> Any:
        """What the task returned. Raises WorkerFailed with its traceback where it failed, or has not ended in `longest` seconds."""
        if not self.connection.poll(longest):
            raise WorkerFailed(f"{self.library} did not end in {longest:g} s")
        try:
            succeeded, result = self.connection.recv()
        except EOFError:
            raise WorkerFailed(f"the process of {self.library} ended") from None
        if not succeeded:
            raise WorkerFailed(f"{self.library} failed:\n{result}")
        return result

    def call(self, task: str, *arguments: Any) -> Any:
        """Both."""
        self.ask(task, *arguments)
        return self.answer()

    def close(self) -> None:
        """End the process: it ends by itself when nobody asks any more."""
        self.connection.close()
        self.process.join(LONGEST_GOODBYE)
        self.process.terminate()
        self.process.join()


@contextmanager
def workers(libraries: list[str], **limits: Any) -> Iterator[list[Worker]]:
    """One for each library, all ended afterward."""
    with ExitStack() as stack:
        started = [Worker(library, **limits) for library in libraries]
        for worker in started:
            stack.callback(worker.close)
        yield started


def ask_all(asked: list[Worker], task: str, *arguments: Any) -> list[Any]:
    """The answers of all to one task, which they do at the same time."""
    for worker in asked:
        worker.ask(task, *arguments)
    return [worker.answer() for worker in asked]


def work(connection: Any, library: str, threads: int, isa: str, backend: str) -> None:
    """The process: does one task after the other."""
    machine.limit(threads, isa)
    from tests.benchmarks.tasks import Tasks

    tasks = Tasks(library, threads, backend)
    while True:
        try:
            task, arguments = connection.recv()
        except EOFError:
            return
        try:
            connection.send((True, getattr(tasks, task)(*arguments)))
        except Exception:
            connection.send((False, traceback.format_exc()))
