"""Algorithm 1, step by step: against the formulas, against games with an exact answer, and against PyTorch."""

import itertools

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, ops, optim
from minigen.autograd import Tensor, no_grad
from minigen.backend import random
from minigen.data import Batches
from minigen.models.gans import points
from minigen.training import Adversarial, History
from tests.training.gans.players import (
    QUIET,
    Each,
    NormedGenerator,
    PictureGenerator,
    bilinear,
    cloud,
    conditioned,
    game,
    labels,
    network,
    normed_discriminator,
    picture_discriminator,
    pixels,
    small,
    weights,
)
from tests.training.networks import assert_same

OPTIMIZERS = {
    "SGD": lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.5),
    "Adam": lambda parameters: optim.Adam(parameters, lr=0.01, beta1=0.5),
}
bce = ops.sigmoid_cross_entropy
# loss -> (what the discriminator minimizes, what the generator does), of scores of real and of generated examples
FORMULAS = {
    losses.NonSaturating(): (lambda r, f: bce(r, 1.0).mean() + bce(f, 0.0).mean(), lambda f: ops.softplus(-f).mean()),
    losses.Minimax(): (lambda r, f: bce(r, 1.0).mean() + bce(f, 0.0).mean(), lambda f: -ops.softplus(f).mean()),
    losses.LeastSquares(): (
        lambda r, f: 0.5 * ((r - 1.0) ** 2).mean() + 0.5 * (f**2).mean(),
        lambda f: 0.5 * ((f - 1.0) ** 2).mean(),
    ),
    losses.Hinge(): (lambda r, f: ops.relu(1.0 - r).mean() + ops.relu(1.0 + f).mean(), lambda f: -f.mean()),
    losses.Wasserstein(): (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
}


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def by_hand(trainer, examples, steps, formulas):
    """Algorithm 1 as the paper writes it: each player's gradient by its own formula, fakes as constants in D's step."""
    generator, discriminator = trainer.generator, trainer.discriminator
    batches = Batches(examples, batch_size=QUIET["batch_size"], seed=QUIET["seed"], drop_last=True)
    stream = itertools.islice(itertools.chain.from_iterable(itertools.repeat(batches)), steps)

    def latent(n):
        return random.stream("latent").standard_normal((n, generator.latent_dim), dtype=np.float32)

    for real in stream:
        with no_grad():
            fake = generator(Tensor(latent(len(real)))).data
        descend(trainer.discriminator_optimizer, formulas[0](discriminator(Tensor(real)), discriminator(Tensor(fake))))
        descend(trainer.generator_optimizer, formulas[1](discriminator(generator(Tensor(latent(len(real)))))))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", FORMULAS, ids=lambda loss: type(loss).__name__)
def test_equals_a_loop_written_by_hand(loss, optimizer):
    """Bit for bit, over more than an epoch, whose smaller last batch is left out."""
    trainer, expected = (game(optimizer=OPTIMIZERS[optimizer], loss=loss) for _ in range(2))
    mg.seed(7)
    trainer.fit(cloud(), steps=7, **QUIET)
    mg.seed(7)
    by_hand(expected, cloud(), 7, FORMULAS[loss])
    assert_same(weights(trainer), weights(expected))


def test_equals_pytorch():
    torch = pytest.importorskip("torch")
    trainer = game(lambda: small(hidden=6))
    theirs = {}
    for name in ("generator", "discriminator"):
        dense = [torch.nn.Linear(*p.shape) for p in getattr(trainer, name).parameters() if p.ndim == 2]
        theirs[name] = torch.nn.Sequential(dense[0], torch.nn.ReLU(), dense[1])
        with torch.no_grad():
            for p, q in zip(getattr(trainer, name).parameters(), theirs[name].parameters()):
                q.copy_(torch.tensor(p.data.T.copy()))
    optimizers = {name: torch.optim.Adam(theirs[name].parameters(), lr=0.01, betas=(0.5, 0.999)) for name in theirs}
    cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits
    generator, discriminator = theirs["generator"], theirs["discriminator"]

    mg.seed(7)
    for real in Batches(cloud(), batch_size=4, seed=3, drop_last=True):
        z = [torch.tensor(random.stream("latent").standard_normal((4, 2), dtype=np.float32)) for _ in range(2)]
        on_real, on_fake = discriminator(torch.tensor(real)), discriminator(generator(z[0]).detach())
        optimizers["discriminator"].zero_grad()
        (cross_entropy(on_real, torch.ones(4, 1)) + cross_entropy(on_fake, torch.zeros(4, 1))).backward()
        optimizers["discriminator"].step()
        optimizers["generator"].zero_grad()
        cross_entropy(discriminator(generator(z[1])), torch.ones(4, 1)).backward()
        optimizers["generator"].step()
    mg.seed(7)
    trainer.fit(cloud(), steps=5, **QUIET)
    for name in theirs:
        for p, q in zip(getattr(trainer, name).parameters(), theirs[name].parameters()):
            np.testing.assert_allclose(p.data, q.detach().numpy().T, rtol=1e-5, atol=1e-7)


# -- each step changes one player --------------------------------------------------------------------------------


def normed():
    """BatchNorm in both, whose statistics every forward pass moves; and a power iteration that it turns."""
    return NormedGenerator(), nn.spectral_norm(normed_discriminator())


@pytest.mark.parametrize("mine, other", [("discriminator", "generator"), ("generator", "discriminator")])
def test_a_step_leaves_the_other_player_alone(mine, other):
    """Weights, running statistics, power iterations, moments: bit for bit; and no gradient is computed for it."""
    trainer = game(normed)
    trainer.fit(cloud(), steps=2, **QUIET)
    before = network(trainer, mine), network(trainer, other)
    getattr(trainer, other).zero_grad()
    trainer.discriminator_step((cloud(4),)) if mine == "discriminator" else trainer.generator_step(trainer.generator_input(4))
    assert_same(network(trainer, other), before[1])
    assert all(p.grad is None for p in getattr(trainer, other).parameters())
    assert all(p.requires_grad for p in getattr(trainer, other).parameters()), "it was left frozen"
    changed = {name for name, value in network(trainer, mine).items() if not np.array_equal(value, before[0][name])}
    still = {"weights/body.0.bias", "weights/net.0.bias"}  # BatchNorm takes these biases out again
    still |= {"weights/head.reparametrization.u", "optimizer/began"}  # a vector of one number has one direction
    assert changed >= set(before[0]) - still


def test_real_and_generated_examples_are_separate_batches():
    """Seen in the statistics of a BatchNorm in front: one update by the real ones, then one by the fakes."""
    discriminator = nn.Sequential(nn.BatchNorm(2, momentum=0.75), nn.Dense(2, 1))
    trainer = game((points.Generator(hidden=4, layers=1), discriminator))
    real = cloud(4) + 5.0
    trainer.batches = Batches(real, batch_size=4)
    mg.seed(7)
    z = random.stream("latent").standard_normal((4, 2), dtype=np.float32)
    fake = trainer.generator(Tensor(z)).data
    mg.seed(7)
    trainer.discriminator_step((real,))
    norm = discriminator[0]
    expected = 0.75 * (0.25 * real.mean(axis=0)) + 0.25 * fake.mean(axis=0)
    np.testing.assert_allclose(norm.running_mean.data, expected, rtol=1e-6)
    expected = 0.75 * (0.75 + 0.25 * real.var(axis=0, ddof=1)) + 0.25 * fake.var(axis=0, ddof=1)
    np.testing.assert_allclose(norm.running_var.data, expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_players_that_were_at_rest_are_trained_in_training_mode(name):
    """BatchNorm sees the batch: the same game as if nobody had looked at samples before."""
    trainer, expected = game(normed), game(normed)
    getattr(trainer, name).eval()
    for each in (trainer, expected):
        mg.seed(7)
        each.fit(cloud(), steps=2, **QUIET)
    assert_same(weights(trainer), weights(expected))


def test_more_steps_of_either_player():
    trainer = game(discriminator_steps=3, generator_steps=2, ema=0.5)
    drawn = []
    trainer.fit(cloud(), steps=2, callbacks=[Each(lambda run: drawn.append((run.batches.epoch, run.batches.position)))], **QUIET)
    assert (trainer.discriminator_optimizer.steps, trainer.generator_optimizer.steps, trainer.average.updates) == (6, 4, 4)
    assert drawn == [(0, 3), (1, 1)], "every step of the discriminator has fresh examples, none of the generator's takes any"


def test_a_projection_follows_every_update_of_the_discriminator():
    """Its weights are within the limit whenever the generator learns from it, and in the end; the generator's are not clipped."""
    trainer = game(penalties=[losses.WeightClipping(0.05)], discriminator_steps=2)
    largest = []
    evaluator = trainer.generator_step
    trainer.generator_step = lambda inputs: (
        largest.append(max(abs(p.data).max() for p in trainer.discriminator.parameters())),
        evaluator(inputs),
    )
    trainer.fit(cloud(), steps=3, **QUIET)
    assert largest == [np.float32(0.05)] * 3
    assert max(abs(p.data).max() for p in trainer.generator.parameters()) > 0.1


# -- games with an exact answer ----------------------------------------------------------------------------------


def play(trainer, steps):
    """The path of (theta, psi), from the start: (steps + 1, 2)."""

    def place():
        return trainer.generator.theta.item(), trainer.discriminator.weight.item()

    path = [place()]
    origin = np.zeros((4, 1), trainer.generator.dtype)
    trainer.fit(origin, steps=steps, callbacks=[Each(lambda run: path.append(place()))], **QUIET)
    return np.array(path)


def matrix(rate, gamma=0.0):
    """One step of (theta, psi): psi <- psi - rate (theta + gamma psi), then theta <- theta + rate psi."""
    return np.array([[1.0, rate], [0.0, 1.0]]) @ np.array([[1.0, 0.0], [-rate, 1.0 - rate * gamma]])


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 8.0])
def test_path_of_the_bilinear_game(gamma, dtype, tolerance):
    path = play(bilinear(dtype=dtype, penalties=[losses.R1(gamma)] if gamma else []), 60)
    expected = [np.linalg.matrix_power(matrix(0.1, gamma), t) @ path[0] for t in range(61)]
    np.testing.assert_allclose(path, expected, rtol=0, atol=tolerance)


