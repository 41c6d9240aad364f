"""Where Tensors meet Python and NumPy: what works as expected, and what is refused, with what to write instead."""

import ast
import inspect
import math
import operator
import re

import numpy as np
import pytest

import minigen
from minigen import Tensor, grad
from minigen.engine.numpy_protocols import ALTERNATIVES
from minigen.errors import DeviceError, DtypeError, ShapeError

A = np.arange(6, dtype=np.float32).reshape(2, 3) + 1.0


def tensor(dtype=np.float32):
    """A (2, 3) leaf on the current backend."""
    return Tensor(minigen.asarray(A.astype(dtype)), requires_grad=True)


# -- operators ---------------------------------------------------------------------------------------------------

BINARY = [
    lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y, lambda x, y: x**y,
    lambda x, y: minigen.maximum(x, y),
]  # fmt: skip
OTHERS = [2, 0.5, True, np.float64(1.5), np.float32(1.5), np.int64(2), np.bool_(True)]


@pytest.mark.parametrize("combine", BINARY)
@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_python_and_numpy_scalars_on_either_side_keep_float32(backend, combine, other):
    number = other.item() if isinstance(other, np.generic) else other
    for call, expected in ((lambda x: combine(x, other), combine(A, number)), (lambda x: combine(other, x), combine(number, A))):
        x = tensor()
        y = call(x)
        assert isinstance(y, Tensor) and y.dtype == np.float32
        np.testing.assert_allclose(y.numpy(), expected.numpy() if isinstance(expected, Tensor) else expected, rtol=1e-6)
        assert grad(y.sum(), [x])[0].dtype == np.float32
        assert grad(y.sum(), [x], create_graph=True)[0].dtype == np.float32


@pytest.mark.parametrize("combine", [*BINARY, lambda x, y: x @ y.T])
def test_an_array_on_either_side_gives_a_tensor(backend, combine):
    other = minigen.asarray(A[::-1].copy())
    expected = combine(A, A[::-1])
    expected = expected.numpy() if isinstance(expected, Tensor) else expected
    left, right = combine(tensor(), other), combine(minigen.asarray(A), Tensor(other, requires_grad=True))
    for y in (left, right):
        assert isinstance(y, Tensor) and y.requires_grad
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-6)


def test_matmul_with_arrays_on_either_side(backend):
    x, other = tensor(), minigen.asarray(A.T.copy())
    np.testing.assert_array_equal((x @ other).numpy(), A @ A.T)
    np.testing.assert_array_equal((other @ x).numpy(), A.T @ A)
    np.testing.assert_array_equal(x.dot(other).numpy(), A @ A.T)


def test_unary_operators_are_numpys_and_share_no_memory(backend):
    x = tensor()
    np.testing.assert_array_equal((-x).numpy(), -A)
    np.testing.assert_array_equal((+x).numpy(), A)
    np.testing.assert_array_equal(abs(-x).numpy(), A)
    assert not np.shares_memory((+tensor()).numpy(), A)


def test_a_bool_array_is_a_mask(backend):
    x = tensor()
    y = x * (x > 2.0)
    np.testing.assert_array_equal(y.numpy(), A * (A > 2))
    np.testing.assert_array_equal(grad(y.sum(), [x])[0].numpy(), A > 2)


# -- methods -----------------------------------------------------------------------------------------------------

