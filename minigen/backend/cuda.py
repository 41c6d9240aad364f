"""The GPU through CuPy, and a clear answer to "why can it not be used?". The only file that imports cupy."""

import functools
import importlib.util

from minigen.backend.devices import Backend
from minigen.errors import DeviceError

INSTALL = "pip install 'cupy-cuda13x[ctk]>=14,<15' (or 'cupy-cuda12x[ctk]>=14,<15'; nvidia-smi shows your CUDA version)"


@functools.cache
def status() -> tuple[bool, str]:
    """(usable, one line that says which GPU, or why none). Checks layer by layer, once, and never raises."""
    if importlib.util.find_spec("cupy") is None:
        return False, f"CuPy is not installed: {INSTALL}"
    try:
        import cupy
    except Exception as error:
        return False, f"CuPy is installed but cannot be imported ({error}): {INSTALL}"
    if not cupy.cuda.is_available():
        try:
            cupy.cuda.runtime.getDeviceCount()
            reason = "the driver works but no CUDA device is visible; look at CUDA_VISIBLE_DEVICES"
        except Exception as error:
            reason = f"{error}; is the NVIDIA driver installed? nvidia-smi should list a GPU"
        return False, f"CuPy {cupy.__version__} finds no GPU: {reason}"
    try:
        ones = cupy.ones((2, 2), dtype=cupy.float32)
        float((ones @ ones)[0, 0])  # needs the compiler and the BLAS library, not only the driver
    except Exception as error:
        return False, f"a GPU is there, but the CUDA libraries are incomplete ({error}): {INSTALL}"
    name = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
    return True, f"{name}, CuPy {cupy.__version__}"


def make_backend() -> Backend:
    """The cupy backend. Raises DeviceError with the reason if there is no usable GPU."""
    usable, reason = status()
    if not usable:
        raise DeviceError(f"the cupy backend cannot be used: {reason}")
    import cupy

    return Backend("cupy", cupy, cupy.ndarray, cupy.asarray, cupy.asnumpy, lambda: cupy.cuda.get_current_stream().synchronize())
