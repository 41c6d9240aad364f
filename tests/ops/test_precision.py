"""Where single precision is short: very many values that are nearly equal, in everything that adds them up.

The truth is the same call in double precision. PyTorch's own errors are the measure where it is installed.
"""

import numpy as np
import pytest

import minigen as mg
from minigen import Tensor, losses, nn, ops
from minigen.backend import to_numpy

U = 2.0**-24  # half a unit in the last place
ROWS, IMAGES = (1 << 16, 3), (16, 64, 64, 3)  # as many values per channel


def near(shape, value=0.9, spread=0.01):
    """Numbers of single precision from `value` to `value` + `spread`, at random."""
    return (value + spread * np.random.default_rng(0).random(shape)).astype(np.float32)


def by_bias(function):
    """x -> the derivative of function(b, x) by a bias b of zeros, one per channel, if dL/dy is x."""

    def derivative(x):
        b = Tensor(0.0 * x.data.reshape(-1, x.shape[-1])[0], requires_grad=True)
        return mg.grad(function(b, x), [b], x)[0]

    return derivative


def same(x):
    """The matrix that changes nothing."""
    return mg.asarray(np.eye(x.shape[-1], dtype=x.dtype))


def kernel(x):
    """The kernel of one pixel that changes nothing."""
    return same(x).reshape(1, 1, x.shape[-1], x.shape[-1])


def sum_in_log_softmax(x):
    """The sum of dL/dy = x that the rule of log_softmax, dL/dx = dL/dy - softmax(x) sum(dL/dy), takes along the columns."""
    t = Tensor(x.data, requires_grad=True)
    y = ops.log_softmax(t, axis=0)
    return (x - mg.grad(y, [t], x)[0]) * ops.exp(-y.detach())


SUMS = {
    "sum": (ROWS, lambda x: ops.sum(x, axis=0)),
    "sum of all": (ROWS, ops.sum),
    "sum of images": (IMAGES, lambda x: ops.sum(x, axis=(0, 1, 2), keepdims=True)),
    "sum of each image": ((2, 128, 128, 3), lambda x: ops.sum(x, axis=(1, 2))),
    "sum of a transpose": (ROWS, lambda x: ops.sum(ops.transpose(x), axis=1)),
    "sum of a slice": ((1 << 16, 4), lambda x: ops.sum(x[:, 1:], axis=0)),
    "mean": (ROWS, lambda x: ops.mean(x, axis=0)),
    "sum_to": (ROWS, lambda x: ops.sum_to(x, shape=(3,))),
    "logsumexp": (ROWS, lambda x: ops.exp(ops.logsumexp(x, axis=0))),
    "log_softmax": (ROWS, lambda x: ops.exp(ops.log_softmax(x, axis=0)[0])),
    "gradient of log_softmax": (ROWS, sum_in_log_softmax),
    "l2norm": (ROWS, lambda x: ops.l2norm(x, axis=0)),
    "variance": (ROWS, lambda x: ops.var(x, axis=0)),
    "deviation": (ROWS, lambda x: ops.std(x, axis=0)),
    "inv_rms": (ROWS, lambda x: ops.inv_rms(x, axis=0, eps=1e-5)),
    "a loss": (ROWS, lambda x: losses.mse(x, 0.5 * x, reduction="batchmean")),
    "l1_sparsity": (ROWS, ops.l1_sparsity),
    "bias of dense": (ROWS, by_bias(lambda b, x: ops.dense(x, same(x), b))),
    "bias of conv2d": (IMAGES, by_bias(lambda b, x: ops.conv2d(x, kernel(x), b))),
    "bias of conv2d_transpose": (IMAGES, by_bias(lambda b, x: ops.conv2d_transpose(x, kernel(x), b))),
    "shift": (IMAGES, by_bias(lambda b, x: ops.scale_shift(x, b + 1.0, b))),
    "bias that broadcasts": (IMAGES, by_bias(lambda b, x: x + b)),
    "bias of one number": (ROWS, lambda x: by_bias(lambda b, x: x + b[:1])(x)[:1]),
    "scale that broadcasts": (IMAGES, by_bias(lambda b, x: x * b)),
    "broadcast_to": (ROWS, by_bias(lambda b, x: ops.broadcast_to(b, shape=x.shape))),
}


