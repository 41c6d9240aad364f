"""`python -m tests.benchmarks.large`: one image of 1024 x 1024 pixels from each of the papers' full-size generators.

Untrained, for time and memory do not depend on the weights. Each in a process of its own, whose peak memory is that of the image.
"""

import multiprocessing
import resource
import sys
import time
from typing import Any

import minigen as mg
from minigen.models.gans import progan, stylegan


def draw_one(name: str, results: Any) -> None:
    """Put (seconds, peak memory in GiB) for one image of the generator in this file."""
    mg.seed(0)
    generator = {"progan": progan, "stylegan": stylegan}[name].Generator()
    start = time.perf_counter()
    image = generator.sample(1)
    seconds = time.perf_counter() - start
    assert image.shape == (1, 1024, 1024, 3)
    unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, KiB elsewhere
    results.put((generator.parameter_count(), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit))


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    for name in ("progan", "stylegan"):
        results = context.Queue()
        process = context.Process(target=draw_one, args=(name, results))
        process.start()
        parameters, seconds, memory = results.get()
        process.join()
        print(f"{name:9} {parameters:,} parameters   {seconds:5.1f} s   {memory:.2f} GiB at most")
