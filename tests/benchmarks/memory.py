"""Peak memory of a step.

Each library is measured in a process of its own, in which nothing has run before:

 1. import the library, and train a tiny network for one step, after a matrix product that wakes all threads.
    This loads what is loaded lazily and makes the thread pools, which belong to the library, not to a step;
 2. give freed memory back to the system, and read the resident set size (VmRSS): the baseline;
 3. build model, optimizer and data, and run two steps; give freed memory back; reset the kernel's high-water mark
    (VmHWM); run STEPS steps.

The result is VmHWM - baseline: data + parameters + gradients + optimizer + all that a step holds at its worst
moment, buffers that a library keeps from step to step included. What building alone needs for a moment is not
counted. Both processes import minigen (for the weights), so in both the C library keeps freed memory
(`minigen.backend.keep_freed_memory`): for the stacked autoencoder that is up to 0.5 MiB of minigen's figure and
2 MiB of PyTorch's. Only Linux has a mark that can be reset; elsewhere, on a GPU, and for libraries that compile a step (a
compiler's memory is not the step's), there is no figure.
"""

import contextlib
import ctypes
import gc
from pathlib import Path

from tests.benchmarks.workload import Side, run

STEPS = 10
STATUS, MARK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def baseline(library: str) -> int | None:
    """Bytes in use before a side is built; None if that cannot be known."""
    if library not in WARM_UP:
        return None
    WARM_UP[library]()
    gc.collect()
    give_back_freed_memory()
    return resident("VmRSS")


def peak(side: Side, before: int) -> int | None:
    """Bytes that steps need at most, beyond the baseline `before`."""
    gc.collect()
    give_back_freed_memory()
    if not reset_peak():
        return None
    run(side, STEPS)
    return resident("VmHWM") - before


def warm_up_minigen() -> None:
    """One step of a tiny network."""
    import numpy as np

    import minigen as mg
    from minigen import compiled, nn, optim

    x = np.ones((512, 512), dtype=np.float32)
    x @ x
    compiled.available()
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


WARM_UP = {"minigen": warm_up_minigen, "loops": warm_up_minigen, "pytorch": warm_up_pytorch}


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
