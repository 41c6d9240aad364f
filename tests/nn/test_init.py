"""Initial weights: their formulas exactly, their variances by large samples, and one seed for every backend.

The bounds on samples are six standard deviations of what is measured: a right initializer fails once in 10^9 seeds (and the
seed is fixed), a factor of 2 in the variance or fan-out for fan-in is found for certain.
"""

import math

import numpy as np
import pytest

import minigen as mg
from minigen.backend import random
from minigen.nn import init
from minigen.nn.activations import ACTIVATIONS

SHAPES = [(400, 700), (700, 400), (3, 3, 40, 90)]
FANS = {(400, 700): (400, 700), (700, 400): (700, 400), (3, 3, 40, 90): (360, 810)}
INITIALIZERS = [
    init.glorot_uniform,
    init.he_normal,
    init.lecun_normal,
    lambda shape: init.normal(shape, 0.02),
    init.orthogonal,
    init.zeros,
    init.ones,
]


@pytest.mark.parametrize("shape", SHAPES)
def test_fans_count_the_inputs_and_outputs_of_a_neuron(shape):
    assert init.fans(shape) == FANS[shape]


def normal_variance(name: str, fan_in: int) -> float:
    """The variance that the paper asks for."""
    return {"he_normal": 2.0 / fan_in, "lecun_normal": 1.0 / fan_in}[name]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["he_normal", "lecun_normal"])
def test_normal_initializers_have_mean_0_and_the_papers_variance(name, shape):
    w = getattr(init, name)(shape)
    variance, n = normal_variance(name, FANS[shape][0]), w.size
    assert abs(w.mean(dtype=float)) < 6 * math.sqrt(variance / n)
    assert abs(w.var(dtype=float) / variance - 1) < 6 * math.sqrt(2 / n)  # a sample variance of normal numbers
    beyond = np.mean(np.abs(w) > 2 * math.sqrt(variance))  # 4.55 % of normal numbers; uniform ones have none there
    assert abs(beyond - 0.0455) < 6 * math.sqrt(0.0455 / n)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["he_normal", "lecun_normal"])
def test_normal_initializers_scale_standard_normal_numbers_exactly(name, shape):
    mg.seed(5)
    w = getattr(init, name)(shape)
    mg.seed(5)
    expected = random.stream("weights").standard_normal(shape) * math.sqrt(normal_variance(name, FANS[shape][0]))
    np.testing.assert_array_equal(w, expected.astype(np.float32))


@pytest.mark.parametrize("shape", SHAPES)
def test_glorot_uniform_fills_its_interval(shape):
    w = init.glorot_uniform(shape).astype(float)
    n, bound = w.size, math.sqrt(6.0 / sum(FANS[shape]))
    for extreme in (w.max(), -w.min()):  # no number in the outermost 60 / n of the interval: e^-30
        assert bound * (1 - 60 / n) < extreme <= bound * (1 + 1e-7)
    assert abs(w.mean()) < 6 * bound / math.sqrt(3 * n)
    assert abs(w.var() / (bound**2 / 3) - 1) < 6 * math.sqrt(0.8 / n)  # kurtosis 1.8
    assert abs(w.var() * sum(FANS[shape]) / 2 - 1) < 6 * math.sqrt(0.8 / n)  # the paper's 2 / (fan_in + fan_out)


def test_normal_has_the_given_standard_deviation_zeros_are_zero_and_ones_one():
    w = init.normal((500, 500), 0.02)
    assert abs(w.var(dtype=float) / 0.02**2 - 1) < 6 * math.sqrt(2 / w.size)
    assert not init.zeros((3, 4)).any() and init.zeros((3, 4)).shape == (3, 4)
    assert (init.ones((3, 4)) == 1.0).all() and init.ones((3, 4)).shape == (3, 4)


@pytest.mark.parametrize("shape", [(30, 120), (120, 30), (40, 40), (3, 3, 4, 10), (2, 2, 3, 20)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape):
    w = init.orthogonal(shape).astype(float).reshape(-1, shape[-1])
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, np.eye(min(w.shape)), atol=1e-6)


def test_orthogonal_prefers_no_direction():
    """The trace of a uniformly random orthogonal matrix has mean 0 and variance 1; with LAPACK's signs it would not."""
    mg.seed(0)
    traces = [np.trace(init.orthogonal((5, 5))) for _ in range(2000)]
    assert abs(np.mean(traces)) < 6 / math.sqrt(2000)
    assert abs(np.var(traces) - 1) < 6 * math.sqrt(2 / 2000)


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_a_seed_gives_the_same_float32_weights_on_every_backend(initializer, backend):
    mg.seed(11)
    here = initializer((30, 20))
    assert mg.backend.backend_of(here) is mg.backend.current() and here.dtype == np.float32 and here.shape == (30, 20)
    mg.use("numpy")
    mg.seed(11)
    np.testing.assert_array_equal(mg.to_numpy(here), initializer((30, 20)))


@pytest.mark.parametrize("initializer", INITIALIZERS[:-2])
def test_seeds_and_calls_give_different_weights(initializer):
    mg.seed(1)
    first, second = initializer((30, 20)), initializer((30, 20))
    mg.seed(2)
    other = initializer((30, 20))
    assert (first != second).mean() > 0.99 and (first != other).mean() > 0.99


def test_every_activation_has_the_initializer_that_its_paper_names():
    glorot = {None, "linear", "tanh", "sigmoid", "softmax"}
    he = {"relu", "leaky_relu", "elu", "softplus"}
    assert glorot | he | {"selu"} == {None, "linear", *ACTIVATIONS}, "a new activation: say here which initializer suits it"
    assert {name: init.for_activation(name) for name in glorot} == dict.fromkeys(glorot, init.glorot_uniform)
    assert {name: init.for_activation(name) for name in he} == dict.fromkeys(he, init.he_normal)
    assert init.for_activation("selu") is init.lecun_normal


@pytest.mark.parametrize("activation", [None, *ACTIVATIONS])
def test_dense_starts_from_the_initializer_for_its_activation(activation):
    mg.seed(3)
    weight = mg.nn.Dense(20, 30, activation=activation).weight.numpy()
    mg.seed(3)
    np.testing.assert_array_equal(weight, init.for_activation(activation)((20, 30)))


@pytest.mark.parametrize(
    ("activation", "initializer"), [("relu", init.he_normal), ("selu", init.lecun_normal), (None, init.glorot_uniform)]
)
@pytest.mark.parametrize("stride", [1, 2, (2, 3)])
def test_a_transposed_convolution_counts_the_inputs_that_meet_in_a_pixel(activation, initializer, stride):
    """Of kh * kw * in weights each output pixel sees one in sh * sw: the variance of the fan-in is larger by this factor."""
    mg.seed(5)
    w = mg.nn.ConvTranspose2d(8, 6, 4, stride, activation=activation).weight.numpy()
    mg.seed(5)
    factor = math.sqrt(math.prod(stride) if isinstance(stride, tuple) else stride**2)
    np.testing.assert_array_equal(w, initializer((4, 4, 8, 6)).swapaxes(2, 3) * factor)


def test_custom_weights_are_not_rescaled():
    w = mg.nn.ConvTranspose2d(
        2, 3, (4, 5), 2, weight_init=lambda shape: np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    ).weight
    np.testing.assert_array_equal(w.numpy(), np.arange(120).reshape(4, 5, 2, 3).swapaxes(2, 3))
