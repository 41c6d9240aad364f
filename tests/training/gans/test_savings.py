"""What makes a step cheaper: penalties that are part of some updates only, and fakes that both players learn from."""

import itertools

import numpy as np
import pytest

import minigen as mg
from minigen import losses, optim
from minigen.autograd import Tensor
from minigen.backend import random
from minigen.data import Batches
from minigen.losses import penalties
from minigen.models.gans import stylegan
from minigen.training import Checkpoint, Progressive, remedies
from tests.training.gans.players import (
    QUIET,
    NormedGenerator,
    cloud,
    conditioned,
    everything,
    game,
    labels,
    normed_discriminator,
    small,
    weights,
)
from tests.training.gans.test_adversarial import FORMULAS, OPTIMIZERS, descend
from tests.training.networks import Crash, Dies, assert_same

LAZY = {
    "R1": lambda every: losses.R1(0.7, every=every),
    "gradient penalty": lambda every: losses.GradientPenalty(0.7, every=every),
}


def still(parameters):
    """An optimizer that counts, and moves nothing."""
    return optim.SGD(parameters, lr=0.0)


# -- lazy penalties ------------------------------------------------------------------------------------------------


def gradients(penalty, updates):
    """The gradients of D's weights in so many updates at the same weights, of the same batch: (updates, weights), float64."""
    mg.seed(1)
    generator, discriminator = small()
    trainer = game((generator.astype("float64"), discriminator.astype("float64")), optimizer=still, penalties=[penalty])
    real, z = cloud(4).astype("float64"), cloud(4, seed=6).astype("float64")
    found = []
    for _ in range(updates):
        mg.seed(3)  # a gradient penalty draws
        trainer.discriminator_step((real,), (z,))
        found.append(np.concatenate([p.grad.ravel() for p in discriminator.parameters()]))
    return np.array(found)


