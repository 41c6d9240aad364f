"""Exact values where formulas break: infinite logits, powers at 0, ranges that a rule relies on."""

import math

import numpy as np
import pytest

import minigen
from minigen import Tensor, grad, gradcheck, losses, nn
from minigen.backend import asarray
from minigen.ops import adain, dropout, pixel_norm, softmax

INF, NAN = math.inf, math.nan
THIRD = np.exp([1.0, 2.0]) / np.exp([1.0, 2.0]).sum()  # softmax of 1 and 2


def to_second_order(f, *values):
    """f, its gradients, and the gradients of their sum, at arrays or numbers, in float64."""
    xs = [Tensor(asarray(np.asarray(value, dtype=float)), requires_grad=True) for value in values]
    with np.errstate(all="ignore"):
        y = f(*xs)
        first = grad(y, xs, asarray(np.ones(y.shape)), create_graph=True, allow_unused=True)
        total = sum(dx.sum() for dx in first)
        second = grad(total, xs, allow_unused=True) if total.requires_grad else [Tensor(np.zeros(x.shape)) for x in xs]
    return y.numpy(), [dx.numpy() for dx in first], [dxx.numpy() for dxx in second]


# -- activations -------------------------------------------------------------------------------------------------

EDGES = [-INF, -1e30, -100.0, 100.0, 1e30, INF]
TINY = math.exp(-100.0)
LIMITS = {  # name: values, slopes
    "relu": (minigen.relu, [0, 0, 0, 100, 1e30, INF], [0, 0, 0, 1, 1, 1]),
    "leaky_relu": (minigen.leaky_relu, [-INF, -2e29, -20, 100, 1e30, INF], [0.2, 0.2, 0.2, 1, 1, 1]),
    "leaky_relu of slope 0": (lambda x: minigen.leaky_relu(x, slope=0.0), [0, 0, 0, 100, 1e30, INF], [0, 0, 0, 1, 1, 1]),
    "elu": (minigen.elu, [-1, -1, -1, 100, 1e30, INF], [0, 0, 0, 1, 1, 1]),
    "tanh": (minigen.tanh, [-1, -1, -1, 1, 1, 1], [0, 0, 0, 0, 0, 0]),
    "sigmoid": (minigen.sigmoid, [0, 0, TINY, 1, 1, 1], [0, 0, TINY, 0, 0, 0]),
    "softplus": (minigen.softplus, [0, 0, TINY, 100, 1e30, INF], [0, 0, TINY, 1, 1, 1]),
    "clip": (lambda x: minigen.clip(x, low=-200.0, high=200.0), [-200, -200, -100, 100, 200, 200], [0, 0, 1, 1, 0, 0]),
    "absolute": (minigen.absolute, [INF, 1e30, 100, 100, 1e30, INF], [-1, -1, -1, 1, 1, 1]),
}


@pytest.mark.parametrize("name", LIMITS)
def test_activations_reach_their_limits(backend, name):
    f, values, slopes = LIMITS[name]
    y, (dx,), (dxx,) = to_second_order(f, EDGES)
    np.testing.assert_allclose(y, values, rtol=1e-14)
    np.testing.assert_allclose(dx, slopes, rtol=1e-14)
    assert np.isfinite(dxx).all()


def test_a_nan_passes_as_in_pytorch(backend):
    """What is not a number is not at most 0 either: its gradient is not lost."""
    for f in (
        minigen.relu,
        lambda x: minigen.maximum(x, 0.0),
        lambda x: minigen.maximum(0.0, x),
        lambda x: minigen.minimum(x, 0.0),
        lambda x: minigen.minimum(0.0, x),
    ):
        y, (dx,), _ = to_second_order(f, [NAN])
        assert np.isnan(y).all()
        np.testing.assert_array_equal(dx, 1.0)


