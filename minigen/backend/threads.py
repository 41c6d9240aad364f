"""Parts of a large computation side by side, on several threads.

NumPy lets go of Python's lock while it computes, so that threads of Python do compute side by side, as long as each call does
much: copies the windows of many images, multiplies large matrices. To wake a thread takes about 50 µs.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import Any

import numpy as np

from minigen.backend import blas
from minigen.backend.devices import Array, array_module


def each(compute: Callable[[Any], None], parts: Sequence[Any], like: Array) -> None:
    """compute(part) for all parts of a computation with arrays like this one, on as many threads as BLAS would take.

    The parts must not depend on each other. How many threads there are does not matter to the result: BLAS takes one in each.
    Arrays of a device, which has threads of its own, take one.
    """
    helpers = min(blas.threads(), len(parts)) - 1 if array_module(like) is np else 0
    remaining = iter(parts)  # each thread takes the next

    def work() -> None:
        for part in remaining:
            compute(part)

    if helpers < 1:
        work()
        return
    with blas.one_thread():
        tasks = [pool(os.getpid(), helpers).submit(copy_context().run, work) for _ in range(helpers)]
        try:
            work()
        finally:
            for task in tasks:
                if not task.cancel():  # it has begun
                    task.result()


@lru_cache(maxsize=1)
def pool(process: int, helpers: int) -> ThreadPoolExecutor:
    """The threads, which wait for work; those of another process do not live on in one that was forked from it."""
    return ThreadPoolExecutor(helpers, thread_name_prefix="minigen")
