"""The checker is fed wrong rules: an instrument that cannot fail measures nothing."""

import re

import numpy as np
import pytest

import minigen
from minigen import Tensor, gradcheck, op
from minigen.autograd.gradient_check import COMPARED
from minigen.errors import DtypeError, GradcheckError, ShapeError

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4))
ROW = rng.standard_normal(4)


def wrong_tanh(rule):
    """tanh with a rule that is given."""

    @op
    def tanh(x):
        return minigen.tanh(x)

    tanh.vjp("x")(rule)
    return tanh


def ratio(error) -> float:
    """The ratio that the message of a GradcheckError ends with."""
    return float(re.search(r"ratio (\S+)$", str(error)).group(1))


# -- wrong factors: the message tells which ----------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.001, 2.0, 0.5, -1.0, 12.0])
def test_a_wrong_factor_is_caught_and_shown_as_the_ratio(factor):
    with pytest.raises(GradcheckError, match=r"^tanh: wrong derivative with respect to input 0 of shape \(3, 4\)") as caught:
        gradcheck(wrong_tanh(lambda g, y, x: factor * g * (1.0 - y * y)), X)
    assert ratio(caught.value) == pytest.approx(factor, rel=1e-4)


def test_the_message_points_at_the_worst_element():
    def rule(g, y, x):
        weights = np.ones((3, 4))
        weights[1, 2] = 3.0
        return g * (1.0 - y * y) * weights

    with pytest.raises(GradcheckError, match=r"worst at index \(1, 2\): analytic \S+, numeric \S+, ratio 3$"):
        gradcheck(wrong_tanh(rule), X, order=1)


def test_the_message_names_the_input():
    @op(broadcasts=True)
    def multiply(x, y):
        return x * y

    multiply.vjp("x")(lambda g, z, x, y: g * y)
    multiply.vjp("y")(lambda g, z, x, y: g * x * 2.0)
    with pytest.raises(GradcheckError, match=r"multiply: .* input 1 of shape \(4,\).* ratio 2$"):
        gradcheck(multiply, X, ROW)
    gradcheck(multiply, X, ROW, wrt=[0])


def test_the_error_carries_both_derivatives_element_by_element():
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong_tanh(lambda g, y, x: 2.0 * g * (1.0 - y * y)), X)
    mismatch = caught.value.mismatch
    assert (mismatch.input, mismatch.shape) == (0, (3, 4))
    with pytest.raises(AttributeError):
        mismatch.input = 1
    right = mismatch.cotangent * (1.0 - np.tanh(X) ** 2)
    np.testing.assert_allclose(mismatch.numeric, right.ravel(), rtol=1e-6)
    np.testing.assert_allclose(mismatch.analytic, 2.0 * right.ravel(), rtol=1e-12)


def test_of_a_large_array_only_some_elements_are_compared_the_largest_among_them():
    x = rng.standard_normal((50, 60))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong_tanh(lambda g, y, x: 2.0 * g * (1.0 - y * y)), x, order=1)
    mismatch = caught.value.mismatch
    assert len(mismatch.elements) == len(set(mismatch.elements)) == COMPARED
    analytic = 2.0 * mismatch.cotangent * (1.0 - np.tanh(x) ** 2)
    np.testing.assert_allclose(mismatch.analytic, analytic.ravel()[mismatch.elements], rtol=1e-12)
    assert np.argmax(np.abs(analytic)) in mismatch.elements
    assert ratio(caught.value) == pytest.approx(2.0, rel=1e-4)


@pytest.mark.parametrize("shape", [(), (3, 4), (60, 60)])
@pytest.mark.parametrize("scale", [0.1, 1e3])
def test_the_tolerance_is_relative_to_the_derivative_whatever_the_size(shape, scale):
    """A hundred-thousandth is allowed, of the derivative along a random direction; a thousandth is found."""
    x = np.asarray(rng.standard_normal(shape)) * 0.1
    gradcheck(lambda x: scale * wrong_tanh(lambda g, y, x: (1.0 + 1e-7) * g * (1.0 - y * y))(x), x, order=1)
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: scale * wrong_tanh(lambda g, y, x: 1.001 * g * (1.0 - y * y))(x), x, order=1)


