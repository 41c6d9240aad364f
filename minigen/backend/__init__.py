"""The only package that knows which array library is in use: numpy, cupy, or the strict stand-in for a GPU."""

from minigen.backend import random
from minigen.backend.devices import (
    USUAL,
    Array,
    array_module,
    asarray,
    backend_of,
    check_same_device,
    current,
    is_array,
    is_real_array,
    keep_freed_memory,
    to_numpy,
    use,
    use_from_environment,
)
from minigen.backend.elementary import expm1, log1p
from minigen.backend.piecewise import PIECE, by_pieces, pieces
from minigen.backend.random import seed
from minigen.backend.summation import sum_along, sum_to_shape

__all__ = [
    "PIECE",
    "USUAL",
    "Array",
    "array_module",
    "asarray",
    "backend_of",
    "by_pieces",
    "check_same_device",
    "current",
    "expm1",
    "is_array",
    "is_real_array",
    "log1p",
    "pieces",
    "random",
    "seed",
    "sum_along",
    "sum_to_shape",
    "to_numpy",
    "use",
]

keep_freed_memory()
use_from_environment()