METHODS = {
    "sum(0)": lambda x: x.sum(0),
    "sum(axis=1, keepdims=True)": lambda x: x.sum(axis=1, keepdims=True),
    "sum(1, True)": lambda x: x.sum(1, keepdims=True),
    "mean((0, 1))": lambda x: x.mean((0, 1)),
    "mean(np.int64(0))": lambda x: x.mean(np.int64(0)),
    "max(1)": lambda x: x.max(1),
    "min()": lambda x: x.min(),
    "var(0)": lambda x: x.var(0),
    "std(axis=1)": lambda x: x.std(axis=1),
    "clip": lambda x: x.clip(2.0, 4.0),
    "reshape(3, 2)": lambda x: x.reshape(3, 2),
    "reshape((3, 2))": lambda x: x.reshape((3, 2)),
    "reshape([3, 2])": lambda x: x.reshape([3, 2]),
    "reshape(-1)": lambda x: x.reshape(-1),
    "reshape(np.int64(6))": lambda x: x.reshape(np.int64(6)),
    "T": lambda x: x.T,
    "transpose()": lambda x: x.transpose(),
    "transpose(1, 0)": lambda x: x.transpose(1, 0),
    "transpose((1, 0))": lambda x: x.transpose((1, 0)),
    "swapaxes": lambda x: x.swapaxes(0, -1),
    "ravel": lambda x: x.ravel(),
    "squeeze": lambda x: x[:1].squeeze(0),
    "squeeze(np.int64(0))": lambda x: x[:1].squeeze(np.int64(0)),
    "[..., None]": lambda x: x[..., None],
    "[1]": lambda x: x[1],
    "[-1, 1:]": lambda x: x[-1, 1:],
    "[:, ::-1]": lambda x: x[:, ::-1],
    "[[1, 0, 1]]": lambda x: x[[1, 0, 1]],
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_mean_what_they_mean_in_numpy(backend, name):
    expected = np.asarray(METHODS[name](A))
    x = tensor()
    y = METHODS[name](x)
    assert y.requires_grad and y.shape == expected.shape
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-6)
    assert grad(y.sum(), [x])[0].shape == x.shape


def test_iteration_gives_the_rows_with_their_history(backend):
    x = tensor()
    first, second = x
    np.testing.assert_array_equal(second.numpy(), A[1])
    np.testing.assert_array_equal(grad((first * second).sum(), [x])[0].numpy(), A[::-1])


def test_pythons_sum_and_max_work():
    x = tensor()
    assert sum(row.sum() for row in x).item() == 21.0
    assert max(x.sum(), x.mean()).item() == 21.0


# -- comparisons and truth ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "compare",
    [lambda x, y: x < y, lambda x, y: x <= y, lambda x, y: x > y, lambda x, y: x >= y, lambda x, y: x == y, lambda x, y: x != y],
)
def test_comparisons_give_plain_bool_arrays(backend, compare):
    other = A.copy()
    other[0] = 2.0
    for y in (Tensor(minigen.asarray(other)), minigen.asarray(other), 2.0, np.float64(2.0)):
        result = compare(tensor(), y)
        assert minigen.backend.is_array(result) and result.dtype == bool
        plain = y if np.isscalar(y) else other
        np.testing.assert_array_equal(minigen.to_numpy(result), compare(A, plain))
    result = compare(minigen.asarray(other), tensor())
    np.testing.assert_array_equal(minigen.to_numpy(result), compare(other, A))


def test_a_numpy_number_is_compared_as_pythons():
    """As np.float64 it would turn both sides into float64, in which 0.1 is not what it is in float32."""
    x = Tensor([0.1])
    assert (x == np.float64(0.1)).all() and (x <= np.float64(0.1)).all() and not (x > np.float64(0.1)).any()


def test_argmax_and_argmin_give_plain_index_arrays(backend):
    np.testing.assert_array_equal(minigen.to_numpy(tensor().argmax(axis=1)), [2, 2])
    np.testing.assert_array_equal(minigen.to_numpy(tensor().argmin(axis=1)), [0, 0])
    np.testing.assert_array_equal(minigen.to_numpy((-tensor()).argmin(axis=0)), [1, 1, 1])
    assert (int(tensor().argmax()), int(tensor().argmin())) == (5, 0)


def test_one_element_has_a_truth_and_a_hash_is_by_identity():
    assert Tensor([2.0]) and not Tensor(0.0)
    with pytest.raises(ValueError, match=r"the truth of 6 values is ambiguous: use \(x > 0\)\.all\(\) or \(x > 0\)\.any\(\)"):
        bool(tensor())
    x, y = tensor(), tensor()
    assert len({x, y, x}) == 2, "tensors are told apart by identity in sets and dicts"


