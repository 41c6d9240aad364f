"""A gate that is shut lets nothing through: 0 at every order of derivative, also where inf or NaN stands behind it."""

import math

import numpy as np
import pytest

import minigen
from minigen import Tensor, grad
from minigen.backend import asarray
from minigen.models.applications import context_encoder
from minigen.models.autoencoders.denoising import Corruption
from minigen.ops import dropout
from minigen.ops.activation import elu_grad, leaky_relu_grad
from minigen.ops.pooling import max_pool2d_gather, max_unpool2d

SIGNS = np.array([-2.0, -0.5, 0.5, 2.0])
IMAGES = np.array([[3.0, 1.0, 0.0, 2.0], [1.0, 2.0, 5.0, 4.0]]).reshape(1, 2, 4, 1)
LOSERS = np.array([[0, 1, 1, 1], [1, 1, 0, 1]], dtype=bool).reshape(IMAGES.shape)
HIGH = np.array([20.5, 90.0, -1.0, 20.0])


def one_like(x):
    """A constant beside x."""
    return asarray(np.ones(x.shape))


def pooled(values, rule):
    """The two linear ops of a max pooling of IMAGES, as functions of their values."""
    images = asarray(IMAGES)
    maxima = minigen.max_pool2d(images)
    return rule(values, images, maxima, size=2, stride=None, padding="valid")


# name: (function, where it is looked at, where its gate is shut there)
GATES = {
    "relu": (minigen.relu, SIGNS, SIGNS < 0),
    "relu at 0": (minigen.relu, np.array([0.0, -0.0, 1.0]), np.array([True, True, False])),
    "leaky_relu of slope 0": (lambda x: minigen.leaky_relu(x, slope=0.0), SIGNS, SIGNS < 0),
    "leaky_relu_grad of slope 0": (lambda g: leaky_relu_grad(g, asarray(SIGNS), slope=0.0), np.ones(4), SIGNS < 0),
    "elu_grad": (
        lambda y: elu_grad(one_like(y), y, scale=1.0, alpha=1.0),
        np.array([-0.7, 0.5, 2.0]),
        np.array([False, True, True]),
    ),
    "clip": (lambda x: minigen.clip(x, low=-1.0, high=1.0), SIGNS, abs(SIGNS) > 1),
    "clip from below": (lambda x: minigen.clip(x, low=0.0), SIGNS, SIGNS < 0),
    "clip from above": (lambda x: minigen.clip(x, high=0.0), SIGNS, SIGNS > 0),
    "maximum, first": (lambda x: minigen.maximum(x, 0.0), SIGNS, SIGNS < 0),
    "maximum, second": (lambda x: minigen.maximum(0.0, x), SIGNS, SIGNS < 0),
    "minimum, first": (lambda x: minigen.minimum(x, 0.0), SIGNS, SIGNS > 0),
    "minimum, second": (lambda x: minigen.minimum(0.0, x), SIGNS, SIGNS > 0),
    "where, first": (lambda x: minigen.where(asarray(SIGNS > 0), x, 0.0), SIGNS, SIGNS < 0),
    "where, second": (lambda x: minigen.where(asarray(SIGNS > 0), 0.0, x), SIGNS, SIGNS > 0),
    "masked": (lambda x: minigen.masked(x, asarray(SIGNS > 0), scale=3.0), SIGNS, SIGNS < 0),
    "dropout": (lambda x: dropout(x, asarray(SIGNS > 0), 0.5), SIGNS, SIGNS < 0),
    "max": (lambda x: minigen.max(x, axis=0), SIGNS, SIGNS < 2),
    "min": (lambda x: minigen.min(x, axis=0), SIGNS, SIGNS > -2),
    "max_pool2d": (minigen.max_pool2d, IMAGES, LOSERS),
    "overlapping max_pool2d": (lambda x: minigen.max_pool2d(x, size=2, stride=(2, 1)), IMAGES, LOSERS),
    "max_pool2d_gather": (lambda values: pooled(values, max_pool2d_gather), IMAGES, LOSERS),
    "reparameterize beyond its limit": (lambda x: minigen.reparameterize(one_like(x), x, one_like(x)), HIGH, HIGH > 20),
    "power 0": (lambda x: x**0, np.array([0.0, 2.0]), np.array([True, True])),
    "power [0, 0.5]": (lambda x: x ** asarray(np.array([0.0, 0.5])), np.array([0.0, 4.0]), np.array([True, False])),
    "0 ** p": (lambda p: asarray(np.array([0.0, 0.0, 3.0])) ** p, np.array([0.0, 2.0, 2.0]), np.array([True, True, False])),
}
BAD = [math.inf, -math.inf, math.nan]
each_gate = pytest.mark.parametrize("gate", GATES.values(), ids=GATES)


