"""Confine a submission: limits for its processes, an end for all of them, and on Linux, if allowed, a sandbox of its own.

Three processes, one inside the other. The keeper, which the grader starts, sets the limits, makes the space and waits; in it is
the first process of the space, with which everything in it ends; and in that the worker. What a system does not offer is omitted:
Windows has only the worker. No other file of minigen is imported, so that the keeper starts at once.
"""

import contextlib
import ctypes
import os
import signal
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

if os.name == "posix":
    import resource

# No dumps of memory; bytes of a process, of memory and of files that are mapped; bytes of a file that is written; open files.
LIMITS = {"CORE": 0, "AS": 16 << 30, "FSIZE": 64 << 20, "NOFILE": 256}
TASKS = 256  # processes and threads more than the user has
HIDDEN = ("/dev/", "/run/", "/tmp/")  # terminals, disks, and sockets of programs that would run code for a submission
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
MARK = "MINIGEN_SUBMISSION"  # an environment variable that marks stray processes

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
PRIVATE, RECURSIVE, BIND, NO_DEVICES = 1 << 18, 1 << 14, 1 << 12, 1 << 2  # of mount(2)
MOUNT_SETATTR, HERE, ALL_BELOW, READ_ONLY = 442, -100, 0x8000, 1
READ_ALL = 1 << 2  # of capabilities(7)
DIE_WITH_PARENT, ADOPT_ORPHANS, NO_NEW_PRIVILEGES = 1, 36, 38  # of prctl(2)


def limit(seconds: float, memory: int) -> None:
    """Limits for this process and each one that it starts, if the system supports them. `memory`: bytes of its own."""
    if os.name != "posix":
        return
    limits = LIMITS | {"DATA": memory, "CPU": int(seconds * (os.cpu_count() or 1)) + 10}
    if hasattr(os, "getuid") and os.getuid() != 0 and os.path.isdir("/proc/self"):
        limits["NPROC"] = tasks_of(os.getuid()) + TASKS
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            with contextlib.suppress(OSError, ValueError):  # a system that counts otherwise
                resource.setrlimit(kind, (value, value))


