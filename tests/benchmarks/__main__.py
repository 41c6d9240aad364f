"""Time every workload with minigen and with PyTorch, alternately, and print a table.

Times are medians. "ratio" is minigen's time over PyTorch's, the median over pairs measured one after the
other: below 1 minigen is faster. "over NumPy" is what an op costs beyond the bare NumPy call. Memory is the
peak of a training step, as memory.py defines it. Goals are for information and do not change the exit status.
"""

import argparse
import json
import os
import platform
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from tqdm import tqdm

from tests.benchmarks.memory import run
from tests.benchmarks.workload import Side, Workload, discover, pytorch_missing, select

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
PROFILED_STEPS = 20


def main() -> None:
    args = arguments()
    os.environ |= dict.fromkeys(THREADS, str(args.threads))  # before NumPy is imported, which reads it then
    if args.list:
        for workload in discover():
            print(f"{workload.name:18} {workload.description}")
        return
    workloads = select(args.workloads)

    import minigen
    from tests.benchmarks.measure import measure

    minigen.use(args.backend)
    device = "cuda" if args.backend == "cupy" else "cpu"
    missing = pytorch_missing(device)
    if not missing:
        import torch

        torch.set_num_threads(args.threads)

    results, profiles = [], {}
    layout = "{desc:18} {percentage:3.0f}%|{bar}| {elapsed}"
    with tqdm(total=len(workloads), bar_format=layout, leave=False) as bar:
        for done, workload in enumerate(workloads):
            bar.set_description_str(workload.name)
            progress = partial(advance, bar, done)
            results.append(measure(workload, None if missing else device, args.seconds, progress))
            if args.profile:
                profiles[workload.name] = profile(workload.minigen())

    machine = describe_machine(args)
    print(", ".join(f"{name} {value}" for name, value in machine.items()) + "\n")
    print(table(results))
    for line in geometric_means(workloads, results):
        print(line)
    for name, costs in profiles.items():
        print(f"\n{name}, {PROFILED_STEPS} steps:\n{costs}")
    if missing:
        print(f"\n{missing}")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps({"machine": machine, "workloads": results}, indent=2) + "\n")
    print(f"\nwrote {args.json}")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", help="names or parts of names; default: all")
    parser.add_argument("--list", action="store_true", help="list the workloads, and stop")
    parser.add_argument("--seconds", type=float, default=8.0, help="time for each workload (default: 8)")
    parser.add_argument("--threads", type=int, default=2, help="threads of both libraries (default: 2)")
    parser.add_argument("--backend", default="numpy", choices=("numpy", "cupy"), help="cupy: both on the GPU")
    parser.add_argument("--profile", action="store_true", help="also print minigen's costs by op")
    parser.add_argument(
        "--json", type=Path, default=Path("out/benchmarks.json"), help="where to write the figures (default: out/benchmarks.json)"
    )
    return parser.parse_args()


def advance(bar: tqdm, done: int, share: float) -> None:
    """Move the bar to `done` workloads and a share of the next."""
    bar.update(done + share - bar.n)


def profile(side: Side) -> str:
    """minigen's costs by op and by rule, over some steps; what is prepared for them does not count."""
    import minigen

    run(side, PROFILED_STEPS)  # to warm up
    prepared = [side.prepare() for _ in range(PROFILED_STEPS)]
    with minigen.profile() as costs:
        while prepared:
            side.step(prepared.pop())
    return str(costs)


def describe_machine(args: argparse.Namespace) -> dict[str, Any]:
    """What the figures depend on."""
    packages = {name: installed(name) for name in ("numpy", "torch", "cupy-cuda12x", "cupy-cuda13x")}
    return {
        "machine": f"{sys.platform} {platform.machine()}",
        "cpus": os.cpu_count(),
        "threads": args.threads,
        "backend": args.backend,
        "python": platform.python_version(),
        **{name: found for name, found in packages.items() if found},
    }


def installed(package: str) -> str | None:
    """The version of a package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


# -- the table --------------------------------------------------------------------------------------------


def table(results: list[dict[str, Any]]) -> str:
    """One line a workload."""
    rows = [("workload", "", "minigen", "PyTorch", "ratio", "over NumPy", "MiB minigen", "MiB PyTorch", "goal", "reached")]
    for result in results:
        unit, scale = ("ms", 1e3) if result["calls"] == 1 else ("us", 1e6)
        ours, theirs, goal = result["minigen"], result.get("pytorch", {}), result["goal"]
        limit = goal["at most"] if goal["measure"] == "ratio" else f"{goal['at most'] * scale:g} {unit}"
        rows.append(
            (
                result["name"],
                unit,
                number(ours["seconds"], scale),
                number(theirs.get("seconds"), scale),
                number(result.get("ratio")),
                number(result.get("over NumPy"), scale),
                number(ours.get("peak bytes"), 2**-20),
                number(theirs.get("peak bytes"), 2**-20),
                f"{goal['measure'].replace('seconds', 'time')} <= {limit}",
                {True: "yes", False: "no", None: "-"}[goal["reached"]],
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows)]
    align = [str.ljust] * 2 + [str.rjust] * 6 + [str.ljust] * 2
    return "\n".join("  ".join(put(cell, width) for put, cell, width in zip(align, row, widths)).rstrip() for row in rows)


def geometric_means(workloads: list[Workload], results: list[dict[str, Any]]) -> list[str]:
    """For each module that sets a goal for the geometric mean of its ratios, what it is."""
    lines = []
    for module in dict.fromkeys(workload.module for workload in workloads):
        ratios = [
            result["ratio"] for workload, result in zip(workloads, results) if workload.module is module and "ratio" in result
        ]
        if hasattr(module, "GEOMETRIC_MEAN") and ratios:
            lines.append(
                f"geometric mean of the {len(ratios)} {module.__name__.rpartition('.')[2]} ratios: {geometric_mean(ratios):.2f} "
                f"(goal: at most {module.GEOMETRIC_MEAN:g})"
            )
    return lines


def number(value: float | None, scale: float = 1.0) -> str:
    """Three figures, or a dash for what has not been measured."""
    if value is None:
        return "-"
    return f"{value * scale:#.3g}" if value * scale < 1000 else f"{value * scale:.0f}"


if __name__ == "__main__":
    main()
