"""Each remedy: what it changes, that it leaves everything else alone, and that all of them go together with everything."""

import copy
import itertools

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn
from minigen.autograd import Tensor, no_grad
from minigen.backend import random, to_numpy
from minigen.errors import StateError
from minigen.models.gans import base
from minigen.training.gans.remedies import ExperienceReplay, FeatureMatching, InstanceNoise, LabelSmoothing, NoisyLabels, Remedy
from tests.training.gans.players import QUIET, cloud, conditioned, game, labels, network, small, weights
from tests.training.networks import assert_same

TARGETS = [LabelSmoothing(), LabelSmoothing(0.8, 0.1), NoisyLabels(0.25)]


def test_the_base_class_changes_nothing():
    trainer, plain = (game(remedies=remedies) for remedies in ([Remedy()], []))
    for each in (trainer, plain):
        mg.seed(7)
        each.fit(cloud(), steps=3, **QUIET)
    assert_same(weights(trainer), weights(plain))


def one_step(**options):
    """(row, trainer) after one step of a game of the same seed."""
    trainer = game(lambda: small(8), **options)
    row = trainer.fit(cloud(), steps=1, **QUIET).rows[0]
    return row, trainer


# -- labels ------------------------------------------------------------------------------------------------------


def spied(loss):
    """The loss, and a list of (real_target, fake_target) that it was given."""
    seen = []

    class Spy(type(loss)):
        def discriminator(self, real, fake, real_target=1.0, fake_target=0.0):
            seen.append((real_target, fake_target))
            return super().discriminator(real, fake, real_target, fake_target)

    return Spy(), seen


@pytest.mark.parametrize("loss", [losses.NonSaturating(), losses.Minimax(), losses.LeastSquares()], ids=repr)
def test_label_smoothing_changes_the_targets_and_nothing_else(loss):
    spy, seen = spied(loss)
    one_step(loss=spy, remedies=[LabelSmoothing(0.8, 0.1)])
    assert seen == [(0.8, 0.1)]
    spy, seen = spied(loss)
    one_step(loss=spy, remedies=[LabelSmoothing()])
    assert seen == [(0.9, 0.0)], "one-sided by default"


def test_smoothed_loss_is_the_formula():
    """-0.9 log D - 0.1 log(1 - D) on real examples; the scores, and the loss on fakes, are those of the game without."""
    row, _ = one_step(remedies=[LabelSmoothing(0.9)])
    plain, _ = one_step()
    assert row["on fake"] == plain["on fake"] and row["score of real"] == plain["score of real"]
    trainer = game(lambda: small(8))
    real = next(iter(mg.data.Batches(cloud(), batch_size=4, seed=3)))
    with no_grad():
        score = trainer.discriminator(Tensor(real)).data.astype(np.float64)
    assert row["on real"] == pytest.approx((0.9 * np.log1p(np.exp(-score)) + 0.1 * np.log1p(np.exp(score))).mean(), rel=1e-5)


def test_flips_have_their_probability():
    mg.seed(7)
    remedy = NoisyLabels(0.1)
    real, fake = remedy.targets(1.0, 0.0, np.zeros((20_000, 1), np.float32))
    assert real.shape == fake.shape == (20_000, 1) and real.dtype == fake.dtype == np.float32
    assert set(np.unique(real)) == set(np.unique(fake)) == {0.0, 1.0}
    for flipped in (real == 0, fake == 1):
        assert abs(flipped.mean() - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 20_000)
    assert abs(np.corrcoef(real[:, 0], fake[:, 0])[0, 1]) < 0.03, "real and fake are flipped independently"


def test_with_probability_0_no_label_flips():
    expected, trainer = one_step()[1], one_step(remedies=[NoisyLabels(0.0)])[1]
    assert_same(weights(trainer), weights(expected))


@pytest.mark.parametrize("order", [1, -1], ids=["smoothed, then flipped", "flipped, then smoothed"])
def test_smoothing_and_flips_go_together_in_either_order(order):
    spy, seen = spied(losses.NonSaturating())
    mg.seed(7)
    trainer = game(loss=spy, remedies=[LabelSmoothing(0.75, 0.25), NoisyLabels(0.3)][::order])
    trainer.fit(cloud(), steps=20, **QUIET)
    for targets in zip(*seen):
        assert set(np.unique(targets)) == {0.25, 0.75}


