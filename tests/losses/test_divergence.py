"""The divergence of Gaussians: derivatives, values against an integral and PyTorch, reductions, errors."""

import math

import numpy as np
import pytest

import minigen as mg
from minigen import losses
from minigen.errors import DtypeError, ShapeError
from minigen.losses.reduction import REDUCTIONS

rng = np.random.default_rng(3)
MEAN, LOGVAR = rng.standard_normal((5, 3)), rng.standard_normal((5, 3))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_derivatives_to_order_2(reduction, backend):
    mg.gradcheck(lambda mean, logvar: losses.kl_normal(mean, logvar, reduction), MEAN, LOGVAR)


@pytest.mark.parametrize("mean, logvar", [(0.0, 0.0), (1.5, 0.0), (0.0, -2.0), (-0.7, 1.3)])
def test_the_divergence_is_the_integral_of_its_definition(mean, logvar):
    """KL = integral of q log(q / p), by the trapezoidal rule, which is exact to rounding for Gaussians."""
    x = np.linspace(-40, 40, 80_001)
    log_q = -0.5 * ((x - mean) ** 2 / math.exp(logvar) + logvar + math.log(2 * math.pi))
    log_p = -0.5 * (x**2 + math.log(2 * math.pi))
    integral = (np.exp(log_q) * (log_q - log_p)).sum() * (x[1] - x[0])
    value = losses.kl_normal(mg.Tensor(np.array([[mean]])), mg.Tensor(np.array([[logvar]]))).item()
    np.testing.assert_allclose(value, integral, atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 3), (1, 7), (6,), (2, 3, 4)])
def test_value_and_gradients_are_those_of_torch(shape):
    torch = pytest.importorskip("torch")
    arrays = rng.standard_normal(shape), 2.0 * rng.standard_normal(shape)
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(
        normal(theirs[0], torch.exp(theirs[1] / 2)), normal(torch.zeros(shape), torch.ones(shape))
    )
    for reduction, expected in {"mean": kl.mean(), "sum": kl.sum(), "batchmean": kl.sum() / shape[0]}.items():
        for tensor in theirs:
            tensor.grad = None
        expected.backward(retain_graph=True)
        ours = [mg.Tensor(array, requires_grad=True) for array in arrays]
        loss = losses.kl_normal(*ours, reduction)
        loss.backward()
        np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-12)
        for x, y in zip(ours, theirs):
            np.testing.assert_allclose(x.grad, y.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_the_default_is_nats_per_example():
    """Two examples of two variables, each mean 2 and variance 1: a divergence of 2 each."""
    mean, logvar = mg.Tensor(np.full((2, 2), 2.0)), mg.Tensor(np.zeros((2, 2)))
    values = {reduction: losses.kl_normal(mean, logvar, reduction).item() for reduction in REDUCTIONS}
    assert values == {"mean": 2.0, "batchmean": 4.0, "sum": 8.0}
    assert losses.kl_normal(mean, logvar).item() == 4.0


def test_the_divergence_is_0_for_the_standard_normal_and_never_negative():
    zeros = np.zeros((3, 2))
    assert losses.kl_normal(mg.Tensor(zeros), mg.Tensor(zeros)).item() == 0.0
    each = mg.ops.kl_standard_normal(rng.standard_normal(10_000), 3.0 * rng.standard_normal(10_000))
    assert (each >= 0).all()


def test_a_posterior_close_to_the_prior_keeps_its_digits():
    """(e^l - 1 - l) / 2 is l^2 / 4 for small l; e^l - 1 rounded to float32 would leave nothing of it."""
    logvar = np.array([[1e-3]], dtype=np.float32)
    value = losses.kl_normal(mg.Tensor(np.zeros((1, 1), np.float32)), mg.Tensor(logvar)).item()
    np.testing.assert_allclose(value, 2.5e-7, rtol=1e-2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_beyond_the_limit_the_divergence_continues_along_its_tangent(dtype, backend):
    """Continuous in value and slope at logvar = 20, finite to the largest; no warning."""
    below, beyond, far = (np.array([[x]], dtype=dtype) for x in (20.0, 21.0, 1e4))
    zeros = mg.asarray(np.zeros((1, 1), dtype=dtype))
    with np.errstate(over="raise", invalid="raise"):
        values, slopes = [], []
        for array in (below, beyond, far):
            logvar = mg.Tensor(array, requires_grad=True)
            loss = losses.kl_normal(zeros, logvar)
            loss.backward()
            values.append(loss.item())
            slopes.append(float(mg.to_numpy(logvar.grad)[0, 0]))
    slope = 0.5 * math.expm1(20.0)
    np.testing.assert_allclose(slopes, slope, rtol=1e-6)
    np.testing.assert_allclose(values, [slope - 10.0, 2 * slope - 10.0, slope * 9981 - 10.0], rtol=1e-6)


def test_float32_stays_float32(backend):
    mean, logvar = (mg.Tensor(array.astype(np.float32), requires_grad=True) for array in (MEAN, LOGVAR))
    loss = losses.kl_normal(mean, logvar)
    loss.backward()
    assert loss.dtype == mean.grad.dtype == logvar.grad.dtype == np.float32


def test_errors_name_what_is_wrong():
    mean, logvar = mg.Tensor(np.zeros((4, 2), np.float32)), mg.Tensor(np.zeros((4, 1), np.float32))
    with pytest.raises(ShapeError, match=r"kl_normal: mean has shape \(4, 2\), logvar \(4, 1\); expected the same"):
        losses.kl_normal(mean, logvar)
    with pytest.raises(ShapeError, match=r"an empty batch, shape \(0, 2\)"):
        losses.kl_normal(mean[:0], mean[:0])
    with pytest.raises(ValueError, match="unknown reduction 'avg': expected one of mean, batchmean, sum"):
        losses.kl_normal(mean, mean, "avg")
    with pytest.raises(DtypeError, match="kl_standard_normal mixes dtypes"):
        losses.kl_normal(mean, mg.Tensor(np.zeros((4, 2))))
    with pytest.raises(ShapeError, match=r"kl_standard_normal: mean has shape \(4, 2\), logvar \(4, 1\): expected the same"):
        mg.ops.kl_standard_normal(mean, logvar)
