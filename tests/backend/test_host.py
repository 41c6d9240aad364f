"""Arrays at every door: kept as they are, or refused by name with what to do. Nothing is lost on the way in."""

import warnings

import numpy as np
import pytest

import minigen as mg
from minigen import losses, metrics, nn, optim, plot, training
from minigen.backend.host import host_array
from minigen.data import Batches
from minigen.errors import DtypeError, ShapeError
from tests.training.networks import made

X = np.linspace(-1, 1, 6, dtype=np.float64).reshape(2, 3)


def masked(dtype=np.float32):
    """An array with a gap."""
    return np.ma.masked_array(X.astype(dtype), mask=X > 0.5)


def matrix(dtype=np.float32):
    """NumPy's old matrix type."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.matrix(X.astype(dtype))


class Quantity(np.ndarray):
    """Someone's array that carries its unit."""


class Table:
    """What offers itself as an array, as a table of pandas does."""

    def __init__(self, values):
        self.values = values

    shape, dtype = property(lambda self: self.values.shape), property(lambda self: self.values.dtype)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


@pytest.fixture
def mapped(tmp_path):
    """mapped(array): the array as a file, memory-mapped."""

    def mapped(array, mode="r"):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, array)
        return np.load(path, mmap_mode=mode)

    return mapped


def test_arrays_of_every_backend_are_taken_as_they_are(backend):
    assert type(mg.asarray(X)) in mg.backend.USUAL, "each op on plain arrays would look at its inputs twice"


# -- one array -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_memory_mapped_array_keeps_its_dtype_and_stays_mapped(mapped, dtype):
    array = mapped(X.astype(dtype))
    x = mg.Tensor(array)
    assert x.dtype == dtype and type(x.data) is np.ndarray and np.shares_memory(x.data, array)
    np.testing.assert_array_equal(x.numpy(), array)
    assert np.shares_memory(mg.asarray(array), array) and np.shares_memory(mg.to_numpy(array), array)
    assert mg.exp(array).dtype == dtype
    assert (mg.Tensor(X.astype(dtype)) + array).dtype == dtype


