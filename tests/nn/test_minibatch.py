"""Layers that see several samples at once: against loops, by hand, and in the order in which groups and packs are formed."""

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, nn, ops
from minigen.errors import DtypeError, ShapeError

rng = np.random.default_rng(11)

# -- minibatch discrimination --------------------------------------------------------------------------------------


def closeness(x, weight, kernels, dim):
    """o(x) by the formula of the paper, in loops; without the term j = i."""
    n, m = len(x), (x @ weight).reshape(len(x), kernels, dim)
    o = np.zeros((n, kernels))
    for i in range(n):
        for b in range(kernels):
            o[i, b] = sum(np.exp(-np.abs(m[i, b] - m[j, b]).sum()) for j in range(n) if j != i)
    return o


@pytest.mark.parametrize(("n", "features", "kernels", "dim"), [(2, 3, 1, 1), (5, 4, 3, 2), (7, 2, 2, 5)])
def test_minibatch_discrimination_against_loops(n, features, kernels, dim, backend):
    layer = nn.MinibatchDiscrimination(features, kernels, dim).astype("float64")
    x = rng.standard_normal((n, features))
    y = mg.to_numpy(layer(mg.asarray(x)))
    np.testing.assert_array_equal(y[:, :features], x)
    np.testing.assert_allclose(y[:, features:], closeness(x, mg.to_numpy(layer.weight), kernels, dim), rtol=1e-12)


def test_equal_examples_have_closeness_n_minus_1_and_distant_ones_0():
    """n - 1 and 0, exactly: no term of an example with itself has to be subtracted, which would leave a rounding error."""
    layer = nn.MinibatchDiscrimination(3, kernels=4, dim=2)
    x = np.ones((6, 3), dtype=np.float32)
    assert (layer(x).numpy()[:, 3:] == 5.0).all()
    assert (layer(1e6 * rng.standard_normal((6, 3)).astype(np.float32)).numpy()[:, 3:] == 0.0).all()


def test_faint_closeness_is_not_lost_in_rounding():
    layer = nn.MinibatchDiscrimination(1, kernels=1, dim=1)
    layer.weight.assign(np.ones((1, 1), dtype=np.float32))
    y = layer(np.float32([[0.0], [30.0]])).numpy()
    np.testing.assert_allclose(y[:, 1], np.exp(-30.0), rtol=1e-5)


def test_minibatch_discrimination_is_equivariant_to_the_order_of_the_batch():
    layer, x = nn.MinibatchDiscrimination(4, 3, 2).astype("float64"), rng.standard_normal((6, 4))
    order = rng.permutation(6)
    np.testing.assert_allclose(layer(x[order]).numpy(), layer(x).numpy()[order], rtol=1e-12)


def test_gradients_of_minibatch_discrimination(backend):
    """As the last but one layer of a discriminator; the batch of two has a single pair."""
    net = nn.Sequential(nn.Dense(3, 4, activation="tanh"), nn.MinibatchDiscrimination(4, 2, 3), nn.Dense(6, 1))
    for n in (2, 5):
        gradcheck_module(net, net, rng.standard_normal((n, 3)))


def test_a_gradient_penalty_through_minibatch_discrimination(backend):
    layer = nn.MinibatchDiscrimination(3, 2, 2).astype("float64")

    def penalty(x):
        (dx,) = mg.grad((layer(x) ** 3).sum(), [x], create_graph=True)
        return (dx * dx).sum()

    mg.gradcheck(penalty, rng.standard_normal((4, 3)), order=1)


# -- minibatch standard deviation ----------------------------------------------------------------------------------


def official(x, group_size):
    """The official code of ProGAN (channels first), line by line in NumPy; x and result channels last."""
    x = x.transpose(0, 3, 1, 2)
    n, c, h, w = x.shape
    y = x.reshape(group_size, -1, c, h, w)
    y = y - y.mean(axis=0, keepdims=True)
    y = np.sqrt(np.square(y).mean(axis=0) + 1e-8)
    y = y.mean(axis=(1, 2, 3), keepdims=True)
    y = np.tile(y, [group_size, 1, h, w])
    return np.concatenate([x, y], axis=1).transpose(0, 2, 3, 1)


@pytest.mark.parametrize(("n", "group_size"), [(4, 4), (8, 4), (12, 4), (6, 2), (6, 3)])
def test_minibatch_stddev_is_that_of_the_official_code(n, group_size, backend):
    x = rng.standard_normal((n, 2, 3, 5))
    y = mg.to_numpy(nn.MinibatchStdDev(group_size)(mg.asarray(x)))
    np.testing.assert_allclose(y, official(x, group_size), rtol=1e-12)


def test_minibatch_stddev_by_hand():
    """Two groups, examples 0 and 2, 1 and 3. First: 1 and 5, 2 and 2: deviations 2 and 0. Second: 0 and 6, 0 and 8: 3 and 4."""
    x = np.float64([[1, 2], [0, 0], [5, 2], [6, 8]])
    y = ops.minibatch_stddev(x, 2)
    expected = [np.mean(np.sqrt(np.float64([4, 0]) + 1e-8)), np.mean(np.sqrt(np.float64([9, 16]) + 1e-8))]
    np.testing.assert_array_equal(y[:, :2], x)
    np.testing.assert_allclose(y[:, 2], [*expected, *expected], rtol=1e-14)
    np.testing.assert_allclose(y[:2, 2], [1.00005, 3.5], rtol=1e-8)