def test_pythons_math_reads_a_single_value():
    assert math.sqrt(Tensor(4.0)) == 2.0


# -- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [np.asarray, np.array, np.float32, lambda x: np.array([x, x]), lambda x: A[x]])
def test_no_tensor_turns_into_an_array_by_itself(call):
    with pytest.raises(TypeError, match=r"lose its graph: write x\.numpy\(\)"):
        call(tensor())


@pytest.mark.parametrize(
    ("function", "inputs", "words"),
    [
        (np.sum, (), "np.sum on a Tensor: write minigen.sum(x), or x.numpy() for its values outside the graph"),
        (np.mean, (), "np.mean on a Tensor: write minigen.mean(x),"),
        (np.reshape, ((3, 2),), "np.reshape on a Tensor: write minigen.reshape(x, shape=...),"),
        (np.where, (), "np.where on a Tensor: write minigen.where(condition, x, y),"),
        (np.argmax, (), "np.argmax on a Tensor: write x.argmax(),"),
        (np.dot, (A,), "np.dot on a Tensor: write x @ y,"),
        (np.shape, (), "np.shape on a Tensor: write x.shape,"),
        (np.linalg.norm, (), "np.linalg.norm on a Tensor: write minigen.l2norm(x),"),
        (
            np.allclose,
            (A,),
            "np.allclose on a Tensor: write x.numpy() for its values outside the graph; to differentiate, compose it",
        ),
        (np.zeros_like, (), "np.zeros_like on a Tensor: write x.numpy() for its values outside the graph;"),
        (np.linalg.inv, (), "np.linalg.inv on a Tensor: write x.numpy() for its values outside the graph;"),
    ],
)
def test_numpys_functions_name_themselves_and_what_to_write(function, inputs, words):
    with pytest.raises(TypeError, match=re.escape(words)):
        function(tensor(), *inputs)


@pytest.mark.parametrize("function", [np.concatenate, np.stack])
def test_numpys_functions_of_a_list_of_tensors_too(function):
    with pytest.raises(TypeError, match=rf"np\.{function.__name__} on a Tensor: write minigen\.{function.__name__}"):
        function([tensor(), tensor()])


UFUNCS = {function.__name__: function for function in vars(np).values() if isinstance(function, np.ufunc)}


@pytest.mark.parametrize("name", UFUNCS)
def test_every_ufunc_names_itself_and_points_to_minigen(name):
    function = UFUNCS[name]
    known = hasattr(minigen, name) or name in ALTERNATIVES
    ours = (
        r"write .*, or x\.numpy\(\) for its values outside"
        if known
        else r"write x\.numpy\(\) for its values outside the graph; .* compose it from minigen's"
    )
    with pytest.raises(TypeError, match=rf"np\.{name} on a Tensor: {ours}"):
        function(*[tensor()] * function.nin)


@pytest.mark.parametrize("call", sorted({text for text in ALTERNATIVES.values() if text.startswith("minigen.")}))
def test_what_ufuncs_point_to_exists_and_takes_these_arguments(call):
    said = ast.parse(call, mode="eval").body
    inspect.signature(getattr(minigen, said.func.attr)).bind(*said.args, **{each.arg: each.value for each in said.keywords})


