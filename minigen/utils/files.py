"""Files that are written atomically, folders locked by one process, and the user's cache."""

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
TEMPORARY = re.compile(r"\..+\.\d+\.tmp")  # .NAME.NUMBER.tmp, beside the future NAME
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # the error of a file system without locks


# -- files -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block succeeds: a kill leaves the old file intact.

    Leftovers of killed processes are removed first. A device, or the target of a link such as /dev/stdout, is not replaced but
    written to.
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
            if sys.platform == "win32":  # which does not rename open files
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
        if is_at(temporary, file):  # otherwise another process took it for a leftover before it was locked
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
    """Inside the block no other process, and no other thread, has the folder, which is created if necessary.

    BusyError, naming the holder, otherwise. The operating system holds the lock, and releases it when the process ends, however
    it ends: no lock is ever stale. A file system without locks gives none.
    """
    new, path = not folder.exists(), folder / LOCK
    file = taken(path)
    try:
        file.truncate(0)
        with contextlib.suppress(OSError):  # on a full disk the lock has no name; the next write reports it
            file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield Hold(folder, file)
    finally:
        with contextlib.suppress(OSError):  # Windows does not remove open files; a folder that is not empty stays
            if is_at(path, file):
                path.unlink()
            if new:
                folder.rmdir()
        file.close()


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Inside the block the folder is locked, as by `locked`, and cleared of leftovers of killed processes."""
    with locked(folder):
        sweep(folder)
        yield


def taken(path: Path) -> FileIO:
    """The file at `path`, locked, in a folder that is created if necessary. BusyError if another process has it."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            if os.path.lexists(path.parent) and not path.parent.is_dir():
                raise
            continue  # it was there, and its other holder has just removed it
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(path.lstat().st_mode):
                raise BusyError(f"{path} is not a regular file, so nothing can lock {path.parent}: remove it, or take another")
        try:
            file = open(path, "a+b", buffering=0)
        except FileNotFoundError:  # its other holder has just removed the new folder
            continue
        if not lock(file):
            file.seek(0)
            holder = file.read(100).decode(errors="replace") or "another process"
            file.close()
            raise BusyError(f"{path.parent} is in use by {holder}: wait for it, or choose another folder")
        if is_at(path, file):  # otherwise its last holder has just removed it
            return file
        file.close()


def lock(file: FileIO, otherwise: bool = True) -> bool:
    """Take the operating system's lock on a file, released when the file is closed; False if another has it.

    otherwise: the answer if the file system has no locks.
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
    """The user's cache of files that can be recreated: minigen/KIND in $XDG_CACHE_HOME, if that is absolute, or in ~/.cache.

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
    """Inside the block something is written to the cache. A failure is reported once, and work continues without a cache."""
    try:
        yield
    except OSError as error:
        if not REPORTED:
            REPORTED.append(error)
            print(f"minigen: nothing is kept for the next time ({error})", file=sys.stderr)


REPORTED: list[OSError] = []  # messages already printed