def enclose(folder: str, apart: bool, needed: Iterable[str], secret: Iterable[str], room: tuple[int, int]) -> None:
    """Returns only in the worker. The processes around it wait for it, end what it leaves running, and exit as it does.

    `apart`: in a space of its own, if the system lets us: without other processes to be seen or killed, without a network, with
    all files read-only but those below `folder`, where there is `room` for that many bytes and files, without the places where
    other programs can be reached, and without what is in `secret` folders; except for files and folders that are `needed`.
    """
    if not hasattr(os, "fork"):
        return
    apart = apart and sys.platform == "linux" and separate()
    control(ADOPT_ORPHANS, 1)
    control(DIE_WITH_PARENT, signal.SIGKILL)
    if child := os.fork():
        keep(child)
    control(DIE_WITH_PARENT, signal.SIGKILL)
    if apart:
        furnish(folder, needed, secret, room)
        if child := os.fork():
            keep(child)
        drop_capabilities()
    control(NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def keep(child: int) -> NoReturn:
    """Wait for this child, end all others, and exit as it did."""
    for stream in range(3):
        os.close(stream)  # the grader is to see the end of a pipe when the worker ends
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            break
    if os.getpid() != 1:  # where the first process of a space ends, all in it do
        end_all(os.getpid(), spare_the_first=True)
    code = os.waitstatus_to_exitcode(status)
    os._exit(128 - code if code < 0 else code)


def separate() -> bool:
    """Make a space for the processes to come; False if that is not allowed."""
    libc = ctypes.CDLL(None)
    user, group = os.getuid(), os.getgid()
    space = NEW_MOUNTS | NEW_IPC | NEW_PIDS | NEW_NETWORK
    if not hasattr(libc, "unshare"):
        return False
    if user == 0 and libc.unshare(space) == 0:
        return True
    if libc.unshare(space | NEW_USER):
        return False
    for name, text in (("uid_map", f"{user} {user} 1"), ("setgroups", "deny"), ("gid_map", f"{group} {group} 1")):
        with contextlib.suppress(OSError):
            Path(f"/proc/self/{name}").write_text(text)
    return True


def furnish(folder: str, needed: Iterable[str], secret: Iterable[str], room: tuple[int, int]) -> None:
    """The files of the space, where the system lets us mount: `folder` in memory, with the same files, and all else read-only."""
    libc = ctypes.CDLL(None)
    libc.unshare(NEW_MOUNTS)  # the keeper's stay as they are
    libc.mount(b"none", b"/", None, PRIVATE | RECURSIVE, None)
    libc.mount(b"none", b"/proc", b"proc", NO_DEVICES, None)
    files = {path: path.read_bytes() for path in Path(folder).iterdir()}
    if libc.mount(b"none", os.fsencode(folder), b"tmpfs", NO_DEVICES, b"size=%d,nr_inodes=%d,mode=700" % room):
        return
    try:
        for path, content in files.items():
            path.write_bytes(content)
    except OSError:
        libc.umount(os.fsencode(folder))
        return
    hide(libc, HIDDEN, [folder, *needed, *DEVICES])
    hide(libc, secret, needed)
    set_read_only(libc, b"/", True)
    set_read_only(libc, os.fsencode(folder), False)
    os.chdir(folder)  # into what was just mounted


def hide(libc: ctypes.CDLL, places: Iterable[str], needed: Iterable[str]) -> None:
    """Make these places empty, except for the files and folders that are needed."""
    inside = [path for path in map(os.path.realpath, needed) if path.startswith(tuple(places)) and os.path.exists(path)]
    files = {path: os.open(path, os.O_PATH) for path in inside}
    for place in places:
        libc.mount(b"none", os.fsencode(place), b"tmpfs", NO_DEVICES, b"size=1m,mode=755")
    for path, file in files.items():
        source = f"/proc/self/fd/{file}"
        os.makedirs(path if os.path.isdir(source) else os.path.dirname(path), exist_ok=True)
        if not os.path.exists(path):
            Path(path).touch()
        libc.mount(source.encode(), os.fsencode(path), None, BIND | RECURSIVE, None)
        os.close(file)


def set_read_only(libc: ctypes.CDLL, path: bytes, below: bool) -> None:
    """Make all mounts below a path read-only, or a single one writable; since Linux 5.12."""
    attributes = (ctypes.c_uint64 * 4)(*((READ_ONLY, 0, 0, 0) if below else (0, READ_ONLY, 0, 0)))  # set, clear, .., ..
    size, flags = ctypes.c_size_t(ctypes.sizeof(attributes)), ALL_BELOW if below else 0
    libc.syscall(ctypes.c_long(MOUNT_SETATTR), HERE, path, flags, ctypes.byref(attributes), size)


def drop_capabilities() -> None:
    """Drop all capabilities except reading every file, so that mounts cannot be changed."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    kept = (ctypes.c_uint32 * 6)(READ_ALL, READ_ALL, 0, 0, 0, 0)  # effective, permitted, inheritable; and their upper halves
    ctypes.CDLL(None).capset(ctypes.byref(header), ctypes.byref(kept))


def control(*arguments: int) -> None:
    """prctl(2), where there is one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(*map(ctypes.c_ulong, arguments))


# -- processes ---------------------------------------------------------------------------------------------------


def processes() -> Iterator[tuple[int, int, int]]:
    """(process, its parent, bytes in memory) of each one; none where there is no /proc."""
    if not os.path.isdir("/proc/self"):
        return
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended
                fields = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()
                if fields[0] not in (b"Z", b"X"):
                    yield int(name), int(fields[1]), int(fields[21]) * resource.getpagesize()


def below(process: int) -> dict[int, int]:
    """All processes below this one, and their bytes in memory."""
    everyone = {child: (parent, size) for child, parent, size in processes()}
    found: dict[int, int] = {}
    for child, (parent, size) in everyone.items():
        ancestors = {child}
        while parent in everyone and parent != process and parent not in ancestors:
            ancestors.add(parent)
            parent = everyone[parent][0]
        if parent == process:
            found[child] = size
    return found


def nameless(process: int) -> dict[tuple[int, int], int]:
    """(device, number) -> bytes, of the files that a process holds open and no folder knows: in memory, or deleted. Raises
    PermissionError for a process that cannot be inspected."""
    found = {}
    try:
        for name in os.listdir(f"/proc/{process}/fd"):
            with contextlib.suppress(FileNotFoundError):  # it was closed
                file = os.stat(f"/proc/{process}/fd/{name}")
                if stat.S_ISREG(file.st_mode) and not file.st_nlink:
                    found[file.st_dev, file.st_ino] = file.st_blocks * 512
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        pass
    except PermissionError:
        if any(each == process and size for each, _, size in processes()):  # one that is just exiting has no memory left
            raise
    return found


def marked(mark: str) -> list[int]:
    """The processes that were started with this mark in their environment."""
    found = []
    for process, _, _ in processes():
        with contextlib.suppress(OSError), open(f"/proc/{process}/environ", "rb") as file:  # ended, or another's
            if f"{MARK}={mark}\0".encode() in file.read(1 << 20) + b"\0":
                found.append(process)
    return found


def end_all(process: int, spare_the_first: bool = False, mark: str | None = None) -> None:
    """Kill all processes below this one, again and again while new ones appear, and then itself; and those with this mark."""
    for _ in range(50):
        found = (set(below(process)) | set(marked(mark) if mark else ())) - {os.getpid(), process}
        if not found:
            break
        for each in found:
            kill(each)
        time.sleep(0.01)
    if not spare_the_first:
        kill(process)


def kill(process: int) -> None:
    with contextlib.suppress(OSError):  # it has ended, or is another's
        os.kill(process, signal.SIGKILL)


def tasks_of(user: int) -> int:
    """How many processes and threads a user has."""
    count = 0
    for process, _, _ in processes():
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{process}").st_uid == user:
                count += len(os.listdir(f"/proc/{process}/task"))
    return count