@pytest.mark.parametrize("every", [2, 3, 8])
@pytest.mark.parametrize("name", LAZY)
def test_the_mean_gradient_of_a_lazy_penalty_is_that_of_an_eager_one(name, every):
    """Over any `every` updates in a row, exactly; and each of the others is that without a penalty."""
    eager = gradients(LAZY[name](1), 1)[0]
    without = gradients(losses.WeightClipping(1e6), 1)[0]
    assert abs(eager - without).max() > 0.01
    lazy = gradients(LAZY[name](every), 2 * every)
    for first in range(every):
        np.testing.assert_allclose(lazy[first : first + every].mean(axis=0), eager, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(np.delete(lazy, [0, every], axis=0), np.tile(without, (2 * every - 2, 1)))


def test_updates_are_counted_not_steps():
    """With three updates of D per step, every fourth of them; also across two fits."""
    trainer = game(discriminator_steps=3, penalties=[losses.R1(every=4)])
    due = watched(trainer)
    trainer.fit(cloud(), steps=2, **QUIET)
    trainer.fit(cloud(), steps=4, **QUIET)
    assert due == [update % 4 == 0 for update in range(12)]


def watched(trainer):
    """A list that gets, for each update of D, whether its real examples require a gradient."""
    found, original = [], trainer.discriminator.forward

    def forward(x, *rest):
        if trainer.scored == 0:
            found.append(x.requires_grad)
        trainer.scored += 1
        return original(x, *rest)

    def step(*inputs, original=trainer.discriminator_step):
        trainer.scored = 0
        original(*inputs)
        trainer.scored = None

    def generator_step(*inputs, original=trainer.generator_step):
        trainer.scored = 1
        original(*inputs)

    trainer.discriminator.forward, trainer.discriminator_step, trainer.generator_step = forward, step, generator_step
    return found


def test_other_updates_pay_nothing(monkeypatch):
    """No gradient of real examples is asked for, no gradient penalty scores examples between, no noise is drawn for it."""
    trainer = game(penalties=[losses.R1(every=3), losses.GradientPenalty(every=5)])
    second_order, drawn, due = [], [], watched(trainer)
    original, uniform = penalties.score_gradients, random.uniform
    monkeypatch.setattr(penalties, "score_gradients", lambda *inputs: (second_order.append(trainer.step), original(*inputs))[1])
    monkeypatch.setattr(
        random, "uniform", lambda *inputs, **options: (drawn.append(trainer.step), uniform(*inputs, **options))[1]
    )
    trainer.fit(cloud(), steps=11, **QUIET)
    assert due == [step % 3 == 0 for step in range(11)]
    assert second_order == [0, 0, 3, 5, 6, 9, 10] and drawn == [0, 5, 10]


def test_a_column_is_the_mean_of_what_the_loss_has_of_it():
    """0 in updates without it: so the terms add up, whatever `every` is."""
    each = game(penalties=[losses.R1(3.0, every=3)], optimizer=still).fit(cloud(4), steps=6, record_every=1, **QUIET)
    assert [value > 0 for value in each["R1"]] == [True, False, False] * 2
    rows = game(penalties=[losses.R1(3.0, every=3)], optimizer=still).fit(cloud(4), steps=6, record_every=3, **QUIET)
    eager = game(penalties=[losses.R1(3.0)], optimizer=still).fit(cloud(4), steps=6, record_every=3, **QUIET)
    np.testing.assert_allclose(rows["R1"], eager["R1"], rtol=1e-5)
    for row in each.rows + rows.rows:
        assert row["discriminator loss"] == pytest.approx(row["on real"] + row["on fake"] + row["R1"], rel=1e-5)


def test_a_users_penalty_may_be_lazy():
    """A class attribute is enough."""

    class Often(penalties.Penalty):
        name, every, calls = "often", 2, 0

        def __call__(self, batch):
            Often.calls += 1
            return self.every * batch.real_scores.mean()

    game(penalties=[Often()]).fit(cloud(), steps=5, **QUIET)
    assert Often.calls == 3


# -- fakes for both players ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", FORMULAS, ids=lambda loss: type(loss).__name__)
def test_equals_a_loop_written_by_hand(loss, optimizer):
    """Bit for bit: one draw, one forward pass; G's gradient goes through D as updated."""
    trainer, expected = (game(optimizer=OPTIMIZERS[optimizer], loss=loss, reuse_fakes=reuse) for reuse in (True, False))
    mg.seed(7)
    trainer.fit(cloud(), steps=7, **QUIET)
    mg.seed(7)
    batches = Batches(cloud(), batch_size=QUIET["batch_size"], seed=QUIET["seed"], drop_last=True)
    generator, discriminator = expected.generator, expected.discriminator
    of_discriminator, of_generator = FORMULAS[loss]
    for real in itertools.islice(itertools.chain.from_iterable(itertools.repeat(batches)), 7):
        fake = generator(Tensor(generator.latent(len(real))))
        objective = of_discriminator(discriminator(Tensor(real)), discriminator(Tensor(fake.data)))
        descend(expected.discriminator_optimizer, objective)
        assert all(p.grad is None for p in generator.parameters())
        descend(expected.generator_optimizer, of_generator(discriminator(fake)))
        generator.zero_grad()
    assert_same(weights(trainer), weights(expected))


@pytest.mark.parametrize("reuse, passes", [(True, 1), (False, 2)])
def test_the_generator_runs_once_and_both_players_see_the_same(reuse, passes):
    trainer, made, seen = game(reuse_fakes=reuse), [], []
    generate, score = trainer.generator.forward, trainer.discriminator.forward
    trainer.generator.forward = lambda z: (made.append((trainer.generator.training, generate(z))), made[-1][1])[1]
    trainer.discriminator.forward = lambda x: (seen.append(x.data.copy()), score(x))[1]
    trainer.fit(cloud(), steps=1, **QUIET)
    made = [examples for training, examples in made if training]  # before, fit has looked at the shape of an example
    assert len(made) == passes
    _, of_discriminator, of_generator = seen
    np.testing.assert_array_equal(of_discriminator, made[0].data)
    np.testing.assert_array_equal(of_generator, made[-1].data)
    assert np.array_equal(of_discriminator, of_generator) == reuse


def test_running_statistics_move_once_a_step():
    """As without: there D's pass leaves them as they were."""
    trainer = game(lambda: (NormedGenerator(), normed_discriminator()), reuse_fakes=True, optimizer=still)
    norm = trainer.generator.net[1]
    trainer.fit(cloud(4), steps=1, **QUIET)
    mg.seed(1)
    again = NormedGenerator(), normed_discriminator()
    again[0](Tensor(again[0].latent(4)))
    np.testing.assert_array_equal(norm.running_mean.data, again[0].net[1].running_mean.data)
    np.testing.assert_array_equal(norm.running_var.data, again[0].net[1].running_var.data)


def test_stylegans_average_of_w_moves_once_a_step():
    def players():
        generator = stylegan.Generator(8, 3, 4, 1, (3, 2), 1, mixing=0.5)
        return generator, stylegan.Discriminator(8, (3, 2), 1, 2)

    images = np.random.default_rng(5).random((16, 8, 8, 1), dtype=np.float32)
    trainer = game(players, reuse_fakes=True)
    trainer.fit(images, steps=3, **QUIET)
    assert trainer.generator.w_seen.data[0] == 3.0


def test_conditional_fakes_have_the_labels_of_the_batch():
    trainer, shown = game(conditioned, reuse_fakes=True), []
    original = trainer.discriminator.forward
    trainer.discriminator.forward = lambda x, y: (shown.append(np.asarray(y)), original(x, y))[1]
    trainer.fit((cloud(), labels()), steps=2, **QUIET)
    for real, of_discriminator, of_generator in (shown[:3], shown[3:]):
        np.testing.assert_array_equal(real, of_discriminator)
        np.testing.assert_array_equal(real, of_generator)


def test_a_layer_that_breaks_is_named():
    trainer = game(reuse_fakes=True)
    trainer.generator.net[1].weight.assign(np.full((4, 2), 3e38, np.float32))
    with (
        np.errstate(all="ignore"),
        pytest.raises(
            mg.errors.NonFiniteError, match=r"the discriminator's loss is \S+ at step 1: layer generator\.net\.1: dense"
        ),
    ):
        trainer.fit(cloud(), steps=1, **QUIET)


@pytest.mark.parametrize(
    "steps", [{"discriminator_steps": 2}, {"generator_steps": 3}, {"discriminator_steps": 2, "generator_steps": 2}]
)
def test_several_updates_a_step_are_refused(steps):
    got = {"discriminator_steps": 1, "generator_steps": 1} | steps
    message = (
        "reuse_fakes: both players learn from the same fakes, in one update each, got "
        f"discriminator_steps={got['discriminator_steps']} and generator_steps={got['generator_steps']}"
    )
    with pytest.raises(ValueError, match=message):
        game(reuse_fakes=True, **steps)


# -- resumed -------------------------------------------------------------------------------------------------------


def saving(seed=1, **changes):
    options = {"penalties": [losses.R1(0.5, every=4)], "reuse_fakes": True, "ema": 0.9, **changes}
    return game(
        lambda: (NormedGenerator(), small(dropout=0.3)[1]),
        seed,
        optimizer=lambda parameters: optim.Adam(parameters, lr=optim.schedules.linear(0.02, 13, constant=5, final=4e-4)),
        remedies=[remedies.ExperienceReplay(6)],
        **options,
    )


@pytest.mark.parametrize("stop", [2, 4, 6, 9])
def test_a_run_that_is_resumed_ends_as_if_it_had_never_stopped(stop, tmp_path):
    """Stopped before, at and after an update with the penalty, and where the rate stays and falls."""
    whole, options = saving(), {**QUIET, "record_every": 1}
    whole.fit(cloud(), steps=11, **options)
    with pytest.raises(Crash):
        saving().fit(cloud(), steps=11, callbacks=[Checkpoint(tmp_path), Dies(stop)], **options)
    resumed = saving(seed=99)
    resumed.fit(cloud(), steps=11, resume=tmp_path, **options)
    assert_same(everything(resumed), everything(whole))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"penalties": [losses.R1(0.5, every=5)]}, r"penalties was '\[R1\(.*every=4\)\]', is '\[R1\(.*every=5\)\]'"),
        ({"penalties": [losses.R1(0.5)]}, r"penalties was '\[R1\(.*every=4\)\]', is '\[R1\(.*every=1\)\]'"),
        ({"reuse_fakes": False}, "reuse fakes was True, is False"),
    ],
)
def test_other_settings_are_refused(changes, message, tmp_path):
    saving().fit(cloud(), steps=2, callbacks=[Checkpoint(tmp_path)], **QUIET)
    with pytest.raises(mg.errors.CheckpointError, match=message):
        saving(**changes).fit(cloud(), steps=4, resume=tmp_path, **QUIET)


def test_growing_networks_use_their_fakes_twice(tmp_path):
    """Across a boundary, with a lazy penalty, and resumed there."""
    from tests.training.gans.test_progressive import grown, images, styled

    def run(seed=1):
        return grown(styled, seed, reuse_fakes=True, penalties=[losses.R1(every=3)], ema=0.9)

    whole = run()
    assert isinstance(whole, Progressive)
    whole.fit(images(), steps=7, record_every=1, **QUIET)
    with pytest.raises(Crash):
        run().fit(images(), steps=7, record_every=1, callbacks=[Checkpoint(tmp_path), Dies(4)], **QUIET)
    resumed = run(seed=99)
    resumed.fit(images(), steps=7, resume=tmp_path, record_every=1, **QUIET)
    assert_same(everything(resumed), everything(whole))
