"""Convolutions alone, by NumPy, by the loops and by PyTorch: the forward pass and both gradients, each apart.

Times are medians in microseconds, ratios those to PyTorch in its faster memory format, measured in turns. The shapes are those
that occur in autoencoders, DCGANs and growing GANs; the last column names the fastest.
"""

from collections.abc import Callable
from statistics import geometric_mean
from typing import Any

import numpy as np
from tqdm import tqdm

import minigen as mg
from tests.benchmarks import machine
from tests.benchmarks.__main__ import aligned, command_line, left_out, number, present, print_figures, ratio, write
from tests.benchmarks.measure import measure_with, sides
from tests.benchmarks.worker import workers
from tests.benchmarks.workload import LIBRARIES, Goal, Workload

# (examples, size, channels in, channels out, kernel, stride)
SHAPES = [
    (32, 28, 1, 16, 3, 1),
    (32, 14, 16, 32, 3, 1),
    (32, 7, 32, 64, 3, 1),
    (32, 28, 1, 64, 5, 2),
    (32, 14, 64, 128, 5, 2),
    (32, 32, 3, 64, 4, 2),
    (32, 16, 64, 128, 4, 2),
    (32, 8, 128, 256, 4, 2),
    (16, 64, 16, 16, 3, 1),
    (16, 32, 64, 64, 3, 1),
    (16, 16, 128, 128, 3, 1),
    (16, 8, 256, 256, 3, 1),
    (16, 4, 512, 512, 3, 1),
    (16, 32, 64, 3, 1, 1),
]
PARTS = ("forward", "images", "kernel")  # the convolution, and the gradients of what it is applied to and of what it applies
CASES = {
    f"conv-{size}x{size}x{c}-{o}-k{k}s{s} {part}": {"n": n, "size": size, "c": c, "o": o, "k": k, "s": s, "part": part}
    for n, size, c, o, k, s in SHAPES
    for part in PARTS
}
VARIANTS = [{"memory_format": "contiguous_format"}, {"memory_format": "channels_last"}]
GOAL = Goal("ratio", 1.5, 0.9)


def with_minigen(n: int, size: int, c: int, o: int, k: int, s: int, part: str) -> Callable[[], Any]:
    x, w, g = map(mg.asarray, arrays(n, size, c, o, k, s))
    geometry: dict[str, Any] = {"stride": s, "padding": k // 2}
    return {
        "forward": lambda: mg.conv2d(x, w, **geometry),
        "images": lambda: mg.conv2d_transpose(g, w, **geometry, output_size=size),
        "kernel": lambda: mg.ops.conv2d_weight(x, g, kernel_size=k, **geometry),
    }[part]


def with_pytorch(n: int, size: int, c: int, o: int, k: int, s: int, part: str, memory_format: str) -> Callable[[], Any]:
    import torch

    def tensor(array: np.ndarray, *axes: int) -> Any:
        return torch.asarray(array.transpose(axes).copy()).contiguous(memory_format=getattr(torch, memory_format))

    x, w, g = arrays(n, size, c, o, k, s)
    x, w, g = tensor(x, 0, 3, 1, 2), tensor(w, 3, 2, 0, 1), tensor(g, 0, 3, 1, 2)
    stride, padding, dilation = (s, s), (k // 2, k // 2), (1, 1)

    def gradients(*wanted: bool) -> Any:
        of = torch.ops.aten.convolution_backward
        return of(g, x, w, None, stride, padding, dilation, False, (0, 0), 1, (*wanted, False))

    return {
        "forward": lambda: torch.conv2d(x, w, None, stride, padding).permute(0, 2, 3, 1),
        "images": lambda: gradients(True, False)[0].permute(0, 2, 3, 1),
        "kernel": lambda: gradients(False, True)[1].permute(2, 3, 1, 0),
    }[part]


def arrays(n: int, size: int, c: int, o: int, k: int, s: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random images, kernels, and gradients of the result."""
    rng = np.random.default_rng(0)
    result = (size + 2 * (k // 2) - k) // s + 1
    return (
        rng.standard_normal((n, size, size, c), dtype=np.float32),
        rng.standard_normal((k, k, c, o), dtype=np.float32) / np.float32(np.sqrt(k * k * c)),
        rng.standard_normal((n, result, result, o), dtype=np.float32),
    )


def workloads() -> list[Workload]:
    """Every shape and part."""
    return [Workload(name, "tests.benchmarks.convolution", case) for name, case in CASES.items()]


def main() -> None:
    parser = command_line("python -m tests.benchmarks.convolution", __doc__, "convolution")
    parser.add_argument("shapes", nargs="*", help="parts of names, such as 28x28x1; default: all")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each part of each shape (default: 1)")
    parser.add_argument("--threads", type=int, choices=machine.COUNTS, default=2, help="of each library (default: 2)")
    args = parser.parse_args()
    libraries, absent = present(["minigen", "loops", "pytorch"])
    limits = {"threads": args.threads, "isa": args.isa}
    chosen = [each for each in workloads() if not args.shapes or any(word in each.name for word in args.shapes)]
    if not chosen:
        parser.error(f"no convolution has {' or '.join(args.shapes)} in its name; there are {', '.join(CASES)}")
    with_variants = sides(chosen[0], libraries)
    with workers([library for library, _ in with_variants], **limits) as started:
        results = [measure_with(started, with_variants, each, args.seconds) for each in tqdm(chosen, leave=False)]
    figures = {"machine": machine.describe(**limits), "convolutions": results}
    print_figures(figures, [table(results, libraries), *means(results, libraries), *absent, *left_out(results)])
    write(args.json, figures)


def table(results: list[dict[str, Any]], libraries: list[str]) -> str:
    """One line a part of a shape."""
    labels = [LIBRARIES[library].label for library in libraries]
    compared = [library for library in libraries if library != "pytorch" and "pytorch" in libraries]
    rows = [("convolution", *labels, *(f"{LIBRARIES[library].label} / PyTorch" for library in compared), "fastest")]
    for result in results:
        measured = result["sides"]
        fastest = min(libraries, key=lambda library: measured[library]["seconds"])
        times = [number(measured[library]["seconds"], 1e6) for library in libraries]
        ratios = [ratio(measured[library]["ratio"]) for library in compared]
        rows.append((result["name"], *times, *ratios, LIBRARIES[fastest].label))
    return aligned(rows)


def means(results: list[dict[str, Any]], libraries: list[str]) -> list[str]:
    """The geometric mean of the ratios, of each part."""
    lines = []
    for part in PARTS:
        of_part = [result["sides"] for result in results if result["name"].endswith(f" {part}")]
        for library in libraries:
            if ratios := [measured[library]["ratio"][1] for measured in of_part if "ratio" in measured[library]]:
                lines.append(f"{LIBRARIES[library].label}, geometric mean of {part}: {geometric_mean(ratios):.2f}")
    return lines


if __name__ == "__main__":
    main()
