"""Time every workload with minigen, by NumPy alone and with its loops, and with the other libraries, and print a table.

Every library has a process of its own; they take turns. A figure is the ratio to the time of PyTorch (eager, in the faster of
its memory formats) in the same round: the median over the rounds, with its quartiles; below 1 a library is faster than PyTorch.
"over NumPy" is what an op costs beyond the bare NumPy call. Memory is the peak of a training step, as memory.py defines it. Goals
are for information and do not change the exit status.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from tqdm import tqdm

from tests.benchmarks import machine
from tests.benchmarks.measure import measure, sides
from tests.benchmarks.worker import workers
from tests.benchmarks.workload import BESIDE_DEZERO, EVERY_STEP, GROUPS, LIBRARIES, OURS, Workload, discover, missing, select


def main() -> None:
    args = arguments()
    if args.list:
        for workload in discover():
            print(f"{workload.name:20} {workload.description}")
        return
    chosen = select(args.workloads)
    libraries, absent = present(args.libraries, args.backend)
    chosen = [workload for workload in chosen if sides(workload, libraries)]
    if not chosen:
        sys.exit("\n".join(["nothing to measure: these libraries have none of these workloads", *absent]))
    limits = {"threads": args.threads, "isa": args.isa, "backend": args.backend}
    results, profiles = [], {}
    layout = "{desc:20} {percentage:3.0f}%|{bar}| {elapsed}"
    with tqdm(total=len(chosen), bar_format=layout, leave=False) as bar:
        for done, workload in enumerate(chosen):
            bar.set_description_str(workload.name)
            results.append(measure(workload, libraries, args.seconds, partial(advance, bar, done), **limits))
            if args.profile:
                profiles[workload.name] = profile(workload, limits)

    absent += left_out(results)
    figures = {"machine": machine.describe(**limits), "steps": results}
    print_figures(figures, [table(chosen, results), *geometric_means(results), *beside_dezero(results)])
    for name, costs in profiles.items():
        print(f"\n{name}:\n{costs}")
    if absent:
        print("\n" + "\n".join(absent))
    write(args.json, figures)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = command_line("python -m tests.benchmarks", __doc__, "benchmarks")
    parser.add_argument("workloads", nargs="*", help="names or parts of names; default: all")
    parser.add_argument("--list", action="store_true", help="list the workloads, and stop")
    parser.add_argument("--seconds", type=float, default=8.0, help="time for each workload (default: 8)")
    parser.add_argument(
        "--threads", type=int, choices=machine.COUNTS, default=2, help="threads, and cores, of each library (default: 2)"
    )
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), help="default: all")
    parser.add_argument("--backend", default="numpy", choices=("numpy", "cupy"), help="cupy: minigen and PyTorch on the GPU")
    parser.add_argument("--profile", action="store_true", help="also print minigen's costs by op")
    return parser.parse_args()


def profile(workload: Workload, limits: dict[str, Any]) -> str:
    """minigen's costs by op."""
    with workers(["minigen"], **limits) as (worker,):
        worker.call("build", workload, {})
        return worker.call("profile")


def advance(bar: tqdm, done: int, share: float) -> None:
    """Move the bar to `done` workloads and a share of the next."""
    bar.update(done + share - bar.n)


# -- shared with the other commands -----------------------------------------------------------------------


