"""Times of several processes, measured in turns: A B C A B C ... in one run.

On a machine that does other things as well, times drift by tens of percent from one second to the next.
Neighbors in time suffer alike, so each round's A is compared with the same round's B: the median of these
ratios stands still where the ratio of the medians does not.

Between A and B the threads of A must come to rest. Those of OpenBLAS go on spinning, waiting for work, for
about 100 ms, and would take the CPU from B: without the rest, PyTorch after NumPy takes up to twice as long.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from typing import Any

from tests.benchmarks.workload import Side

BLOCK = 0.05  # seconds: as many steps as fit into it are timed together; less, where the time asked for is short
WARM_UP = 3  # blocks
FEWEST_ROUNDS = 5
PAUSE = 0.005  # seconds, repeated until this process uses less than a tenth of it
LONGEST_PAUSE = 4  # blocks


def in_turns(workers: Sequence[Any], seconds: float, progress: Callable[[float], None] = lambda share: None) -> list[list[float]]:
    """For each worker the seconds of a step, one per round. `progress` is told the share of the time gone by."""
    block = min(BLOCK, seconds / (FEWEST_ROUNDS * len(workers)))
    steps = [worker.call("calibrate", block) for worker in workers]
    times: list[list[float]] = [[] for _ in workers]
    start = time.perf_counter()
    while len(times[0]) < FEWEST_ROUNDS or time.perf_counter() - start < seconds:
        for worker, count, measured in zip(workers, steps, times):
            measured.append(worker.call("time", count, block))
        elapsed = time.perf_counter() - start
        progress(elapsed / max(elapsed, seconds))
    return times


def seconds_per_step(side: Side, steps: int) -> float:
    """Mean seconds of a step; what is prepared for the steps is not timed."""
    prepared = [side.prepare() for _ in range(steps)]
    side.synchronize(None)
    start = time.perf_counter()
    while len(prepared) > 1:
        side.step(prepared.pop())
    side.synchronize(side.step(prepared.pop()))
    return (time.perf_counter() - start) / steps


def rest(block: float) -> None:
    """Wait until no thread of this process is busy any more, at most a few times as long as a block."""
    start = time.perf_counter()
    busy = PAUSE
    while busy > PAUSE / 10 and time.perf_counter() - start < LONGEST_PAUSE * block:
        before = time.process_time()
        time.sleep(PAUSE)
        busy = time.process_time() - before


def quartiles(values: Sequence[float]) -> list[float]:
    """The first quartile, the median, the third."""
    return quantiles(values, n=4, method="inclusive")


def paired_ratio(times: Sequence[float], reference: Sequence[float]) -> list[float]:
    """Time / reference time within a round: quartiles over the rounds."""
    return quartiles([a / b for a, b in zip(times, reference, strict=True)])


def paired_difference(times: Sequence[float], reference: Sequence[float]) -> float:
    """The median over the rounds of time - reference time."""
    return median(a - b for a, b in zip(times, reference, strict=True))