@pytest.mark.parametrize("name", SUMS)
def test_long_sums_lose_few_digits(name, backend):
    shape, function = SUMS[name]
    for x in (near(shape), near(shape, 0.1, 0.0)):
        got, exact = (to_numpy(function(Tensor(mg.asarray(x.astype(dtype))))) for dtype in (np.float32, np.float64))
        assert got.dtype == np.float32 and got.shape == exact.shape
        # A device's product may add the values of a block one by one: then the bound that is promised, and not what BLAS does.
        np.testing.assert_allclose(got, exact, rtol=(300 if backend == "cupy" else 32) * U, atol=0)


NORMS = {
    "center": (ROWS, lambda x: ops.center(x, axis=0) * (1.0 / 0.0029)),
    "normalize": (ROWS, lambda x: ops.normalize(x, axis=0, eps=1e-12)),
    "BatchNorm of rows": (ROWS, lambda x: nn.BatchNorm(3).astype(str(x.dtype))(x)),
    "BatchNorm": (IMAGES, lambda x: nn.BatchNorm(3).astype(str(x.dtype))(x)),
    "InstanceNorm": ((2, 128, 128, 3), lambda x: nn.InstanceNorm(3).astype(str(x.dtype))(x)),
    "LayerNorm": ((4, 3 << 12), lambda x: nn.LayerNorm(3 << 12).astype(str(x.dtype))(x)),
    "adain": ((2, 128, 128, 3), lambda x: ops.adain(x, x[:, 0, 0], x[:, 1, 0])),
}


@pytest.mark.parametrize("name", NORMS)
def test_channels_that_are_nearly_constant(name, backend):
    """In units of their deviation, an error of a few u in the mean is one of a few hundred u."""
    shape, function = NORMS[name]
    x = near(shape)
    got, exact = (to_numpy(function(Tensor(mg.asarray(x.astype(dtype))))) for dtype in (np.float32, np.float64))
    np.testing.assert_allclose(got, exact, rtol=32 * U, atol=8 * U * 0.9 / 0.0029)


@pytest.mark.parametrize("spread", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("shape", [(64, 64, 64, 2), (64, 14, 14, 33), (256, 3), (1 << 16, 2), (1, 256, 256, 1), (9, 4)], ids=str)
def test_the_statistics_of_a_batch(shape, spread, backend):
    """Those that BatchNorm keeps; the variance too where it is far below eps."""
    x, layer = near(shape, spread=spread), nn.BatchNorm(shape[-1], momentum=0.0)
    layer(mg.asarray(x))
    exact = x.reshape(-1, shape[-1]).astype(np.float64)
    np.testing.assert_allclose(to_numpy(layer.running_mean), exact.mean(axis=0), rtol=16 * U)
    off_center = (8 * U) ** 2  # what an error of the mean adds
    np.testing.assert_allclose(to_numpy(layer.running_var), exact.var(axis=0, ddof=1), rtol=32 * U, atol=2 * off_center)


@pytest.mark.parametrize("shape", [(128, 64, 64, 2), (64, 14, 14, 33), (256, 3), (8, 128, 128, 7), (1, 512, 512, 1)], ids=str)
def test_batch_norm_is_as_good_as_that_of_pytorch(shape):
    torch = pytest.importorskip("torch")
    x, channels = near(shape), shape[-1]
    first = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    theirs = (torch.nn.BatchNorm2d if len(shape) == 4 else torch.nn.BatchNorm1d)(channels)(first).detach().numpy()
    axes = tuple(range(len(shape) - 1))
    off = {"ours": to_numpy(nn.BatchNorm(channels)(x)), "theirs": np.moveaxis(theirs, 1, -1)}
    off = {whose: np.abs(y.mean(axis=axes, dtype=np.float64)).max() for whose, y in off.items()}
    assert off["ours"] <= 2 * off["theirs"] + 2e-5 < 2e-4, off
