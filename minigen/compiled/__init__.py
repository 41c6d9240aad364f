"""Some ops once more, as loops in C: an optional half that computes the same, faster, on CPUs.

The loops (loops/*.c) are compiled once for the CPU at hand, by the compiler of the extra `fast`. Large float32 arrays of the
host take them; all else, and everything where they are missing or turned off, is computed by the ops' own NumPy form. Results
differ in rounding only, and are the same for any number of threads.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.compiled import switch
from minigen.compiled.switch import available, set_threads, status, threads, use, using
from minigen.engine import OPS

__all__ = ["available", "set_threads", "status", "threads", "use", "using"]

SMALL = 256  # elements: below it, NumPy is as fast

LOOPS = {  # module: ops
    "convolution": ["conv2d", "conv2d_transpose", "conv2d_weight"],
    "product": ["dense", "matmul"],
    "activation": [
        "elu_grad",
        "leaky_relu",
        "leaky_relu_grad",
        "masked",
        "selu",
        "sigmoid",
        "sigmoid_cross_entropy",
        "sigmoid_cross_entropy_grad",
        "tanh",
    ],
    "pooling": ["blur2d", "max_pool2d", "max_unpool2d", "sum_pool2d", "upsample_nearest2d"],
    "normalization": ["center", "inv_rms", "scale_shift", "sum"],
}


def choice(forward: Callable, module: str, name: str, decides: int = 0) -> Callable:
    """`forward`, or the loops of `module` where the argument that decides is a large float32 array of the host.

    They return None to leave a case to it.
    """
    loops = None

    @functools.wraps(forward)
    def computed(*arrays: Any, **attributes: Any) -> Any:
        nonlocal loops
        x = arrays[decides]
        if type(x) is np.ndarray and x.size >= SMALL and x.dtype == np.float32 and switch.available():
            loops = loops or getattr(importlib.import_module(f"minigen.compiled.{module}"), name)
            y = loops(*arrays, **attributes)
            if y is not None:
                return y
        return forward(*arrays, **attributes)

    return computed


def install() -> None:
    """Put the choice before the forward functions of all ops that have loops."""
    for module, names in LOOPS.items():
        for op in OPS.values():
            if op.name in names:
                op.forward = choice(op.forward, module, op.name)


def install_updates(*optimizers: type) -> None:
    """Put the choice before the updates of optimizers, which are methods: the values decide."""
    for kind in optimizers:
        kind.update = choice(kind.update, "optimizer", kind.__name__.lower(), decides=1)  # type: ignore[attr-defined]
