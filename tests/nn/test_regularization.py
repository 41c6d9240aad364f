"""Dropout and Gaussian noise: exact where they are exact, six standard deviations where they are random."""

import math

import numpy as np
import pytest

import minigen as mg
from minigen import functional, nn

N = 200_000


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
def test_dropout_drops_at_its_rate_and_keeps_the_mean(rate, backend):
    y = mg.to_numpy(nn.Dropout(rate)(mg.Tensor(np.ones((N // 100, 100), dtype=np.float32))).data)
    kept = y != 0
    assert abs(kept.mean() - (1 - rate)) < 6 * math.sqrt(rate * (1 - rate) / N)
    assert abs(y.mean(dtype=float) - 1.0) < 6 * math.sqrt(rate / (1 - rate) / N)
    assert set(np.unique(y)) == {np.float32(0.0), np.float32(1.0 / (1.0 - rate))}, "a kept 1 becomes 1 / (1 - rate)"


def test_dropout_drops_elements_independently():
    """Not whole rows or columns: within each, the number kept is binomial."""
    kept = nn.Dropout(0.5)(np.ones((400, 500), dtype=np.float32)) != 0
    for axis, n in ((0, 400), (1, 500)):
        assert abs(kept.mean(axis=axis).var() / (0.25 / n) - 1) < 6 * math.sqrt(2 / (200_000 / n))


def test_a_given_mask_is_scaled_exactly(backend):
    x = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    keep = np.random.default_rng(1).random((4, 6)) < 0.5
    y = nn.Dropout(0.75)(mg.Tensor(x), keep=mg.asarray(keep))
    np.testing.assert_array_equal(mg.to_numpy(y.data), np.where(keep, 4.0 * x, 0.0))


def test_the_gradient_of_dropout_passes_where_the_signal_did():
    keep = np.array([True, False, True])
    x = mg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    functional.dropout(x, keep, 0.5).sum().backward()
    np.testing.assert_array_equal(x.grad, [2.0, 0.0, 2.0])


@pytest.mark.parametrize("std", [0.1, 2.0])
def test_gaussian_noise_has_mean_0_and_its_standard_deviation(std, backend):
    x = np.linspace(-1, 1, N, dtype=np.float32).reshape(-1, 100)
    noise = mg.to_numpy(nn.GaussianNoise(std)(mg.Tensor(x)).data).astype(float) - x
    assert abs(noise.mean()) < 6 * std / math.sqrt(N)
    assert abs(noise.var() / std**2 - 1) < 6 * math.sqrt(2 / N)
    assert abs(np.corrcoef(noise.ravel(), x.ravel())[0, 1]) < 6 / math.sqrt(N)


def test_given_noise_is_scaled_and_added(backend):
    x, noise = (np.random.default_rng(i).standard_normal((4, 6)).astype(np.float32) for i in range(2))
    y = nn.GaussianNoise(0.5)(mg.Tensor(x), noise=mg.asarray(noise))
    np.testing.assert_array_equal(mg.to_numpy(y.data), x + np.float32(0.5) * noise)


def test_noise_keeps_float64():
    x = mg.Tensor(np.zeros((2, 3)))
    assert nn.GaussianNoise(0.5)(x).dtype == np.float64 and nn.Dropout(0.5)(x).dtype == np.float64


DISTURBANCES = [nn.Dropout(0.5), nn.GaussianNoise(0.5)]


@pytest.mark.parametrize("layer", DISTURBANCES, ids=repr)
def test_every_training_call_draws_anew_and_a_seed_repeats_it(layer):
    x = np.ones((20, 20), dtype=np.float32)
    layer.train()
    mg.seed(1)
    first, second = layer(x), layer(x)
    mg.seed(1)
    assert (first != second).any()
    np.testing.assert_array_equal(layer(x), first)


@pytest.mark.parametrize("layer", [*DISTURBANCES, nn.Dropout(0.0), nn.GaussianNoise(0.0)], ids=repr)
def test_evaluation_and_strength_0_are_the_identity(layer, backend):
    x = mg.Tensor(np.ones((3, 4), dtype=np.float32))
    idle = getattr(layer, "rate", None) == 0.0 or getattr(layer, "std", None) == 0.0
    before = mg.backend.random.state_dict()
    assert layer.train(idle)(x) is x
    assert mg.backend.random.state_dict() == before, "random numbers were drawn for nothing"


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, math.nan])
def test_dropout_refuses_an_impossible_rate(rate):
    with pytest.raises(ValueError, match=f"0 <= rate < 1, got {rate}"):
        nn.Dropout(rate)


@pytest.mark.parametrize("std", [-0.1, math.inf, math.nan])
def test_gaussian_noise_refuses_an_impossible_standard_deviation(std):
    with pytest.raises(ValueError, match=f"at least 0 and finite, got {std}"):
        nn.GaussianNoise(std)
