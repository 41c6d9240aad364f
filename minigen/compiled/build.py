"""The loops of loops/*.c as a library for this CPU: compiled once, on first use, and kept in the user's cache."""

import ctypes
import functools
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from minigen.utils.files import cache_folder, replacing

LOOPS = Path(__file__).parent / "loops"
FLAGS = ("-O3", "-march=native", "-mprefer-vector-width=512", "-ffp-contract=fast", "-fno-math-errno", "-fvisibility=hidden", "-fPIC")


class CannotCompile(Exception):
    """Why there is no library."""


@functools.cache
def library() -> ctypes.CDLL:
    """The library, from the cache or compiled. Raises CannotCompile."""
    try:
        folder = cache_folder("compiled")
        path = folder / f"{fingerprint()}.so"
        if not path.is_file():
            with replacing(path) as temporary:
                compile_loops(temporary)
    except OSError:  # nothing can be kept: compiled anew by each process
        path = Path(tempfile.mkdtemp(prefix="minigen-")) / "loops.so"
        compile_loops(path)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CannotCompile(f"the compiled library cannot be loaded: {error}") from error


def fingerprint() -> str:
    """What the library depends on: the loops, how they are compiled, by what, for which CPU."""
    parts = [path.read_bytes() for path in sorted(LOOPS.iterdir())]
    parts += [repr((FLAGS, version("ziglang"), platform.platform(), cpu())).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]


def cpu() -> str:
    """The CPU's model and instruction set, as far as they are told."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part")))


def compile_loops(path: Path) -> None:
    """Compile loops/*.c into a shared library. Raises CannotCompile."""
    if importlib.util.find_spec("ziglang") is None:
        raise CannotCompile("the compiler is not installed")
    sources = sorted(LOOPS.glob("*.c"))
    with tempfile.TemporaryDirectory() as folder:
        objects = [Path(folder) / f"{source.stem}.o" for source in sources]
        bar = tqdm(
            zip(sources, objects), "minigen compiles its loops, once", len(sources), leave=False, bar_format="{desc} {bar} {n}/{total}"
        )
        for source, target in bar:
            call_compiler(*FLAGS, "-c", str(source), "-o", str(target))
        call_compiler("-shared", *map(str, objects), "-o", str(path), "-lpthread", "-lm")


def call_compiler(*arguments: str) -> None:
    """Raise CannotCompile unless it succeeds."""
    try:
        done = subprocess.run([sys.executable, "-m", "ziglang", "cc", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise CannotCompile(f"the compiler cannot be started: {error}") from error
    if done.returncode:
        raise CannotCompile(f"the compiler failed: {done.stderr.strip().splitlines()[-1:]}")
