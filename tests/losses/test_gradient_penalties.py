"""What makes a critic smooth: closed forms for critics whose gradient is known, PyTorch's double backward, batches and packs, and
derivatives to order 2 through every layer that a discriminator may contain."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, losses, nn
from minigen.backend import random
from minigen.errors import GraphError, ShapeError
from minigen.losses import (
    R1,
    DiscriminatorBatch,
    Drift,
    GradientPenalty,
    Penalty,
    WeightClipping,
    gradient_norms,
    score_gradients,
)
from tests.checks import to_order_2

rng = np.random.default_rng(5)


def batch_of(critic, real, fake) -> DiscriminatorBatch:
    """A discriminator step in progress, with real examples that require a gradient."""
    x, y = mg.Tensor(mg.asarray(real), requires_grad=True), mg.Tensor(mg.asarray(fake))
    return DiscriminatorBatch(critic, x, y, critic(x), critic(y))


def linear(weight, bias=0.3) -> nn.Dense:
    """f(x) = a . x + b, in float64."""
    critic = nn.Dense(len(weight), 1).astype("float64")
    critic.weight.assign(mg.asarray(np.reshape(weight, (-1, 1)).astype(float)))
    critic.bias.assign(mg.asarray(np.array([bias])))
    return critic


class Quadratic(nn.Module):
    """f(x) = x' A x / 2, whose gradient is S x with S = (A + A') / 2."""

    def __init__(self, matrix):
        self.matrix = mg.Parameter(mg.asarray(matrix))

    def forward(self, x):
        return 0.5 * (x * (x @ self.matrix)).sum(axis=1, keepdims=True)


def normal(*shape: int) -> np.ndarray:
    """N(0, 1)."""
    return rng.standard_normal(shape)


MIX = rng.random((6, 1))


def given(penalty: Penalty, n: int = 6) -> tuple:
    """What the penalty would draw for n scores."""
    return (mg.asarray(MIX[:n]),) * penalty.draws


PENALTIES = [GradientPenalty(), R1(), Drift()]
EVERY = pytest.mark.parametrize("penalty", PENALTIES, ids=repr)


def test_every_public_penalty_is_tested_here():
    public = {name for name in losses.__all__ if getattr(losses, name).__module__ == "minigen.losses.penalties"}
    beside = {"DiscriminatorBatch", "Penalty", "WeightClipping", "gradient_norms", "score_gradients"}
    assert {type(penalty).__name__ for penalty in PENALTIES} == public - beside


# -- closed forms --------------------------------------------------------------------------------------------------


def test_gradient_penalty_of_a_linear_critic(backend):
    """weight * (|a| - 1)^2 wherever it is taken; its derivative is 2 weight (|a| - 1) a / |a|, and nothing by the bias."""
    a = np.array([2.0, -1.0, 2.0])
    critic = linear(a)
    value = GradientPenalty(weight=7.0)(batch_of(critic, normal(5, 3), normal(5, 3)))
    value.backward()
    np.testing.assert_allclose(value.item(), 7.0 * (3.0 - 1.0) ** 2, rtol=1e-14)
    np.testing.assert_allclose(mg.to_numpy(critic.weight.grad)[:, 0], 2 * 7.0 * (3.0 - 1.0) * a / 3.0, rtol=1e-14)
    assert critic.bias.grad is None


def test_a_slope_at_the_target_costs_nothing():
    assert GradientPenalty(target=3.0)(batch_of(linear([2.0, -1.0, 2.0]), normal(5, 3), normal(5, 3))).item() == 0.0
    assert GradientPenalty(target=0.0)(batch_of(linear([2.0, -1.0, 2.0]), normal(5, 3), normal(5, 3))).item() == 90.0


def test_r1_of_a_linear_critic(backend):
    """gamma / 2 |a|^2; its derivative is gamma a, and nothing by the bias."""
    a = np.array([2.0, -1.0, 2.0])
    critic = linear(a)
    value = R1(gamma=4.0)(batch_of(critic, normal(5, 3), normal(5, 3)))
    value.backward()
    np.testing.assert_allclose(value.item(), 4.0 / 2 * 9.0, rtol=1e-14)
    np.testing.assert_allclose(mg.to_numpy(critic.weight.grad)[:, 0], 4.0 * a, rtol=1e-14)
    assert critic.bias.grad is None


def test_drift_is_the_mean_square_of_the_real_scores(backend):
    critic, real = linear([2.0, -1.0, 2.0]), normal(5, 3)
    expected = sum((2 * x - y + 2 * z + 0.3) ** 2 for x, y, z in real) / 5
    np.testing.assert_allclose(Drift(0.25)(batch_of(critic, real, normal(5, 3))).item(), 0.25 * expected, rtol=1e-14)


def test_gradient_penalty_of_a_quadratic_critic(backend):
    matrix, real, fake = normal(3, 3), normal(6, 3), normal(6, 3)
    critic = Quadratic(matrix)
    value = GradientPenalty()(batch_of(critic, real, fake), mg.asarray(MIX))
    value.backward()
    s, x = (matrix + matrix.T) / 2, MIX * real + (1 - MIX) * fake
    norms = np.linalg.norm(x @ s, axis=1)
    np.testing.assert_allclose(value.item(), 10.0 * np.mean((norms - 1) ** 2), rtol=1e-12)
    by_s = sum(20.0 * (norm - 1) * np.outer(s @ each, each) / norm for norm, each in zip(norms, x)) / 6
    np.testing.assert_allclose(mg.to_numpy(critic.matrix.grad), (by_s + by_s.T) / 2, rtol=1e-10)


def test_r1_of_a_quadratic_critic(backend):
    matrix, real = normal(3, 3), normal(6, 3)
    critic = Quadratic(matrix)
    value = R1()(batch_of(critic, real, normal(6, 3)))
    value.backward()
    s = (matrix + matrix.T) / 2
    np.testing.assert_allclose(value.item(), 5.0 * np.mean(np.sum((real @ s) ** 2, axis=1)), rtol=1e-12)
    by_s = 10.0 * s @ real.T @ real / 6
    np.testing.assert_allclose(mg.to_numpy(critic.matrix.grad), (by_s + by_s.T) / 2, rtol=1e-10)


def test_gradient_norms_and_score_gradients_of_a_quadratic_critic(backend):
    """The norms are 5 and 13; the gradients themselves are those of each score by its own example."""
    x = np.array([[3.0, 4.0], [-5.0, 12.0]])
    np.testing.assert_allclose(mg.to_numpy(gradient_norms(Quadratic(np.eye(2)), mg.asarray(x))), [5.0, 13.0], rtol=1e-15)
    batch = batch_of(Quadratic(np.diag([1.0, 2.0])), x, x)
    np.testing.assert_array_equal(score_gradients(batch.real_scores, batch.real).numpy(), x * [1.0, 2.0])


@pytest.mark.parametrize("penalty", [GradientPenalty(), R1()], ids=repr)
def test_the_norm_is_over_all_axes_of_an_image(penalty, backend):
    """Flattened or not, the images are the same numbers; a norm over the last axis, or the second, would differ."""
    real, fake, values = normal(4, 2, 3, 2), normal(4, 2, 3, 2), []
    net = nn.Sequential(nn.Flatten(), nn.Dense(12, 5, activation="tanh"), nn.Dense(5, 1)).astype("float64")
    for shape in ((4, 2, 3, 2), (4, 12)):
        net.zero_grad()
        value = penalty(batch_of(net, real.reshape(shape), fake.reshape(shape)), *given(penalty, 4))
        value.backward()
        values.append([value.numpy(), *(mg.to_numpy(p.grad) for p in net.parameters() if p.grad is not None)])
    for image, row in zip(*values):
        np.testing.assert_array_equal(image, row)


def test_a_critic_of_zeros_has_a_penalty_and_finite_gradients(backend):
    """The slope is 0 there, where a norm has no derivative: it is taken to be 0."""
    net = nn.Sequential(nn.Dense(3, 4, activation="tanh"), nn.Dense(4, 1))
    for p in net.parameters():
        p.assign(mg.asarray(np.zeros(p.shape, np.float32)))
    batch = batch_of(net, normal(5, 3).astype(np.float32), normal(5, 3).astype(np.float32))
    with np.errstate(all="raise"):
        value = GradientPenalty()(batch) + R1()(batch) + Drift()(batch)
        value.backward()
    assert value.item() == 10.0
    assert not any(mg.to_numpy(p.grad).any() for p in net.parameters() if p.grad is not None)


# -- batches, mixes, packs -----------------------------------------------------------------------------------------


@EVERY
def test_the_same_batch_twice_over_costs_the_same(penalty, backend):
    net = nn.Sequential(nn.Dense(3, 4, activation="tanh"), nn.Dense(4, 1)).astype("float64")
    real, fake, results = normal(3, 3), normal(3, 3), []
    for times in (1, 2):
        net.zero_grad()
        twice = [np.concatenate([x] * times) for x in (real, fake, MIX[:3])]
        value = penalty(batch_of(net, *twice[:2]), *[mg.asarray(twice[2])] * penalty.draws)
        value.backward()
        results.append([value.numpy(), *(mg.to_numpy(p.grad) for p in net.parameters() if p.grad is not None)])
    for once, doubled in zip(*results):
        np.testing.assert_allclose(doubled, once, rtol=1e-12)


def test_by_default_one_mix_is_drawn_for_each_pair(backend):
    batch = batch_of(Quadratic(normal(3, 3)), normal(6, 3), normal(6, 3))
    mg.seed(4)
    drawn = GradientPenalty()(batch).item()
    mg.seed(4)
    assert GradientPenalty()(batch, random.uniform((6, 1), dtype=np.float64)).item() == drawn
    assert GradientPenalty()(batch).item() != drawn


@pytest.mark.parametrize(("mix", "end"), [(1.0, "real"), (0.0, "fake")])
def test_the_ends_of_the_line_are_the_real_and_the_generated_examples(mix, end):
    critic, ends = Quadratic(normal(3, 3)), {"real": normal(6, 3), "fake": normal(6, 3)}
    norms = gradient_norms(critic, ends[end]).numpy()
    value = GradientPenalty()(batch_of(critic, **ends), np.full((6, 1), mix))
    np.testing.assert_allclose(value.item(), 10.0 * np.mean((norms - 1) ** 2), rtol=1e-12)


def test_a_critic_of_packs_has_one_norm_and_one_mix_for_each_pack(backend):
    """f(pack) = |pack|^2 / 2 has the pack as its gradient."""
    real, fake = normal(6, 2, 2, 1), normal(6, 2, 2, 1)
    critic = nn.Sequential(nn.Pack(3), nn.Flatten(), Quadratic(np.eye(12)))
    packs = [
        np.concatenate([(u * x + (1 - u) * y).ravel() for x, y in zip(real[i : i + 3], fake[i : i + 3])])
        for i, u in zip((0, 3), MIX[:2, 0])
    ]
    norms = np.array([math.sqrt(pack @ pack) for pack in packs])
    value = GradientPenalty()(batch_of(critic, real, fake), mg.asarray(MIX[:2]))
    np.testing.assert_allclose(value.item(), 10.0 * np.mean((norms - 1) ** 2), rtol=1e-12)
    np.testing.assert_allclose(R1()(batch_of(critic, real, fake)).item(), 5.0 * np.sum(real**2) / 2, rtol=1e-12)


# -- derivatives through every layer of a discriminator -------------------------------------------------------------


class Masked(nn.Dropout):
    """Dropout whose mask is given, so that it drops the same twice."""

    def forward(self, x):
        return super().forward(x, mg.asarray(np.random.default_rng(1).random(x.shape) < 0.5))


def dense(*layers: nn.Module, after: int = 4) -> nn.Sequential:
    """A critic of vectors (n, 3), smooth where it is not the layers."""
    return nn.Sequential(nn.Dense(3, 4), *layers, nn.Dense(after, 2, activation="tanh"), nn.Dense(2, 1))


def images(*layers: nn.Module, features: int) -> nn.Sequential:
    """A critic of images (n, 4, 4, 1), smooth where it is not the layers."""
    return nn.Sequential(nn.Conv2d(1, 2, 3, activation="tanh"), *layers, nn.Flatten(), nn.Dense(features, 1))


CRITICS = {
    **{name: (lambda name=name: dense(nn.activation(name)), (3,)) for name in ("relu", "leaky_relu", "elu", "selu", "tanh")},
    "dropout in training": (lambda: dense(Masked(0.5)), (3,)),
    "dropout in evaluation": (lambda: dense(nn.Dropout(0.5).eval()), (3,)),
    "layer norm": (lambda: dense(nn.LayerNorm(4)), (3,)),
    "batch norm in training": (lambda: dense(nn.BatchNorm(4)), (3,)),
    "batch norm in evaluation": (lambda: dense(nn.BatchNorm(4).eval()), (3,)),
    "minibatch stddev": (lambda: dense(nn.MinibatchStdDev(2), after=5), (3,)),
    "minibatch discrimination": (lambda: dense(nn.MinibatchDiscrimination(4, 2, 2), after=6), (3,)),
    "pack": (lambda: nn.Sequential(nn.Pack(2), nn.Dense(6, 2, activation="tanh"), nn.Dense(2, 1)), (3,)),
    "spectral norm": (lambda: nn.spectral_norm(dense(nn.Tanh())).eval(), (3,)),
    "strided convolution": (lambda: images(nn.Conv2d(2, 2, 3, stride=2, activation="tanh"), features=8), (4, 4, 1)),
    "transposed convolution": (lambda: images(nn.ConvTranspose2d(2, 1, 2, stride=2, activation="tanh"), features=64), (4, 4, 1)),
    "upsampling": (lambda: images(nn.UpSample2d(2), nn.Conv2d(2, 1, 3, stride=2, activation="tanh"), features=16), (4, 4, 1)),
    "mean pooling": (lambda: images(nn.AvgPool2d(2), nn.Tanh(), features=8), (4, 4, 1)),
    "max pooling": (lambda: images(nn.MaxPool2d(2), nn.Tanh(), features=8), (4, 4, 1)),
    "instance norm": (lambda: images(nn.InstanceNorm(2), nn.Tanh(), features=32), (4, 4, 1)),
    "spectral norm of convolutions": (
        lambda: nn.spectral_norm(images(nn.Conv2d(2, 2, 2), nn.Tanh(), features=32)).eval(),
        (4, 4, 1),
    ),
}


@pytest.mark.parametrize(("make", "shape"), CRITICS.values(), ids=CRITICS)
def test_derivatives_of_both_penalties_by_all_parameters_to_order_2(make, shape):
    """Through three backward passes."""
    critic = make()
    gradcheck_module(critic, lambda: smoothness(critic, shape))


@pytest.mark.parametrize(("make", "shape"), CRITICS.values(), ids=CRITICS)
def test_a_device_computes_the_same_penalties_to_order_2(make, shape, device):
    results = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(0)
        critic = make().astype("float64")
        results.append(to_order_2(critic, lambda critic=critic: smoothness(critic, shape)))
    for there, on_numpy in zip(*results):
        np.testing.assert_allclose(there, on_numpy, rtol=1e-9, atol=1e-12)


def smoothness(critic: nn.Module, shape: tuple[int, ...]) -> mg.Tensor:
    """Both penalties on the gradient, and the drift, for the two do not depend on the last bias."""
    real, fake = np.random.default_rng(0).standard_normal((2, 4, *shape))
    batch = batch_of(critic, real, fake)
    penalty = GradientPenalty(weight=1.0)
    return R1(gamma=1.0)(batch) + penalty(batch, *given(penalty, len(batch.real_scores))) + Drift(1.0)(batch)


@pytest.mark.parametrize(("n", "height", "width", "channels"), [(1, 5, 5, 1), (3, 6, 4, 2), (2, 7, 9, 3)])
def test_values_and_gradients_are_those_of_torch(n, height, width, channels):
    torch = pytest.importorskip("torch")
    real, fake, mix = normal(n, height, width, channels), normal(n, height, width, channels), rng.random((n, 1))
    h, w = (height + 1) // 2, (width + 1) // 2
    critic = nn.Sequential(
        nn.Conv2d(channels, 3, 3, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(3, 2, 3, padding=1),
        nn.Tanh(),
        nn.Flatten(),
        nn.Dense(h * w * 2, 1),
    ).astype("float64")
    batch = batch_of(critic, real, fake)
    ours = batch.fake_scores.mean() - batch.real_scores.mean() + GradientPenalty()(batch, mix) + R1()(batch) + Drift()(batch)
    ours.backward()

    first, first_bias, second, second_bias, last, last_bias = (
        torch.tensor(p.numpy(), requires_grad=True) for p in critic.parameters()
    )

    def torch_critic(x):
        y = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), first.permute(3, 2, 0, 1), first_bias, stride=2, padding=1)
        y = torch.nn.functional.leaky_relu(y, 0.2)
        y = torch.tanh(torch.nn.functional.conv2d(y, second.permute(3, 2, 0, 1), second_bias, padding=1))
        return y.permute(0, 2, 3, 1).reshape(n, -1) @ last + last_bias

    def slopes(x):
        x.requires_grad_()
        scores = torch_critic(x)
        return scores, torch.autograd.grad(scores.sum(), x, create_graph=True)[0].reshape(n, -1)

    x, y, u = torch.tensor(real), torch.tensor(fake), torch.tensor(mix).reshape(n, 1, 1, 1)
    (on_real, at_real), (_, between) = slopes(x), slopes(u * x.detach() + (1 - u) * y)
    theirs = torch_critic(y).mean() - on_real.mean() + 10 * ((between.norm(dim=1) - 1) ** 2).mean()
    theirs = theirs + 5 * (at_real**2).sum(dim=1).mean() + 1e-3 * (on_real**2).mean()
    theirs.backward()
    np.testing.assert_allclose(ours.item(), theirs.item(), rtol=1e-11)
    for p, q in zip(critic.parameters(), (first, first_bias, second, second_bias, last, last_bias)):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=p.name)


@pytest.mark.parametrize("penalty", [GradientPenalty(), R1()], ids=repr)
def test_no_gradient_by_the_examples_is_computed_in_the_last_pass(penalty, backend):
    """It would be the most expensive one, and nobody reads it."""
    net, seen = nn.Sequential(nn.Dense(3, 4, activation="tanh"), nn.Dense(4, 1)).astype("float64"), []

    def critic(x):
        seen.append(x)
        return net(x)

    batch = batch_of(critic, normal(4, 3), normal(4, 3))
    (penalty(batch) + batch.real_scores.mean()).backward()
    assert net[0].weight.grad is not None and len(seen) == 2 + penalty.draws
    differentiated = seen[-1] if penalty.draws else batch.real
    assert differentiated.grad is None and not differentiated.requires_grad


def test_treating_examples_as_constants_does_not_change_the_gradient_of_the_scores():
    """The graph of the scores was made while the examples still required a gradient, and serves for the loss as well."""
    net, real, fake = (
        nn.Sequential(nn.Dense(3, 4, activation="tanh"), nn.Dense(4, 1)).astype("float64"),
        normal(4, 3),
        normal(4, 3),
    )
    batch = batch_of(net, real, fake)
    (R1()(batch) + batch.real_scores.mean()).backward()
    together = [p.grad for p in net.parameters()]
    net.zero_grad()
    R1()(batch_of(net, real, fake)).backward()
    net(real).mean().backward()
    for p, expected in zip(net.parameters(), together):
        np.testing.assert_allclose(p.grad, expected, rtol=1e-12, atol=1e-16, err_msg=p.name)


# -- weight clipping -----------------------------------------------------------------------------------------------


def test_weight_clipping_bounds_every_parameter(backend):
    critic = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm(3), nn.Flatten(), nn.Dense(12, 1))
    for p in critic.parameters():
        p.assign(mg.asarray(np.linspace(-0.5, 0.7, p.size, dtype=np.float32).reshape(p.shape)))
    before = [mg.to_numpy(p.data).copy() for p in critic.parameters()]
    WeightClipping(0.125).project(critic)
    for p, old in zip(critic.parameters(), before):
        np.testing.assert_array_equal(mg.to_numpy(p.data), np.clip(old, -0.125, 0.125), err_msg=p.name)
        assert p.dtype == np.float32


def test_weight_clipping_makes_older_graphs_stale():
    critic = linear([2.0, -1.0, 2.0])
    loss = critic(normal(4, 3)).mean()
    WeightClipping().project(critic)
    with pytest.raises(GraphError, match="stale graph"):
        loss.backward()


def test_weight_clipping_is_not_a_term_of_the_loss_and_the_others_change_no_weights():
    critic = linear([2.0, -1.0, 2.0])
    assert WeightClipping()(batch_of(critic, normal(4, 3), normal(4, 3))) is None
    for penalty in PENALTIES:
        penalty.project(critic)
    np.testing.assert_array_equal(critic.weight.numpy()[:, 0], [2.0, -1.0, 2.0])


@pytest.mark.parametrize("penalty", [GradientPenalty, R1])
def test_a_lazy_penalty_is_as_many_times_as_strong_in_the_first_of_its_updates(penalty):
    net = nn.Sequential(nn.Dense(3, 5, activation="tanh"), nn.Dense(5, 1)).astype("float64")
    batch = [normal(6, 3), normal(6, 3)]
    eager, lazy = penalty(), penalty(every=8)
    values = [each(batch_of(net, *batch), *given(each)).item() for each in (eager, lazy)]
    assert values[1] == 8 * values[0] > 0
    assert all(eager.due(updates) for updates in range(20))
    assert [updates for updates in range(20) if lazy.due(updates)] == [0, 8, 16]
    gradcheck_module(net, lambda: (together := batch_of(net, *batch)) and lazy(together, *given(lazy)) + Drift(1.0)(together))


# -- what a trainer reads, and errors ------------------------------------------------------------------------------


def test_penalties_state_what_a_trainer_must_provide():
    assert [(p.name, p.needs_gradient, p.differentiates_real, p.draws) for p in [*PENALTIES, WeightClipping()]] == [
        ("gradient penalty", True, False, True),
        ("R1", True, True, False),
        ("drift", False, False, False),
        ("weight clipping", False, False, False),
    ]


def test_the_default_settings_are_the_papers():
    assert [vars(p) for p in [*PENALTIES, WeightClipping()]] == [
        {"weight": 10.0, "target": 1.0, "resolution": None, "every": 1},
        {"gamma": 10.0, "resolution": None, "every": 1},
        {"weight": 0.001},
        {"limit": 0.01},
    ]


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize(
    ("penalty", "name"), [(GradientPenalty, "weight"), (R1, "gamma"), (Drift, "weight"), (WeightClipping, "limit")]
)
def test_wrong_settings_are_refused(penalty, name, value):
    with pytest.raises(ValueError, match=f"^{penalty.__name__}'s {name} must be above 0 and finite, got {value}$"):
        penalty(**{name: value})


@pytest.mark.parametrize("every", [0, -8, 2.5, None])
@pytest.mark.parametrize("penalty", [GradientPenalty, R1])
def test_a_lazy_penalty_counts_updates(penalty, every):
    message = f"^{penalty.__name__}'s every counts updates of the critic, a whole number of at least 1, got {every}$"
    with pytest.raises(ValueError, match=message):
        penalty(every=every)


@pytest.mark.parametrize("target", [-1.0, float("nan"), float("inf")])
def test_a_negative_or_infinite_target_is_refused(target):
    with pytest.raises(ValueError, match=f"^GradientPenalty's target must be at least 0 and finite, got {target}$"):
        GradientPenalty(target=target)


def test_pairs_of_different_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"joins examples pair by pair: real has shape \(4, 3\), fake \(5, 3\)"):
        GradientPenalty()(batch_of(linear([1.0, 1.0, 1.0]), normal(4, 3), normal(5, 3)))


@pytest.mark.parametrize("shape", [(4,), (3, 1), (4, 3)])
def test_a_mix_of_another_shape_is_refused(shape):
    with pytest.raises(ShapeError) as caught:
        GradientPenalty()(batch_of(linear([1.0, 1.0, 1.0]), normal(4, 3), normal(4, 3)), np.ones(shape))
    assert str(caught.value) == f"the gradient penalty takes one mix per score, (4, 1), got {shape}"


def test_two_penalties_may_ask_for_the_same_examples():
    critic, x = linear([1.0, 2.0, 2.0]), mg.Tensor(normal(4, 3), requires_grad=True)
    batch = DiscriminatorBatch(critic, x, x, critic(x), critic(x))
    assert [R1(1.0)(batch).item(), R1(2.0)(batch).item()] == pytest.approx([4.5, 9.0])
    assert not x.requires_grad


def at_two_resolutions(small: int) -> tuple[DiscriminatorBatch, DiscriminatorBatch]:
    """A critic of images of `small` x 3 pixels, and what it says of images of 8 rows that are reduced to these by means."""
    net = nn.Sequential(nn.Conv2d(2, 3, 3, activation="tanh"), nn.Flatten(), nn.Dense(9 * small, 1)).astype("float64")
    factor = 8 // small
    images = [normal(5, small, 3, 2) for _ in range(2)]
    enlarged = [x.repeat(factor, axis=1).repeat(factor, axis=2) for x in images]
    return batch_of(net, *images), batch_of(nn.Sequential(nn.AvgPool2d(factor), net), *enlarged)


@pytest.mark.parametrize("small", [2, 4, 8])
def test_a_penalty_at_another_resolution_is_that_of_the_enlarged_images(small, backend):
    """By the pixels of the large ones: a gradient that is spread over several is shorter."""
    batch, enlarged = at_two_resolutions(small)
    np.testing.assert_allclose(R1(3.0, resolution=8)(batch).item(), R1(3.0)(enlarged).item(), rtol=1e-12)
    mix = mg.asarray(MIX[:5])
    np.testing.assert_allclose(
        GradientPenalty(resolution=8)(batch, mix).item(), GradientPenalty()(enlarged, mix).item(), rtol=1e-12
    )


@pytest.mark.parametrize("penalty", [GradientPenalty, R1])
def test_a_resolution_of_no_pixels_is_refused(penalty):
    with pytest.raises(ValueError, match=f"^{penalty.__name__}'s resolution must be above 0 and finite, got 0$"):
        penalty(resolution=0)


@pytest.mark.parametrize("penalty", [*PENALTIES, WeightClipping()], ids=repr)
def test_penalties_are_immutable_and_hashable(penalty):
    """A run compares them, a table may be keyed by them."""
    name = next(iter(vars(penalty)))
    with pytest.raises(FrozenInstanceError):
        setattr(penalty, name, 0.5)
    assert {penalty: 1} == {type(penalty)(): 1}
