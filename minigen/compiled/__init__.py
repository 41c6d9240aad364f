"""Some ops once more as loops in C, compiled for this CPU: an optional other half that computes the same, faster."""

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minigen import ops as ops  # noqa: F401  the ops must exist
from minigen.engine import OPS

SMALL = 1  # elements: below it, NumPy's own loops are as fast

FASTER = {
    "convolution": "conv2d conv2d_transpose conv2d_weight dense matmul",
    "activation": "leaky_relu leaky_relu_grad selu elu_slope tanh sigmoid sigmoid_cross_entropy",
    "pooling": "max_pool2d max_unpool2d sum_pool2d upsample_nearest2d blur2d",
    "normalization": "center inv_rms scale_shift",
}

_enabled = os.environ.get("MINIGEN_COMPILED", "1") != "0" and importlib.util.find_spec("ziglang") is not None


def install() -> None:
    for module, names in FASTER.items():
        for op in OPS.values():
            if op.name in names.split():
                op.forward = alternative(op.forward, module, op.name)


def alternative(forward: Callable, module: str, name: str) -> Callable:
    """`forward`, but for large float32 arrays of the host the loops of `module`, unless they leave this case to `forward`."""
    loops = None

    def choose(*arrays: Any, **attributes: Any) -> Any:
        nonlocal loops
        x = arrays[0]
        if type(x) is np.ndarray and x.size >= SMALL and x.dtype == np.float32 and _enabled:
            if loops is None:
                loops = getattr(importlib.import_module(f"minigen.compiled.{module}"), name)
            y = loops(*arrays, **attributes)
            if y is not None:
                return y
        return forward(*arrays, **attributes)

    return choose


def use_compiled(enabled: bool) -> None:
    global _enabled
    _enabled = enabled


if _enabled:
    install()