# -- cross entropies and their kin -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logit", "target", "loss", "slope"),
    [
        (INF, 1.0, 0.0, 0.0),
        (INF, 0.0, INF, 1.0),
        (INF, 0.5, INF, 0.5),
        (-INF, 0.0, 0.0, 0.0),
        (-INF, 1.0, INF, -1.0),
        (-INF, 0.9, INF, -0.9),
        (1e30, 1.0, 0.0, 0.0),
        (-1e30, 1.0, 1e30, -1.0),
        (0.0, 0.3, math.log(2), 0.2),
        (2.0, 1.2, math.log1p(math.exp(-2)) - 0.4, None),
    ],
)
def test_sigmoid_cross_entropy_of_infinite_logits(backend, logit, target, loss, slope):
    y, (dx,), (dxx,) = to_second_order(lambda x: minigen.sigmoid_cross_entropy(x, asarray(np.full(1, target))), [logit])
    np.testing.assert_allclose(y, [loss], rtol=1e-14)
    if slope is not None:
        np.testing.assert_allclose(dx, [slope], rtol=1e-14, atol=1e-16)
    assert np.isfinite(dxx).all()


def test_cross_entropy_with_a_class_that_is_ruled_out(backend):
    """A logit of -inf is a probability of 0, as one masks what must not be chosen."""
    labels = asarray(np.array([1]))
    y, (dx,), (dxx,) = to_second_order(lambda x: losses.cross_entropy(x, labels), [[-INF, 1.0, 2.0]])
    assert y == pytest.approx(1.3132616875182228, rel=1e-15)
    np.testing.assert_allclose(dx, [[0.0, THIRD[0] - 1.0, THIRD[1]]], rtol=1e-14)
    np.testing.assert_allclose(dxx, np.zeros((1, 3)), atol=1e-15)
    y, (dx,), _ = to_second_order(lambda x: losses.cross_entropy(x, labels), [[1.0, -INF, 2.0]])
    assert y == INF
    np.testing.assert_allclose(dx, [[THIRD[0], -1.0, THIRD[1]]], rtol=1e-14)


def test_log_softmax_and_softmax_with_a_class_that_is_ruled_out(backend):
    y, (dx,), (dxx,) = to_second_order(minigen.log_softmax, [[-INF, 1.0, 2.0]])
    np.testing.assert_allclose(y, [[-INF, *np.log(THIRD)]], rtol=1e-14)
    np.testing.assert_allclose(dx, [[1.0, *(1.0 - 3.0 * THIRD)]], rtol=1e-14)
    assert np.isfinite(dxx).all()
    y, (dx,), (dxx,) = to_second_order(lambda x: softmax(x)[0, 1], [[-INF, 1.0, 2.0]])
    assert y == pytest.approx(THIRD[0], rel=1e-14)
    np.testing.assert_allclose(dx, [[0.0, THIRD[0] * THIRD[1], -THIRD[0] * THIRD[1]]], rtol=1e-14)
    assert np.isfinite(dxx).all()


@pytest.mark.parametrize(
    ("x", "value", "gradient"),
    [
        ([-INF, -INF], -INF, [NAN, NAN]),  # no probabilities at all: any would do
        ([INF, 1.0], INF, [NAN, 0.0]),
        ([INF, 1e4], INF, [NAN, 0.0]),
        ([INF, INF], INF, [NAN, NAN]),
        ([INF, -INF], INF, [NAN, 0.0]),
        ([-INF, 1.0], 1.0, [0.0, 1.0]),
        ([-INF, 1.0, 2.0], 2.313261687518223, [0.0, *THIRD]),
    ],
)
def test_logsumexp_of_infinite_elements_equals_pytorch(backend, x, value, gradient):
    """Values and gradients are PyTorch's."""
    for keepdims in (False, True):
        y, (dx,), _ = to_second_order(lambda x, keepdims=keepdims: minigen.logsumexp(x, axis=0, keepdims=keepdims), x)
        np.testing.assert_allclose(y.reshape(()), value, rtol=1e-14)
        assert minigen.logsumexp(Tensor(asarray(np.array(x)))).item() == value  # without a warning
        np.testing.assert_allclose(dx, gradient, rtol=1e-14)


