"""Whether the compiled loops are used, and on how many threads."""

import contextlib
import ctypes
import functools
import os
import sys
from collections.abc import Iterator

from minigen.compiled.blas import take_one_thread
from minigen.compiled.compiler import CannotCompile, compiler_missing

VARIABLE = "MINIGEN_COMPILED"


def chosen() -> tuple[bool, str]:
    """(whether the environment turns the loops on, why)."""
    said = os.environ.get(VARIABLE, "1")
    if said == "0":
        return False, f"{VARIABLE}=0"
    if said != "1":
        print(f"minigen: {VARIABLE}={said} is neither 0 nor 1; the compiled loops are not used", file=sys.stderr)
        return False, f"{VARIABLE}={said} is neither 0 nor 1"
    missing = compiler_missing()
    return not missing, missing or f"{VARIABLE}=0 turns them off"


enabled, reason = chosen()


def use(compiled: bool) -> None:
    """Use the compiled loops from here on, or NumPy alone. Raises RuntimeError, saying why, where they cannot be had."""
    if compiled and (missing := compiler_missing()):
        raise RuntimeError(f"there are no compiled loops: {missing}")
    turn(compiled, "minigen.compiled.use")


@contextlib.contextmanager
def using(compiled: bool) -> Iterator[None]:
    """`use` inside the block."""
    before = enabled, reason
    use(compiled)
    try:
        yield
    finally:
        turn(*before)


def turn(compiled: bool, why: str) -> None:
    """On or off; NumPy's BLAS takes one thread while the loops are in use."""
    global enabled, reason
    enabled, reason = compiled, why
    if library.cache_info().currsize:
        take_one_thread(compiled)


def status() -> str:
    """Whether they are used, and why (not)."""
    return f"{'on' if enabled else 'off'} ({reason})"


def available() -> bool:
    """Whether they are used: tries to compile them on first use, and turns them off, with a word, where that fails."""
    global enabled, reason
    if not enabled:
        return False
    try:
        library()
    except CannotCompile as error:
        enabled, reason = False, str(error)
        print(f"minigen goes on without its compiled loops: {error}", file=sys.stderr)
    return enabled


@functools.cache
def library() -> ctypes.CDLL:
    """The library, with its threads. Raises CannotCompile."""
    from minigen.compiled import build  # only now, with all that it imports

    loops = build.load()
    take_one_thread(True)
    loops.set_threads(threads())
    return loops


# -- threads -------------------------------------------------------------------------------------------------------------

_threads: int | None = None


def set_threads(count: int) -> None:
    """How many threads the loops take; by default OMP_NUM_THREADS, else one per core. Results do not depend on it."""
    global _threads
    if type(count) is not int or count < 1:
        raise ValueError(f"expected a number of threads, 1 or more, got {count!r}")
    _threads = count
    warn_of_many(count)
    if library.cache_info().currsize:
        library().set_threads(count)


def threads() -> int:
    """How many threads the loops take."""
    return _threads or default_threads()


def default_threads() -> int:
    """OMP_NUM_THREADS, of which the first number counts, else the cores."""
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    count = int(said) if said.isdecimal() else 0
    warn_of_many(count)
    return count or cores()


@functools.cache
def warn_of_many(count: int) -> None:
    """Say, once, that more threads than cores are no faster."""
    if count > cores():
        print(f"minigen: {count} threads on {cores()} cores: more than cores wait for each other", file=sys.stderr)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
