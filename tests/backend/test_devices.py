"""The choice of a backend, and the way between host and device."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minigen
from minigen.backend import array_module, asarray, backend_of, check_same_device, current, is_array, strict, to_numpy
from minigen.errors import DeviceError

# -- use ---------------------------------------------------------------------------------------------------------


def test_use_decides_where_new_arrays_are_created(backend):
    assert current().name == backend
    x = minigen.Tensor([1.0, 2.0])
    assert type(x.data) is current().array_type and backend_of(x.data) is current()
    assert type(minigen.one_hot(asarray(np.array([0, 1])), 2)) is current().array_type


def test_arrays_stay_where_they_are():
    host = minigen.Tensor([1.0])
    minigen.use("strict")
    assert type(host.data) is np.ndarray
    assert type((host * 2.0).data) is np.ndarray, "inside ops the arrays decide"


@pytest.mark.parametrize("name", ["cuda", "Numpy", "", None])
def test_an_unknown_backend_lists_the_known_ones(name):
    minigen.use("strict")
    with pytest.raises(ValueError, match=f"unknown backend {name!r}: expected one of numpy, cupy, strict"):
        minigen.use(name)
    assert current().name == "strict", "the backend in use has not changed"


def test_loading_a_backend_twice_gives_the_same_one(backend):
    first = current()
    minigen.use("numpy")
    minigen.use(backend)
    assert current() is first


@pytest.mark.parametrize(("name", "expected"), [("strict", "strict"), ("numpy", "numpy"), (None, "numpy")])
def test_the_environment_variable_chooses_the_first_backend(name, expected):
    done = run_with_backend(name, "import minigen; print(minigen.backend.current().name)")
    assert done.stdout.strip() == expected, done.stderr


def test_a_wrong_environment_variable_is_refused():
    done = run_with_backend("torch", "import minigen; minigen.Tensor")
    assert done.returncode != 0 and "unknown backend 'torch': expected one of numpy, cupy, strict" in done.stderr


def run_with_backend(name, code):
    """Run a line of Python with MINIGEN_BACKEND set, or unset."""
    environment = {key: value for key, value in os.environ.items() if key != "MINIGEN_BACKEND"}
    if name is not None:
        environment["MINIGEN_BACKEND"] = name
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


# -- asarray and to_numpy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([1.0, 2.0], np.float32),
        (1.5, np.float32),
        ([1, 2], np.int64),
        (3, np.int64),
        ([True], np.bool_),
        (np.ones(2), np.float64),
        (np.ones(2, np.float16), np.float16),
        (np.float64(1.0), np.float64),
        (np.arange(2), np.int64),
    ],
)
def test_asarray_keeps_the_dtype_of_arrays_and_makes_python_floats_float32(backend, data, dtype):
    x = asarray(data)
    assert type(x) is current().array_type and x.dtype == dtype
    np.testing.assert_array_equal(to_numpy(x), np.asarray(data))


def test_asarray_converts_on_request(backend):
    for data in ([1, 2], np.ones(2), asarray(np.ones(2))):
        assert asarray(data, dtype=np.float32).dtype == np.float32
    assert asarray([0.1], dtype=np.float64).dtype == np.float64
    assert to_numpy(asarray([0.1], dtype=np.float64))[0] == 0.1, "not rounded to float32 on the way"


def test_asarray_copies_only_where_it_must(backend):
    x = asarray(np.ones(2))
    assert asarray(x) is x and asarray(x, dtype=np.float64) is not None
    host = np.ones(2)
    there = asarray(host)
    host[0] = 5.0
    assert to_numpy(there)[0] == (5.0 if backend == "numpy" else 1.0)


def test_asarray_refuses_the_array_of_another_device(device):
    minigen.use(device)
    there = asarray(np.ones(2))
    minigen.use("numpy")
    with pytest.raises(DeviceError, match=rf"got a {device} array while the numpy backend is in use: .*minigen\.to_numpy\(x\)"):
        asarray(there)
    with pytest.raises(DeviceError, match=f"got a {device} array"):
        minigen.Tensor(there)


def test_to_numpy_takes_arrays_tensors_and_numbers(backend):
    x = asarray(np.array([1.0, 2.0]))
    for data in (x, minigen.Tensor(x), minigen.Parameter(x)):
        assert type(to_numpy(data)) is np.ndarray
        np.testing.assert_array_equal(to_numpy(data), [1.0, 2.0])
    assert to_numpy(1.5) == 1.5 and to_numpy(np.float32(1.5)).dtype == np.float32
    np.testing.assert_array_equal(to_numpy([1, 2]), [1, 2])


def test_to_numpy_shares_memory_on_the_host_and_copies_from_a_device(backend):
    x = asarray(np.ones(2))
    host = to_numpy(x)
    host[0] = 5.0
    assert to_numpy(x)[0] == (5.0 if backend == "numpy" else 1.0)


# -- whose array is it -------------------------------------------------------------------------------------------


def test_array_module_is_that_of_the_first_array(backend):
    x = asarray(np.ones(2))
    assert array_module(x) is array_module(2.0, x) is array_module(np.float32(1.0), x) is current().xp
    assert array_module(1.0, [2.0]) is np


def test_only_arrays_of_the_backend_are_arrays(backend):
    assert is_array(asarray(np.ones(2)))
    for other in (1.0, [1.0], np.float32(1.0), None, minigen.Tensor([1.0])):
        assert not is_array(other)


def test_check_same_device_names_both_places():
    minigen.use("strict")
    there = asarray(np.ones(2))
    check_same_device((there, 1.0, there))
    check_same_device((np.ones(2), 2.0))
    with pytest.raises(DeviceError, match=r"arrays on numpy and strict: .*minigen\.use\('strict'\).*minigen\.to_numpy\(x\)"):
        check_same_device((there, np.ones(2)))
    assert isinstance(there, strict.StrictArray)
