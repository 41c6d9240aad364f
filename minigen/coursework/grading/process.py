"""The worker as a process: started in a folder of its own, watched while it answers, and ended with all that it has started."""

import contextlib
import json
import os
import queue
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import minigen
from minigen.backend.devices import THREAD_VARIABLES
from minigen.coursework import confine
from minigen.coursework.grading.session import Session, Stopped, clean, cleaned
from minigen.coursework.grading.submission import Submission
from minigen.coursework.protocol import ProtocolError, pack, receive

LIBRARY = Path(minigen.__file__).resolve().parent
START = LIBRARY / "coursework" / "worker" / "start.py"
GRACE = 3.0  # seconds after which a process that should have ended itself is killed
LONGEST = 1e6  # seconds that are a limit
TICK = 0.2  # seconds between two looks at what it is doing
PROCESSES = 64  # that it may start
MEMORY = 2 << 30  # bytes of one of them, by default; all together may take twice as much
THREADS = 4  # of a matrix product, for each takes memory
DISK = 256 << 20  # bytes in its folder
FILES = 10_000  # in its folder
TAIL = 20_000  # bytes of standard error that are looked at
FLOOD = 1 << 20  # bytes there that nobody prints on purpose
PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "MINIGEN_DATA")


class WorkerProcess(Session):
    """A context: inside it questions can be asked. `apart`: shut off from other processes, where the system can do that.
    `memory`: bytes of one process, by default MEMORY; all that it starts may take twice as much together. `secret`: folders that
    it finds empty, where it is shut off."""

    def __init__(
        self, submission: Submission, seconds: float, apart: bool = True, memory: int | None = None, secret: Iterable[Path] = ()
    ):
        super().__init__(submission.seed, [submission.path.name, *submission.helpers])
        self.submission, self.seconds, self.apart = submission, min(seconds, LONGEST), apart
        self.memory = memory or MEMORY
        self.secret = [LIBRARY.parent / "tests", *secret]  # where the solutions are
        self.mark = secrets.token_hex(8)
        self.inbox: queue.Queue = queue.Queue(maxsize=4)
        self.outbox: queue.Queue = queue.Queue()

    def __enter__(self) -> "WorkerProcess":
        with contextlib.ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="minigen-")).resolve()
            stack.callback(remove, self.folder)
            self.errors = stack.enter_context(tempfile.TemporaryFile())
            self.submission.write_into(self.folder)
            self.start()
            stack.callback(self.end)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.close()

    def start(self) -> None:
        settings = {
            "path": self.search_path(),
            "library": str(LIBRARY),
            "folder": str(self.folder),
            "seconds": self.seconds,
            "file": str(self.folder / self.submission.path.name),
            "memory": self.memory,
            "apart": self.apart,
            "data": [os.environ["MINIGEN_DATA"]] if "MINIGEN_DATA" in os.environ else [],
            "room": (DISK, FILES),
            "secret": [f"{each}{os.sep}" for each in self.secret],
        }
        home = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(self.folder))
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}  # the rest may hold secrets
        threads = {name: os.environ.get(name, str(min(THREADS, os.cpu_count() or 1))) for name in THREAD_VARIABLES}
        self.began = self.looked = time.monotonic()
        self.process: Any = subprocess.Popen(
            [sys.executable, "-I", "-B", str(START), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=self.folder,
            start_new_session=True,
            env=environment | threads | home | {confine.MARK: self.mark},
        )
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.send_all, self.receive_all)]
        for thread in self.threads:
            thread.start()

    def search_path(self) -> list[str]:
        """Where the worker finds libraries: where we do, but nothing of the learner's, and no tests beside minigen."""
        own = {Path(os.path.realpath(os.curdir)), self.submission.path.parent}
        found = [Path(each).resolve() for each in sys.path if Path(each).is_absolute()]
        foreign = [each for each in found if each in own or (each / "minigen").is_dir()]
        return [str(each) for each in found if each not in foreign or (each / "numpy" / "__init__.py").exists()]

    # -- questions and answers -----------------------------------------------------------------------------------

    def send_all(self) -> None:
        """In a thread of its own, because a worker that does not read would keep us waiting."""
        with contextlib.suppress(OSError, ValueError):
            while (frame := self.outbox.get()) is not None:
                self.process.stdin.write(frame)
                self.process.stdin.flush()

    def receive_all(self) -> None:
        """In a thread of its own, because a worker that does not write would keep us waiting."""
        with contextlib.suppress(ValueError):  # the pipe is closed
            while True:
                try:
                    self.inbox.put(receive(self.process.stdout.read))
                except (ProtocolError, EOFError, OSError, MemoryError) as end:
                    self.inbox.put(end)
                    return

    def exchange(self, question: dict[str, Any]) -> dict[str, Any]:
        number = secrets.token_hex(8)  # which cannot be answered in advance
        self.outbox.put(pack(question | {"id": number}))
        while True:
            message = self.next_message()
            if isinstance(message, dict) and message.get("id") == number:
                try:
                    return cleaned(message, str(self.folder), str(self.submission.path.parent))
                except RecursionError:
                    raise self.nonsense(question["do"]) from None
            if not (isinstance(message, dict) and message.keys() == {"printed"} and isinstance(message["printed"], str)):
                raise self.disturbed("does the file write to other files than its own?")
            self.hear(message["printed"])

    def disturbed(self, why: str) -> Stopped:
        return Stopped(
            f"it cannot be graded: while {self.running}, something else was written where its process should answer; {why}"
        )

    def next_message(self) -> Any:
        """The next message from the worker. Raises Stopped if it has ended, or misbehaves."""
        while True:
            if time.monotonic() - self.looked > TICK:
                self.look()
            try:
                message = self.inbox.get(timeout=TICK)
            except queue.Empty:
                if self.process.poll() is None:
                    continue
                message = EOFError()  # its pipe may be held open by what it has started
            if isinstance(message, (EOFError, OSError)):
                raise Stopped(self.unfinished())
            if isinstance(message, (ProtocolError, MemoryError)):
                raise self.disturbed(str(message))
            return message

    def look(self) -> None:
        """Stop a worker that exceeds a limit."""
        self.looked = time.monotonic()
        if self.looked - self.began > self.seconds + GRACE:
            raise Stopped(self.unfinished())
        started = confine.below(self.process.pid)
        nameless: dict[tuple[int, int], int] = {}
        try:
            for each in started:
                nameless |= confine.nameless(each)
            size, count = taken_on_disk(self.folder)
        except PermissionError:
            raise Stopped(f"it hides the memory or disk space that it uses, while {self.running}") from None
        taken = sum(started.values()) + sum(nameless.values())
        if len(started) > PROCESSES:
            raise Stopped(f"it has started {len(started)} processes, while {self.running}; the limit is {PROCESSES}")
        if taken > 2 * self.memory:
            limit = f"the limit is {2 * self.memory / 2**30:.1f}"
            raise Stopped(f"it uses {taken / 2**30:.1f} GiB of memory, while {self.running}; {limit}")
        if size > DISK or count > FILES:
            limit = f"the limits are {FILES} and {DISK >> 20}"
            raise Stopped(f"it has written {count} files of {size / 2**20:.0f} MiB together, while {self.running}; {limit}")

    # -- the end -------------------------------------------------------------------------------------------------

    def unfinished(self) -> str:
        """Why there are no more answers: a timeout, or the process died."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE if time.monotonic() - self.began < self.seconds else 0.0)
        status = self.process.poll()
        size = os.fstat(self.errors.fileno()).st_size
        self.errors.seek(max(0, size - TAIL))
        trace = self.errors.read(TAIL).decode(errors="replace")
        start = max(trace.rfind("Timeout ("), trace.rfind("Fatal Python error"))
        file = re.escape(str(self.folder / self.submission.path.name))
        own = re.findall(rf'File "{file}", line (\d+) in (\S+)', trace[start:] if start >= 0 else "")
        where = f", in line {own[0][0]} ({own[0][1]})" if own else ""
        if time.monotonic() - self.began >= self.seconds:
            guess = f"a flood of output, {size / 2**20:.0f} MiB?" if size > FLOOD else "an endless loop, or too much work?"
            return f"time ran out after {self.seconds:g} s, while {self.running}{where}: {guess} (--timeout SECONDS allows more)"
        if start >= 0 and trace.startswith("Fatal Python error", start):
            return f"Python itself crashed while {self.running}{where}: {clean(trace[start:].splitlines()[0], 200)}"
        if status is None:
            return f"the process no longer answers while {self.running}{where}"
        code = status - 128 if 128 < status < 192 else -status  # of a signal, by its keeper's or by its own end
        perhaps = ", perhaps for using too much memory" if code == 9 else ""
        how = f"was killed (signal {code}{perhaps})" if code > 0 else f"ended by itself (exit status {status})"
        shown = cleaned(trace[-1000:], str(self.folder), str(self.submission.path.parent))
        return f"the process {how} while {self.running}{where}\n{shown}".rstrip()

    def end(self) -> None:
        """Kill all that it has started, and let our threads come to their end, unless something out of our reach holds the pipes
        open."""
        self.outbox.put(None)
        if hasattr(os, "killpg"):
            confine.end_all(self.process.pid, spare_the_first=True, mark=self.mark)
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        for _ in range(20):
            with contextlib.suppress(queue.Empty):
                self.inbox.get_nowait()  # there may be no room for what comes last
            for thread in self.threads:
                thread.join(0.02)
        if not any(thread.is_alive() for thread in self.threads):
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()


def taken_on_disk(folder: Path) -> tuple[int, int]:
    """(bytes, files) below a folder, as far as the limits. Raises PermissionError for what is closed to us."""
    size = count = 0
    left = [folder]
    while left and size <= DISK and count <= FILES:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        left.append(Path(entry.path))
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
                    if count > FILES:
                        break
        except PermissionError:
            raise
        except OSError:  # it is gone, or too deep
            pass
    return size, count


def remove(folder: Path) -> None:
    """Delete a folder, whatever is in it, as far as we can: folders that are closed, and folders in folders without end."""
    left = [folder]
    with contextlib.suppress(OSError):
        while left:
            here = left.pop()
            os.chmod(here, 0o700)
            for entry in list(os.scandir(here)):
                if entry.is_dir(follow_symlinks=False):
                    left.append(folder / secrets.token_hex(8))
                    os.chmod(entry.path, 0o700)
                    os.rename(entry.path, left[-1])  # to where its path is short
                else:
                    os.unlink(entry.path)
            if here != folder:
                os.rmdir(here)
        os.rmdir(folder)
