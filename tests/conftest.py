"""Every test starts on the numpy backend with seed 0, and leaves no trace of itself. What did not run is said in the end."""

import os
import signal

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # where tests run beside each other (-n auto), each process has one thread
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MINIGEN_COMPILED", "0")  # tests of the loops turn them on; with 1, all other tests run on them, too

# Ctrl-C is ignored by what a script starts in the background; tests, and what they start, stop all the same.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import minigen
from minigen.backend import cuda
from minigen.engine.context import current_observer, recording
from minigen.engine.operation import OPS


@pytest.fixture(autouse=True)
def fresh_start():
    """Seeds the random streams; afterward drops the ops that a test has defined and checks that no switch stays thrown."""
    minigen.use("numpy")
    minigen.seed(0)
    ops = dict(OPS)
    yield
    minigen.use("numpy")
    OPS.clear()
    OPS.update(ops)
    assert recording.get(), "the test left a no_grad() open"
    assert current_observer.get() is None, "the test left an observer watching"


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


# -- what did not run ------------------------------------------------------------------------------------------------


def not_run(reporter):
    """(comparisons with PyTorch, tests on CuPy) that were skipped, as counts."""
    reasons = [report.longrepr[2] for report in reporter.stats.get("skipped", []) if isinstance(report.longrepr, tuple)]
    pytorch = sum("torch" in reason.lower() for reason in reasons)
    usable, reason = cuda.status()
    return pytorch, 0 if usable else sum(reason in each for each in reasons)


def pytest_terminal_summary(terminalreporter):
    """What a green run has left out, in its last lines."""
    pytorch, cupy = not_run(terminalreporter)
    if pytorch:
        terminalreporter.write_line(f"{pytorch:,} comparisons with PyTorch did not run: pip install -e '.[torch]'", yellow=True)
    if cupy:
        terminalreporter.write_line(f"{cupy:,} tests on CuPy did not run: {cuda.status()[1]}", yellow=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """With MINIGEN_PYTORCH=required a run that has left out comparisons with PyTorch fails."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("MINIGEN_PYTORCH") == "required" and reporter and not_run(reporter)[0]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
