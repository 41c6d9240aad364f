"""The simulated GPU: what it refuses, what it lets through, and what it counts."""

import copy
import operator
import pickle

import numpy as np
import pytest

import minigen
from minigen import Tensor, grad
from minigen.backend import strict, to_numpy
from minigen.backend.strict import StrictArray, xp
from minigen.errors import DeviceError, DtypeError

HOST = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)


@pytest.fixture
def x():
    """A (2, 3) float32 device array."""
    minigen.use("strict")
    return minigen.asarray(HOST)


# -- what it refuses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, np.array, lambda x: np.array([x[0], x[1]]), lambda x: np.ones(3)[x]])
def test_no_implicit_conversion_to_numpy(x, convert):
    with pytest.raises(DeviceError, match=r"no implicit conversion of a device array to NumPy: use minigen\.to_numpy\(x\)"):
        convert(x)


@pytest.mark.parametrize("mix", [
    lambda x: x + HOST, lambda x: HOST + x, lambda x: x @ HOST.T, lambda x: x < HOST, lambda x: xp.maximum(x, HOST),
    lambda x: xp.concatenate([x, HOST]), lambda x: xp.where(x > 0, HOST, 0.0), lambda x: x[np.array([0, 1])],
    lambda x: operator.iadd(x, HOST), lambda x: operator.setitem(x, 0, HOST[0]), lambda x: operator.setitem(x, HOST > 2, 0.0),
    lambda x: xp.sum(HOST), lambda x: xp.add.at(x, np.array([0]), 1.0), lambda x: np.add(HOST, x),
])  # fmt: skip
def test_no_host_array_among_the_operands(x, mix):
    with pytest.raises(DeviceError, match=r"mixes arrays on numpy and strict: a host array of shape .*minigen\.asarray\(x\)"):
        mix(x)
    np.testing.assert_array_equal(to_numpy(x), HOST)


@pytest.mark.parametrize("name", ["linalg", "fft", "einsum_path", "vectorize", "apply_along_axis", "piecewise", "nonsense"])
def test_no_function_that_cupy_lacks_or_that_differs(x, name):
    with pytest.raises(AttributeError, match=f"cupy has no function '{name}' with numpy's meaning"):
        getattr(xp, name)


def test_numpys_own_functions_dispatch_to_the_device_or_are_refused(x):
    assert isinstance(np.sum(x), StrictArray) and isinstance(np.exp(x), StrictArray)
    with pytest.raises(AttributeError, match="cupy has no function 'apply_along_axis'"):
        np.apply_along_axis(sum, 0, x)


def test_no_where_argument_of_ufuncs(x):
    with pytest.raises(TypeError, match="add: CuPy's ufuncs take no argument where="):
        np.add(x, x, where=True)


@pytest.mark.parametrize("leak", [
    lambda x: x * np.float64(2.0), lambda x: x + minigen.asarray(np.ones(3)), lambda x: x * minigen.asarray(np.arange(3)),
    lambda x: x.sum(dtype=None) / np.float64(3.0), lambda x: xp.zeros((2, 2)), lambda x: xp.arange(3.0), lambda x: xp.array([1.5]),
    lambda x: minigen.asarray(np.arange(3)) / 2, lambda x: xp.ones(3) * x,
])  # fmt: skip
def test_no_float64_that_nobody_asked_for(x, leak):
    with pytest.raises(
        DtypeError, match="float64 result from operands of dtype .*use Python floats for constants and give dtype="
    ):
        leak(x)


def test_float64_that_was_asked_for_passes(x):
    double = x.astype(np.float64)
    assert (double * 2.0).dtype == np.float64
    assert xp.zeros((2,), dtype=np.float64).dtype == np.float64
    assert xp.zeros((2,), dtype="float64").dtype == np.float64
    assert xp.sum(x, dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize("index", [2, -3, (0, 3)])
def test_no_index_out_of_range(x, index):
    with pytest.raises(IndexError, match="out of bounds"):
        x[index]


def test_no_index_array_out_of_range(x):
    """CuPy wraps such indices around, silently."""
    with pytest.raises(IndexError, match="out of bounds"):
        x[minigen.asarray(np.array([0, 2]))]
    with pytest.raises(IndexError, match="out of bounds"):
        x[minigen.asarray(np.array([0, -3]))] = 1.0


@pytest.mark.parametrize("rows", [[0, 0], [1, 0, 1], [[0], [0]]])
def test_no_repeated_index_in_an_assignment(x, rows):
    with pytest.raises(IndexError, match=r"repeated indices in an assignment are undefined on a GPU: use add\.at"):
        x[minigen.asarray(np.array(rows))] = 1.0
    np.testing.assert_array_equal(to_numpy(x), HOST)


def test_pairs_of_indices_repeat_only_as_pairs(x):
    rows, columns = minigen.asarray(np.array([0, 0, 1])), minigen.asarray(np.array([1, 2, 1]))
    x[rows, columns] = 0.0
    np.testing.assert_array_equal(to_numpy(x), [[1, 0, 0], [4, 0, 6]])
    with pytest.raises(IndexError, match="repeated"):
        x[rows, minigen.asarray(np.array([1, 1, 1]))] = 0.0


def test_no_memory_is_promised_to_be_zero(x):
    assert np.isnan(to_numpy(xp.empty((3,), dtype=np.float32))).all()
    assert np.isnan(to_numpy(xp.empty_like(x))).all()


def test_it_is_not_a_subclass_that_numpys_c_code_would_accept(x):
    assert not isinstance(x, np.ndarray)
    with pytest.raises((TypeError, DeviceError)):
        np.copyto(HOST.copy(), x)


# -- what it lets through ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("compute", [
    lambda x: x + x, lambda x: 2 - x, lambda x: x / 2.0, lambda x: 2.0 / x, lambda x: x**2, lambda x: 2.0**x, lambda x: x @ x.T,
    lambda x: -x, lambda x: +x, lambda x: abs(x), lambda x: x // 2.0, lambda x: x % 2.0, lambda x: (x > 2) & (x < 5),
    lambda x: (x > 2) | (x < 2), lambda x: (x > 2) ^ True, lambda x: ~(x > 2), lambda x: x == 2.0, lambda x: x != x,
    lambda x: x.sum(axis=0), lambda x: x.mean(axis=1, keepdims=True), lambda x: x.max(), lambda x: x.argmax(axis=1),
    lambda x: x.T, lambda x: x.reshape(3, 2), lambda x: x.reshape((3, 2)), lambda x: x.transpose(1, 0), lambda x: x.ravel(),
    lambda x: x[0], lambda x: x[:, ::-1], lambda x: x[..., None], lambda x: x[x > 2], lambda x: x.astype(np.float64),
    lambda x: x.copy(), lambda x: x.std(axis=0), lambda x: x.clip(2.0, 4.0), lambda x: x.cumsum(axis=1), lambda x: x.swapaxes(0, 1),
])  # fmt: skip
def test_operators_and_methods_give_numpys_numbers(x, compute):
    result, expected = compute(x), compute(HOST)
    assert isinstance(result, StrictArray)
    np.testing.assert_allclose(to_numpy(result), expected)
    assert result.dtype == expected.dtype and result.shape == expected.shape