@pytest.mark.parametrize("loss", [losses.Wasserstein(), losses.Hinge()], ids=repr)
@pytest.mark.parametrize("remedy", [LabelSmoothing(), NoisyLabels()], ids=repr)
def test_a_loss_without_labels_is_refused(remedy, loss):
    with pytest.raises(TypeError) as caught:
        game(loss=loss, remedies=[remedy])
    assert str(caught.value) == (
        f"{remedy!r} changes the discriminator's labels, and {loss!r} has none: use Minimax, NonSaturating or LeastSquares"
    )


# -- noise on what is seen ---------------------------------------------------------------------------------------


def test_derivatives_of_what_is_shown_under_instance_noise_to_order_2():
    def shown(x):
        mg.seed(3)
        return InstanceNoise(0.5, steps=20).augment(x * x, step=5)

    mg.gradcheck(shown, np.random.default_rng(0).standard_normal((3, 2)))


def test_instance_noise_falls_linearly_to_nothing():
    x = np.zeros((5000, 2), np.float32)
    for step, std in ((0, 0.5), (10, 0.25), (15, 0.125)):
        seen = InstanceNoise(0.5, steps=20).augment(x, step)
        assert seen.dtype == np.float32 and abs(seen.std() - std) < 0.02 * std and abs(seen.mean()) < 0.05 * std
    for step in (20, 21, 1000):
        assert InstanceNoise(0.5, steps=20).augment(x, step) is x


def test_both_players_see_the_noise():
    """In the discriminator's step on real and on generated examples, in the generator's on its own; each time again."""
    trainer = game(remedies=[InstanceNoise(0.5, steps=2)])
    seen, made = [], []
    evaluator, make = trainer.discriminator.forward, trainer.generator.forward
    trainer.discriminator.forward = lambda x: (seen.append(to_numpy(x.data)), evaluator(x))[1]
    trainer.generator.forward = lambda z: (made.append(make(z)), made[-1])[1]
    real = cloud(4)
    trainer.batches = mg.data.Batches(real, batch_size=4)
    for clean in (False, False, True):
        seen.clear(), made.clear()
        trainer.discriminator_step((real,))
        trainer.generator_step(trainer.generator_input(4))
        trainer.step += 1
        noise = [seen[0] - real, seen[1] - made[0].data, seen[2] - made[1].data]
        assert all((not part.any()) == clean for part in noise)
        assert clean or not any(np.array_equal(a, b) for a, b in itertools.combinations(noise, 2))


def test_the_generator_learns_through_the_noise():
    """Its gradient is that at the noisy point: noise is a constant that is added and does not cut the graph."""
    trainer = game(remedies=[InstanceNoise(0.5, steps=2)])
    trainer.batches = mg.data.Batches(cloud(4), batch_size=4)
    trainer.generator_step(trainer.generator_input(4))
    assert all(p.grad is not None for p in trainer.generator.parameters())


# -- fakes of the past -------------------------------------------------------------------------------------------


def numbered(start, n):
    """Examples (n, 2) and labels that tell which is which."""
    ids = np.arange(start, start + n)
    return np.stack([ids, -ids], axis=1).astype(np.float32), ids


def ids(examples, labels):
    """Which examples these are; fails unless every label is with its example."""
    np.testing.assert_array_equal(to_numpy(examples)[:, 0], to_numpy(labels))
    np.testing.assert_array_equal(to_numpy(examples)[:, 1], -to_numpy(labels))
    return sorted(to_numpy(labels).tolist())