def test_the_bilinear_game_runs_in_a_circle_forever():
    """Alternating steps keep theta^2 + psi^2 + rate theta psi, an ellipse, to rounding: its matrix has determinant 1."""
    path = play(bilinear(), 100)
    invariant = path[:, 0] ** 2 + path[:, 1] ** 2 - 0.1 * path[:, 0] * path[:, 1]
    np.testing.assert_allclose(invariant, invariant[0], rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.5, 8.0])
def test_r1_makes_it_converge_as_its_eigenvalues_say(gamma):
    """A complex pair of eigenvalues turns inward by their modulus sqrt(1 - rate gamma); of a real pair the larger one stays."""
    size = np.linalg.norm(play(bilinear(penalties=[losses.R1(gamma)]), 200), axis=1)
    radius = max(abs(np.linalg.eigvals(matrix(0.1, gamma))))
    assert radius < 1
    steps = 100
    assert np.log(size[200] / size[200 - steps]) / steps == pytest.approx(np.log(radius), rel=0.03)
    if gamma == 0.5:
        assert radius == pytest.approx(np.sqrt(1 - 0.1 * gamma), rel=1e-12)


# -- the history -------------------------------------------------------------------------------------------------

ALWAYS = [
    "step",
    "discriminator loss",
    "on real",
    "on fake",
    "score of real",
    "score of fake",
    "accuracy on real",
    "accuracy on fake",
    "discriminator gradient norm",
    "generator loss",
    "generator gradient norm",
    "seconds",
]