def test_what_is_smaller_than_the_absolute_tolerance_is_not_compared():
    @op
    def tiny(x):
        return 1e-9 * x

    tiny.vjp("x")(lambda g, y, x: 2e-9 * g)
    gradcheck(tiny, X, order=1)
    with pytest.raises(GradcheckError, match="ratio 2$"):
        gradcheck(tiny, X, order=1, atol=0.0)
    with pytest.raises(GradcheckError, match="ratio 2$"):
        gradcheck(lambda x: 1e4 * tiny(x), X, order=1)


def test_the_seed_decides_on_cotangent_and_directions_and_is_0_by_default():
    def cotangent(**options) -> np.ndarray:
        with pytest.raises(GradcheckError) as caught:
            gradcheck(wrong_tanh(lambda g, y, x: 2.0 * g), X, **options)
        return caught.value.mismatch.cotangent

    np.testing.assert_array_equal(cotangent(), np.random.default_rng(0).standard_normal((3, 4)))
    np.testing.assert_array_equal(cotangent(seed=5), np.random.default_rng(5).standard_normal((3, 4)))


# -- wrong in the ways in which rules go wrong -------------------------------------------------------------------


def test_a_captured_constant_is_right_at_order_1_and_caught_at_order_2():
    def rule(g, y, x):
        y = y.numpy() if isinstance(y, Tensor) else y  # the value without its history
        return g * (1.0 - y * y)

    gradcheck(wrong_tanh(rule), X, order=1)
    with pytest.raises(GradcheckError, match="^the derivative of tanh: wrong derivative with respect to input 0"):
        gradcheck(wrong_tanh(rule), X, order=2)


def test_a_captured_g_is_caught_at_order_2_as_the_derivative_by_the_cotangent():
    def rule(g, y, x):
        return (1.0 - y * y) * (g.numpy() if isinstance(g, Tensor) else g)

    gradcheck(wrong_tanh(rule), X, order=1)
    with pytest.raises(GradcheckError, match="^the derivative of tanh: wrong derivative with respect to input 1"):
        gradcheck(wrong_tanh(rule), X)


def test_an_error_in_the_third_derivative_is_caught_at_order_3_only():
    """cube's second derivative is written as an op of its own with a wrong rule."""

    @op
    def linear(x):
        return 6.0 * x

    linear.vjp("x")(lambda g, y, x: 5.0 * g)

    @op
    def parabola(x):
        return 3.0 * x * x

    parabola.vjp("x")(lambda g, y, x: g * linear(x))

    @op
    def cube(x):
        return x * x * x

    cube.vjp("x")(lambda g, y, x: g * parabola(x))
    gradcheck(cube, X, order=2)
    with pytest.raises(GradcheckError, match="^the derivative of the derivative of cube: .*"):
        gradcheck(cube, X, order=3)


def test_swapped_arguments_are_caught():
    @op(broadcasts=True)
    def divide(x, y):
        return x / y

    divide.vjp("x")(lambda g, z, x, y: g / x)
    divide.vjp("y")(lambda g, z, x, y: -g * y / (x * x))
    with pytest.raises(GradcheckError, match="divide: .* input 0"):
        gradcheck(divide, 1.0 + np.abs(X), 1.0 + np.abs(X[::-1]))


def test_a_forgotten_sum_over_a_broadcast_axis_is_caught():
    @op
    def add_row(x, row):
        return x + row

    add_row.vjp("x")(lambda g, z, x, row: g)
    add_row.vjp("row")(lambda g, z, x, row: g)
    with pytest.raises(ShapeError, match=r"add_row: rule \S+ for 'row' returned float64\[3, 4\], expected float64\[4\]"):
        gradcheck(add_row, X, ROW)


