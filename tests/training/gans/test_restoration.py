"""Training to restore: against a loop written by hand, stopped and resumed, and what is refused."""

import itertools

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, ops, optim
from minigen.autograd import no_grad
from minigen.data import Batches
from minigen.errors import CheckpointError, ShapeError
from minigen.models.applications import context_encoder, super_resolution
from minigen.models.gans import base
from minigen.training import Adversarial, Checkpoint, Restoration, SampleGrid, fit, remedies
from tests.training.gans.players import QUIET, everything, small, weights
from tests.training.networks import Crash, Dies, assert_same


def pixels(n: int = 22, side: int = 8) -> np.ndarray:
    """n images (n, side, side, 1) in [0, 1]."""
    return np.random.default_rng(5).random((n, side, side, 1), dtype=np.float32)


def enlarging():
    """8 x 8 pixels from 4 x 4."""
    return super_resolution.Generator(2, 8, feature_maps=2, blocks=1)


def filling():
    """Holes of 3 x 3 in 8 x 8 pixels: each batch draws where."""
    return context_encoder.Generator(3, 8, feature_maps=(4, 4))


def evaluator():
    """8 x 8 pixels -> a score."""
    return base.Discriminator(nn.Sequential(nn.Flatten(), nn.Dense(64, 4, "tanh")), 4)


def trainer(generator=enlarging, **options):
    """A trainer, from a seed that also starts the random streams."""
    mg.seed(1)
    players = generator(), evaluator()
    adams = [optim.Adam(player.parameters(), lr=0.01, beta1=0.5) for player in players]
    return Restoration(
        *players, **{"generator_optimizer": adams[0], "discriminator_optimizer": adams[1], "weight": 0.25, **options}
    )


BOTH = pytest.mark.parametrize("generator", [enlarging, filling])


@BOTH
def test_equals_a_loop_written_by_hand(generator):
    """Bit for bit, over more than an epoch: D learns from restored images of others than it is shown whole."""
    run, expected = trainer(generator), trainer(generator)
    mg.seed(7)
    run.fit(pixels(), steps=6, **QUIET)
    mg.seed(7)
    batches = Batches(pixels(), batch_size=QUIET["batch_size"], seed=QUIET["seed"], drop_last=True)
    stream = itertools.chain.from_iterable(itertools.repeat(batches))
    bce, network, discriminator = ops.sigmoid_cross_entropy, expected.generator, expected.discriminator
    for _ in range(6):
        real, others, shown = (next(stream) for _ in range(3))
        with network.frozen(), no_grad():  # its running statistics stay
            fake = network(network.degrade(others)).data
        loss = bce(discriminator(real), 1.0).mean() + bce(discriminator(fake), 0.0).mean()
        expected.discriminator_optimizer.zero_grad()
        loss.backward()
        expected.discriminator_optimizer.step()
        restored = network(network.degrade(shown))
        loss = network.content_loss(restored, shown) + 0.25 * ops.softplus(-discriminator(restored)).mean()
        expected.generator_optimizer.zero_grad()
        loss.backward()
        expected.generator_optimizer.step()
    assert_same(weights(run), weights(expected))


def test_the_history_has_both_parts_of_what_the_generator_minimizes(backend):
    history = trainer().fit(pixels(), steps=4, record_every=2, **QUIET)
    for total, content, adversarial in zip(*(history[name] for name in ("generator loss", "content", "adversarial"))):
        assert total == pytest.approx(content + 0.25 * adversarial, rel=1e-5)


def test_the_average_restores():
    run = trainer(ema=0.5)
    run.fit(pixels(), steps=3, **QUIET)
    low = run.generator.degrade(pixels(2))
    assert not np.array_equal(run.sampler.restore(low), run.generator.restore(low))


def test_a_remedy_may_change_the_adversarial_part():
    run = trainer(remedies=[remedies.FeatureMatching(), remedies.ExperienceReplay(capacity=6)])
    run.fit(pixels(), steps=1, **QUIET)
    degraded, x = run.generator_input(4)
    restored = run.generator(degraded)
    matching = run.remedies[0].generator_objective(run.discriminator, run.latest_real, (restored,))[0]
    expected = run.generator.content_loss(restored, x) + 0.25 * matching
    assert run.generator_loss(degraded, x)[0].item() == pytest.approx(expected.item(), rel=1e-6)