def test_equal_examples_have_no_deviation_and_a_finite_gradient():
    x = mg.Tensor(np.ones((4, 2, 2, 3), dtype=np.float32), requires_grad=True)
    y = nn.MinibatchStdDev(4)(x)
    np.testing.assert_allclose(y.numpy()[..., 3], 1e-4, rtol=1e-6)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, 1.0)


@pytest.mark.parametrize("group", [3, 7])
def test_equal_examples_have_no_deviation_however_their_mean_is_rounded(group, backend):
    """The mean of seven times 1000.3 is another number."""
    x = mg.asarray(np.full((group, 2), 1000.3, dtype=np.float32))
    np.testing.assert_allclose(mg.to_numpy(nn.MinibatchStdDev(group)(x))[:, 2], 1e-4, rtol=1e-6)


@pytest.mark.parametrize("shape", [(6, 3), (6, 2, 2, 2), (6, 4, 1)])
def test_gradients_of_minibatch_stddev(shape, backend):
    layer = nn.MinibatchStdDev(3)
    gradcheck_module(layer, layer, rng.standard_normal(shape))


# -- packing -------------------------------------------------------------------------------------------------------


def test_packed_images_become_channels_of_one_image(backend):
    x = rng.standard_normal((6, 2, 3, 4)).astype(np.float32)
    y = mg.to_numpy(nn.Pack(3)(mg.asarray(x)))
    assert y.shape == (2, 2, 3, 12)
    for i in range(6):
        np.testing.assert_array_equal(y[i // 3, :, :, i % 3 * 4 : (i % 3 + 1) * 4], x[i])


def test_packed_vectors_are_concatenated():
    x = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    np.testing.assert_array_equal(nn.Pack(2)(x), [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]])
    np.testing.assert_array_equal(nn.Pack(1)(x), x)


def test_a_packed_discriminator_gives_one_logit_for_m_samples():
    net = nn.Sequential(nn.Pack(4), nn.Conv2d(12, 2, 3), nn.Flatten(), nn.Dense(2 * 5 * 5, 1))
    assert net(np.zeros((8, 5, 5, 3), dtype=np.float32)).shape == (2, 1) and net.output_shape((5, 5, 3)) == (1,)


# -- misuse --------------------------------------------------------------------------------------------------------

X = np.zeros((6, 5, 5, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nn.MinibatchDiscrimination(3)(X[:1, 0, 0]),
            ShapeError,
            "compares the examples of a batch, expected at least two, got 1",
        ),
        (lambda: nn.MinibatchDiscrimination(3)(X), ShapeError, r"expects shape \(n, 3\), got \(6, 5, 5, 3\)"),
        (lambda: nn.MinibatchDiscrimination(4)(X[:, 0, 0]), ShapeError, r"expects shape \(n, 4\), got \(6, 3\)"),
        (lambda: nn.MinibatchDiscrimination(3)(X[:, 0, 0].astype(float)), DtypeError, "computes in float32, got float64"),
        (lambda: nn.MinibatchDiscrimination(3).output_shape((4,)), ShapeError, r"expects shape \(3,\), got \(4,\)"),
        (
            lambda: nn.MinibatchDiscrimination(3, kernels=0),
            ShapeError,
            "MinibatchDiscrimination's kernels must be at least 1, got 0",
        ),
        (lambda: nn.MinibatchStdDev()(X), ShapeError, r"groups of 4 need a batch size of 4, 8, 12 \.\.\., got 6: drop the rest"),
        (lambda: nn.MinibatchStdDev()(X[:2]), ShapeError, r"groups of 4 need a batch size of 4, 8, 12 \.\.\., got 2"),
        (lambda: nn.MinibatchStdDev()(X[:0]), ShapeError, "got 0"),
        (
            lambda: nn.MinibatchStdDev(2.0),
            ValueError,
            "MinibatchStdDev: examples are compared within groups of at least 2, got .*=2.0",
        ),
        (
            lambda: nn.MinibatchStdDev(1),
            ValueError,
            "MinibatchStdDev: examples are compared within groups of at least 2, got .*=1",
        ),
        (lambda: ops.minibatch_stddev(X, 0), ValueError, "minibatch_stddev: .* at least 2, got group_size=0"),
        (lambda: ops.minibatch_stddev(X[:, 0, 0, 0], 3), ShapeError, r"expected x \(n, ..., channels\), got shape \(6,\)"),
        (lambda: nn.MinibatchStdDev().output_shape(()), ShapeError, r"expects shape \(..., channels\), got \(\)"),
        (lambda: nn.Pack(4)(X), ShapeError, r"Pack\(4\) expects a batch whose size is a multiple of 4, got 6"),
        (lambda: nn.Pack(2)(X[:, 0, 0, 0]), ShapeError, r"Pack\(2\) expects shape \(..., channels\), got \(\)"),
        (lambda: nn.Pack(0), ValueError, "Pack's m must be at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