@pytest.mark.parametrize("name", sorted({name for name in UFUNCS if hasattr(minigen, name)} - {"power"}))
def test_what_ufuncs_point_to_gives_their_values(name):
    """The call that the message says, with x and y in scope."""
    values = np.float32([[0.5, 1.5, 2.0]])
    x = y = Tensor(values if name != "matmul" else values.T @ values)
    got = eval(ALTERNATIVES[name], {"minigen": minigen, "x": x, "y": y})
    np.testing.assert_allclose(got.numpy(), UFUNCS[name](*[x.numpy()] * UFUNCS[name].nin), rtol=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: np.abs(x), r"np\.absolute on a Tensor: write minigen\.absolute\(x\),"),
        (lambda x: np.add.reduce(x), r"np\.add\.reduce on a Tensor: write minigen\.sum\(x\),"),
        (lambda x: np.maximum.reduce(x, axis=1), r"np\.maximum\.reduce on a Tensor: write minigen\.max\(x\),"),
        (
            lambda x: np.multiply.outer(A, x),
            r"np\.multiply\.outer on a Tensor: write x\.numpy\(\) for its values outside the graph",
        ),
        (lambda x: np.add.at(A, [0], x), r"np\.add\.at on a Tensor: write minigen\.scatter_add\(values, index="),
        (lambda x: np.multiply(A, x, where=A > 1), r"np\.multiply on a Tensor: write minigen\.multiply\(x, y\),"),
        (lambda x: np.exp(A, out=x), r"np\.exp with a Tensor as out: a Tensor changes only through p\.assign\(array\)"),
        (lambda x: np.add(A, x, out=A), r"np\.add of a Tensor into an array: .* write array = array \+ x, not \+="),
    ],
)
def test_ufuncs_with_a_method_or_options_are_refused(call, message):
    before = A.copy()
    with pytest.raises(TypeError, match=message):
        call(tensor())
    np.testing.assert_array_equal(A, before)


@pytest.mark.parametrize("combine", [np.add, np.subtract, np.multiply, np.divide, np.power])
def test_what_an_operator_of_arrays_calls_works(combine):
    """array * tensor and np.multiply(array, tensor) are the same call to NumPy."""
    x = tensor()
    y = combine(A, x)
    np.testing.assert_array_equal(y.numpy(), combine(A, A))
    assert grad(y.sum(), [x])[0].dtype == np.float32
    np.testing.assert_array_equal(np.matmul(A.T, x).numpy(), A.T @ A)


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv", "ipow", "imatmul"])
def test_an_array_does_not_take_in_a_tensor(name):
    array = A.copy()
    with pytest.raises(TypeError, match="of a Tensor into an array: it would lose its graph; write array = array"):
        getattr(operator, name)(array, tensor())
    np.testing.assert_array_equal(array, A)


def test_elements_cannot_be_assigned():
    x = tensor()
    with pytest.raises(TypeError, match=r"minigen\.where.*minigen\.concatenate.*p\.assign"):
        x[0] = 1.0
    with pytest.raises(TypeError, match=r"element by element"):
        x[0] += 1.0


@pytest.mark.parametrize(
    "divide",
    [
        lambda x: x // 2.0,
        lambda x: 2.0 // x,
        lambda x: x % 2.0,
        lambda x: 2.0 % x,
        lambda x: divmod(x, 2.0),
        lambda x: A // x,
        lambda x: A % x,
        lambda x: divmod(A, x),
        lambda x: np.float64(2) % x,
    ],
)
def test_floor_division_is_explained(divide):
    with pytest.raises(TypeError, match="// and % have no useful derivative: use x / y"):
        divide(tensor())


@pytest.mark.parametrize("index", [lambda i: i, lambda i: (0, i), lambda i: (Ellipsis, i)])
def test_a_tensor_as_an_index_is_explained(index):
    with pytest.raises(TypeError, match=r"an index must be a plain array .* not a Tensor: index with x\.data"):
        tensor()[index(Tensor([0.0]))]


@pytest.mark.parametrize("index", [lambda i: i, lambda i: (slice(None), i)])
def test_a_masked_array_as_an_index_is_explained(index):
    with pytest.raises(TypeError, match="got a MaskedArray, whose mask would be lost"):
        tensor()[index(np.ma.masked_array([0, 1], [False, True]))]