@pytest.mark.parametrize("change", [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow])
def test_in_place_operators_write_into_the_same_array(x, change):
    expected = HOST.copy()
    y = change(x, 2.0)
    change(expected, 2.0)
    assert y is x
    np.testing.assert_array_equal(to_numpy(x), expected)


def test_assignment_fill_and_add_at(x):
    x[0] = 7.0
    x[:, 1] = minigen.asarray(np.array([8.0, 9.0], np.float32))
    np.testing.assert_array_equal(to_numpy(x), [[7, 8, 7], [4, 9, 6]])
    xp.add.at(x, minigen.asarray(np.array([0, 0])), 1.0)
    np.testing.assert_array_equal(to_numpy(x), [[9, 10, 9], [4, 9, 6]])
    x.fill(0.0)
    assert not to_numpy(x).any()


def test_attributes_are_those_of_the_array(x):
    for name in ("shape", "dtype", "ndim", "size", "nbytes", "strides", "itemsize"):
        assert getattr(x, name) == getattr(HOST, name)
    assert len(x) == 2 and repr(x) == f"StrictArray({HOST!r})"


def test_a_reduction_to_one_number_stays_on_the_device(x):
    total = x.sum()
    assert isinstance(total, StrictArray) and total.shape == ()
    assert float(total) == 21.0 and total.item() == 21.0 and int(total) == 21 and bool(total) and total.tolist() == 21.0


def test_splitting_and_iterating_give_device_arrays(x):
    for part in (*xp.split(x, 3, axis=1), *x):
        assert isinstance(part, StrictArray)


def test_a_view_shares_memory_and_a_copy_does_not(x):
    view, twin = x[0], x.copy()
    view[...] = 0.0
    assert not to_numpy(x)[0].any() and to_numpy(twin)[0].all()


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_it_can_be_copied_and_pickled(x, twin):
    other = twin(x)
    other[...] = 0.0
    np.testing.assert_array_equal(to_numpy(x), HOST)


# -- what it counts ----------------------------------------------------------------------------------------------


def test_a_kernel_is_one_launch_and_a_view_none(x):
    with strict.count() as counted:
        x + x
        xp.exp(x)
        x.sum()
        x *= 2.0
        x[0] = 1.0
    assert (counted.launches, counted.uploads, counted.downloads, counted.synchronizations) == (5, 0, 0, 0)
    with strict.count() as counted:
        x.T, x.reshape(3, 2), x.transpose(1, 0)
    assert counted.launches == 0


def test_copies_between_host_and_device_and_waits_are_counted(x):
    with strict.count() as counted:
        minigen.asarray(HOST)
        Tensor(HOST)
    assert (counted.uploads, counted.downloads, counted.synchronizations) == (2, 0, 0)
    with strict.count() as counted:
        to_numpy(x)
    assert (counted.uploads, counted.downloads, counted.synchronizations) == (0, 1, 1)
    with strict.count() as counted:
        bool(x.sum() > 0), float(x.sum()), int(x.sum()), x.sum().item(), x.tolist()
        minigen.backend.current().synchronize()
    assert (counted.downloads, counted.synchronizations) == (0, 6)


def test_counts_nest_and_end_with_their_block(x):
    with strict.count() as outer:
        x + x
        with strict.count() as inner:
            x + x
            x + x
    x + x
    assert (outer.launches, inner.launches) == (1, 2)


def test_a_forward_and_backward_pass_never_waits_and_copies_nothing():
    minigen.use("strict")
    w = Tensor(HOST.T.copy(), requires_grad=True)
    x = Tensor(HOST)
    with strict.count() as counted:
        y = (minigen.log_softmax((x @ w).tanh()) * 2.0).mean()
        grad(y, [w], create_graph=True)
        y.backward()
    assert (counted.uploads, counted.downloads, counted.synchronizations) == (0, 0, 0)
    assert counted.launches > 0


def test_scatter_and_gather_run_without_waiting(x):
    t = Tensor(x, requires_grad=True)
    rows = minigen.asarray(np.array([1, 1, 0]))
    with strict.count() as counted:
        t[rows].sum().backward()
    assert counted.synchronizations == 0
    np.testing.assert_array_equal(to_numpy(t.grad), [[1, 1, 1], [2, 2, 2]])
