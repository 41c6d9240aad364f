"""Every test starts on the numpy backend with seed 0, and leaves no trace of itself."""

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # where tests run beside each other (-n auto), each process has one thread
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import minigen
from minigen.autograd.context import observer, recording
from minigen.autograd.op import OPS
from minigen.backend import cuda


@pytest.fixture(autouse=True)
def fresh_start():
    """Seeds the random streams; afterwards drops the ops that a test has defined and checks that no switch stays thrown."""
    minigen.use("numpy")
    minigen.seed(0)
    ops = dict(OPS)
    yield
    minigen.use("numpy")
    OPS.clear()
    OPS.update(ops)
    assert recording.get(), "the test left a no_grad() open"
    assert observer.get() is None, "the test left an observer watching"


@pytest.fixture(params=["numpy", "strict", "cupy"])
def backend(request):
    """Runs the test on every backend; "cupy" is skipped, with the reason, where there is no usable GPU."""
    if request.param == "cupy":
        usable, reason = cuda.status()
        if not usable:
            pytest.skip(reason)
    minigen.use(request.param)
    yield request.param
    minigen.use("numpy")


@pytest.fixture(params=["strict", "cupy"])
def device(request):
    """The name of a backend that is not the host; "cupy" is skipped, with the reason, where there is no usable GPU."""
    if request.param == "cupy":
        usable, reason = cuda.status()
        if not usable:
            pytest.skip(reason)
    return request.param
