"""The choice of the array library (the backend), and transfers between host and device.

`use(name)` decides where *new* arrays are created. Inside ops the arrays decide: `array_module(x)` looks up the module by type.
"""

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from minigen.backend.host import REAL, has_no_dtype, host_array
from minigen.errors import DeviceError

Array = Any  # numpy.ndarray, cupy.ndarray or strict.StrictArray

NAMES = ("numpy", "cupy", "strict")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # of the libraries that multiply matrices


@dataclass(frozen=True)
class Backend:
    """An array library: its module, its array type, and the copies to and from the host."""

    name: str
    xp: ModuleType | Any
    array_type: type
    from_host: Callable[[np.ndarray], Array]
    to_host: Callable[[Array], np.ndarray]
    synchronize: Callable[[], None]


NUMPY = Backend("numpy", np, np.ndarray, lambda x: x, lambda x: x, lambda: None)

_by_type: dict[type, Backend] = {np.ndarray: NUMPY}
USUAL = {np.ndarray, float, int, bool, type(None)}  # what ops accept beside Tensors, and use as is
_current = NUMPY


def use(name: str) -> None:
    """Create all arrays from here on with the backend `name`: "numpy", "cupy" or "strict".

    Arrays that exist already stay where they are. Raises ValueError for an unknown name and DeviceError, saying why,
    when there is no usable GPU; the backend in use is then unchanged.
    """
    global _current
    if name not in NAMES:
        raise ValueError(f"unknown backend {name!r}: expected one of {', '.join(NAMES)}")
    _current = get_backend(name)


def get_backend(name: str) -> Backend:
    """The backend called `name`, imported on first use."""
    for backend in _by_type.values():
        if backend.name == name:
            return backend
    backend = importlib.import_module(f"minigen.backend.{'cuda' if name == 'cupy' else name}").make_backend()
    _by_type[backend.array_type] = backend
    USUAL.add(backend.array_type)
    return backend


def current() -> Backend:
    """The backend on which new arrays are created."""
    return _current


def array_module(*arrays: Array) -> Any:
    """The module (numpy, cupy or its strict stand-in) that the first array among `arrays` belongs to.

    Python and NumPy scalars belong to any; if there is nothing else, the answer is numpy.
    """
    for array in arrays:
        backend = _by_type.get(type(array))
        if backend is not None:
            return backend.xp
    return np


def backend_of(array: Array) -> Backend | None:
    """The backend that `array` lives on; None if it is not an array (a scalar, a list)."""
    return _by_type.get(type(array))


def is_array(x: object) -> bool:
    """Whether x is an array of a loaded backend."""
    return type(x) in _by_type


def is_real_array(x: Any) -> bool:
    """Whether x is an array of real numbers on a loaded backend."""
    return type(x) in _by_type and x.dtype.kind in REAL


def asarray(x: Any, dtype: Any = None) -> Array:
    """x as an array on the current backend. A float array keeps its dtype; lists and Python floats become float32.

    Copies only if necessary (another device, another dtype). Raises DeviceError for an array of another device, TypeError or
    ShapeError for what cannot be one array of numbers (see `host.host_array`).
    """
    owner = _by_type.get(type(x), NUMPY)
    if not is_real_array(x):
        array = host_array(x)
        if dtype is None and array.dtype == np.float64 and has_no_dtype(x):
            dtype = np.float32
        x, owner = array, NUMPY
    if owner is not _current:
        if owner is not NUMPY:
            raise DeviceError(
                f"got a {owner.name} array while the {_current.name} backend is in use: "
                "bring it home first with minigen.to_numpy(x)"
            )
        x = _current.from_host(x)
    return x if dtype is None else x.astype(dtype, copy=False)


def to_numpy(x: Any) -> np.ndarray:
    """x as a NumPy array on the host: x itself if it is one, memory-mapped or not, a copy if it lives on a device.

    Raises TypeError or ShapeError for what cannot be one array of numbers (see `host.host_array`).
    """
    if type(x) is np.memmap and x.dtype.kind in REAL:
        return x
    if isinstance(x, (np.ndarray, np.generic)):
        return host_array(x)
    array = x if is_array(x) else getattr(x, "data", None)  # of a Tensor
    return _by_type[type(array)].to_host(array) if is_array(array) else host_array(x)


def check_same_device(arrays: tuple[Array, ...]) -> None:
    """Raise DeviceError, naming the devices, if `arrays` live on more than one."""
    places = {backend.name for backend in map(backend_of, arrays) if backend is not None}
    if len(places) > 1:
        device = next(name for name in sorted(places) if name != "numpy")
        raise DeviceError(
            f"mixes arrays on {' and '.join(sorted(places))}: "
            f"move the host array with minigen.asarray(x) after minigen.use({device!r}), "
            "or bring the device array home with minigen.to_numpy(x)"
        )


def keep_freed_memory() -> None:
    """Let the C library keep the memory of freed arrays of up to 32 MiB for the next ones; called once, at the first import.

    glibc returns large freed blocks to the system, so that each new array causes page faults, hundreds per training step. It
    stops doing so for blocks up to the size of the largest (of at most 32 MiB) that was ever freed; so allocate and free one.
    With other C libraries this does nothing.
    """
    np.empty((32 << 20) - (64 << 10), dtype=np.uint8)


def use_from_environment() -> None:
    """Use the backend that MINIGEN_BACKEND names; called once, at the first import. DeviceError for an unknown name."""
    try:
        use(os.environ.get("MINIGEN_BACKEND") or "numpy")
    except ValueError as error:
        raise DeviceError(f"MINIGEN_BACKEND: {error}") from None
