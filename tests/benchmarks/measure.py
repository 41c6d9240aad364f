"""Everything that is measured of one workload."""

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from minigen import backend
from tests.benchmarks.memory import peak_memory
from tests.benchmarks.timing import alternate, paired_difference, paired_ratio
from tests.benchmarks.workload import Side, Workload


def measure(workload: Workload, device: str | None, seconds: float, progress: Callable[[float], None]) -> dict[str, Any]:
    """All figures of a workload, times in seconds. `device`: where PyTorch runs, None to leave it out."""
    on_host = backend.current().name == "numpy"
    sides = {"minigen": workload.minigen()}
    variants = {f"pytorch {variant}": variant for variant in workload.variants} if device else {}
    for name, variant in variants.items():
        sides[name] = workload.pytorch(device, variant)
    if on_host and workload.has_numpy:
        sides["numpy"] = workload.numpy()
    check_agreement(workload.name, sides)

    times = dict(zip(sides, alternate(list(sides.values()), seconds, progress)))
    times = {name: [t / workload.calls for t in measured] for name, measured in times.items()}
    result = {
        "name": workload.name,
        "description": workload.description,
        "calls": workload.calls,
        "minigen": {"seconds": median(times["minigen"]), "rounds": len(times["minigen"])},
    }
    if variants:
        fastest = min(variants, key=lambda name: median(times[name]))
        result["pytorch"] = {"seconds": median(times[fastest]), "variant": variants[fastest]}
        result["ratio"] = paired_ratio(times["minigen"], times[fastest])
    if "numpy" in times:
        result["numpy"] = {"seconds": median(times["numpy"])}
        result["over NumPy"] = paired_difference(times["minigen"], times["numpy"])
    if on_host and workload.calls == 1:
        result["minigen"]["peak bytes"] = peak_memory(workload.name, "minigen", {})
        if variants:
            result["pytorch"]["peak bytes"] = peak_memory(workload.name, "pytorch", variants[fastest])

    measured = {"seconds": result["minigen"]["seconds"], **result}.get(workload.goal.measure)
    result["goal"] = {
        "measure": workload.goal.measure,
        "at most": workload.goal.limit,
        "reached": None if measured is None else measured <= workload.goal.limit,
    }
    return result


def check_agreement(name: str, sides: dict[str, Side]) -> None:
    """Raise AssertionError unless a first step gives finite numbers, and the same ones, on all sides."""
    results = {library: as_numpy(side.step(side.prepare())) for library, side in sides.items()}
    for library, value in results.items():
        assert np.isfinite(value).all(), f"{name}: {library} computes {value}"
        np.testing.assert_allclose(
            value,
            results["minigen"],
            rtol=1e-4,
            atol=1e-5 * max(1.0, abs(value).max()),
            err_msg=f"{name}: {library} computes something else than minigen",
        )


def as_numpy(x: Any) -> np.ndarray:
    """The result of a step, of any library, on the host."""
    return x.detach().cpu().numpy() if type(x).__module__.startswith("torch") else backend.to_numpy(x)
