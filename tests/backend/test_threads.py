"""Parts of a computation on several threads."""

import os
import threading

import numpy as np
import pytest

from minigen.backend import blas, each
from minigen.ops import conv2d, conv2d_transpose
from minigen.ops.convolution import conv2d_weight

X = np.zeros(1, np.float32)
has_openblas = pytest.mark.skipif(blas.openblas() is None, reason="NumPy has another BLAS")


@pytest.fixture(autouse=True)
def as_before():
    """BLAS takes as many threads as before each test."""
    before = blas.threads()
    yield
    blas.set_threads(before)


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    """BLAS takes so many, if it is known how to say so."""
    blas.set_threads(request.param)


def test_every_part_is_computed_once(threads):
    seen = []
    each(seen.append, range(100), like=X)
    each(seen.append, [], like=X)
    assert sorted(seen) == list(range(100))


def test_errors_of_any_part_are_raised_and_settings_hold_in_all(threads):
    def fail(part):
        with np.errstate(all="raise"):
            np.float32(1) / np.float32(part)

    with pytest.raises(FloatingPointError):
        each(fail, [1, 1, 0, 1], like=X)
    with np.errstate(over="raise"):
        settings = []
        each(lambda part: settings.append(np.geterr()["over"]), range(50), like=X)
    assert set(settings) == {"raise"}


@has_openblas
def test_blas_takes_one_thread_in_each_part_and_as_many_as_before_afterward():
    blas.set_threads(2)
    together, found = threading.Barrier(2), []

    def compute(part):
        together.wait(timeout=60)  # only if the two run side by side
        found.append((threading.get_ident(), blas.threads()))
        each(lambda inner: found.append((threading.get_ident(), blas.threads())), range(2), like=X)

    each(compute, range(2), like=X)
    assert len({thread for thread, _ in found}) == 2
    assert [count for _, count in found] == [1] * 6
    assert blas.threads() == 2


@has_openblas
def test_convolutions_do_not_depend_on_the_number_of_threads():
    random = np.random.default_rng(0)
    x, w = (random.standard_normal(shape, dtype=np.float32) for shape in ((32, 16, 16, 16), (3, 3, 16, 24)))
    results = []
    for count in (1, 2, 3):
        blas.set_threads(count)
        y = conv2d(x, w)
        results.append([y, conv2d_transpose(y, w), conv2d_weight(x, y, kernel_size=(3, 3), stride=1, padding="same")])
    for other in results[1:]:
        for value, expected in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(value, expected)


@has_openblas
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_process_that_was_forked_has_threads_of_its_own():
    blas.set_threads(2)
    each(lambda part: None, range(4), like=X)
    child = os.fork()
    if not child:
        together = threading.Barrier(2)
        try:
            each(lambda part: together.wait(timeout=20), range(2), like=X)
        except threading.BrokenBarrierError:
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
