"""Everything that is measured of one workload."""

import sys
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
from tqdm import tqdm

from tests.benchmarks.timing import in_turns, paired_difference, paired_ratio
from tests.benchmarks.worker import Worker, WorkerFailed, ask_all, workers
from tests.benchmarks.workload import LIBRARIES, OURS, Workload

NEEDED = (*OURS, "pytorch", "numpy")
PATIENCE = 20.0  # seconds; who takes longer to build is named
LONGEST_BUILD = 900.0  # seconds; then it is left out: torch.compile calls g++ for each kernel, a minute or more a network


def measure(
    workload: Workload,
    libraries: Sequence[str],
    seconds: float,
    progress: Callable[[float], None] = lambda share: None,
    **limits: Any,
) -> dict[str, Any]:
    """All figures of a workload, in processes of its own; `limits`: their threads, isa and backend."""
    chosen = sides(workload, libraries)
    with workers([library for library, _ in chosen], **limits) as started:
        return measure_with(started, chosen, workload, seconds, progress, memory=workload.calls == 1)


def sides(workload: Workload, libraries: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """(library, variant): what there is of a workload."""
    return [(library, variant) for library in libraries for variant in workload.variants(library)]


def measure_with(
    started: Sequence[Worker],
    chosen: Sequence[tuple[str, dict[str, Any]]],
    workload: Workload,
    seconds: float,
    progress: Callable[[float], None] = lambda share: None,
    memory: bool = False,
) -> dict[str, Any]:
    """The figures of a workload, times in seconds: `started` are the processes of `chosen`.

    "sides" has for each library its fastest variant: "seconds", the median; "ratio" to PyTorch's time, as quartiles; "to DeZero",
    the ratio to DeZero's; "over NumPy", what a call takes beyond the bare NumPy call; "peak bytes". "left out" says of a library
    why it is missing.
    """
    results, failures = build(workload, started, [variant for _, variant in chosen])
    started = [worker for worker, result in zip(started, results) if result]
    chosen, results = zip(*((side, result) for side, result in zip(chosen, results) if result))
    check_agreement(workload.name, dict(zip(map(label, chosen), results)))
    peaks = ask_all(started, "peak_bytes") if memory else [None] * len(started)
    times = [[t / workload.calls for t in measured] for measured in in_turns(started, seconds, progress)]
    fastest: dict[str, int] = {}
    for i, (library, _) in enumerate(chosen):
        if library not in fastest or median(times[i]) < median(times[fastest[library]]):
            fastest[library] = i
    figures: dict[str, dict[str, Any]] = {}
    for library, i in fastest.items():
        figures[library] = {"seconds": median(times[i])} | ({"variant": chosen[i][1]} if chosen[i][1] else {})
        if "pytorch" in fastest and library not in ("pytorch", "numpy"):
            figures[library]["ratio"] = paired_ratio(times[i], times[fastest["pytorch"]])
        if "numpy" in fastest and library in OURS:
            figures[library]["over NumPy"] = paired_difference(times[i], times[fastest["numpy"]])
        if "dezero" in fastest and library in OURS:
            figures[library]["to DeZero"] = paired_ratio(times[i], times[fastest["dezero"]])
        if peaks[i] is not None:
            figures[library]["peak bytes"] = peaks[i]
    return {
        "name": workload.name,
        "description": workload.description,
        "group": workload.group,
        "calls": workload.calls,
        "rounds": len(times[0]),
        "sides": figures,
        "left out": failures,
    }


def build(
    workload: Workload, started: Sequence[Worker], variants: Sequence[dict[str, Any]]
) -> tuple[list[list[np.ndarray] | None], dict[str, str]]:
    """Build all sides at the same time. Returns (what the first steps of each return, None where it fails; why those do).

    What minigen or PyTorch (eager) raises is raised; the others may lack a compiler or a backend.
    """
    for worker, variant in zip(started, variants):
        worker.ask("build", workload, variant)
    results: list[list[np.ndarray] | None] = []
    failures = {}
    for worker in started:
        try:
            if worker.library not in NEEDED and not worker.connection.poll(PATIENCE):
                tqdm.write(f"{LIBRARIES[worker.library].label} still builds {workload.name}", file=sys.stderr)
            results.append(worker.answer(None if worker.library in NEEDED else LONGEST_BUILD))
        except WorkerFailed as error:
            if worker.library in NEEDED:
                raise
            results.append(None)
            failures[worker.library] = f"{LIBRARIES[worker.library].label} is left out of {workload.name}: {error.last_line}"
    return results, failures


def label(chosen: tuple[str, dict[str, Any]]) -> str:
    """A name for a library with a variant."""
    library, variant = chosen
    return " ".join([library, *map(str, variant.values())])


def check_agreement(name: str, results: dict[str, list[np.ndarray]]) -> None:
    """Raise AssertionError unless the first steps give finite numbers, and the same ones, on all sides."""
    expected = results.get("minigen") or next(iter(results.values()))
    for library, values in results.items():
        for step, (value, of_minigen) in enumerate(zip(values, expected, strict=True), 1):
            assert np.isfinite(value).all(), f"{name}: {library} computes {value}"
            np.testing.assert_allclose(
                value,
                of_minigen,
                rtol=1e-4,
                atol=1e-5 * max(1.0, abs(value).max()),
                err_msg=f"{name}: {library} computes something else than minigen in step {step}",
            )
