"""Why can the GPU not be used? Each layer that can be missing, played by a CuPy that is not there."""

import importlib.util
import subprocess
import sys
import types

import numpy as np
import pytest

import minigen
from minigen.backend import cuda, current, devices
from minigen.errors import DeviceError


@pytest.fixture
def probe(monkeypatch):
    """Asks cuda.status() afresh with `cupy` replaced by the given module; None: not installed."""

    def ask(module):
        cuda.status.cache_clear()
        monkeypatch.setitem(sys.modules, "cupy", module)
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: module)
        return cuda.status()

    yield ask
    cuda.status.cache_clear()


def fake_cupy(available=True, devices=None, compute=np.ones):
    """As much of CuPy as the probe asks for."""

    def count():
        if isinstance(devices, Exception):
            raise devices
        return devices

    runtime = types.SimpleNamespace(getDeviceCount=count, getDeviceProperties=lambda number: {"name": b"Fake GPU 9000"})
    module = types.ModuleType("cupy")
    module.__version__ = "14.0"
    module.float32 = np.float32
    module.ones = compute
    module.ndarray = type("ndarray", (), {})
    module.asarray = module.asnumpy = lambda x: x
    module.cuda = types.SimpleNamespace(
        is_available=lambda: available, runtime=runtime, Device=lambda: types.SimpleNamespace(id=0)
    )
    return module


def test_without_cupy_the_reason_is_how_to_install_it(probe):
    usable, reason = probe(None)
    assert not usable and reason.startswith("CuPy is not installed: pip install 'cupy-cuda13x[ctk]>=14,<15'")


def test_a_broken_cupy_is_the_reason(probe, monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "cupy":
                raise ImportError("libcudart.so.13: cannot open shared object file")

    cuda.status.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    usable, reason = cuda.status()
    assert not usable
    assert reason.startswith("CuPy is installed but cannot be imported (libcudart.so.13: cannot open shared object file): pip")


def test_a_missing_driver_is_the_reason(probe):
    usable, reason = probe(fake_cupy(available=False, devices=RuntimeError("cudaErrorInsufficientDriver")))
    assert not usable
    assert reason == (
        "CuPy 14.0 finds no GPU: cudaErrorInsufficientDriver; is the NVIDIA driver installed? nvidia-smi should list a GPU"
    )


def test_a_missing_device_is_the_reason(probe):
    usable, reason = probe(fake_cupy(available=False, devices=0))
    assert not usable
    assert reason == "CuPy 14.0 finds no GPU: the driver works but no CUDA device is visible; look at CUDA_VISIBLE_DEVICES"


def test_incomplete_cuda_libraries_are_the_reason(probe):
    def compute(*shape, dtype):
        raise RuntimeError("libnvrtc.so.13 not found")

    usable, reason = probe(fake_cupy(compute=compute))
    assert not usable
    assert reason.startswith("a GPU is there, but the CUDA libraries are incomplete (libnvrtc.so.13 not found): pip install")


def test_a_usable_gpu_is_named(probe):
    assert probe(fake_cupy()) == (True, "Fake GPU 9000, CuPy 14.0")


def test_the_probe_looks_once(probe, monkeypatch):
    first = probe(fake_cupy())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cuda.status() == first


def test_asking_for_a_gpu_that_cannot_be_used_says_why_and_changes_nothing(probe, monkeypatch):
    monkeypatch.setattr(devices, "_by_type", {np.ndarray: devices.NUMPY})
    probe(None)
    minigen.use("strict")
    with pytest.raises(DeviceError, match="the cupy backend cannot be used: CuPy is not installed: pip install"):
        minigen.use("cupy")
    assert current().name == "strict"


def test_a_usable_gpu_becomes_a_backend(probe, monkeypatch):
    monkeypatch.setattr(devices, "_by_type", {np.ndarray: devices.NUMPY})
    fake = fake_cupy()
    probe(fake)
    minigen.use("cupy")
    assert current().name == "cupy" and current().xp is fake and current().array_type is fake.ndarray


def test_import_minigen_says_why_when_the_environment_asks_for_a_gpu_in_vain():
    if cuda.status()[0]:
        pytest.skip("there is a usable GPU")
    done = subprocess.run(
        [sys.executable, "-c", "import os; os.environ['MINIGEN_BACKEND'] = 'cupy'; import minigen; minigen.op"],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0 and "the cupy backend cannot be used: " in done.stderr