def test_the_history_has_columns_for_loss_and_penalties():
    history = game().fit(cloud(), steps=2, **QUIET)
    assert isinstance(history, History) and sorted(history) == sorted(ALWAYS) and list(history)[0] == "step"
    penalties = [losses.R1(), losses.GradientPenalty(), losses.Drift(), losses.WeightClipping()]
    history = game(penalties=penalties).fit(cloud(), steps=2, **QUIET)
    assert set(history) == {*ALWAYS, "R1", "gradient penalty", "drift"}
    history = game(loss=losses.Wasserstein()).fit(cloud(), steps=2, **QUIET)
    assert "distance" in history and "accuracy on real" not in history


@pytest.mark.parametrize("options", [{}, {"discriminator_steps": 2}, {"generator_steps": 3}], ids=str)
def test_a_row_is_the_mean_over_its_steps_and_the_last_may_be_short(options):
    options["penalties"] = [losses.R1(0.1)]
    each = game(**options).fit(cloud(), steps=8, record_every=1, **QUIET)
    rows = game(**options).fit(cloud(), steps=8, record_every=3, **QUIET)
    assert each["step"] == list(range(1, 9)) and rows["step"] == [3, 6, 8]
    for name in set(each) - {"step", "seconds"}:
        expected = [np.mean(each[name][part]) for part in (slice(0, 3), slice(3, 6), slice(6, 8))]
        np.testing.assert_allclose(rows[name], expected, rtol=1e-12, err_msg=name)