@pytest.mark.parametrize("capacity", [1, 3, 8, 13, 24])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_replay_swaps_and_loses_nothing(share, capacity, backend):
    """Shown and stored together are the new ones and what was stored; while the buffer fills, those that enter are in both."""
    mg.seed(7)
    replay = ExperienceReplay(capacity, share)
    stored, once_made, swaps = [], set(), 0
    for step in range(12):
        batch = tuple(mg.backend.asarray(x) for x in numbered(8 * step, 8))
        before = tuple(to_numpy(x).copy() for x in batch)
        shown = replay.fakes(batch)
        for x, y in zip(batch, before):
            np.testing.assert_array_equal(to_numpy(x), y, err_msg="what the generator made was changed")
        new, now, entering = ids(*before), ids(*shown), min(8, capacity - len(stored))
        kept = ids(*(x[: replay.filled] for x in replay.buffer))
        assert len(now) == 8 and len(kept) == replay.filled == len(stored) + entering <= capacity
        assert sorted(now + kept) == sorted(new + stored + new[:entering])
        assert set(now) <= set(new) | set(stored), "neither new nor of the past"
        assert set(new[:entering]) <= set(now), "while the buffer fills, every example that enters is shown"
        assert len(set(now)) == 8 and len(set(kept)) == len(kept), "an example is in two places"
        swaps += len(set(now) - set(new))
        stored, once_made = kept, once_made | set(new)
    assert swaps > 0


def test_replay_respects_its_share():
    mg.seed(7)
    replay = ExperienceReplay(200, share=0.3)
    replay.fakes(numbered(0, 200)[:1])
    old = 0
    for step in range(1, 101):
        (shown,) = replay.fakes(numbered(1000 * step, 100)[:1])
        old += int((shown[:, 0] < 1000 * step).sum())
    assert abs(old / 10_000 - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 10_000)


def test_replay_shares_no_memory():
    replay = ExperienceReplay(4, share=1.0)
    for step in range(3):
        batch = numbered(4 * step, 4)
        shown = replay.fakes(batch)
        for stored, x, y in zip(replay.buffer, batch, shown):
            assert not np.shares_memory(stored, x) and not np.shares_memory(stored, y)
            x[...] = -1  # the generator's array is free to be used again
    assert ids(*replay.buffer) == [8, 9, 10, 11], "the latest: all are swapped, each time"


def test_only_the_discriminator_meets_the_past():
    """The first batch is shown as it is; from the second on the discriminator's step differs, and the generator's does not."""
    trainer, plain = (game(remedies=remedies) for remedies in ([ExperienceReplay(4, share=1.0)], []))
    for each in (trainer, plain):
        mg.seed(7)
        each.fit(cloud(), steps=1, **QUIET)
    assert_same(weights(trainer), weights(plain))
    for each in (trainer, plain):
        mg.seed(8)
        each.generator_step(each.generator_input(4))
    assert_same(weights(trainer), weights(plain))
    for each in (trainer, plain):
        mg.seed(9)
        each.discriminator_step((cloud(4),))
    assert not np.array_equal(
        network(trainer, "discriminator")["weights/head.weight"], network(plain, "discriminator")["weights/head.weight"]
    )
    assert_same(network(trainer, "generator"), network(plain, "generator"))


def test_a_replay_buffer_saves_and_loads_its_state():
    replay, resumed = (ExperienceReplay(10, share=0.5) for _ in range(2))
    replay.fakes(numbered(0, 7))
    state = replay.state_dict()
    assert state["stored 0"].shape == (7, 2), "room that is still empty is not saved"
    resumed.load_state_dict(state)
    for start in (100, 200):
        outcomes = []
        for each in (replay, resumed):
            mg.seed(start)
            outcomes.append(ids(*each.fakes(numbered(start, 7))))
        assert outcomes[0] == outcomes[1]
    assert_same(resumed.state_dict(), replay.state_dict())
    fresh = ExperienceReplay(10)
    fresh.load_state_dict(ExperienceReplay(10).state_dict())
    assert fresh.filled == 0 and fresh.fakes(numbered(0, 3))[0].shape == (3, 2)
    with pytest.raises(
        StateError, match=r"ExperienceReplay\(capacity=5, share=0.5\): got a state with \['filled', 'stored 0', 'stored 1'\]"
    ):
        ExperienceReplay(5).load_state_dict(state)


def test_a_buffer_full_of_another_trainers_fakes_is_refused():
    replay = ExperienceReplay(6)
    trainer = game(remedies=[replay])
    for steps in (1, 2):
        trainer.fit(cloud(), steps=steps, **QUIET)  # its own trainer may go on
    with pytest.raises(
        ValueError, match=r"ExperienceReplay\(capacity=6, share=0.5\) holds 6 fakes of another trainer's generator"
    ):
        game(remedies=[replay])


