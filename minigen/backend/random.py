"""Random numbers: named host streams, the same on every backend, and noise drawn on the device.

Weights, latent vectors and shuffles come from host streams, so that a seed gives the same start on every backend. Per-step noise
is drawn on the device. `state_dict` saves all streams in a checkpoint.
"""

import contextlib
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigen.backend import devices
from minigen.backend.devices import Array
from minigen.utils.checks import check_seed
from minigen.utils.reading import shortened

HOST_STREAMS = ("weights", "latent", "shuffle", "noise")

_streams: dict[str, np.random.Generator] = {}
_device_noise: Any = None  # a cupy Generator, made when first needed


def seed(n: int | None = None) -> None:
    """Start all random streams from the integer n; the same n gives the same random numbers. None: from fresh entropy. ValueError
    for a negative number, and for anything else."""
    global _device_noise
    children = np.random.SeedSequence(None if n is None else check_seed("minigen.seed", n)).spawn(len(HOST_STREAMS))
    for name, child in zip(HOST_STREAMS, children):
        _streams[name] = np.random.Generator(np.random.PCG64(child))
    _device_noise = None


def stream(name: str) -> np.random.Generator:
    """The host stream for one purpose: "weights", "latent", "shuffle" or "noise"."""
    return _streams[name]


def normal(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Noise from N(0, 1) on the current backend."""
    return drawn("standard_normal", shape, dtype)


def uniform(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Noise from U[0, 1) on the current backend."""
    return drawn("random", shape, dtype)


def drawn(distribution: str, shape: tuple[int, ...], dtype: Any) -> Array:
    """Noise by a method of NumPy's generators: from the GPU's own, which the stream "noise" has seeded, or from that stream."""
    global _device_noise
    if devices.current().name != "cupy":
        return devices.asarray(getattr(stream("noise"), distribution)(shape, dtype=dtype))
    if _device_noise is None:
        _device_noise = devices.current().xp.random.default_rng(int(stream("noise").integers(2**32)))
    return getattr(_device_noise, distribution)(shape, dtype=dtype)


def bernoulli(shape: tuple[int, ...], p: float) -> Array:
    """Bools on the current backend, each True with probability p, which on the host is rounded to a multiple of 2^-16.

    Sixteen random bits per element, four elements per number drawn: a third of the time that `uniform(shape) < p` takes.
    """
    if devices.current().name == "cupy":
        return uniform(shape) < p
    n = math.prod(shape)
    bits = stream("noise").integers(2**64 - 1, size=-(-n // 4), dtype=np.uint64, endpoint=True).view(np.uint16)[:n]
    return devices.asarray((bits < round(p * 2**16)).reshape(shape))


@contextlib.contextmanager
def fork_rng(n: int = 0) -> Iterator[None]:
    """Inside the block all streams start from the seed n; afterward they, and a GPU's noise, continue where they were."""
    global _device_noise
    before = dict(_streams), _device_noise
    seed(n)
    try:
        yield
    finally:
        streams, _device_noise = before
        _streams.update(streams)


def state_dict() -> dict[str, str]:
    """All streams as JSON strings, one per stream.

    A GPU's generator cannot be saved. Taking the state therefore restarts it from the host stream "noise", here as well as after
    `load_state_dict`: the saved run and the resumed run continue with the same noise. So this is for checkpoints; for random
    numbers that leave the streams unchanged, use `fork_rng`.
    """
    global _device_noise
    _device_noise = None
    return {name: json.dumps(generator.bit_generator.state) for name, generator in _streams.items()}


def load_state_dict(state: dict[str, str]) -> None:
    """Set all streams to a state that `state_dict` returned. ValueError for any other, with no stream changed."""
    global _device_noise
    if not isinstance(state, dict) or set(state) != set(HOST_STREAMS):
        streams = sorted(state) if isinstance(state, dict) else shortened(state)
        raise ValueError(f"random state: got the streams {streams}, expected {sorted(HOST_STREAMS)}")
    states = {name: parsed(name, text) for name, text in state.items()}
    for name, value in states.items():
        _streams[name].bit_generator.state = value
    _device_noise = None


def parsed(name: str, text: str) -> dict[str, Any]:
    """The state of a PCG64 generator in a JSON string. ValueError, naming the stream, if it is not one."""
    try:
        found = json.loads(text)
        twin = np.random.PCG64(0)
        twin.state = found
        kept = json.dumps(twin.state, sort_keys=True) == json.dumps(found, sort_keys=True)
        if not kept or found["has_uint32"] not in (0, 1) or found["state"]["inc"] % 2 == 0:  # the increment of PCG64 is odd
            raise ValueError("its numbers are out of range")
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        reason = f"missing {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"random state: the stream {name!r} is not a state of a PCG64 generator ({reason})") from error
    return found


seed(None)