@pytest.mark.parametrize(
    "call",
    [
        lambda x, s: minigen.clip(x, low=s),
        lambda x, s: minigen.leaky_relu(x, slope=s),
        lambda x, s: x.sum(axis=s),
        lambda x, s: minigen.sum(x.data, s),
    ],
)
def test_a_tensor_as_a_setting_is_explained(call):
    with pytest.raises(TypeError, match=r"is a setting, not part of the graph, got a Tensor: take its value, x\.item\(\)"):
        call(tensor(), Tensor(0.5))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: minigen.sum([1.0, 2.0]), "sum: 'list' object has no attribute 'shape' (inputs: [1.0, 2.0])"),
        (lambda: minigen.add(A, [1.0, 2.0]), "add: operands could not be broadcast together with shapes (2,3) (2,) "),
        (lambda: tensor() * [[k / 3 for k in range(1000)]], "(inputs: float32[2, 3], [[0.0, 0.3333333333333333, "),
    ],
)
def test_what_goes_wrong_without_tensors_or_with_lists_names_the_op_in_a_few_words(call, words):
    with pytest.raises((TypeError, ValueError), match=re.escape(words)) as error:
        call()
    assert len(str(error.value)) < 300


def test_astype_is_explained():
    with pytest.raises(
        TypeError, match=r"keeps its dtype: make a new leaf with minigen\.Tensor\(x\.numpy\(\)\.astype\('float64'\)\)"
    ):
        tensor().astype("float64")
    with pytest.raises(TypeError, match=r"x\.numpy\(\)\.astype\('float64'\)"):
        tensor().astype(np.float64)


@pytest.mark.parametrize("call", [lambda x: x.sum(axis=[0, 1]), lambda x: minigen.mean(x.data, [0, 1])])
def test_a_list_of_axes_is_answered_with_the_tuple(call):
    with pytest.raises(TypeError, match=r"(sum|mean): axis is an int, a tuple of ints or None, got \[0, 1\]: write \(0, 1\)"):
        call(tensor())


@pytest.mark.parametrize("other", [
    np.ones((2, 3)), Tensor(np.ones(3)), np.arange(3), [1.0, 2.0, 3.0],
], ids=["float64 array", "float64 tensor", "int array", "list"])  # fmt: skip
@pytest.mark.parametrize("swap", [False, True])
def test_mixed_dtypes_are_refused_with_both_named(other, swap):
    x = tensor()
    with pytest.raises(DtypeError, match=r"multiply mixes dtypes: .*float32\[2, 3\].*x\.astype\('float32'\)"):
        other * x if swap else x * other


def test_float64_takes_integer_arrays():
    x = tensor(np.float64)
    np.testing.assert_array_equal((x * np.arange(3)).numpy(), A * np.arange(3))


def test_shapes_that_do_not_fit_are_named_with_the_op():
    with pytest.raises(ShapeError, match=r"add: .*\(inputs: float32\[2, 3\], float32\[2\]\)"):
        tensor() + np.ones(2, np.float32)
    with pytest.raises(ShapeError, match=r"matmul: .*inputs: float32\[2, 3\], float32\[2, 3\]"):
        tensor() @ tensor()
    with pytest.raises(ShapeError, match="reshape: "):
        tensor().reshape(4, 2)
    with pytest.raises(IndexError, match="getitem: index 2 is out of bounds"):
        tensor()[2]


def test_what_is_not_a_number_is_refused():
    for other in (None, "2"):
        with pytest.raises(TypeError, match="add: "):
            tensor() + other


def test_devices_do_not_mix(device):
    host = tensor()
    minigen.use(device)
    there = tensor()
    for mix in (
        lambda: host * there,
        lambda: there * host,
        lambda: there * A,
        lambda: A * there,
        lambda: there @ A.T,
        lambda: minigen.concatenate(there, host),
        lambda: minigen.where(A > 2, there, 0.0),
    ):
        with pytest.raises(DeviceError, match=rf"numpy and {device}|{device} and numpy"):
            mix()
    with pytest.raises(DeviceError, match=rf"minigen\.asarray\(x\) after minigen\.use\('{device}'\).*minigen\.to_numpy\(x\)"):
        host + there