def test_a_memory_mapped_array_of_bytes_is_not_a_tensor(mapped):
    with pytest.raises(DtypeError, match=r"got uint8: convert with x\.astype\('float32'\)"):
        mg.Tensor(mapped(np.zeros(3, np.uint8)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_offers_itself_as_an_array_keeps_its_dtype(backend, dtype):
    table = Table(X.astype(dtype))
    assert mg.Tensor(table).dtype == mg.asarray(table).dtype == mg.to_numpy(table).dtype == dtype
    if backend == "numpy":
        x = mg.Tensor(X.astype(dtype), requires_grad=True)
        np.testing.assert_array_equal(mg.grad((x * table).sum(), [x])[0].numpy(), table.values)
    with pytest.raises(DtypeError, match="got uint8"):
        mg.Tensor(Table(np.zeros(3, np.uint8)))


@pytest.mark.parametrize(
    "data, dtype",
    [
        ([1, 2], "float32"),
        ([1.5, np.float64(2)], "float32"),
        (3, "float32"),
        (True, "float32"),
        ([[True], [False]], "float32"),
        ([], "float32"),
        (np.float64(3), "float64"),
        ([X, X], "float64"),
        ([X.astype(np.float32)], "float32"),
        ([[X[0], X[1]]], "float64"),
    ],
)
def test_lists_of_pythons_numbers_are_float32_and_lists_of_arrays_what_these_are(backend, data, dtype):
    x = mg.Tensor(data)
    assert x.dtype == dtype
    np.testing.assert_array_equal(x.numpy(), np.asarray(data).astype(dtype))


def test_a_list_of_arrays_of_bytes_is_not_a_tensor():
    with pytest.raises(DtypeError, match="got uint8"):
        mg.Tensor([np.zeros(3, np.uint8)])


SUBCLASSES = {
    "masked": (masked, r"got a MaskedArray, whose mask would be lost: fill the gaps with x\.filled\(value\)"),
    "matrix": (matrix, r"got a matrix, .* take the array, np\.asarray\(x\)"),
    "a subclass": (lambda dtype=np.float32: X.astype(dtype).view(Quantity), r"got a Quantity, .* np\.asarray\(x\)"),
    "a list of them": (lambda dtype=np.float32: [masked(dtype), masked(dtype)], r"got a MaskedArray"),
}
NO_NUMBERS = {
    "None": (None, "got None: expected numbers, none missing"),
    "a gap": ([1.0, None], "got a list of object: expected numbers, none missing"),
    "objects": (np.array([1.0, None]), "got object: expected numbers"),
    "text": ("1.5", "got '1.5': text is not a number"),
    "texts": (["1", "2"], "text is not a number"),
    "complex": (X * 1j, r"got complex128: expected real numbers.* take x\.real, x\.imag or abs\(x\)"),
    "a complex number": (1j, "expected real numbers"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), "a date is not a number"),
    "spans": (np.array([1], "timedelta64[D]"), "a span of time is not a number"),
    "records": (np.zeros(2, [("a", "f4")]), "take its fields"),
    "a generator": ((x for x in range(3)), "expected numbers"),
    "a dict": ({"a": 1.0}, "got {'a': 1.0}: expected numbers"),
}
ONE = {
    "Tensor": mg.Tensor,
    "Parameter": mg.Parameter,
    "Buffer": nn.Buffer,
    "asarray": mg.asarray,
    "to_numpy": mg.to_numpy,
    "asarray as float32": lambda x: mg.asarray(x, dtype="float32"),
    "assign": lambda x: mg.Parameter(X.astype(np.float32)).assign(x),
    "cotangent": lambda x: mg.grad(mg.exp(mg.Parameter(X.astype(np.float32))), [], x),
    "gradcheck": lambda x: mg.gradcheck(mg.exp, x),
}


@pytest.mark.parametrize("door", ONE)
@pytest.mark.parametrize("name", SUBCLASSES)
def test_arrays_that_carry_more_than_their_values_are_refused(backend, door, name):
    make, message = SUBCLASSES[name]
    with pytest.raises(TypeError, match=message):
        ONE[door](make())


@pytest.mark.parametrize("door", ONE)
@pytest.mark.parametrize("name", NO_NUMBERS)
def test_what_is_not_a_number_is_refused(door, name):
    data, message = NO_NUMBERS[name]
    if door == "cotangent" and data is None:
        return  # it means: none is given
    with pytest.raises(DtypeError, match=message):
        ONE[door](data)


@pytest.mark.parametrize("door", ["Tensor", "asarray", "to_numpy", "assign"])
def test_rows_of_different_lengths_and_lists_of_tensors_are_refused(door):
    with pytest.raises(ShapeError, match="got a list that is not an array, .*expected rows of one length"):
        ONE[door]([[1.0, 2.0], [3.0]])
    with pytest.raises(TypeError, match=r"write x\.numpy\(\)"):
        ONE[door]([mg.Tensor([1.0]), mg.Tensor([2.0])])


@pytest.mark.parametrize("dtype", ["float16", "longdouble", ">f4"])
def test_other_floats_are_not_tensors(dtype):
    array = X.astype(dtype)
    with pytest.raises(DtypeError, match=r"a Tensor holds float32 or float64, got .*: convert with x\.astype\('float32'\)"):
        mg.Tensor(array)
    assert mg.to_numpy(array) is array


def test_a_refused_value_leaves_a_parameter_as_it_was():
    p = mg.Parameter(X.astype(np.float32))
    for value in (None, masked(), [1.0, None]):
        with pytest.raises(TypeError):
            p.assign(value)
    np.testing.assert_array_equal(p.numpy(), X.astype(np.float32))


def test_an_array_passes_as_it_is_and_a_dtype_that_is_asked_for_converts():
    array = X.copy()
    assert host_array(array) is array and mg.to_numpy(array) is array
    assert host_array([1, 2], np.float32).dtype == np.float32


# -- ops, layers, objectives, runs, metrics --------------------------------------------------------------------------


def labels_of(make):
    """Labels that carry more than their values."""
    return np.ma.masked_array([0, 1], mask=[False, True]) if make is masked else make(np.int64)[:, 0]


MANY = {
    "op": lambda make: mg.exp(make()),
    "op with a tensor": lambda make: mg.Tensor(X.astype(np.float32)) * make(),
    "op with a tensor, reflected": lambda make: make() + mg.Tensor(X.astype(np.float32)),
    "where": lambda make: mg.where(X > 0, mg.Tensor(X.astype(np.float32)), make()),
    "concatenate": lambda make: mg.concatenate(mg.Tensor(X.astype(np.float32)), make()),
    "layer": lambda make: nn.Dense(3, 2)(make()),
    "mse": lambda make: losses.mse(mg.Tensor(X.astype(np.float32)), make()),
    "mse of plain arrays": lambda make: losses.mse(X.astype(np.float32), make()),
    "labels": lambda make: losses.cross_entropy(mg.Tensor(X.astype(np.float32)), labels_of(make)),
    "load_state_dict": lambda make: nn.Sequential(nn.LearnedConstant((2, 3))).load_state_dict({"0.weight": make()}),
    "state of an optimizer": lambda make: optim.SGD(nn.LearnedConstant((2, 3)).parameters(), 0.1, 0.9).load_state_dict(
        {"steps": np.array(1), "began": np.array(0), "velocity": np.ravel(make())}
    ),
    "batches": lambda make: Batches(make(), batch_size=1),
    "fit": lambda make: training.fit(made()[0], make(), optimizer=made()[1], epochs=1),
    "index": lambda make: mg.Tensor(X.astype(np.float32))[labels_of(make)],
    "picture": lambda make: plot.image_grid(make().reshape(1, 2, 3)),
    "curves": lambda make: plot.training_curves({"epoch": np.arange(6), "loss": make().ravel()}),
    "metric": lambda make: metrics.frechet_distance(make(), X),
    "accuracy": lambda make: metrics.accuracy(np.array([0, 1]), labels_of(make)),
}


@pytest.mark.parametrize("make", [masked, SUBCLASSES["a subclass"][0]], ids=["masked", "a subclass"])
@pytest.mark.parametrize("door", MANY)
def test_every_other_door_refuses_them_too(door, make):
    with pytest.raises(TypeError, match=r"got a (MaskedArray|Quantity), "):
        MANY[door](make)


def test_a_refused_state_changes_nothing():
    layer = nn.Dense(3, 2)
    before = layer.state_dict()
    with pytest.raises(TypeError, match="MaskedArray"):
        layer.load_state_dict({"weight": np.ones((3, 2), np.float32), "bias": np.ma.masked_array(np.ones(2, np.float32))})
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