def test_penalties_of_one_kind_share_a_column_and_add_up():
    one, two = (
        game(penalties=penalties).fit(cloud(), steps=1, **QUIET)
        for penalties in ([losses.R1(6.0)], [losses.R1(1.0), losses.R1(5.0)])
    )
    for column in ("R1", "discriminator loss"):
        assert two[column] == pytest.approx(one[column], rel=1e-5)


def test_a_row_describes_the_networks_before_the_update():
    """Of one step: the terms make up the loss, scores and gradient norms are those of the networks before the update."""
    trainer = game(penalties=[losses.R1(2.0)], optimizer=lambda parameters: optim.SGD(parameters, lr=0.0))
    mg.seed(7)
    row = trainer.fit(cloud(4), steps=1, **QUIET).rows[0]
    mg.seed(7)
    with no_grad():
        z = [random.stream("latent").standard_normal((4, 2), dtype=np.float32) for _ in range(2)]
        real, fake, later = (
            trainer.discriminator(Tensor(x)).data
            for x in (cloud(4), trainer.generator(Tensor(z[0])).data, trainer.generator(Tensor(z[1])).data)
        )
    assert row["score of real"] == pytest.approx(real.mean(), rel=1e-5)
    assert row["score of fake"] == pytest.approx(fake.mean(), rel=1e-5)
    assert (row["accuracy on real"], row["accuracy on fake"]) == ((real > 0).mean(), (fake <= 0).mean())
    assert row["on real"] == pytest.approx(np.log1p(np.exp(-real)).mean(), rel=1e-5)
    assert row["on fake"] == pytest.approx(np.log1p(np.exp(fake)).mean(), rel=1e-5)
    assert row["discriminator loss"] == pytest.approx(row["on real"] + row["on fake"] + row["R1"], rel=1e-6)
    assert row["generator loss"] == pytest.approx(np.log1p(np.exp(-later)).mean(), rel=1e-5)
    for name in ("generator", "discriminator"):
        squares = sum(float((p.grad.astype(np.float64) ** 2).sum()) for p in getattr(trainer, name).parameters())
        assert row[f"{name} gradient norm"] == pytest.approx(np.sqrt(squares), rel=1e-5)


# -- samples -----------------------------------------------------------------------------------------------------


def test_samples_come_from_the_average():
    trainer = game(lambda: (NormedGenerator(), small()[1]), ema=0.7)
    seen = [trainer.generator.state_dict()]
    trainer.fit(cloud(), steps=9, callbacks=[Each(lambda run: seen.append(run.generator.state_dict()))], **QUIET)
    average = seen[0]
    for t, latest in enumerate(seen[1:]):
        decay = min(0.7, (1 + t) / (10 + t))
        average = {
            name: value if "running" in name else decay * average[name] + (1 - decay) * value for name, value in latest.items()
        }
    for name, value in trainer.sampler.state_dict().items():
        np.testing.assert_allclose(value, average[name], rtol=1e-5, atol=1e-7, err_msg=name)
    mg.seed(7)
    expected = trainer.average.average.sample(5)
    mg.seed(7)
    np.testing.assert_array_equal(trainer.sample(5), expected)
    mg.seed(7)
    assert not np.array_equal(trainer.generator.sample(5), expected)


