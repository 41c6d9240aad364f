"""How the time of a step grows with the batch, the resolution and the threads, beside what the machine can do at most.

One line a curve and a point. "at the peak" is the time of the step's products alone at the best rate of a large product, "memory
once" the time to read or write the memory that the step needs once, at the rate of a large copy: no step is faster than the first,
and none that does not fit into the cache than the second. Both rates are measured in the same run, with the same threads.
"""

from typing import Any

from tqdm import tqdm

from tests.benchmarks import machine
from tests.benchmarks.__main__ import aligned, command_line, left_out, number, present, print_figures, ratio, write
from tests.benchmarks.measure import build, measure
from tests.benchmarks.worker import ask_all, workers
from tests.benchmarks.workload import LIBRARIES, Workload

BATCHES = (1, 4, 16, 64, 256, 1024)
RESOLUTIONS = (8, 16, 32, 64, 128)
WORKLOADS = "tests.benchmarks.workloads"
CURVES = {  # (module, what grows, where it is measured, what stays)
    "stacked": ("stacked_autoencoder", "batch_size", BATCHES, {}),
    "conv-ae": ("convolutional_autoencoder", "batch_size", BATCHES, {}),
    "progan": ("progan", "resolution", RESOLUTIONS, {"batch_size": 8}),
}


def main() -> None:
    parser = command_line("python -m tests.benchmarks.scaling", __doc__, "scaling")
    parser.add_argument("curves", nargs="*", choices=[[], *CURVES], help="default: all")
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each point (default: 4)")
    parser.add_argument("--threads", nargs="+", type=int, choices=machine.COUNTS, default=[1, 2], help="default: 1 2")
    parser.add_argument("--most", type=int, help="no batch or resolution above it")
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=["minigen", "loops", "pytorch"])
    args = parser.parse_args()
    libraries, absent = present(args.libraries)
    points = [
        (curve, value, workload(curve, value))
        for curve in args.curves or CURVES
        for value in CURVES[curve][2]
        if not args.most or value <= args.most
    ]
    rates, results = {}, []
    with tqdm(total=len(points) * len(args.threads), leave=False) as bar:
        for threads in args.threads:
            limits = {"threads": threads, "isa": args.isa}
            rates[str(threads)] = measured_rates(libraries, limits)
            for curve, value, point in points:
                result = measure(point, libraries, args.seconds, **limits)
                result |= {"curve": curve, "value": value, "threads": threads}
                if peaks := [side["peak bytes"] for side in result["sides"].values() if "peak bytes" in side]:
                    result["memory once"] = min(peaks) / rates[str(threads)]["bytes"]
                results.append(result)
                bar.update()
        if "pytorch" in libraries:
            counted = flops([point for _, _, point in points])
            for result in results:
                result["at the peak"] = counted[result["name"]] / rates[str(result["threads"])]["flops"]
    figures = {"machine": machine.describe(max(args.threads), args.isa), "rates": rates, "scaling": results}
    figures["machine"]["threads"] = ", ".join(map(str, args.threads))
    print_figures(figures, [*described(rates), "", table(results), *absent, *left_out(results)])
    write(args.json, figures)


def workload(curve: str, value: int) -> Workload:
    """A point of a curve."""
    module, grows, _, rest = CURVES[curve]
    return Workload(f"{curve} {grows.replace('_size', '')} {value}", f"{WORKLOADS}.{module}", {**rest, grows: value})


def measured_rates(libraries: list[str], limits: dict[str, Any]) -> dict[str, float]:
    """The best of all libraries, one after the other: "flops" of a product and "bytes" of a copy, a second."""
    able = [library for library in ("minigen", "loops", "pytorch") if library in libraries]
    with workers(able, **limits) as started:
        rates = [worker.call("limits") for worker in started]
    return {name: max(rate[name] for rate in rates) for name in rates[0]}


def flops(points: list[Workload]) -> dict[str, int]:
    """Of a step of each."""
    with workers(["pytorch"]) as started:
        counted = {}
        for point in points:
            build(point, started, point.variants("pytorch")[:1])
            (counted[point.name],) = ask_all(started, "flops")
    return counted


def described(rates: dict[str, dict[str, float]]) -> list[str]:
    """A line for each number of threads."""
    return [
        f"threads {threads}: products {number(rate['flops'], 1e-9)} GFLOP/s, copies {number(rate['bytes'], 1e-9)} GB/s"
        for threads, rate in rates.items()
    ]


def table(points: list[dict[str, Any]]) -> str:
    """One line a point; times in ms."""
    present = [library for library in LIBRARIES if any(library in point["sides"] for point in points)]
    compared = [library for library in present if any("ratio" in point["sides"].get(library, {}) for point in points)]
    heads = (LIBRARIES[library].label for library in present)
    rows = [
        ("point", "threads", *heads, "at the peak", "memory once", *(f"{LIBRARIES[each].label} / PyTorch" for each in compared))
    ]
    for point in points:
        least = [number(point.get(name), 1e3) for name in ("at the peak", "memory once")]
        times = [number(point["sides"].get(library, {}).get("seconds"), 1e3) for library in present]
        ratios = [ratio(point["sides"].get(library, {}).get("ratio")) for library in compared]
        rows.append((point["name"], str(point["threads"]), *times, *least, *ratios))
    return aligned(rows)


if __name__ == "__main__":
    main()
