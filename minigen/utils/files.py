"""Files that are written atomically, folders that one process has for itself, and the user's cache."""

import contextlib
import errno
import glob
import json
import os
import re
import socket
import stat
import sys
from collections.abc import Iterator
from io import FileIO
from itertools import count
from pathlib import Path
from typing import Any

from minigen.errors import BusyError

LOCK = ".lock"
TEMPORARY = re.compile(r"\..+\.\d+\.tmp")  # .NAME.NUMBER.tmp, beside what is to become NAME
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # what a file system answers that has none


# -- files -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed onto it when the block ends well: a kill leaves the old file intact.

    What killed processes left of earlier attempts is removed first. A device is not replaced, nor what a link such as /dev/stdout
    leads to: it is written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file() and not stat.S_ISFIFO(path.lstat().st_mode):
        yield path
        return
    sweep(path.parent, path.name)
    temporary, file = begun(path)
    try:
        with file:
            yield temporary
            with open(temporary, "r+b") as written:  # Windows flushes only what is open for writing
                os.fsync(written.fileno())
            if sys.platform == "win32":  # which renames nothing that is open
                file.close()
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write a file of JSON, by `replacing`."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def begun(path: Path) -> tuple[Path, FileIO]:
    """A new temporary file for `path`, and the same file locked, so that others see that it is being written."""
    numbers = count(os.getpid())
    while True:
        temporary = path.with_name(f".{path.name}.{next(numbers)}.tmp")
        try:
            file = open(temporary, "xb", buffering=0)
        except FileExistsError:  # by another thread, or by a process of another machine that has the same number
            continue
        lock(file)
        if is_at(temporary, file):  # else another process took it for a left one before it was locked
            return temporary, file
        file.close()


def sweep(folder: Path, name: str = "*") -> None:
    """Remove the temporary files of `name`, or of any file, that killed processes left in a folder; not those of living ones."""
    name = name if name == "*" else glob.escape(name)
    for path in folder.glob(f".{name}.*.tmp"):
        with contextlib.suppress(OSError):  # gone, or not ours to remove
            if is_temporary(path):
                with open(path, "r+b", buffering=0) as file:
                    if lock(file, otherwise=False):
                        path.unlink()


def is_temporary(path: Path) -> bool:
    """Whether it is a file on its way to another name."""
    return TEMPORARY.fullmatch(path.name) is not None and path.is_file()


# -- folders ---------------------------------------------------------------------------------------------------


class Hold:
    """A folder that is locked, and the file that holds the lock."""

    def __init__(self, folder: Path, file: FileIO):
        self.folder, self.file = folder, file

    def check(self) -> None:
        """Raise FileNotFoundError if the folder was deleted, or has another name now."""
        if not is_at(self.folder / LOCK, self.file):
            raise FileNotFoundError(
                f"{self.folder} was deleted or moved while it was in use: nothing more is saved there; if it "
                "was moved, all that was saved before is in its new place"
            )


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[Hold]:
    """Inside the block no other process, and no other thread, has the folder, which is made if there is none.

    BusyError, naming who has it, otherwise. The operating system holds the lock, and lets go of it when the process ends, however
    it ends: no lock is ever stale. A file system that knows no locks gives none.
    """
    new, path = not folder.exists(), folder / LOCK
    file = taken(path)
    try:
        file.truncate(0)
        with contextlib.suppress(OSError):  # on a full disk the lock does without a name; what comes next says so
            file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield Hold(folder, file)
    finally:
        with contextlib.suppress(OSError):  # Windows removes nothing that is open; a folder that holds something stays
            if is_at(path, file):
                path.unlink()
            if new:
                folder.rmdir()
        file.close()


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Inside the block the folder is this process's own, rid of what killed ones have left; BusyError if another has it."""
    with locked(folder):
        sweep(folder)
        yield


def taken(path: Path) -> FileIO:
    """The file at `path`, locked, in a folder that is made if need be. BusyError if another has it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(path.lstat().st_mode):
                raise BusyError(f"{path} is not a regular file, so nothing can lock {path.parent}: remove it, or take another")
        try:
            file = open(path, "a+b", buffering=0)
        except FileNotFoundError:  # who had the new folder has just removed it
            continue
        if not lock(file):
            file.seek(0)
            holder = file.read(100).decode(errors="replace") or "another process"
            file.close()
            raise BusyError(f"{path.parent} is in use by {holder}: wait for it, or take another folder")
        if is_at(path, file):  # else its last holder has just removed it
            return file
        file.close()


def lock(file: FileIO, otherwise: bool = True) -> bool:
    """Take the operating system's lock on a file, which goes with the file's end; False if another has it.

    otherwise: the answer where the file system knows no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek((1 << 31) - 2)  # far behind the text, which must stay readable
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX, Windows
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return otherwise
    return True


def is_at(path: Path, file: FileIO) -> bool:
    """Whether an open file is the one at `path`."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


# -- the cache -------------------------------------------------------------------------------------------------


def cache_folder(kind: str) -> Path:
    """Where the user keeps what can be made again: minigen/KIND in $XDG_CACHE_HOME, if that is absolute, or in ~/.cache.

    FileNotFoundError for a user without a home.
    """
    said = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if said.is_absolute():  # a relative one is to be ignored (XDG Base Directory Specification)
        return said / "minigen" / kind
    try:
        return Path.home() / ".cache" / "minigen" / kind
    except RuntimeError:
        raise FileNotFoundError("there is no home folder, and so no cache: set HOME or XDG_CACHE_HOME") from None


def cached(kind: str, name: str) -> Path | None:
    """Where a file lies in the user's cache; None for a user who can have none, which is said."""
    path = None
    with keeping():
        path = cache_folder(kind) / name
    return path


@contextlib.contextmanager
def keeping() -> Iterator[None]:
    """Inside the block something is written into the cache. Where that fails it is said, once, and the work goes on without."""
    try:
        yield
    except OSError as error:
        if not TOLD:
            TOLD.append(error)
            print(f"minigen: nothing is kept for the next time ({error})", file=sys.stderr)


TOLD: list[OSError] = []  # what was said already