def test_samples_without_an_average_come_from_the_generator():
    trainer = game((PictureGenerator(), picture_discriminator()))
    mg.seed(7)
    z = random.stream("latent").standard_normal((5, 3), dtype=np.float32)
    with no_grad():
        expected = (trainer.generator(Tensor(z)).data + 1) / 2
    mg.seed(7)
    samples = trainer.sample(5)
    assert samples.dtype == np.float32 and samples.min() >= 0 and samples.max() <= 1
    np.testing.assert_allclose(samples, expected, atol=1e-7)


def test_conditional_networks_get_the_labels_of_examples():
    """Real and fake share the labels of the batch; the generator's labels are those of examples, rare ones rarely."""
    trainer = game(conditioned, ema=0.5)
    asked = []
    forward = trainer.generator.forward
    trainer.generator.forward = lambda z, y: (asked.append(np.array(y)), forward(z, y))[1]
    classes = np.array([0] * 6 + [1] * 18)
    trainer.fit((cloud(24), classes), steps=30, **QUIET)
    batches = Batches(cloud(24), classes, batch_size=4, seed=3)
    np.testing.assert_array_equal(asked[0::2], [y for _ in range(5) for _, y in batches])
    drawn = np.concatenate(asked[1::2])
    assert 0.6 < (drawn == 1).mean() < 0.9 and 2 not in drawn
    assert trainer.sample(3, np.array([0, 1, 2])).shape == (3, 2)
    with pytest.raises(ValueError, match="3"):
        trainer.sample(1, np.array([3]))


def test_a_label_changes_what_is_made():
    trainer = game(conditioned)
    trainer.fit((cloud(), labels()), steps=1, **QUIET)
    z = np.zeros((3, 2), np.float32)
    made = trainer.sampler.draw(z, np.arange(3))
    assert len(np.unique(made, axis=0)) == 3


# -- on every backend, and in another dtype ----------------------------------------------------------------------


def test_every_backend_plays_the_same_game(backend):
    def played():
        trainer = game(lambda: (PictureGenerator(), picture_discriminator()), penalties=[losses.GradientPenalty()], ema=0.5)
        trainer.fit(pixels(), steps=3, **QUIET)
        return weights(trainer)

    here = played()
    mg.use("numpy")
    expected = played()
    if backend == "cupy":  # a GPU draws noise of its own
        assert list(here) == list(expected)
        return
    assert_same(here, expected)


def test_a_float64_game_stays_float64():
    generator, discriminator = small()
    trainer = game((generator.astype("float64"), discriminator.astype("float64")), penalties=[losses.R1()], ema=0.5)
    trainer.fit(cloud().astype("float64"), steps=2, **QUIET)
    assert {value.dtype.name for name, value in weights(trainer).items() if "weights" in name} == {"float64"}


def test_the_default_loss_is_non_saturating():
    assert game().loss == losses.NonSaturating() and isinstance(game(), Adversarial)


def test_a_log_has_a_whole_line_for_each_row(capsys):
    trainer = game()
    trainer.fit(cloud(), steps=5, record_every=2, batch_size=4)
    lines = capsys.readouterr().err.splitlines(keepends=True)
    assert [line.split(":")[0] for line in lines] == ["step 2/5", "step 4/5", "step 5/5"]
    assert f"discriminator loss {trainer.history['discriminator loss'][-1]:.5g}, generator loss " in lines[-1]
    assert all(line.endswith("\n") and "\r" not in line for line in lines)
    trainer.fit(cloud(), steps=6, batch_size=4, progress=False)
    assert capsys.readouterr() == ("", "")