def test_a_broadcast_axis_of_which_only_one_element_is_taken_is_caught():
    @op
    def add_row(x, row):
        return x + row

    add_row.vjp("x")(lambda g, z, x, row: g)
    add_row.vjp("row")(lambda g, z, x, row: g[0])
    with pytest.raises(GradcheckError, match="add_row: .* input 1"):
        gradcheck(add_row, X, ROW)


def test_a_rule_that_mutates_g_is_caught():
    def rule(g, y, x):
        g *= 1.0 - y * y
        return g

    with pytest.raises(ValueError, match="read-only"):
        gradcheck(wrong_tanh(rule), X)


def test_a_forward_that_mutates_its_input_is_caught():
    @op
    def double(x):
        x *= 2.0
        return x + 0.0

    double.vjp("x")(lambda g, y, x: 2.0 * g)
    with pytest.raises(ShapeError, match="double: .*read-only"):
        gradcheck(double, X)


def test_on_a_device_too_a_rule_that_mutates_g_is_caught(device):
    def rule(g, y, x):
        g *= 1.0 - y * y
        return g

    minigen.use(device)
    with pytest.raises(GradcheckError, match=r"changes the cotangent g: .* x = x \* 2 makes a new one"):
        gradcheck(wrong_tanh(rule), X, order=1)


@pytest.mark.parametrize("order", [1, 2])
def test_on_a_device_too_a_forward_that_mutates_its_input_is_caught(device, order):
    @op
    def double(x):
        x *= 2.0
        return x + 0.0

    double.vjp("x")(lambda g, y, x: 2.0 * g)
    minigen.use(device)
    with pytest.raises(GradcheckError, match="double or one of its rules changes input 0"):
        gradcheck(double, X, order=order)


def test_on_a_device_too_a_rule_that_mutates_an_input_is_caught(device):
    def rule(g, y, x):
        x *= 0.5
        return g * (1.0 - y * y)

    minigen.use(device)
    with pytest.raises(GradcheckError, match="changes input 0"):
        gradcheck(wrong_tanh(rule), X, order=1)


def test_a_rule_that_returns_none_is_caught():
    with pytest.raises(ShapeError, match=r"tanh: rule <lambda> for 'x' returned NoneType, expected float64\[3, 4\]"):
        gradcheck(wrong_tanh(lambda g, y, x: None), X)


def test_a_rule_that_returns_a_number_is_caught():
    with pytest.raises(ShapeError, match=r"tanh: rule <lambda> for 'x' returned float, expected float64\[3, 4\]"):
        gradcheck(wrong_tanh(lambda g, y, x: 1.0), X)


def test_a_rule_of_the_wrong_dtype_is_caught():
    with pytest.raises(DtypeError, match=r"for 'x' returned float32\[3, 4\], expected float64\[3, 4\]"):
        gradcheck(wrong_tanh(lambda g, y, x: (g * (1.0 - y * y)).astype(np.float32)), X)


def test_a_softmax_without_its_projection_is_caught_because_the_cotangent_is_random():
    """The derivative of sum(softmax(x)) is 0, and so is what this rule makes of a cotangent of ones."""

    @op
    def softmax(x):
        y = np.exp(x - x.max(axis=-1, keepdims=True))
        return y / y.sum(axis=-1, keepdims=True)

    softmax.vjp("x")(lambda g, y, x: y * (g - g.mean(axis=-1, keepdims=True)))
    x = Tensor(X, requires_grad=True)
    (blind,) = minigen.grad(softmax(x), [x], np.ones((3, 4)))
    np.testing.assert_allclose(blind.numpy(), 0.0, atol=1e-15)
    with pytest.raises(GradcheckError, match="softmax: .* input 0"):
        gradcheck(softmax, X)


def test_a_rule_that_is_zero_is_caught():
    with pytest.raises(GradcheckError, match="analytic -?0, .* ratio -?0$"):
        gradcheck(wrong_tanh(lambda g, y, x: 0.0 * g), X)