# -- feature matching --------------------------------------------------------------------------------------------


def test_feature_matching_is_the_distance_of_two_means():
    trainer = game(lambda: small(8), remedies=[FeatureMatching()])
    trainer.batches = mg.data.Batches(cloud(4), batch_size=4)
    trainer.discriminator_step((cloud(4),))
    inputs = trainer.generator_input(4)
    with no_grad():
        real, fake = (
            trainer.discriminator.features(Tensor(x)).data.astype(np.float64)
            for x in (cloud(4), trainer.generator(Tensor(inputs[0])).data)
        )
    loss, terms = trainer.generator_loss(*inputs)
    assert loss.item() == pytest.approx(((real.mean(axis=0) - fake.mean(axis=0)) ** 2).sum(), rel=1e-5)
    assert terms == {"generator loss": loss}
    before = network(trainer, "discriminator")
    trainer.generator_step(inputs)
    assert_same(network(trainer, "discriminator"), before)


def test_feature_matching_leaves_the_discriminator_as_it_is():
    plain, trainer = one_step()[1], one_step(remedies=[FeatureMatching()])[1]
    assert_same(network(trainer, "discriminator"), network(plain, "discriminator"))
    assert not np.array_equal(trainer.generator.net[0].weight.data, plain.generator.net[0].weight.data)


def test_feature_matching_needs_features():
    with pytest.raises(
        TypeError, match=r"needs a discriminator with features\(x\), Sequential has none: define one, or use one of"
    ):
        game((small()[0], nn.Sequential(nn.Dense(2, 1))), remedies=[FeatureMatching()])


# -- networks that score several examples together ------------------------------------------------------------------------


def test_packing_scores_groups_of_examples_all_real_or_all_generated():
    trainer = game(lambda: small(pack=2))
    row = trainer.fit(cloud(), steps=1, **QUIET).rows[0]
    assert row["accuracy on real"] in (0.0, 0.5, 1.0), "four examples, two scores"
    plain = game(lambda: small(pack=2))
    mg.seed(7)
    z = random.stream("latent").standard_normal((4, 2), dtype=np.float32)
    real = cloud(4)
    fake = plain.generator(Tensor(z)).data
    with no_grad():
        expected = [plain.discriminator.head(plain.discriminator.body(Tensor(x.reshape(2, 4)))).data.mean() for x in (real, fake)]
    mg.seed(7)
    plain.discriminator_step((real,))
    assert [plain.sums["score of real"], plain.sums["score of fake"]] == pytest.approx(expected, rel=1e-5)


def test_dropout_is_in_the_trainer_and_not_in_samples():
    trainer = game(lambda: small(8, dropout=0.5))
    trainer.fit(cloud(), steps=1, **QUIET)
    x = Tensor(cloud())
    assert not np.array_equal(trainer.discriminator(x).data, trainer.discriminator(x).data)
    with trainer.discriminator.eval_mode():
        assert np.array_equal(trainer.discriminator(x).data, trainer.discriminator(x).data)


# -- all of it together ------------------------------------------------------------------------------------------