def command_line(name: str, description: str, results: str) -> argparse.ArgumentParser:
    """A parser with what all commands have."""
    parser = argparse.ArgumentParser(prog=name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    path = Path(f"out/{results}.json")
    parser.add_argument("--json", type=Path, default=path, help=f"where to write the figures (default: {path})")
    parser.add_argument("--isa", choices=machine.ISAS, default="native", help="avx2: no wider instructions, of any library")
    return parser


def present(libraries: list[str], backend: str = "numpy") -> tuple[list[str], list[str]]:
    """(those that can be used here, why the others cannot)."""
    if backend == "cupy":
        libraries = [library for library in libraries if library in ("minigen", "pytorch")]
    absent = missing(libraries, "cuda" if backend == "cupy" else "cpu")
    return [library for library in libraries if library not in absent], list(absent.values())


def left_out(results: list[dict[str, Any]]) -> list[str]:
    """What failed, and why; the figures are then without it."""
    return [line for result in results for line in result.pop("left out").values()]


def print_figures(figures: dict[str, Any], parts: list[str]) -> None:
    """What was measured where, and the tables."""
    print(", ".join(f"{name}: {value}" for name, value in figures["machine"].items()) + "\n")
    print("\n".join(parts))


def write(path: Path, figures: dict[str, Any]) -> None:
    """As JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"\nwrote {path}")


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell; the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join(
        "  ".join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
        for row in rows
    )


def number(value: float | None, scale: float = 1.0) -> str:
    """Three figures, or a dash for what has not been measured."""
    if value is None:
        return "-"
    return f"{value * scale:#.3g}" if value * scale < 1000 else f"{value * scale:.0f}"


def ratio(quartiles: list[float] | None) -> str:
    """The median, and the quartiles in parentheses."""
    return "-" if quartiles is None else "{1:.2f} ({0:.2f}-{2:.2f})".format(*quartiles)


# -- the table --------------------------------------------------------------------------------------------


def table(chosen: list[Workload], results: list[dict[str, Any]]) -> str:
    """One line a workload."""
    compared = [library for library in LIBRARIES if any("ratio" in result["sides"].get(library, {}) for result in results)]
    timed = ("minigen", "loops", "pytorch", "numpy")
    rows = [
        (
            "workload", "", *(LIBRARIES[library].label for library in timed), "over NumPy",
            *(f"{LIBRARIES[library].label} / PyTorch" for library in compared), "MiB", "goal", "reached",
        )
    ]  # fmt: skip
    for workload, result in zip(chosen, results):
        unit, scale = ("ms", 1e3) if result["calls"] == 1 else ("us", 1e6)
        measured = result["sides"]
        peaks = [number(measured[library].get("peak bytes"), 2**-20) for library in timed[:3] if library in measured]
        limits, reached = goals(workload, measured)
        rows.append(
            (
                result["name"],
                unit,
                *(number(measured.get(library, {}).get("seconds"), scale) for library in timed),
                number(measured.get("minigen", {}).get("over NumPy"), scale),
                *(ratio(measured.get(library, {}).get("ratio")) for library in compared),
                ", ".join(peaks),
                limits,
                reached,
            )
        )
    return aligned(rows)


def goals(workload: Workload, measured: dict[str, Any]) -> tuple[str, str]:
    """(what minigen's figures should be at most, whether they are): for each of its halves, if there are two."""
    limits, reached = [], []
    for library in OURS:
        if (value := figure(measured.get(library, {}), workload.goal.measure)) is not None:
            limits.append(f"{workload.goal.at_most(library):g}")
            reached.append("yes" if value <= workload.goal.at_most(library) else "no")
    return f"{workload.goal.measure} <= {', '.join(dict.fromkeys(limits))}", ", ".join(reached) or "-"


def figure(side: dict[str, Any], measure: str) -> float | None:
    """What a goal's measure is of a side: of a ratio the median."""
    value = side.get(measure)
    return value[1] if isinstance(value, list) else value


def geometric_means(results: list[dict[str, Any]]) -> list[str]:
    """Of the ratios of each group's training steps, and of all of them, for minigen and its loops."""
    lines = []
    for name, goal in {**GROUPS, "all": EVERY_STEP}.items():
        for library in OURS:
            ratios = [
                result["sides"][library]["ratio"][1]
                for result in results
                if result["group"] and name in (result["group"], "all") and "ratio" in result["sides"].get(library, {})
            ]
            if ratios:
                lines.append(
                    f"{LIBRARIES[library].label}, geometric mean of {name} steps ({len(ratios)}): {geometric_mean(ratios):.2f} "
                    f"(goal: at most {goal.at_most(library):g})"
                )
    return lines


def beside_dezero(results: list[dict[str, Any]]) -> list[str]:
    """The ratio to DeZero's time where it is largest, for minigen and its loops."""
    lines = []
    for library in OURS:
        ratios = {result["name"]: figure(result["sides"].get(library, {}), BESIDE_DEZERO.measure) for result in results}
        if ratios := {name: value for name, value in ratios.items() if value is not None}:
            worst = max(ratios, key=ratios.__getitem__)
            lines.append(
                f"{LIBRARIES[library].label} / DeZero ({len(ratios)} steps): {min(ratios.values()):.2f} to {ratios[worst]:.2f}, "
                f"in {worst} (goal: at most {BESIDE_DEZERO.limit:g})"
            )
    return lines


if __name__ == "__main__":
    main()
