"""Empty and shapeless inputs: nothing in, nothing (or zeros) out, forward and through two backward passes, as NumPy and PyTorch
have it; a clear error where mathematics has no answer."""

from functools import partial

import numpy as np
import pytest

import minigen
from minigen import Tensor, grad, losses, ops
from minigen.backend import asarray, to_numpy

SHAPES = [(), (0,), (0, 3), (3, 0), (2, 0, 3)]
UNARY = [
    "absolute",
    "cos",
    "elu",
    "exp",
    "leaky_relu",
    "log",
    "log_softmax",
    "logsumexp",
    "l2norm",
    "negative",
    "relu",
    "selu",
    "sigmoid",
    "sin",
    "softplus",
    "sqrt",
    "square",
    "sum",
    "tanh",
]


def twice_differentiated(f, *shapes):
    """f at positive values of these shapes; gradients, and gradients of these, have the shapes of what they are taken by."""
    xs = [Tensor(asarray(np.asarray(np.random.default_rng(0).uniform(0.5, 1.5, shape))), requires_grad=True) for shape in shapes]
    y = f(*xs)
    u = Tensor(asarray(np.ones(y.shape)), requires_grad=True)
    first = grad(y, xs, u, create_graph=True)
    second = grad(sum((dx * dx).sum() for dx in first), [*xs, u], allow_unused=True)
    for got, at in zip([*first, *second], [*xs, *xs, u], strict=True):
        assert got.shape == at.shape
        assert np.isfinite(got.numpy()).all()
    return y.numpy()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_elementwise_ops_and_reductions_of_nothing(backend, shape):
    for name in UNARY:
        if name != "log_softmax" or shape:
            y = twice_differentiated(getattr(minigen, name), shape)
            reduced = name in ("logsumexp", "l2norm", "sum")
            assert y.shape == (() if reduced else shape), name
            if reduced and 0 in shape:
                assert y == (-np.inf if name == "logsumexp" else 0.0)
    for f in (
        lambda x: x**0,
        lambda x: x**2.0,
        lambda x: 2.0**x,
        lambda x: 0.0**x,
        lambda x: minigen.clip(x, low=0.7),
        lambda x: minigen.maximum(x, 1.0),
        lambda x: minigen.where(x > 1.0, x, 0.0),
        lambda x: minigen.masked(x, x > 1.0),
        lambda x: ops.dropout(x, x > 1.0, 0.5),
    ):
        assert twice_differentiated(f, shape).shape == shape


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", ["max", "min", "mean", "sum", "logsumexp", "l2norm", "log_softmax"])
def test_a_number_reduced_along_its_only_axis_is_itself(backend, name, axis):
    """As in NumPy and PyTorch: axis 0 of a number, which has no axes."""
    x = Tensor(asarray(np.array(3.0)), requires_grad=True)
    y = getattr(minigen, name)(x, axis=axis)
    (dx,) = grad(y, [x], create_graph=True)
    assert (y.item(), dx.item()) == ((0.0, 0.0) if name == "log_softmax" else (3.0, 1.0))
    assert y.shape == ()


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"), [((0, 3), 0), ((0, 3), 1), ((3, 0), -1), ((2, 0, 3), (0, 1)), ((2, 0, 3), ()), ((0,), None)]
)
def test_reductions_along_an_axis_of_nothing(backend, shape, axis, keepdims):
    expected = np.sum(np.ones(shape), axis=axis, keepdims=keepdims)
    reduced = range(len(shape)) if axis is None else np.ravel(axis)
    empty = any(shape[int(i)] == 0 for i in reduced)  # whether each result is of no elements
    for name, value in (("sum", 0.0), ("logsumexp", -np.inf), ("l2norm", 0.0)):
        y = twice_differentiated(partial(getattr(minigen, name), axis=axis, keepdims=keepdims), shape)
        assert y.shape == expected.shape
        assert not y.size or (y == value).all()
    for name in ("mean", "max", "min"):
        reduction = partial(getattr(minigen, name), axis=axis, keepdims=keepdims)
        if empty:
            with pytest.raises(minigen.errors.ShapeError, match=f"{name}: the {name} of no elements, shape "):
                reduction(Tensor(asarray(np.ones(shape))))
        else:
            assert twice_differentiated(reduction, shape).shape == expected.shape


@pytest.mark.parametrize(("left", "right"), [((), (0,)), ((0, 3), (3,)), ((3, 1), (1, 0)), ((0, 1), (1, 4)), ((), ())])
def test_operators_broadcast_nothing(backend, left, right):
    for f in (minigen.add, minigen.subtract, minigen.multiply, minigen.divide, minigen.power, minigen.maximum, minigen.minimum):
        assert twice_differentiated(f, left, right).shape == np.broadcast_shapes(left, right)