@pytest.mark.parametrize(("logvar", "value", "slope"), [(-INF, INF, -0.5), (INF, INF, math.expm1(20.0) / 2), (-1e30, 5e29, -0.5)])
def test_the_divergence_of_no_and_of_infinite_variance(backend, logvar, value, slope):
    y, (dmean, dlogvar), second = to_second_order(minigen.kl_standard_normal, [2.0], [logvar])
    np.testing.assert_allclose(y, [value])
    np.testing.assert_allclose([dmean[0], dlogvar[0]], [2.0, slope])
    np.testing.assert_array_equal(second, [[1.0], [0.0]])


def test_a_sample_of_no_variance_is_the_mean(backend):
    y, (dmean, dlogvar, dnoise), _ = to_second_order(minigen.reparameterize, [2.0], [-INF], [3.0])
    np.testing.assert_array_equal([y, dmean, dlogvar, dnoise], [[2.0], [1.0], [0.0], [0.0]])


# -- the largest of a window -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "stride", "padding", "gradient"),
    [
        (2, 2, 1, [[1, 1], [1, 1]]),
        (2, 1, "same", [[1, 1], [1, 1]]),
        (3, 2, 1, [[1, 0], [0, 0]]),
        (2, 1, ((1, 0), (0, 1)), [[2, 2], [0, 0]]),
    ],
)
def test_padding_never_wins_against_minus_infinity(backend, size, stride, padding, gradient):
    """In a window of -inf beside padding, the first of its own pixels takes the gradient, and gives that of the gradient."""
    x = Tensor(asarray(np.full((1, 2, 2, 1), -INF)), requires_grad=True)
    y = minigen.max_pool2d(x, size=size, stride=stride, padding=padding)
    np.testing.assert_array_equal(y.numpy(), -INF)
    u = Tensor(asarray(np.ones(y.shape)), requires_grad=True)
    (dx,) = grad(y, [x], u, create_graph=True)
    np.testing.assert_array_equal(dx.numpy()[0, :, :, 0], gradient)
    np.testing.assert_array_equal(grad(dx.sum(), [u])[0].numpy(), 1.0)


def test_the_gradient_of_a_pooled_nan_goes_to_the_nan(backend):
    for padding in ("valid", 1):
        x = np.array([[1.0, NAN, 5.0, -INF], [3.0, 2.0, 4.0, 0.0]]).reshape(1, 2, 4, 1)
        x = Tensor(asarray(x), requires_grad=True)
        y = minigen.max_pool2d(x, padding=padding)
        assert np.isnan(y.numpy()).sum() == 1
        u = Tensor(asarray(np.ones(y.shape)), requires_grad=True)
        (dx,) = grad(y, [x], u, create_graph=True)
        assert dx.numpy()[0, 0, 1, 0] == 1.0
        assert dx.numpy().sum() == y.size
        v = np.zeros(x.shape)
        v[0, 0, 1, 0] = 1.0
        np.testing.assert_array_equal(grad(dx, [u], asarray(v))[0].numpy(), np.isnan(y.numpy()))


# -- powers ------------------------------------------------------------------------------------------------------


def test_powers_of_0_by_the_base(backend):
    """x^0 is constant, also at 0; the slope of x^1 there is 1."""
    exponents = asarray(np.arange(3.0))
    y, (dx,), (dxx,) = to_second_order(lambda x: x**exponents, np.zeros(3))
    np.testing.assert_array_equal([y, dx, dxx], [[1, 0, 0], [0, 1, 0], [0, 0, 2]])
    for exponent, value, slope, curvature in (
        (0, 1, 0, 0),
        (1, 0, 1, 0),
        (2, 0, 0, 2),
        (0.0, 1, 0, 0),
        (1.0, 0, 1, 0),
        (3, 0, 0, 0),
        (np.float64(0.0), 1, 0, 0),
        (np.int64(0), 1, 0, 0),
        (np.float32(2.0), 0, 0, 2),
    ):
        got = to_second_order(lambda x, exponent=exponent: x**exponent, 0.0)
        assert (got[0], *got[1], *got[2]) == (value, slope, curvature)
    _, (dx,), _ = to_second_order(lambda x: x ** asarray(np.array([0.5, -1.0])), [0.0, 0.0])
    np.testing.assert_array_equal(dx, [INF, -INF])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponent_0_is_constant_where_1_over_x_is_not_a_number(backend, dtype):
    """Of numbers below the smallest normal one, 1 / x may be infinite, and 0 * inf is NaN."""
    tiny = np.finfo(dtype).smallest_subnormal
    x = Tensor(asarray(np.array([tiny, -tiny, 0.0, NAN, INF], dtype)), requires_grad=True)
    with np.errstate(all="ignore"):
        y = x ** asarray(np.zeros(5, dtype))
        (dx,) = grad(y, [x], asarray(np.ones(5, dtype)), create_graph=True)
        (dxx,) = grad(dx.sum(), [x])
        (slope,) = grad(x ** asarray(np.ones(5, dtype)), [x], asarray(np.ones(5, dtype)), create_graph=True)
        (curvature,) = grad(slope.sum(), [x])
    for got, expected in ((y, 1.0), (dx, 0.0), (dxx, 0.0), (slope, 1.0), (curvature, 0.0)):
        np.testing.assert_array_equal(got.numpy(), expected)


