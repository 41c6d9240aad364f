"""Module.frozen: what is used inside the block is not changed by it, and graphs stay valid."""

import contextlib
import copy

import numpy as np
import pytest

import minigen as mg
from minigen import nn, optim
from minigen.autograd.debug import profile
from minigen.errors import GraphError


def make_discriminator() -> nn.Sequential:
    """A discriminator with everything that training changes: weights, running statistics, a spectral vector, dropout."""
    return nn.Sequential(nn.Dense(3, 8), nn.BatchNorm(8), nn.LeakyReLU(), nn.Dropout(0.3), nn.spectral_norm(nn.Dense(8, 1)))


def batch(seed: int = 0) -> mg.Tensor:
    """A batch that requires a gradient."""
    x = np.random.default_rng(seed).standard_normal((6, 3)).astype(np.float32)
    return mg.Tensor(mg.asarray(x), requires_grad=True)


def same(first: dict, second: dict) -> bool:
    """Whether two states are equal bit for bit."""
    return first.keys() == second.keys() and all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_the_gradient_reaches_the_input_and_no_parameter(backend):
    net, x = make_discriminator(), batch()
    mg.seed(1)
    with net.frozen():
        net(x).sum().backward()
    assert all(p.grad is None for p in net.parameters())
    through_frozen, x.grad = mg.to_numpy(x.grad), None
    mg.seed(1)
    net(x).sum().backward()
    np.testing.assert_array_equal(through_frozen, mg.to_numpy(x.grad))


def test_no_rule_of_a_parameter_is_run():
    net, x = make_discriminator(), batch()
    with net.frozen(), profile() as profiled:
        net(x).sum().backward()
    rules = str(profiled)
    assert "dense_dx" in rules and "dense_dw" not in rules and "dense_db" not in rules


def test_the_state_afterward_is_bit_equal_to_before(backend):
    net = make_discriminator()
    net(batch(1))  # away from the initial 0 and 1
    before = net.state_dict()
    with net.frozen():
        net(batch(2))
        assert not same(net.state_dict(), before), "nothing has changed inside, so that the test shows nothing"
        net(batch(3)).sum().backward()
    assert same(net.state_dict(), before)


def test_the_mode_stays_and_a_batch_norm_uses_the_batch(backend):
    layer, x = nn.BatchNorm(3), batch()
    with layer.frozen():
        assert layer.training
        inside = mg.to_numpy(layer(x).data)
    np.testing.assert_array_equal(inside, mg.to_numpy(layer(x).data))


def test_an_error_inside_restores_everything():
    net = make_discriminator()
    net.parameters()[0].requires_grad = False  # by someone else's decision
    before, flags = net.state_dict(), [p.requires_grad for p in net.parameters()]
    with pytest.raises(KeyError), net.frozen():
        net(batch())
        assert not any(p.requires_grad for p in net.parameters())
        raise KeyError
    assert same(net.state_dict(), before)
    assert [p.requires_grad for p in net.parameters()] == flags == [False, True, True, True, True, True]


def test_a_block_inside_a_block_changes_nothing():
    net, x = make_discriminator(), batch()
    before = net.state_dict()
    with net.frozen():
        net(x)
        between = net.state_dict()
        with net.frozen():
            net(x)
        assert not any(p.requires_grad for p in net.parameters()) and same(net.state_dict(), between)
    assert all(p.requires_grad for p in net.parameters()) and same(net.state_dict(), before)


def test_a_tied_weight_and_parameters_in_lists_are_frozen():
    dense = nn.Dense(3, 2)
    net = nn.Sequential(dense, nn.DenseTranspose(dense))
    net.scales = [mg.Parameter(np.ones(2, dtype=np.float32))]
    with net.frozen():
        assert not any(p.requires_grad for p in net.parameters()) and len(net.parameters()) == 4
    assert all(p.requires_grad for p in net.parameters())


def test_an_optimizer_finds_nothing_to_do():
    net = make_discriminator()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with net.frozen():
        net(batch()).sum().backward()
    with pytest.raises(GraphError, match="no parameter has a gradient"):
        optimizer.step()


def test_a_gradient_penalty_on_the_input_works_inside():
    net, x = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.Tanh(), nn.Dense(4, 1)), batch()
    results = []
    for block in (net.frozen(), contextlib.nullcontext()):
        with block:
            (slope,) = mg.grad(net(x).sum(), [x], create_graph=True)
            results.append(mg.grad(slope.square().sum(), [x])[0].numpy())
    np.testing.assert_array_equal(*results)


# -- graphs --------------------------------------------------------------------------------------------------------


def test_a_graph_from_before_the_block_can_be_differentiated_after_it(backend):
    """The discriminator's loss, computed before the generator's step and differentiated after it."""
    net, generator = make_discriminator(), nn.Dense(3, 3)
    twin = copy.deepcopy(net)
    mg.seed(1)
    loss = net(batch(1)).square().sum()
    with net.frozen():
        net(generator(batch(2))).sum().backward()
    loss.backward()
    mg.seed(1)
    twin(batch(1)).square().sum().backward()
    for p, q in zip(net.parameters(), twin.parameters()):
        np.testing.assert_array_equal(mg.to_numpy(p.grad), mg.to_numpy(q.grad))
    assert all(p.grad is not None for p in generator.parameters())


def test_two_forward_passes_are_differentiated_together_inside():
    """The second moves the buffers that the first has used."""
    net, x = make_discriminator(), batch()
    with net.frozen():
        first, second = net(x), net(2.0 * x)
        (first + second).sum().backward()
    assert x.grad.any()


def test_a_graph_of_evaluation_survives_a_block_that_does_not_move_the_statistics():
    net, x = make_discriminator().eval(), batch()
    loss = net(x).sum()
    with net.frozen():
        net(x).sum().backward()
    loss.backward()
    assert all(p.grad is not None for p in net.parameters())


class Amplifying(nn.Module):
    """Multiplies by a buffer that grows with each call."""

    def __init__(self):
        self.gain = nn.Buffer(np.ones(3, dtype=np.float32))

    def forward(self, x):
        self.gain.assign(2.0 * self.gain.data)
        return x * self.gain


def test_a_graph_through_a_restored_buffer_is_stale():
    """Inside the block the buffer held other numbers: differentiated after it, the graph would give a wrong gradient."""
    net, x = nn.Sequential(Amplifying()), batch()
    with net.frozen():
        net(x).sum().backward()
        np.testing.assert_array_equal(x.grad, 2.0)
        loss = net(x).sum()
    with pytest.raises(GraphError, match=r"stale graph: 0.gain of shape \(3,\) was changed"):
        loss.backward()


def test_an_adversarial_step_changes_only_the_trained_network(backend):
    generator = nn.Sequential(nn.Dense(3, 8), nn.BatchNorm(8), nn.ReLU(), nn.Dense(8, 3))
    discriminator = make_discriminator()
    players = {
        generator: optim.Adam(generator.parameters(), lr=0.1),
        discriminator: optim.Adam(discriminator.parameters(), lr=0.1),
    }
    for trained, still in ((discriminator, generator), (generator, discriminator)) * 2:
        before = {net: net.state_dict() for net in players}
        with still.frozen():
            discriminator(generator(batch().detach())).sum().backward()
        players[trained].step()
        trained.zero_grad()
        assert same(still.state_dict(), before[still])
        after = trained.state_dict()
        changed = [name for name, value in before[trained].items() if (after[name] != value).any()]
        assert {name.split(".")[-1] for name in changed} >= {"weight", "running_mean", "running_var"}
        assert all(p.grad is None for p in still.parameters())
