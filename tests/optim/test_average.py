"""The moving average of a network's weights: its formula against a loop, what it shares and what it does not, and its state."""

import copy

import numpy as np
import pytest

import minigen as mg
from minigen import nn, optim
from minigen.errors import StateError
from minigen.optim import ExponentialMovingAverage


def network() -> nn.Sequential:
    """Weights, and running statistics as buffers."""
    return nn.Sequential(nn.Dense(3, 2), nn.BatchNorm(2), nn.Dense(2, 1))


def wander(net: nn.Module, seed: int) -> None:
    """Other values for all weights and buffers."""
    rng = np.random.default_rng(seed)
    for tensor in net.named_state().values():
        tensor.assign(mg.asarray(rng.random(tensor.shape).astype(np.float32)))


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.999])
def test_the_formula_against_a_loop(decay, backend):
    """a <- d a + (1 - d) w for each weight, d = min(decay, (1 + t) / (10 + t)); buffers are copied."""
    net = network()
    average = ExponentialMovingAverage(net, decay)
    expected = {name: value.astype(float) for name, value in net.state_dict().items()}
    for t in range(6):
        wander(net, t)
        average.update()
        d = min(decay, (1 + t) / (10 + t))
        for name, value in net.state_dict().items():
            expected[name] = value if "running" in name else d * expected[name] + (1 - d) * value
    state = average.average.state_dict()
    assert list(state) == list(expected) and average.updates == 6
    for name, value in state.items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, expected[name], rtol=1e-6, err_msg=name)


def test_the_first_update_all_but_forgets_the_initial_weights():
    """d = 1/10: of weights that go from 0 to 1 the average goes to 0.9."""
    net = network()
    net[0].weight.assign(np.zeros((3, 2), np.float32))
    average = ExponentialMovingAverage(net)
    net[0].weight.assign(np.ones((3, 2), np.float32))
    average.update()
    np.testing.assert_allclose(average.average[0].weight.numpy(), 0.9, rtol=1e-7)


def test_an_average_of_constant_weights_is_constant(backend):
    net = network()
    average = ExponentialMovingAverage(net)
    for _ in range(20):
        average.update()
    for followed, averaged in zip(net.state_dict().values(), average.average.state_dict().values()):
        np.testing.assert_array_equal(averaged, followed)


def test_the_average_starts_as_a_copy_in_evaluation_mode_and_the_modules_mode_stays():
    net = network()
    average = ExponentialMovingAverage(net)
    assert net.fingerprint() == average.average.fingerprint()
    assert all(not layer.training for layer in average.average.modules()) and all(layer.training for layer in net.modules())


def test_no_memory_is_shared(backend):
    net = network()
    average = ExponentialMovingAverage(net)
    before = net.fingerprint(), average.average.fingerprint()
    wander(net, 0)
    assert average.average.fingerprint() == before[1]
    wander(average.average, 1)
    wandered = net.fingerprint()
    average.update()
    assert net.fingerprint() == wandered != before[0]


@pytest.mark.parametrize("first", ["average", "optimizer"])
def test_the_average_follows_weights_in_an_optimizers_flat_buffer(first, backend):
    """The optimizer moves the weights' memory when it is made; whether the average was there before does not matter."""
    net, x = network(), mg.asarray(np.random.default_rng(0).random((4, 3)).astype(np.float32))
    if first == "average":
        average = ExponentialMovingAverage(net, 0.5)
    optimizer = optim.SGD(net.parameters(), lr=0.5)
    if first == "optimizer":
        average = ExponentialMovingAverage(net, 0.5)
    expected = net.state_dict()
    for t in range(3):
        optimizer.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()
        average.update()
        d = min(0.5, (1 + t) / (10 + t))
        for name, value in net.state_dict().items():
            expected[name] = value if "running" in name else d * expected[name] + (1 - d) * value
    for name, value in average.average.state_dict().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_weight_that_is_shared_is_averaged_once():
    encoder = nn.Dense(3, 2)
    net = nn.Sequential(encoder, nn.DenseTranspose(encoder))
    encoder.weight.assign(np.zeros((3, 2), np.float32))
    average = ExponentialMovingAverage(net)
    encoder.weight.assign(np.ones((3, 2), np.float32))
    average.update()
    np.testing.assert_allclose(average.average[0].weight.numpy(), 0.9, rtol=1e-7)
    assert average.average[1].weight is average.average[0].weight


def test_the_vector_of_a_spectral_norm_is_copied():
    """The buffer of a spectral normalization belongs to the weights of the moment."""
    net = nn.spectral_norm(nn.Sequential(nn.Dense(3, 2), nn.Dense(2, 1)))
    average = ExponentialMovingAverage(net)
    net[0].weight.assign(np.random.default_rng(0).random((3, 2)).astype(np.float32))
    net(np.ones((2, 3), np.float32))
    average.update()
    np.testing.assert_array_equal(average.average[0].reparametrization.u.numpy(), net[0].reparametrization.u.numpy())


def test_a_deep_copy_follows_the_copied_module():
    net = network()
    average = ExponentialMovingAverage(net)
    other_average, other = copy.deepcopy((average, net))
    wander(other, 0)
    average.update()
    other_average.update()
    assert average.average.fingerprint() == net.fingerprint()
    assert other_average.average.fingerprint() not in (net.fingerprint(), average.average.fingerprint())


# -- state -----------------------------------------------------------------------------------------------------------


def test_a_state_dict_carries_average_and_updates_over(backend):
    net = network()
    first, second = ExponentialMovingAverage(net), ExponentialMovingAverage(net)
    for t in range(3):
        wander(net, t)
        first.update()
    state = first.state_dict()
    assert all(type(value) is np.ndarray for value in state.values())
    second.load_state_dict(state)
    assert second.updates == 3
    wander(net, 7)
    first.update()
    second.update()
    assert first.average.fingerprint() == second.average.fingerprint()


def test_a_state_dict_is_a_copy():
    net = network()
    average = ExponentialMovingAverage(net)
    state = average.state_dict()
    before = {name: value.copy() for name, value in state.items()}
    wander(net, 0)
    average.update()
    for name, value in state.items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("updates"), "does not fit ExponentialMovingAverage: missing updates"),
        (lambda state: state.pop("average.0.weight"), r"missing average\.0\.weight \(3, 2\)"),
        (lambda state: state.update({"average.3.weight": np.zeros(2)}), r"unexpected average\.3\.weight"),
        (lambda state: state.update(updates=np.array(-1)), "updates is -1, expected at least 0"),
        (lambda state: state.update(updates=np.array(1.5)), r"updates is float64\[\], expected int64\[\]"),
        (
            lambda state: state.update({"average.0.weight": np.zeros((2, 2), np.float32)}),
            r"0\.weight is float32\[2, 2\], expected float32\[3, 2\]",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change, message):
    average = ExponentialMovingAverage(network())
    average.update()
    before, other = average.average.fingerprint(), ExponentialMovingAverage(network())
    wander(other.average, 3)
    state = other.state_dict()
    change(state)
    with pytest.raises(StateError, match=message):
        average.load_state_dict(state)
    assert average.average.fingerprint() == before and average.updates == 1


def test_a_state_of_the_module_itself_is_refused():
    net = network()
    with pytest.raises(StateError, match="missing updates"):
        ExponentialMovingAverage(net).load_state_dict(net.state_dict())


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_a_decay_outside_its_range_is_refused(decay):
    with pytest.raises(ValueError, match=f"decay must be at least 0 and below 1, got {decay}"):
        ExponentialMovingAverage(network(), decay)