@BOTH
def test_stopping_and_resuming_is_bit_exact(generator, tmp_path):
    settings = {**QUIET, "steps": 7, "record_every": 3}

    def ended(run, **options):
        run.fit(pixels(), **settings, **options)
        run.callbacks = []
        return everything(run)

    whole = ended(trainer(generator))
    with pytest.raises(Crash):
        ended(trainer(generator), callbacks=[Checkpoint(tmp_path), Dies(3)])
    assert_same(ended(trainer(generator), callbacks=[Checkpoint(tmp_path)], resume=tmp_path), whole)
    with pytest.raises(CheckpointError, match="weight was 0.25, is 0.5"):
        trainer(generator, weight=0.5).fit(pixels(), **{**settings, "steps": 9}, resume=tmp_path)


@BOTH
def test_fit_minimizes_the_content_alone(generator):
    """Images of a single gray, whose lost pixels can be inferred."""
    mg.seed(1)
    network, images = generator(), np.repeat(np.repeat(pixels(16, side=1), 8, axis=1), 8, axis=2)
    history = fit(network, images, optimizer=optim.Adam(network.parameters(), lr=0.02), epochs=40, batch_size=8, progress=False)
    assert history["loss"][-1] < 0.5 * history["loss"][0]


# -- what is refused -----------------------------------------------------------------------------------------------


def test_a_generator_that_takes_noise_is_refused():
    with pytest.raises(
        TypeError,
        match=r"^Restoration needs a generator that takes degraded images, .* got a Generator: "
        r"training\.Adversarial trains those that take noise$",
    ):
        trainer(lambda: small()[0])


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf"), float("nan")])
def test_a_weight_that_is_not_positive_is_refused(weight):
    with pytest.raises(
        ValueError,
        match=f"^weight: of the adversarial loss, expected a positive number, got {weight}; without a "
        r"discriminator, training\.fit minimizes the content alone$",
    ):
        trainer(weight=weight)


def test_by_default_the_adversarial_loss_counts_as_in_the_papers():
    """1e-3 (SRGAN), 0.001 beside 0.999 (context encoder), both beside squared errors on [-1, 1]: those of pixels 2 x - 1."""
    players = enlarging(), evaluator()
    optimizers = {
        f"{name}_optimizer": optim.SGD(network.parameters(), lr=0.1)
        for name, network in zip(("generator", "discriminator"), players)
    }
    x, y = np.split(pixels(4), 2)
    on_papers_range = float(np.mean(((2 * x - 1) - (2 * y - 1)) ** 2) / np.mean((x - y) ** 2))
    weight = Restoration(*players, **optimizers).weight
    assert weight == pytest.approx(1e-3 / on_papers_range, rel=1e-5)
    assert weight == pytest.approx(0.001 / (0.999 * on_papers_range), rel=2e-3)


def test_the_trainer_of_generators_that_are_given_noise():
    run = trainer()
    other = Adversarial(
        run.generator,
        run.discriminator,
        generator_optimizer=run.generator_optimizer,
        discriminator_optimizer=run.discriminator_optimizer,
        loss=losses.Hinge(),
    )
    with pytest.raises(
        TypeError, match=r"takes degraded images, not noise: restore\(degrade\(images\)\); training\.Restoration trains it$"
    ):
        other.fit(pixels(), steps=1, **QUIET)


def test_a_grid_of_samples_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"^SampleGrid works in training\.Adversarial only, not in training\.Restoration$"):
        trainer().fit(pixels(), steps=1, callbacks=[SampleGrid(tmp_path)], **QUIET)


def test_images_of_another_size_are_refused():
    with pytest.raises(ShapeError, match=r"^the generator makes examples \(n, 8, 8, 1\), the real ones are \(22, 16, 16, 1\)$"):
        trainer().fit(pixels(side=16), steps=1, **QUIET)


def test_a_discriminator_of_another_size_is_refused():
    with pytest.raises(
        ShapeError, match=r"^the generator makes examples \(n, 16, 16, 1\), which the discriminator does not take"
    ):
        trainer(lambda: super_resolution.Generator(2, 16, feature_maps=2, blocks=1))
