"""What the process of a library does: build its side of a workload, run steps, tell times and memory."""

import gc
from typing import Any

import numpy as np

import minigen as mg
from minigen import compiled
from tests.benchmarks import memory
from tests.benchmarks.timing import WARM_UP, rest, seconds_per_step
from tests.benchmarks.workload import Side, Workload, discover, run

PROFILED_STEPS = 20
AGREEING_STEPS = 2  # one, and one after an update
LIMIT_SIZE = 1024  # of the square matrices whose product measures the machine; what is copied has 32 times their size


class Tasks:
    """Of one library; every public method is a task."""

    def __init__(self, library: str, threads: int, backend: str):
        self.library, self.device = library, "cuda" if backend == "cupy" else "cpu"
        if library in ("minigen", "loops"):
            mg.use(backend)
            compiled.use(library == "loops")
        elif library in ("pytorch", "torch.compile"):
            import torch

            torch.set_num_threads(threads)
        discover()  # imports what workloads import, for this is not the memory of a step
        self.baseline = memory.baseline(library) if self.device == "cpu" else None

    def build(self, workload: Workload, variant: dict[str, Any]) -> list[np.ndarray]:
        """Build the side. Returns what its first steps return."""
        self.side = workload.side(self.library, self.device, variant)
        return first_steps(self.side)

    def peak_bytes(self) -> int | None:
        """Of the memory that steps need, as memory.py defines it; None if it cannot be known."""
        return None if self.baseline is None else memory.peak(self.side, self.baseline)

    def calibrate(self, block: float) -> int:
        """Warm up. Returns how many steps fit into a block of that many seconds."""
        gc.collect()
        one = min(seconds_per_step(self.side, 1) for _ in range(WARM_UP))
        steps = max(1, round(block / one))
        for _ in range(WARM_UP):
            seconds_per_step(self.side, steps)
        return steps

    def time(self, steps: int, block: float) -> float:
        """Mean seconds of a step; returns when all threads are at rest again, so that another process can take its turn."""
        seconds_per_step(self.side, max(1, steps // 4))  # wakes the threads and fills the caches
        seconds = seconds_per_step(self.side, steps)
        rest(block)
        return seconds

    def profile(self) -> str:
        """minigen's costs by op and by rule, over some steps; what is prepared for them does not count."""
        run(self.side, PROFILED_STEPS)  # to warm up
        prepared = [self.side.prepare() for _ in range(PROFILED_STEPS)]
        with mg.profile() as costs:
            while prepared:
                self.side.step(prepared.pop())
        return str(costs)

    def flops(self) -> int:
        """Of the products in a step (PyTorch counts them): a multiplication and an addition each."""
        from torch.utils._python_dispatch import TorchDispatchMode
        from torch.utils.flop_counter import flop_registry

        class Counter(TorchDispatchMode):
            """Adds up what flop_registry knows of each op; FlopCounterMode, which does the same, stumbles over R1."""

            total = 0

            def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                result = function(*args, **(kwargs or {}))
                if counted := flop_registry.get(function._overloadpacket):
                    self.total += counted(*args, **(kwargs or {}), out_val=result)
                return result

        with Counter() as counter:
            run(self.side, 1)
        return counter.total

    def limits(self) -> dict[str, float]:
        """What the machine can do at most, by this library: operations a second of a product, bytes a second of a copy."""
        if self.library == "pytorch":
            import torch

            x, y = torch.ones(LIMIT_SIZE, LIMIT_SIZE), torch.empty(32 * LIMIT_SIZE, LIMIT_SIZE)
            z = torch.ones_like(y)
            product, copy, size = lambda: x @ x, lambda: y.copy_(z), y.nbytes
        else:
            x, y = np.ones((LIMIT_SIZE, LIMIT_SIZE), np.float32), np.empty((32 * LIMIT_SIZE, LIMIT_SIZE), np.float32)
            z = np.ones_like(y)
            product, copy, size = lambda: mg.matmul(x, x), lambda: np.copyto(y, z), y.nbytes
        fastest = [
            min(seconds_per_step(Side(lambda _, call=call: call(), lambda: None, lambda _: None), 1) for _ in range(10))
            for call in (product, copy)
        ]
        return {"flops": 2 * LIMIT_SIZE**3 / fastest[0], "bytes": 2 * size / fastest[1]}


def first_steps(side: Side) -> list[np.ndarray]:
    """What the first steps return, on the host."""
    return [as_numpy(side.step(side.prepare())) for _ in range(AGREEING_STEPS)]


def as_numpy(x: Any) -> np.ndarray:
    """The result of a step, of any library, on the host."""
    package = type(x).__module__.partition(".")[0]
    if package == "torch":
        return x.detach().cpu().numpy()
    if package == "dezero":
        return np.asarray(x.data)
    return np.asarray(x) if package in ("jaxlib", "jax") else mg.to_numpy(x)
