"""The machine: what limits its libraries to a number of threads and an instruction set, and what describes it."""

import contextlib
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
COUNTS = range(1, (os.cpu_count() or 1) + 1)  # of threads
ISAS = ("native", "avx2")
AVX2 = {  # what each library reads when it is loaded; NumPy's is made below
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch: its own kernels,
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # its convolutions,
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # its matrix products
    "TORCHINDUCTOR_CPP_MARCH": "haswell",  # and what torch.compile makes
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
PACKAGES = ("numpy", "ziglang", "torch", "jax", "keras", "dezero", "cupy-cuda12x", "cupy-cuda13x")


def environment(threads: int, isa: str) -> dict[str, str]:
    """Variables that limit a process which has not imported anything yet."""
    limits = dict.fromkeys(THREADS, str(threads))
    return limits | AVX2 | {"NPY_DISABLE_CPU_FEATURES": " ".join(numpy_beyond_avx2())} if isa == "avx2" else limits


def numpy_beyond_avx2() -> list[str]:
    """The instruction sets that NumPy would choose beyond AVX2; their names depend on its version."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return [name for name in __cpu_dispatch__ if __cpu_features__[name] and ("AVX512" in name or name == "X86_V4")]


def limit(threads: int, isa: str) -> None:
    """What cannot be said by a variable, for this process: as many cores as threads, and the CPU that minigen compiles for."""
    if hasattr(os, "sched_setaffinity"):  # JAX, for one, has threads of its own
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    if isa == "avx2":
        from minigen.compiled import build

        build.CPU = "haswell"


@contextlib.contextmanager
def variables(values: dict[str, str]) -> Iterator[None]:
    """Variables of the environment, for processes that are started inside the block."""
    before = dict(os.environ)
    os.environ |= values
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def describe(threads: int, isa: str, backend: str = "numpy") -> dict[str, Any]:
    """What the figures depend on, and the command that measures them."""
    found = {name: installed(name) for name in PACKAGES}
    return {
        "command": f"python -m {module_of_command()} {shlex.join(sys.argv[1:])}".rstrip(),
        "machine": f"{sys.platform} {platform.machine()}",
        "cpu": cpu(),
        "cpus": os.cpu_count(),
        "instruction set": "AVX2" if isa == "avx2" else widest(),
        "threads": threads,
        "backend": backend,
        "python": platform.python_version(),
        **{name: release for name, release in found.items() if release},
    }


def module_of_command() -> str:
    """The module that was called: "tests.benchmarks.scaling"."""
    spec = sys.modules["__main__"].__spec__
    return spec.name.removesuffix(".__main__") if spec else "tests.benchmarks"


def cpu() -> str:
    """The model of the CPU, as far as the system tells."""
    return cpu_field("model name") or platform.processor() or "unknown"


def widest() -> str:
    """The widest vector instructions of this machine."""
    flags = cpu_field("flags").split()
    return next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), platform.machine())


def cpu_field(name: str) -> str:
    """A field of the first CPU in /proc/cpuinfo; empty where there is none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.partition(":")[0].strip() == name:
                return line.partition(":")[2].strip()
    return ""


def installed(package: str) -> str | None:
    """The version of a package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
