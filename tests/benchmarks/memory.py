"""Peak memory of a step.

Each library is measured in a process of its own, in which nothing has run before:

 1. import the library, and train a tiny network for one step, after a matrix product that wakes all threads.
    This loads what is loaded lazily and makes the thread pools, which belong to the library, not to a step;
 2. give freed memory back to the system, and read the resident set size (VmRSS): the baseline;
 3. build model, optimizer and data; give freed memory back; reset the kernel's high-water mark (VmHWM);
    run STEPS steps.

The result is VmHWM - baseline: data + parameters + gradients + optimizer + all that a step holds at its worst
moment, buffers that a library keeps from step to step included. What building alone needs for a moment is not
counted. Both processes import minigen (for the weights), so in both the C library keeps freed memory
(`minigen.backend.keep_freed_memory`): for the stacked autoencoder that is up to 0.5 MiB of minigen's figure and
2 MiB of PyTorch's. Only Linux has a mark that can be reset; elsewhere, and on a GPU, there is no figure.

`python -m tests.benchmarks.memory WORKLOAD LIBRARY [VARIANT]` is that process; it prints bytes, or null.
"""

import argparse
import contextlib
import ctypes
import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.workload import Side, discover

STEPS = 20
STATUS, MARK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory(name: str, library: str, variant: dict[str, Any]) -> int | None:
    """Bytes that a step needs with "minigen" or "pytorch", measured in a fresh process; None if unknown."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", name, library, json.dumps(variant)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"measuring the memory of {name} with {library} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def measure(name: str, library: str, variant: dict[str, Any]) -> int | None:
    """`peak_memory` of this process."""
    workload = next(workload for workload in discover() if workload.name == name)
    warm_up_minigen() if library == "minigen" else warm_up_pytorch()
    gc.collect()
    give_back_freed_memory()
    baseline = resident("VmRSS")
    side = workload.minigen() if library == "minigen" else workload.pytorch("cpu", variant)
    gc.collect()
    give_back_freed_memory()
    if baseline is None or not reset_peak():
        return None
    run(side, STEPS)
    return resident("VmHWM") - baseline


def run(side: Side, steps: int) -> None:
    """Some steps."""
    for _ in range(steps):
        side.step(side.prepare())


def warm_up_minigen() -> None:
    """One step of a tiny network."""
    import numpy as np

    import minigen as mg
    from minigen import nn, optim

    x = np.ones((512, 512), dtype=np.float32)
    x @ x
    layer = nn.Dense(4, 4, activation="selu")
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    layer(mg.asarray(x[:4, :4])).sum().backward()
    optimizer.step()


def warm_up_pytorch() -> None:
    """One step of a tiny network."""
    import torch
    from torch import nn

    x = torch.ones((512, 512))
    x @ x
    layer = nn.Sequential(nn.Linear(4, 4), nn.SELU())
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(x[:4, :4]).sum().backward()
    optimizer.step()


def resident(field: str) -> int | None:
    """VmRSS (now) or VmHWM (its peak) of this process, in bytes; None where the system does not tell."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), None)


def give_back_freed_memory() -> None:
    """Let the C library return what has been freed, so that the steps cannot use it uncounted; glibc only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def reset_peak() -> bool:
    """Let VmHWM start again from the present; False where the system cannot."""
    try:
        MARK.write_text("5")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.memory")
    parser.add_argument("workload")
    parser.add_argument("library", choices=("minigen", "pytorch"))
    parser.add_argument("variant", nargs="?", type=json.loads, default={}, help="keyword arguments as JSON")
    args = parser.parse_args()
    print(json.dumps(measure(args.workload, args.library, args.variant)))