@pytest.mark.parametrize("bad", BAD)
@each_gate
def test_a_shut_gate_gives_0_at_first_order(backend, gate, bad):
    f, at, shut = gate
    for create_graph in (False, True):
        x = Tensor(asarray(at), requires_grad=True)
        y = f(x)
        (dx,) = grad(y, [x], asarray(np.full(y.shape, bad)), create_graph=create_graph)
        np.testing.assert_array_equal(dx.numpy()[shut], 0.0)
        assert not np.isfinite(dx.numpy()[~shut]).any(), "what comes to an open gate passes it"


@pytest.mark.parametrize("bad", BAD)
@each_gate
def test_a_shut_gate_gives_0_at_second_order(backend, gate, bad):
    """inf goes into the first derivative, or comes back through it: the gate lets it neither to the input nor to the
    cotangent."""
    f, at, shut = gate
    for into, back in ((bad, 1.0), (1.0, bad), (bad, bad)):
        x = Tensor(asarray(at), requires_grad=True)
        y = f(x)
        u = Tensor(asarray(np.full(y.shape, into)), requires_grad=True)
        (dx,) = grad(y, [x], u, create_graph=True)
        with np.errstate(invalid="ignore"):  # of open gates
            dxx, du = grad(dx, [x, u], asarray(np.full(dx.shape, back)), allow_unused=True)
        np.testing.assert_array_equal(dxx.numpy()[shut], 0.0)
        if du.shape == shut.shape:
            np.testing.assert_array_equal(du.numpy()[shut], 0.0)


def test_the_square_root_of_a_relu(backend):
    """d/dx sqrt(max(x, 0)) = 1 / (2 sqrt(x)) and 0, though the square root's own derivative at 0 is infinite."""
    x = Tensor(asarray(np.array([-3.0, 0.0, 4.0])), requires_grad=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        (first,) = grad(minigen.sqrt(minigen.relu(x)).sum(), [x], create_graph=True)
        np.testing.assert_array_equal(first.numpy(), [0.0, 0.0, 0.25])
        (second,) = grad(first.sum(), [x], create_graph=True)
        np.testing.assert_array_equal(second.numpy(), [0.0, 0.0, -1 / 32])
        (third,) = grad(second.sum(), [x])
    np.testing.assert_array_equal(third.numpy(), [0.0, 0.0, 3 / 256])


def test_max_unpool2d_gives_0_to_the_losers_and_takes_nothing_from_them(backend):
    values = Tensor(asarray(np.array([math.inf, 7.0]).reshape(1, 1, 2, 1)), requires_grad=True)
    y = pooled(values, max_unpool2d)
    np.testing.assert_array_equal(y.numpy()[LOSERS], 0.0)
    np.testing.assert_array_equal(y.numpy()[~LOSERS], [math.inf, 7.0])
    (dvalues,) = grad(y, [values], asarray(np.where(LOSERS, math.inf, 1.0)))
    np.testing.assert_array_equal(dvalues.numpy(), np.ones(values.shape))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masked_leaves_zeros_whatever_stood_there(backend, dtype):
    x = np.array([math.inf, -math.inf, math.nan, -1.0, 2.0, math.inf], dtype=dtype)
    keep = np.array([False, False, False, False, True, True])
    for layout in (x, x[::-1][::-1], np.repeat(x, 2)[::2], np.broadcast_to(x, (3, 6))):
        y = minigen.to_numpy(minigen.masked(asarray(layout), asarray(keep), scale=2.0))
        np.testing.assert_array_equal(y, np.broadcast_to([0, 0, 0, 0, 4, math.inf], layout.shape))
        assert y.dtype == dtype
        assert not np.signbit(y).any()
    assert minigen.masked(asarray(np.array(math.inf, dtype=dtype)), False).shape == ()


@pytest.mark.parametrize("keep", [1, 1.0, [True], np.array([1, 0]), np.array([255, 0], dtype=np.uint8), np.array([1.0, 0.0])])
def test_masked_takes_bools_only(keep):
    with pytest.raises(minigen.errors.DtypeError, match="masked: the mask must be bool, such as x > 0, got "):
        minigen.masked(Tensor([1.0, 2.0]), keep)


def test_masking_hides_what_it_masks():
    x = np.array([[math.nan, 2.0]], dtype=np.float32)
    noise = np.array([[0.1, 0.9]], dtype=np.float32)
    np.testing.assert_array_equal(Corruption("masking", 0.5)(x, noise), [[0.0, 2.0]])
    np.testing.assert_array_equal(Corruption("dropout", 0.5)(x, noise), [[0.0, 4.0]])
    model = context_encoder.Generator(hole=4, resolution=8)
    images = np.ones((1, 8, 8, 1), dtype=np.float32)
    images[0, 2:6, 2:6] = math.nan  # unknown, as the hole
    degraded = minigen.to_numpy(model.degrade(images, np.array([[2, 2]])))
    np.testing.assert_array_equal(degraded[..., 0] + degraded[..., 1], np.ones((1, 8, 8)))
    model.net = lambda degraded: np.full((1, 8, 8, 1), math.nan, dtype=np.float32)
    np.testing.assert_array_equal(minigen.to_numpy(model(degraded)), images)