@pytest.mark.parametrize("base", [0, 0.0, np.float32(0.0), np.array([0.0])])
def test_powers_of_0_by_the_exponent(backend, base):
    """0^p is 0 for p > 0 and 1 for p = 0: its derivative there is taken to be 0; for p < 0 it falls from infinity."""
    base = asarray(base) if isinstance(base, np.ndarray) else base
    y, (dp,), (dpp,) = to_second_order(lambda p: base**p, [0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal([y, dp, dpp], [[1, 0, 0, 0], [0] * 4, [0] * 4])
    y, (dp,), _ = to_second_order(lambda p: base**p, [-1.0])
    np.testing.assert_array_equal([y, dp], [[INF], [-INF]])


def test_powers_by_both_at_0(backend):
    y, (dx, dp), _ = to_second_order(lambda x, p: x**p, [0.0, 0.0, 0.0, 2.0, -2.0], [0.0, 1.0, 2.0, 0.0, 3.0])
    np.testing.assert_array_equal(y, [1, 0, 0, 1, -8])
    np.testing.assert_array_equal(dx, [0, 1, 0, 0, 12])
    np.testing.assert_array_equal(dp, [0, 0, 0, math.log(2), NAN])


@pytest.mark.parametrize(
    ("x", "p", "mixed"), [(2.0, 0.0, 0.5), (0.5, 0.0, 2.0), (0.0, 2.0, 0.0), (0.0, 1.0, 1.0), (0.0, 0.0, 0.0)]
)
def test_the_mixed_second_derivative_of_a_power(backend, x, p, mixed):
    """d/dp (p x^(p - 1)) = x^(p - 1) (1 + p log x): 1 / x where p = 0, not 0."""
    x, p = (Tensor(asarray(np.array(value)), requires_grad=True) for value in (x, p))
    (dx,) = grad(x**p, [x], create_graph=True)
    (dxp,) = grad(dx, [p])
    assert dxp.item() == mixed


def test_powers_of_exponent_0_to_second_order():
    gradcheck(lambda x, p: x**p, np.array([0.5, 1.0, 2.0]), np.zeros(3), order=3)
    gradcheck(lambda x, p: x**p, np.array([[0.5], [2.0]]), np.array([0.0, 1.0, 2.0]), order=2)


@pytest.mark.parametrize("base", [2, 2.0, np.float64(2.0), np.float32(2.0), np.int64(2)])
def test_a_number_may_be_the_base(backend, base):
    y, (dp,), (dpp,) = to_second_order(lambda p: base**p, [3.0, 0.0, -1.0])
    np.testing.assert_allclose(y, [8, 1, 0.5])
    np.testing.assert_allclose(dp, y * math.log(2), rtol=1e-15)
    np.testing.assert_allclose(dpp, y * math.log(2) ** 2, rtol=1e-15)


def test_a_negative_base_has_no_derivative_by_its_exponent(backend):
    y, (dp,), _ = to_second_order(lambda p: (-2.0) ** p, [2.0, 3.0])
    np.testing.assert_array_equal([y, dp], [[4, -8], [NAN, NAN]])  # a real derivative by p there is none
    y, (dx,), (dxx,) = to_second_order(lambda x: x ** asarray(np.array([2.0, 3.0, -1.0, 0.0])), [-2.0] * 4)
    np.testing.assert_array_equal([y, dx, dxx], [[4, -8, -0.5, 1], [-4, 12, -0.25, 0], [2, -12, -0.25, 0]])


@pytest.mark.parametrize(
    "make", [lambda x: x ** asarray(np.arange(3, dtype=np.float32)), lambda x: 0.0**x, lambda x: 2.0**x, lambda x: x**0]
)
def test_powers_keep_float32(backend, make):
    x = Tensor(asarray(np.zeros(3, dtype=np.float32)), requires_grad=True)
    y = make(x)
    (dx,) = grad(y, [x], asarray(np.ones(3, dtype=np.float32)))
    assert (y.dtype, dx.dtype) == (np.float32, np.float32)


# -- a vector of length 0 ----------------------------------------------------------------------------------------


def test_the_length_of_a_vector_of_zeros_has_subgradient_0_at_every_order(backend):
    x = Tensor(asarray(np.zeros((1, 2))), requires_grad=True)
    y = minigen.l2norm(x, axis=1)
    np.testing.assert_array_equal(grad(y, [x], asarray(np.array([INF])))[0].numpy(), np.zeros((1, 2)))
    (dx,) = grad(y, [x], create_graph=True)
    np.testing.assert_array_equal(grad(dx.sum(), [x])[0].numpy(), np.zeros((1, 2)))


# -- settings that rules rely on ---------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [-2.0, -0.0, 0.0, INF, NAN])
def test_elu_refuses_an_alpha_with_which_its_sign_would_not_be_that_of_x(alpha):
    with pytest.raises(ValueError, match=f"expected 0 < alpha < inf, got alpha={alpha}"):
        minigen.elu(Tensor([1.0, -1.0]), alpha=alpha)


@pytest.mark.parametrize("slope", [-0.1, 1.1, INF, NAN])
def test_leaky_relu_refuses_a_slope_when_the_layer_is_made(slope):
    for make in (lambda: nn.LeakyReLU(slope), lambda: minigen.leaky_relu(Tensor([1.0]), slope=slope)):
        with pytest.raises(ValueError, match=f"expected 0 <= slope <= 1, got slope={slope}"):
            make()


def test_a_leaky_relu_of_slope_1_changes_nothing():
    x = np.array([-INF, -2.0, 0.0, 2.0])
    y, (dx,), _ = to_second_order(lambda x: minigen.leaky_relu(x, slope=1.0), x)
    np.testing.assert_array_equal([y, dx], [x, np.ones(4)])


def test_clipping_to_one_number_is_constant():
    y, (dx,), _ = to_second_order(lambda x: minigen.clip(x, low=1.0, high=1.0), [0.0, 1.0, 2.0])
    np.testing.assert_array_equal([y, dx], [[1, 1, 1], [0, 1, 0]])


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (NAN, 1.0), (0.0, NAN)])
def test_clip_refuses_bounds_in_the_wrong_order(low, high):
    with pytest.raises(ValueError, match=f"clip: expected low <= high, got low={low}, high={high}"):
        minigen.clip(Tensor([1.0]), low=low, high=high)


@pytest.mark.parametrize("rate", [-0.5, 1.0, 1.5, NAN])
def test_dropout_refuses_a_rate_outside_0_and_1(rate):
    x = Tensor([1.0, 2.0])
    for make in (lambda: dropout(x, np.array([True, False]), rate), lambda: nn.Dropout(rate)):
        with pytest.raises(ValueError, match=f"ropout's rate must be at least 0 and below 1, got {rate}"):
            make()


@pytest.mark.parametrize("eps", [-1e-3, NAN])
def test_a_negative_eps_is_refused(eps):
    x, style = Tensor(np.ones((1, 2, 2, 3))), Tensor(np.ones((1, 3)))
    for f in (lambda: minigen.l2norm(x, eps=eps), lambda: pixel_norm(x, eps=eps), lambda: adain(x, style, style, eps=eps)):
        with pytest.raises(ValueError, match=f"expected eps >= 0, got {eps}"):
            f()
