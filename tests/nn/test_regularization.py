"""Dropout and Gaussian noise: exact where they are exact, six standard deviations where they are random."""

import copy
import gc
import math
import weakref

import numpy as np
import pytest

import minigen as mg
from minigen import nn, ops
from minigen.errors import ShapeError

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
    ops.dropout(x, keep, 0.5).sum().backward()
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
def test_each_call_in_training_draws_again_and_a_seed_repeats_it(layer):
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
    with pytest.raises(ValueError, match=f"rate must be at least 0 and below 1, got {rate}"):
        nn.Dropout(rate)


@pytest.mark.parametrize("std", [-0.1, math.inf, math.nan])
def test_gaussian_noise_refuses_an_impossible_standard_deviation(std):
    with pytest.raises(ValueError, match=f"at least 0 and finite, got {std}"):
        nn.GaussianNoise(std)


# -- ActivityRegularization ----------------------------------------------------------------------------------------


def activations(n: int = 4) -> np.ndarray:
    """As a sigmoid gives them."""
    return np.random.default_rng(5).uniform(0.05, 0.95, (n, 3))


def test_the_penalty_of_the_chapters_network():
    layer = nn.ActivityRegularization(l1=1e-3)
    assert repr(layer) == "ActivityRegularization(l1=0.001)"
    assert repr(nn.ActivityRegularization(kl=0.1)) == "ActivityRegularization(kl=0.1, target=0.1)"
    assert repr(nn.ActivityRegularization(0.2, 0.1, 0.3)) == "ActivityRegularization(l1=0.2, kl=0.1, target=0.3)"
    assert layer.state_dict() == {}


@pytest.mark.parametrize("training", [True, False])
def test_activity_passes_unchanged_and_its_penalty_is_remembered_in_both_modes(training, backend):
    layer, x = nn.ActivityRegularization(l1=0.5, kl=2.0, target=0.3).train(training), mg.Tensor(mg.asarray(activations()))
    assert layer(x) is x
    expected = 0.5 * ops.l1_sparsity(x).item() + 2.0 * ops.kl_sparsity(x, 0.3).item()
    np.testing.assert_allclose(nn.activity_penalty(layer).item(), expected, rtol=1e-14)


def test_derivatives_of_the_penalty_to_order_2(backend):
    layer = nn.ActivityRegularization(l1=0.5, kl=2.0, target=0.3)

    def penalty(x):
        layer(x)
        return nn.activity_penalty(layer)

    mg.gradcheck(penalty, activations())


def test_the_penalties_of_all_layers_below_a_module_are_added_up():
    net = nn.Sequential(
        nn.ActivityRegularization(l1=1.0), nn.Sequential(nn.Sigmoid(), nn.ActivityRegularization(l1=10.0)), nn.Tanh()
    )
    x = mg.Tensor(activations())
    net(x)
    expected = np.abs(activations()).sum() / 4 + 10.0 * (1 / (1 + np.exp(-activations()))).sum() / 4
    np.testing.assert_allclose(nn.activity_penalty(net).item(), expected, rtol=1e-12)


def test_only_the_latest_forward_pass_counts():
    layer = nn.ActivityRegularization(l1=1.0)
    layer(mg.Tensor(activations(9)))
    layer(mg.Tensor(activations(4)))
    np.testing.assert_allclose(nn.activity_penalty(layer).item(), activations(4).sum() / 4, rtol=1e-14)


def test_a_penalty_is_read_once():
    layer = nn.ActivityRegularization(l1=1.0)
    layer(mg.Tensor(activations()))
    assert nn.activity_penalty(layer) != 0.0
    assert nn.activity_penalty(layer) == 0.0, "a second loss would carry the penalty of the first"


@pytest.mark.parametrize("module", [nn.Tanh(), nn.ActivityRegularization(), nn.ActivityRegularization(l1=1.0)], ids=repr)
def test_without_a_layer_a_weight_or_a_forward_pass_there_is_no_penalty(module):
    if not getattr(module, "l1", 0.0):
        module(mg.Tensor(activations()))
    assert nn.activity_penalty(module) == 0.0


def test_a_read_penalty_leaves_no_graph_behind():
    layer, x = nn.ActivityRegularization(l1=1.0), mg.Tensor(activations(), requires_grad=True)
    graph = weakref.ref(layer(x * 2.0))
    gc.disable()
    try:
        nn.activity_penalty(layer)
        assert graph() is None
    finally:
        gc.enable()


def test_without_a_graph_the_penalty_is_a_number():
    layer, x = nn.ActivityRegularization(l1=1.0), mg.Tensor(activations(), requires_grad=True)
    with mg.no_grad():
        layer(x)
    penalty = nn.activity_penalty(layer)
    assert not penalty.requires_grad and penalty.item() == pytest.approx(activations().sum() / 4, rel=1e-14)


def test_a_penalty_of_a_parameter_does_not_register_it_in_the_layer():
    layer = nn.ActivityRegularization(l1=1.0)
    layer(mg.autograd.Parameter(activations()))
    assert layer.parameters() == []


@pytest.mark.parametrize("settings, message", [
    ({"l1": -1e-3}, "l1 must be at least 0 and finite, got -0.001"),
    ({"kl": math.inf}, "kl must be at least 0 and finite, got inf"),
    ({"kl": math.nan}, "kl must be at least 0 and finite, got nan"),
    ({"kl": 1.0, "target": 1.0}, "the target is a mean activation, 0 < target < 1, got 1.0"),
    ({"target": 0.0}, "the target is a mean activation, 0 < target < 1, got 0.0"),
])  # fmt: skip
def test_impossible_penalties_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"ActivityRegularization.*{message}"):
        nn.ActivityRegularization(**settings)


def test_kl_of_codes_outside_0_and_1_is_refused():
    net = nn.Sequential(nn.Dense(4, 3, activation="selu"), nn.ActivityRegularization(kl=1.0))
    with pytest.raises(ValueError, match=r"expected activations in \[0, 1\], of a sigmoid for example"):
        net(np.full((2, 4), 9.0, dtype=np.float32))


@pytest.mark.parametrize(("layer", "name"), [(nn.Dropout(0.5), "Dropout"), (nn.GaussianNoise(1.0), "GaussianNoise")])
def test_noise_of_another_shape_is_refused(layer, name):
    x = np.ones((2, 3), dtype=np.float32)
    with pytest.raises(ShapeError, match=rf"{name}.* expects noise of the shape of x, \(2, 3\), got \(3,\)"):
        layer(x, np.ones(3, dtype=np.float32))


def test_a_layer_that_remembers_a_penalty_can_be_copied():
    layer = nn.ActivityRegularization(l1=1.0)
    layer(mg.Tensor(np.ones((2, 3), dtype=np.float32), requires_grad=True))
    assert copy.deepcopy(layer).pop_penalty() == 0.0
    assert float(layer.pop_penalty()) == 3.0
