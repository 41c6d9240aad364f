"""@op: how an operation of your own is written, called and refused."""

import numpy as np
import pytest

import minigen
from minigen import Tensor, grad, gradcheck, op
from minigen.autograd import OPS
from minigen.errors import DtypeError, GradcheckError, ShapeError

X = np.random.default_rng(0).standard_normal((3, 4))


def leaf(*values):
    """A float64 leaf."""
    return Tensor(np.array(values, dtype=float), requires_grad=True)


@pytest.fixture
def softsign():
    """The op of SKETCH: forward and one rule."""

    @op
    def softsign(x):
        """x / (1 + |x|), element by element. x: any shape -> same shape."""
        return x / (1 + abs(x))

    @softsign.vjp("x")
    def softsign_dx(g, y, x):
        """dL/dx = g / (1 + |x|)^2."""
        return g / (1 + abs(x)) ** 2

    return softsign


@pytest.fixture
def scale():
    """An op of two inputs and two attributes; it returns what it was called with as well, to be looked at."""

    @op
    def scale(x, y, *, by, plus=0.0):
        return x * by + y * 10.0 * by + plus

    scale.vjp("x")(lambda g, z, x, y, *, by, plus: g * by)
    scale.vjp("y")(lambda g, z, x, y, *, by, plus: g * (10.0 * by))
    return scale


# -- an op of your own ------------------------------------------------------------------------------------------


def test_an_op_of_ones_own_passes_the_check(backend, softsign):
    gradcheck(softsign, X, order=3)


def test_it_runs_on_tensors_arrays_and_numbers(backend, softsign):
    y = softsign(Tensor(minigen.asarray(X)))
    assert isinstance(y, Tensor)
    np.testing.assert_allclose(y.numpy(), X / (1 + abs(X)))
    np.testing.assert_allclose(minigen.to_numpy(softsign(minigen.asarray(X))), X / (1 + abs(X)))
    assert softsign(3.0) == 0.75


def test_it_keeps_name_docstring_and_module(softsign):
    assert softsign.__name__ == "softsign" and softsign.__doc__.startswith("x / (1 + |x|)")
    assert OPS[f"{__name__}.softsign"] is softsign.op


def test_a_rule_stays_a_plain_function():
    @op
    def double(x):
        return 2.0 * x

    @double.vjp("x")
    def double_dx(g, y, x):
        return 2.0 * g

    assert double_dx(3.0, None, None) == 6.0


def test_what_offers_itself_as_an_array_is_one_for_forward_and_rules():
    class Table:
        def __array__(self, dtype=None, copy=None):
            return np.float32([[1.0, 2.0], [3.0, 4.0]])

    x = Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    y = minigen.matmul(x, Table())
    assert y.numpy().tolist() == [[4.0, 6.0]] and type(y.inputs[1]) is np.ndarray
    assert grad(y.sum(), [x])[0].numpy().tolist() == [[3.0, 7.0]]

    @op
    def affine(x, w, b=None):
        return x @ w if b is None else x @ w + b

    assert affine(x, Table()).numpy().tolist() == affine(x, Table(), None).numpy().tolist() == [[4.0, 6.0]]


def test_without_tensors_a_numpy_number_changes_no_dtype():
    assert minigen.multiply(np.float64(2.0), np.ones(2, np.float32)).dtype == np.float32
    assert minigen.multiply(np.float32(2.0), np.ones(2)).dtype == np.float64
    kept = minigen.multiply(np.float32(2.0), np.float32(3.0))
    assert type(kept) is np.float32, "alone, it may be the sum of an array"
    assert type(minigen.multiply(np.float64(0.1), np.ones((), np.float64))) is np.float64


def test_a_variadic_op_has_one_rule_that_is_given_the_position():
    @op
    def weighted(*terms):
        return sum((number + 1.0) * term for number, term in enumerate(terms))

    weighted.vjp("terms")(lambda g, y, *terms, position: g * (position + 1.0))
    gradcheck(weighted, X, X[::-1], X * 2.0)
    gradcheck(lambda x, y: weighted(x, X, y), X, X[::-1])


# -- inputs and attributes ---------------------------------------------------------------------------------------


def test_inputs_and_attributes_bind_as_in_python(scale):
    x, y = leaf(1.0), leaf(2.0)
    calls = [
        lambda: scale(x, y, by=3.0, plus=1.0),
        lambda: scale(x, y, 3.0, 1.0),
        lambda: scale(x, y, 3.0, plus=1.0),
        lambda: scale(x, y=y, by=3.0, plus=1.0),
        lambda: scale(x=x, y=y, plus=1.0, by=3.0),
        lambda: scale(y=y, x=x, by=3.0, plus=1.0),
    ]
    for call in calls:
        z = call()
        assert z.item() == 64.0
        assert [g.item() for g in grad(z, [x, y])] == [3.0, 30.0]