@pytest.mark.parametrize("targets", [(), (4,)])
def test_sigmoid_cross_entropy_with_one_target_for_all(backend, targets):
    """A target of shape () stands for every logit, and takes the sum of their gradients."""
    y = twice_differentiated(minigen.sigmoid_cross_entropy, (4,), targets)
    assert y.shape == (4,)
    x, t = (Tensor(asarray(np.array(value)), requires_grad=True) for value in ([1.0, 2.0, 4.0], 0.25))
    dx, dt = grad(minigen.sigmoid_cross_entropy(x, t).sum(), [x, t])
    assert dt.numpy() == -7.0
    np.testing.assert_allclose(dx.numpy(), 1 / (1 + np.exp([-1.0, -2.0, -4.0])) - 0.25, rtol=1e-14)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((1, 3, 0), (0, 5)),
        ((5, 1, 3, 0), (0, 2)),
        ((0,), (0,)),
        ((3, 0), (0,)),
        ((0,), (0, 4)),
        ((2, 0), (0, 3)),
        ((0, 3), (3, 2)),
        ((0, 2, 3), (3, 4)),
        ((2, 3, 0), (2, 0, 4)),
        ((2, 0, 3), (3,)),
        ((3,), (0, 3, 4)),
        ((2, 3), (0, 3, 4)),
        ((1, 2, 3), (0, 3, 4)),
    ],
)
def test_matmul_of_nothing_is_numpys(backend, left, right):
    y = twice_differentiated(minigen.matmul, left, right)
    np.testing.assert_array_equal(y, np.ones(left) @ np.ones(right))


def test_split_of_an_axis_of_length_0(backend):
    x = Tensor(asarray(np.ones((2, 0))))
    assert [part.shape for part in minigen.split(x, 3, axis=1)] == [part.shape for part in np.split(np.ones((2, 0)), 3, axis=1)]
    assert [part.shape for part in minigen.split(x, 2)] == [(1, 0), (1, 0)]
    for sections in (0, -1):
        with pytest.raises(ValueError, match=f"split: expected at least one section, got {sections}"):
            minigen.split(x, sections)


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0), (0, 4, 4, 0)], ids=str)
def test_empty_images_pass_convolutions_and_pooling(backend, shape):
    n, channels = shape[0], shape[3]
    for padding, stride, size in (("same", 1, 4), ("valid", 2, 1), (1, 2, 2)):
        convolved = twice_differentiated(
            partial(minigen.conv2d, stride=stride, padding=padding), shape, (3, 3, channels, 2), (2,)
        )
        assert convolved.shape == (n, size, size, 2)
        transposed = partial(minigen.conv2d_transpose, stride=stride, padding=padding)
        assert twice_differentiated(transposed, shape, (3, 3, 2, channels), (2,)).shape[::3] == (n, 2)
        for pool in (minigen.max_pool2d, minigen.avg_pool2d):
            pooled = twice_differentiated(partial(pool, size=3, stride=stride, padding=padding), shape)
            assert pooled.shape == (n, size, size, channels)
    for f in (
        minigen.blur2d,
        partial(minigen.sum_pool2d, factor=2),
        partial(minigen.upsample_nearest2d, factor=2),
        partial(minigen.resize_bilinear, size=(3, 5)),
    ):
        assert twice_differentiated(f, shape).shape[::3] == (n, channels)


def test_a_convolution_over_no_channels_is_its_bias(backend):
    bias = np.array([1.0, -2.0])
    for f, kernel in ((minigen.conv2d, (3, 3, 0, 2)), (minigen.conv2d_transpose, (3, 3, 2, 0))):
        for stride in (1, 2):
            y = f(*(asarray(x) for x in (np.ones((2, 4, 4, 0)), np.ones(kernel), bias)), stride=stride)
            np.testing.assert_array_equal(to_numpy(y), np.broadcast_to(bias, y.shape))
    assert twice_differentiated(minigen.conv2d, (2, 4, 4, 3), (3, 3, 3, 0), (0,)).shape == (2, 4, 4, 0)
    assert twice_differentiated(minigen.conv2d_transpose, (2, 4, 4, 3), (3, 3, 0, 3), (0,)).shape == (2, 4, 4, 0)


def test_rows_without_pixels_are_repeated_and_added():
    assert twice_differentiated(partial(minigen.upsample_nearest2d, factor=2), (2, 0, 4, 3)).shape == (2, 0, 8, 3)
    assert twice_differentiated(partial(minigen.sum_pool2d, factor=2), (2, 0, 4, 3)).shape == (2, 0, 2, 3)
    with pytest.raises(minigen.errors.ShapeError, match="a window of 2x2 does not fit into images of 0x4"):
        minigen.max_pool2d(Tensor(np.ones((2, 0, 4, 3))))


@pytest.mark.parametrize("name", ["mse", "mae", "bce_with_logits"])
def test_losses_of_examples_without_values(name):
    loss = getattr(losses, name)
    assert loss(Tensor(np.ones((3, 0))), np.ones((3, 0)), "batchmean").item() == 0.0
    with pytest.raises(minigen.errors.ShapeError, match="the mean of no elements"):
        loss(Tensor(np.ones((3, 0))), np.ones((3, 0)))
    with pytest.raises(minigen.errors.ShapeError, match="a loss of shape \\(\\) has no batch"):
        loss(Tensor(np.array(1.0)), np.array(1.0), "batchmean")
