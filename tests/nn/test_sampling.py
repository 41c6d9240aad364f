"""The reparameterized sample: exact with given noise, six standard deviations where it is random."""

import math

import numpy as np
import pytest

import minigen as mg
from minigen import nn
from minigen.errors import DtypeError, ShapeError

N = 200_000


def test_given_noise_is_scaled_and_shifted(backend):
    mean, logvar, noise = (np.random.default_rng(i).standard_normal((4, 3)) for i in range(3))
    z = nn.Sampling()(*(mg.Tensor(x) for x in (mean, logvar)), noise=mg.asarray(noise))
    np.testing.assert_allclose(z.numpy(), mean + np.exp(logvar / 2) * noise, rtol=1e-14)


def test_a_float32_sample_is_float32(backend):
    mean = mg.Tensor(np.zeros((4, 3), dtype=np.float32))
    assert nn.Sampling()(mean, mean).dtype == np.float32


def test_drawn_samples_have_the_mean_and_the_variance(backend):
    mean, logvar = np.full((N // 100, 100), 0.7, dtype=np.float32), np.full((N // 100, 100), -1.0, dtype=np.float32)
    z = nn.Sampling()(mg.Tensor(mean), mg.Tensor(logvar)).numpy().astype(float)
    assert abs(z.mean() - 0.7) < 6 * math.exp(-0.5) / math.sqrt(N)
    assert abs(z.var() / math.exp(-1.0) - 1) < 6 * math.sqrt(2 / N)


def test_sampling_draws_in_evaluation_too():
    layer, zeros = nn.Sampling().eval(), np.zeros((2, 3), dtype=np.float32)
    assert (layer(zeros, zeros) != layer(zeros, zeros)).all()


def test_a_seed_gives_the_same_noise_on_host_and_strict():
    samples = []
    for name in ("numpy", "strict"):
        mg.use(name)
        mg.seed(5)
        zeros = mg.asarray(np.zeros((2, 3), dtype=np.float32))
        samples.append(mg.to_numpy(nn.Sampling()(zeros, zeros)))
    np.testing.assert_array_equal(*samples)


def test_the_gradient_passes_through_the_sample(backend):
    """dz/dmean = 1, dz/dlogvar = exp(logvar / 2) noise / 2."""
    mean, logvar = (mg.Tensor(np.array([[1.0, -2.0]]), requires_grad=True) for _ in range(2))
    nn.Sampling()(mean, logvar, mg.asarray(np.array([[3.0, 0.5]]))).sum().backward()
    np.testing.assert_array_equal(mg.to_numpy(mean.grad), 1.0)
    np.testing.assert_allclose(mg.to_numpy(logvar.grad), np.exp([[0.5, -1.0]]) * [[1.5, 0.25]], rtol=1e-12)


@pytest.mark.parametrize("extreme, deviation", [(1e4, math.exp(10.0)), (-1e4, 0.0)])
def test_an_extreme_variance_stays_finite(extreme, deviation, backend):
    logvar = mg.Tensor(np.full((1, 2), extreme, dtype=np.float32), requires_grad=True)
    mean, noise = (mg.asarray(np.array([values], dtype=np.float32)) for values in ([1.0, 1.0], [2.0, 0.0]))
    with np.errstate(over="raise", invalid="raise"):
        z = nn.Sampling()(mean, logvar, noise)
        z.sum().backward()
    np.testing.assert_allclose(z.numpy(), [[1.0 + 2.0 * deviation, 1.0]], rtol=1e-6)
    np.testing.assert_array_equal(mg.to_numpy(logvar.grad), 0.0)


def test_errors_name_the_shapes():
    mean, layer = np.zeros((4, 3), dtype=np.float32), nn.Sampling()
    with pytest.raises(
        ShapeError, match=r"Sampling\(\): mean has shape \(4, 3\), logvar \(4, 3\), noise \(3,\); expected the same"
    ):
        layer(mean, mean, mean[0])
    with pytest.raises(
        ShapeError, match=r"Sampling\(\): mean has shape \(4, 3\), logvar \(4, 1\), noise \(4, 3\); expected the same"
    ):
        layer(mean, mean[:, :1])
    with pytest.raises(DtypeError, match="reparameterize mixes dtypes"):
        layer(mg.Tensor(mean), mg.Tensor(mean), np.zeros((4, 3)))
    with pytest.raises(
        ShapeError, match=r"reparameterize: mean has shape \(4, 3\), logvar \(4, 3\), noise \(3,\): expected the same"
    ):
        mg.ops.reparameterize(mg.Tensor(mean), mean, mean[0])
