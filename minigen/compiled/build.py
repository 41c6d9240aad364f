"""The library made of loops/*.c: compiled for this CPU on first use, and kept in the user's cache."""

import ctypes
import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from minigen.compiled.compiler import CannotCompile, compiler_missing
from minigen.utils.files import cache_folder, replacing
from minigen.utils.progress import bar, watched

LOOPS = Path(__file__).parent / "loops"
FLAGS = (
    "-O3",
    "-mprefer-vector-width=512",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fvisibility=hidden",
    "-fPIC",
    "-g0",
    "-mllvm",
    "-enable-misched=false",
)
CPU = "native"  # whose instructions are used
HEAD = object.__basicsize__  # an array object begins with so many bytes, then the address of its elements: NumPy's C interface


def load() -> ctypes.CDLL:
    """The library, from the cache if it is there, else compiled. Raises CannotCompile."""
    x = np.empty(1)
    if ctypes.c_void_p.from_address(id(x) + HEAD).value != x.ctypes.data:
        raise CannotCompile("arrays of this Python are not laid out as those of CPython")
    try:
        path = cache_folder("compiled") / f"{fingerprint()}.so"
        if path.is_file():
            return open_library(path)
        with replacing(path) as temporary:
            compile_loops(temporary)
        return open_library(path)
    except OSError:  # no cache, or one that is broken or cannot be written: for this process alone
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "loops.so"
            compile_loops(path)
            try:
                return open_library(path)
            except OSError as error:
                raise CannotCompile(f"what was compiled cannot be loaded: {error}") from error


def open_library(path: Path) -> ctypes.CDLL:
    """Raises OSError, also for a file that is something else."""
    library = ctypes.CDLL(str(path))
    try:
        library.lanes()
    except AttributeError as error:
        raise OSError(f"{path} is not a library of loops") from error
    return library


def fingerprint() -> str:
    """All that the library depends on: the loops, the compiler and how it is called, the CPU."""
    parts = [source.read_bytes() for source in sorted(LOOPS.iterdir())]
    parts.append(repr((FLAGS, CPU, version("ziglang"), platform.platform(), cpu_description())).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]


def cpu_description() -> str:
    """The model of this CPU and its instructions, as far as the system tells: a home folder may be shared by several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part")))


def compile_loops(path: Path) -> None:
    """Compile loops/*.c into a shared library. Raises CannotCompile."""
    if missing := compiler_missing():
        raise CannotCompile(missing)
    sources = sorted(LOOPS.glob("*.c"))
    said = "minigen compiles its loops, once"
    if not watched():
        print(f"{said} (a few seconds)", file=sys.stderr)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        objects = [Path(folder) / f"{source.stem}.o" for source in sources]
        shown = bar(sources, said, leave=False, bar_format="{desc} {bar} {n}/{total}")
        for source, target in zip(shown, objects):
            call_compiler(folder, *FLAGS, f"-mcpu={CPU}", "-c", str(source), "-o", str(target))
        libraries = ["-nostdlib", *c_libraries()] if sys.platform == "linux" else ["-lpthread"]
        call_compiler(folder, "-shared", *libraries, *map(str, objects), "-o", str(path))


def c_libraries() -> list[str]:
    """The files of the C library that Python itself has loaded (on Linux): else the compiler makes stand-ins of them first, which
    takes it long."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    return sorted(set(re.findall(r"(/\S*/(?:libc|libm|libpthread|ld-musl-\w+)[.-]\S*)$", maps, re.MULTILINE)))


def call_compiler(folder: str, *arguments: str) -> None:
    """Call it, with a folder for its own files. Raises CannotCompile unless it succeeds."""
    command = [sys.executable, "-m", "ziglang", "cc", *arguments]
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, cwd=folder, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it returned {done.returncode}"]
        raise CannotCompile(f"the compiler failed: {said[0]}")