def test_a_rule_for_a_function_that_is_constant_is_caught():
    @op
    def sign(x):
        return (x > 0) * 1.0

    sign.vjp("x")(lambda g, y, x: g)
    with pytest.raises(GradcheckError, match="ratio inf$"):
        gradcheck(sign, X)


def test_an_nan_in_the_rule_is_caught():
    with pytest.raises(GradcheckError):
        gradcheck(wrong_tanh(lambda g, y, x: g * float("nan")), X)


@pytest.mark.parametrize("value", [np.inf, 1e200])
def test_a_number_that_no_norm_can_hold_is_caught(value):
    def rule(g, y, x):
        return np.where(np.arange(12).reshape(3, 4) == 5, value, g * (1.0 - y * y))

    with pytest.raises(GradcheckError, match=r"worst at index \(1, 1\)"):
        gradcheck(wrong_tanh(rule), X, order=1)


def test_a_function_that_is_not_deterministic_is_caught():
    def noisy(x):
        return x * minigen.asarray(np.random.default_rng().standard_normal((3, 4)))

    with pytest.raises(GradcheckError):
        gradcheck(noisy, X)


# -- what it takes and what it leaves alone ----------------------------------------------------------------------


def test_float32_is_refused():
    with pytest.raises(DtypeError, match=r"gradcheck needs float64, got float32 for input 1: x.astype\('float64'\)"):
        gradcheck(minigen.add, X, X.astype(np.float32))


def test_without_a_floating_array_there_is_nothing_to_check():
    with pytest.raises(DtypeError, match=r"gradcheck needs a float64 array to differentiate, got \['int64', 'bool'\]"):
        gradcheck(minigen.add, np.arange(3), np.ones(3, bool))
    with pytest.raises(DtypeError, match="array to differentiate, got"):
        gradcheck(minigen.tanh, X, wrt=[])


def test_a_function_that_returns_an_array_is_refused():
    with pytest.raises(TypeError, match="<lambda> must return a Tensor, got ndarray"):
        gradcheck(lambda x: x.numpy(), X)


def test_right_rules_pass_on_every_backend(backend):
    gradcheck(lambda x, w: (x @ w).tanh().sum(axis=0), X, rng.standard_normal((4, 2)), order=3)


def test_integer_and_bool_arrays_reach_the_function_on_the_backend_in_use(backend):
    labels, chosen = np.array([2, 0, 2]), X > 0
    gradcheck(lambda x, labels: x[labels], X, labels)
    gradcheck(lambda chosen, x, y: minigen.where(chosen, x, y), chosen, X, ROW)


def test_a_function_that_does_not_depend_on_an_input_has_the_gradient_zero():
    gradcheck(lambda x, y: x * x, X, ROW)
    gradcheck(lambda x: Tensor(ROW), X)


def test_numbers_and_tensors_of_no_axes_can_be_checked():
    gradcheck(lambda x: x * x, np.array(1.5), order=3)
    gradcheck(minigen.multiply, np.float64(1.5), X)


def test_empty_arrays_can_be_checked():
    gradcheck(lambda x: x * x, np.zeros((0, 3)))


def test_the_arrays_are_not_changed_and_stay_writeable():
    x = X.copy()
    gradcheck(minigen.tanh, x)
    np.testing.assert_array_equal(x, X)
    assert x.flags.writeable


def test_the_order_is_2_by_default():
    orders = []

    @op
    def tanh(x):
        return minigen.tanh(x)

    @tanh.vjp("x")
    def tanh_dx(g, y, x):
        orders.append(isinstance(g, Tensor))
        return g * (1.0 - y * y)

    gradcheck(tanh, X)
    assert True in orders and False in orders


def test_a_gradient_inside_the_function_is_checked():
    def slope(x):
        (dx,) = minigen.grad((x.tanh() * x).sum(), [x], create_graph=True)
        return dx

    gradcheck(slope, X)