LOSSES = [losses.NonSaturating(), losses.Minimax(), losses.LeastSquares(), losses.Hinge(), losses.Wasserstein()]
PENALTIES = [
    [],
    [losses.GradientPenalty()],
    [losses.R1()],
    [losses.Drift()],
    [losses.WeightClipping()],
    [losses.R1(), losses.Drift()],
]
REMEDIES = [
    [],
    [LabelSmoothing()],
    [NoisyLabels(0.4)],
    [InstanceNoise(0.1, 3)],
    [FeatureMatching()],
    [ExperienceReplay(6)],
    [LabelSmoothing(), InstanceNoise(), ExperienceReplay(6), FeatureMatching()],
]
NETWORKS = {
    "plain": small,
    "conditional": conditioned,
    "packed": lambda: small(pack=2),
    "standard deviation": lambda: small(minibatch="stddev"),
    "discrimination": lambda: small(minibatch="discrimination"),
    "packed, with standard deviation, conditional": lambda: conditioned(pack=2, minibatch="stddev"),
    "spectral": lambda: (small()[0], nn.spectral_norm(small()[1])),
    "dropout": lambda: small(dropout=0.4),
    "LayerNorm": lambda: (small()[0], base.Discriminator(nn.Sequential(nn.Dense(2, 4), nn.LayerNorm(4), nn.ReLU()), 4)),
    "one network for everything": lambda: conditioned(pack=2, minibatch="discrimination", dropout=0.1),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("penalties", PENALTIES, ids=lambda penalties: "+".join(p.name for p in penalties) or "no penalty")
def test_any_loss_any_penalty_any_remedy_any_network(penalties, name):
    """A fifth of the combinations, chosen so that any three of the four choices meet."""
    chosen = PENALTIES.index(penalties) + list(NETWORKS).index(name)
    for (i, loss), (j, remedies) in itertools.product(enumerate(LOSSES), enumerate(REMEDIES)):
        if (chosen + i + j) % 5:
            continue
        if not loss.labeled and any(isinstance(remedy, (LabelSmoothing, NoisyLabels)) for remedy in remedies):
            continue
        trainer = game(NETWORKS[name], loss=loss, penalties=penalties, remedies=copy.deepcopy(remedies))
        examples = (cloud(), labels()) if trainer.conditional else cloud()
        history = trainer.fit(examples, steps=2, **{**QUIET, "batch_size": 8})
        where = f"{loss}, {remedies}"
        assert all(np.isfinite(history[column]).all() for column in history), where
        for value in weights(trainer).values():
            assert np.isfinite(value).all(), where
        for player in ("generator", "discriminator"):
            assert history[f"{player} gradient norm"][-1] > 0, f"{where}: the {player} learns nothing"


# -- settings that make no sense ---------------------------------------------------------------------------------


@pytest.mark.parametrize("make, message", [
    (lambda: LabelSmoothing(0.0), "real examples above that of fakes, got LabelSmoothing"),
    (lambda: LabelSmoothing(1.1), "targets lie in"),
    (lambda: LabelSmoothing(0.5, 0.5), "targets lie in"),
    (lambda: LabelSmoothing(0.9, -0.1), "targets lie in"),
    (lambda: NoisyLabels(0.5), "a probability below 1/2, where labels carry no information, got 0.5"),
    (lambda: NoisyLabels(-0.1), "got -0.1"),
    (lambda: InstanceNoise(0.0), "std above 0 and steps of at least 1, got InstanceNoise"),
    (lambda: InstanceNoise(0.1, 0), "std above 0"),
    (lambda: InstanceNoise(float("nan")), "std above 0"),
    (lambda: ExperienceReplay(0), "a capacity of at least 1 and 0 < share <= 1, got 0 and 0.5"),
    (lambda: ExperienceReplay(10, 0.0), "got 10 and 0.0"),
    (lambda: ExperienceReplay(10, 1.5), "got 10 and 1.5"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "remedy, settings",
    [
        (LabelSmoothing(), "LabelSmoothing(real=0.9, fake=0.0)"),
        (NoisyLabels(), "NoisyLabels(flip=0.05)"),
        (InstanceNoise(), "InstanceNoise(std=0.1, steps=10000)"),
        (ExperienceReplay(), "ExperienceReplay(capacity=1000, share=0.5)"),
    ],
)
def test_by_default_the_settings_are_these(remedy, settings):
    assert repr(remedy) == settings


def test_settings_at_the_edge_of_what_makes_sense_are_taken():
    x = np.zeros((3, 2), np.float32)
    assert InstanceNoise(0.1, steps=1).augment(x, 0).any() and InstanceNoise(0.1, steps=1).augment(x, 1) is x
    assert LabelSmoothing(1.0).targets(1.0, 0.0, x) == (1.0, 0.0)
    assert ExperienceReplay(1, share=1.0).fakes((x,))[0].shape == x.shape


def test_targets_are_of_the_dtype_of_the_scores():
    """float64 too: flips drawn in float32 would be others, and a game in float64 would not be one."""
    mg.seed(7)
    expected = [random.uniform((5, 1), dtype=np.float64) < 0.3 for _ in range(2)]
    mg.seed(7)
    real, fake = NoisyLabels(0.3).targets(1.0, 0.0, np.zeros((5, 1)))
    assert real.dtype == fake.dtype == np.float64
    np.testing.assert_array_equal([real == 0.0, fake == 1.0], expected)