def test_a_rule_gets_the_defaults_of_attributes_that_were_not_given(scale):
    x = leaf(1.0)
    assert grad(scale(x, 1.0, by=2.0), [x])[0].item() == 2.0


def test_an_optional_input_that_was_not_given_is_none_for_forward_and_rules():
    @op
    def affine(x, b=None, *, by=2.0):
        return x * by if b is None else x * by + b

    affine.vjp("x")(lambda g, y, x, b, *, by: g * by)
    affine.vjp("b")(lambda g, y, x, b, *, by: g)
    x, b = leaf(1.0), leaf(5.0)
    for y, value in (
        (affine(x), 2.0),
        (affine(x, None), 2.0),
        (affine(x, b), 7.0),
        (affine(x, b=b, by=3.0), 8.0),
        (affine(x, b, 3.0), 8.0),
    ):
        assert y.item() == value and grad(y, [x])[0].item() == value - (5.0 if value > 2.0 else 0.0)
    assert grad(affine(x, b), [b])[0].item() == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f, x: f(), r"scale is missing its argument 'x'"),
        (lambda f, x: f(x, by=1.0), r"scale is missing its argument 'y'"),
        (lambda f, x: f(x, x, 1.0, 2.0, 3.0), r"scale takes the arguments \('x', 'y', 'by', 'plus'\), got 5 positional ones"),
        (lambda f, x: f(x, x, 1.0, by=2.0), r"scale takes the arguments"),
        (lambda f, x: f(x, x), r"missing 1 required keyword-only argument: 'by'"),
        (lambda f, x: f(x, x, by=1.0, bye=2.0), r"scale has no setting 'bye': did you mean 'by'"),
    ],
)
def test_a_wrong_call_is_reported_as_python_would(scale, call, message):
    with pytest.raises(TypeError, match=message):
        call(scale, leaf(1.0))


# -- what is refused ---------------------------------------------------------------------------------------------


def test_a_missing_rule_says_how_to_add_it():
    @op
    def half(x):
        return x / 2.0

    y = half(leaf(1.0))
    message = r"op half has no rule for its input 'x': add one with @half\.vjp\(\"x\"\), or declare it: @op\(non_differentiable=\(\"x\",\)\)"
    with pytest.raises(NotImplementedError, match=message):
        y.backward()
    assert half(Tensor([1.0])).item() == 0.5, "an op without a rule still computes"


def test_a_missing_rule_matters_only_where_a_gradient_is_wanted():
    @op
    def product(x, y):
        return x * y

    product.vjp("x")(lambda g, z, x, y: g * y)
    x, y = leaf(2.0), leaf(3.0)
    assert grad(product(x, y), [x])[0].item() == 3.0
    with pytest.raises(NotImplementedError, match="input 'y'"):
        grad(product(x, y), [y])


def test_a_non_differentiable_name_that_is_not_an_input():
    with pytest.raises(TypeError, match=r"op loss: non_differentiable names \['label'\], but the inputs are \('x', 'labels'\)"):

        @op(non_differentiable=("label",))
        def loss(x, labels):
            return x * labels


@pytest.mark.parametrize("name", ["z", "axis", "labels"])
def test_a_rule_for_what_is_not_a_differentiable_input(name):
    @op(non_differentiable=("labels",))
    def loss(x, labels, *, axis=0):
        return x * labels

    with pytest.raises(TypeError, match=rf"op loss has no differentiable input '{name}'; its inputs are \('x', 'labels'\)"):
        loss.vjp(name)


def test_a_forward_that_changes_the_dtype_is_named():
    @op
    def leaky(x):
        return x * np.float64(2.0)

    with pytest.raises(DtypeError, match=r"leaky mixes dtypes: float32\[1\] gave float64\. All arrays"):
        leaky(Tensor([1.0]))


def test_an_error_inside_the_forward_names_op_and_inputs_and_keeps_its_cause():
    @op
    def picky(x):
        raise ValueError("expected an image")

    with pytest.raises(ShapeError, match=r"picky: expected an image \(inputs: float32\[2\]\)") as caught:
        picky(Tensor([1.0, 2.0]))
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_message_names_the_factor_that_a_rule_has_lost(softsign):
    @softsign.vjp("x")
    def softsign_dx(g, y, x):
        return 2.0 * g / (1 + abs(x)) ** 2

    with pytest.raises(GradcheckError, match=r"softsign: .* ratio 2$"):
        gradcheck(softsign, X)


def test_an_op_that_does_not_return_an_array_is_named():
    @op
    def count(x):
        return (x, 1)

    with pytest.raises(TypeError, match="count: 'tuple' object has no attribute 'dtype'; is its result one array?"):
        count(leaf(1.0))


@pytest.mark.parametrize("dtype", ["float16", "int64", "bool", "complex64", ">f4"])
def test_a_tensor_is_float32_or_float64(dtype):
    with pytest.raises(DtypeError, match=f"a Tensor holds float32 or float64, got {dtype}"):
        Tensor(np.ones(3, dtype=dtype))
