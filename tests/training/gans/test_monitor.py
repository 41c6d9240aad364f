"""What GanMonitor says of synthetic histories and of real games that go wrong, when it says so, and that it changes nothing."""

import numpy as np
import pytest

import minigen as mg
from minigen import losses, optim
from minigen.training import Adversarial, Checkpoint, GanMonitor, History, SampleGrid, fit
from minigen.training.gans.monitor import LASTING, ROWS, collapsed, gradients, missing_classes, oscillating, too_strong
from tests.training.gans.players import (
    QUIET,
    PictureGenerator,
    bilinear,
    cloud,
    conditioned,
    everything,
    game,
    labels,
    picture_discriminator,
    pixels,
    small,
)
from tests.training.networks import assert_same, examples, made


def history(every=10, **columns):
    """A history of these columns, a row every few steps."""
    rows = zip(*columns.values())
    return History([{"step": every * (i + 1), **dict(zip(columns, map(float, row)))} for i, row in enumerate(rows)])


# -- a discriminator that is too strong --------------------------------------------------------------------------


@pytest.mark.parametrize("real, fake, said", [
    pytest.param([1, 1, 1], [1, 1, 1], True, id="always right"),
    pytest.param([0.5, 0.99, 1, 0.99], [0, 0.98, 0.99, 0.99], True, id="in the last three rows"),
    pytest.param([1, 1], [1, 1], False, id="two rows are too few"),
    pytest.param([1, 1, 1, 0.9], [1, 1, 1, 1], False, id="until now"),
    pytest.param([1, 1, 1], [0.9, 0.95, 0.9], False, id="not on the fakes"),
    pytest.param([0.9, 0.95, 0.9], [1, 1, 1], False, id="not on real examples"),
])  # fmt: skip
def test_a_discriminator_that_is_always_right_is_too_strong(real, fake, said):
    found = too_strong(history(**{"accuracy on real": real, "accuracy on fake": fake}))
    assert list(found) == ["too strong"] * said


def test_what_is_said_of_a_strong_discriminator():
    text = too_strong(history(**{"accuracy on real": [1, 1, 1], "accuracy on fake": [0.98, 0.99, 1]}))["too strong"]
    assert text.startswith("the discriminator is too strong: it knows 100.0% of the real and 99.0% of the generated examples.")


def test_a_critic_is_never_right_or_wrong():
    assert too_strong(history(distance=[5, 5, 5])) == {}


# -- collapse ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("diversity, said", [(0.0, True), (0.49, True), (0.5, False), (1.0, False), (3.0, False)])
def test_samples_that_stay_alike_have_collapsed(diversity, said):
    rows = [0.1] * (LASTING - 1) + [diversity]
    assert list(collapsed(rows)) == ["collapse"] * said
    assert not said or f"samples differ {diversity:.0%} as much as real examples do" in collapsed(rows)["collapse"]
    assert collapsed(rows[1:]) == {}, "what an untrained generator makes is alike, too"
    assert collapsed([diversity] * (LASTING - 1) + [0.6]) == {}, "it has gone away"


def test_classes_that_hardly_occur_are_named():
    assert missing_classes(np.array([10, 10, 10, 10])) == {}
    assert missing_classes(np.array([37, 1, 1, 1])) == {}, "a tenth of a fair share is not yet rare"
    text = missing_classes(np.array([0, 397, 2, 1]))["classes"]
    assert text == "mode collapse: of the 4 classes, 3 hardly occur among the samples (0, 2, 3)"
    assert missing_classes(np.array([1000] + 19 * [0]))["classes"].endswith("(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...)")


# -- gradients ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "norms, said",
    [
        ([1, 1, 1], None),
        ([1e-9], None),
        ([1, 2, 1e-4], "vanishing"),
        ([1, 2, 0], "vanishing"),
        ([1, 2, 0.01], None),
        ([1, 1, 101], "exploding"),
        ([1, 1, 99], None),
        ([1, 1, 500, 1, 1], None),
        ([1, 1, 500, 300], "exploding"),
    ],
)
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_vanishing_and_exploding_gradients_are_reported(player, norms, said):
    other = {"generator": "discriminator", "discriminator": "generator"}[player]
    found = gradients(history(**{f"{player} gradient norm": norms, f"{other} gradient norm": [1] * len(norms)}))
    assert list(found) == ([f"{player} {said}"] if said else [])


def test_what_is_said_of_gradients():
    found = gradients(history(**{"generator gradient norm": [1, 2, 1e-4], "discriminator gradient norm": [2, 2, 400]}))
    assert found["generator vanishing"] == (
        "the generator's gradient vanishes: its norm is 0.0001, it was 2. Minimax saturates when the "
        "discriminator is confident: try NonSaturating"
    )
    assert found["discriminator exploding"].startswith("the discriminator's gradient explodes: its norm is 4e+02, 2 is usual.")


# -- oscillation -------------------------------------------------------------------------------------------------


def says(losses, every=10):
    """How often it speaks of oscillation, looking again after every few rows as it does in a run."""
    rows = range(ROWS, len(losses) + 1, 6)
    return sum(bool(oscillating(history(every, **{"generator loss": losses[:n]}))) for n in rows)


@pytest.mark.parametrize("kind", ["white", "white around 1", "red", "walk", "trend", "constant", "zero", "one jump", "too short"])
def test_noise_and_trends_are_not_oscillations(kind):
    for seed in range(40):
        noise = np.random.default_rng(seed).standard_normal(4 * ROWS)
        losses = {
            "white": noise,
            "white around 1": 1.0 + noise,
            "red": np.convolve(noise, 0.5 ** np.arange(12), "same"),
            "walk": np.cumsum(noise),
            "trend": np.linspace(3, 0, len(noise)) ** 2 + 0.05 * noise,
            "constant": np.full(4 * ROWS, 0.7),
            "zero": np.zeros(4 * ROWS),
            "one jump": np.where(np.arange(len(noise)) < 40 + seed % 20, 1.0, 3.0) + 0.05 * noise,
            "too short": np.sin(np.arange(ROWS - 1)),
        }[kind]
        assert not says(losses), f"seed {seed}"


def test_a_ripple_on_a_large_loss_is_not_an_oscillation():
    assert says(5.0 + np.sin(np.arange(96.0))) == 0 < says(0.5 + np.sin(np.arange(96.0)))


@pytest.mark.parametrize("kind", ["pure", "noisy", "growing", "shrinking", "on a slope"])
@pytest.mark.parametrize("period", [4.0, 6.28, 15.0, 24.0])
def test_waves_are_oscillations(period, kind):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        t = np.arange(4.0 * ROWS)
        wave = np.sin(2 * np.pi * t / period + rng.uniform(0, 6))
        losses = {
            "pure": wave,
            "noisy": wave + 0.2 * rng.standard_normal(len(t)),
            "growing": np.exp(t / 96) * wave,
            "shrinking": np.exp(-t / 96) * wave,
            "on a slope": wave + 0.01 * t,
        }[kind]
        found = oscillating(history(25, **{"generator loss": losses}))
        steps = float(found["oscillation"].split("about every ")[1].split(" steps")[0])
        assert steps == pytest.approx(25 * period, rel=0.15)


# -- said once ---------------------------------------------------------------------------------------------------


def test_said_once_until_it_goes_away(capsys):
    """A script of diversities stands in for a game."""
    trainer = game()
    trainer.fit(cloud(), steps=1, **QUIET)
    trainer.progress = True
    monitor = GanMonitor(samples=8)
    real = trainer.batches.arrays[0]
    sizes = [1.0, 0.1, 0.1, 0.1, 0.1, 1.0, 0.1, 0.1, 0.1]
    for i, size in enumerate(sizes):
        trainer.step = i
        monitor.drawn = lambda run, size=size: size * real[:8]
        monitor.on_epoch_end(trainer)
    monitor.on_train_end(trainer)
    assert [step for step, _ in monitor.warnings] == [3, 8]
    np.testing.assert_allclose(np.array(monitor.diversity) / monitor.diversity[0], sizes, rtol=1e-5)
    err = capsys.readouterr().err
    assert err.count("mode collapse") == 2 and "monitor, step 3: mode collapse: samples differ" in err
    assert "nothing to report" not in err
    assert repr(monitor).startswith("GanMonitor(2 warnings)\n  step 3: mode collapse") and repr(monitor).count("\n") == 2


def test_with_another_trainer_it_begins_again():
    monitor = GanMonitor(samples=8)
    seen = []
    for _ in range(2):
        game().fit(cloud(), steps=6, record_every=2, callbacks=[monitor], **QUIET)
        seen.append((list(monitor.warnings), list(monitor.diversity)))
    assert seen[0] == seen[1] and len(monitor.diversity) == 3


def test_a_healthy_game_has_nothing_to_report(capsys):
    monitor = GanMonitor(samples=8)
    game().fit(cloud(), steps=1, callbacks=[monitor], **{**QUIET, "progress": True})
    assert monitor.warnings == [] and repr(monitor) == "GanMonitor(0 warnings)"
    assert "monitor: nothing to report" in capsys.readouterr().err


# -- real games --------------------------------------------------------------------------------------------------


def kinds(monitor):
    """The first words of what was said."""
    return [text.split(":")[0] for _, text in monitor.warnings]


def test_a_generator_that_makes_one_point_has_collapsed():
    generator, discriminator = small()
    last = generator.net[1]
    last.weight.assign(0.01 * last.weight.data)
    monitor = GanMonitor(samples=32)
    trainer = game((generator, discriminator), optimizer=lambda parameters: optim.SGD(parameters, lr=1e-6))
    trainer.fit(cloud(), steps=3, record_every=1, callbacks=[monitor], **QUIET)
    assert kinds(monitor) == ["mode collapse"] and monitor.warnings[0][0] == LASTING
    assert len(monitor.diversity) == 3 and max(monitor.diversity) < 0.1


def test_a_discriminator_that_learns_against_a_generator_that_does_not():
    monitor = GanMonitor(samples=32)
    generator, discriminator = small(8)
    mg.seed(1)
    trainer = Adversarial(
        generator,
        discriminator,
        generator_optimizer=optim.SGD(generator.parameters(), lr=1e-9),
        discriminator_optimizer=optim.Adam(discriminator.parameters(), lr=0.05),
        discriminator_steps=5,
    )
    trainer.fit(cloud() + np.float32(8.0), steps=20, record_every=2, callbacks=[monitor], **QUIET)
    assert "the discriminator is too strong" in kinds(monitor)


@pytest.mark.parametrize(
    "penalties, expected", [([], ["the players run in circles"]), ([losses.R1(1.0)], [])], ids=["plain", "R1"]
)
def test_the_bilinear_game_runs_in_circles_and_r1_ends_it(penalties, expected):
    """Its loss psi theta turns twice as fast as the players, whose period is 2 pi / arccos(1 - rate^2 / 2) steps."""
    monitor = GanMonitor(samples=4)
    trainer = bilinear(rate=0.25, penalties=penalties)
    trainer.fit(np.zeros((4, 1)), steps=80, record_every=1, callbacks=[monitor], **QUIET)
    assert [kind for kind in kinds(monitor) if "circles" in kind] == expected
    if expected:
        text = next(text for _, text in monitor.warnings if "circles" in text)
        assert float(text.split("every ")[1].split(" ")[0]) == pytest.approx(np.pi / np.arccos(1 - 0.25**2 / 2), rel=0.15)


def test_pixels_are_compared_with_pixels():
    """A tanh generator's data are kept in [-1, 1]; twice the distances would halve the diversity."""
    trainer = game((PictureGenerator(), picture_discriminator()))
    monitor = GanMonitor(samples=22)
    monitor.drawn = lambda run: pixels()
    trainer.fit(pixels(), steps=1, callbacks=[monitor], **QUIET)
    assert monitor.diversity == [pytest.approx(1.0, abs=1e-6)]


class FirstPixel:
    """A classifier: class 0 where the first pixel is dark, else 2."""

    def predict(self, images):
        assert images.min() >= 0 and images.max() <= 1
        return 2 * (images[:, 0, 0, 0] > 0.5).astype(np.int64)


def test_only_classes_of_real_examples_can_be_missing():
    """Real examples have the classes 0 and 2; of a class that they have not, none is missing."""
    monitor = GanMonitor(FirstPixel(), samples=64)
    monitor.drawn = lambda run: 0.4 * pixels()
    game((PictureGenerator(), picture_discriminator())).fit(pixels(), steps=LASTING, record_every=1, callbacks=[monitor], **QUIET)
    assert any("of the 2 classes, 1 hardly occurs among the samples (2)" in text for _, text in monitor.warnings)


def test_samples_are_compared_with_real_examples_drawn_at_random():
    """A tenth of sorted data are all of one kind: samples as different as all of them have not collapsed."""
    points = np.repeat(cloud(8), 100, axis=0)
    monitor = GanMonitor(samples=64)
    monitor.drawn = lambda run: points[::13]
    game().fit(points, steps=1, callbacks=[monitor], **QUIET)
    assert monitor.diversity == [pytest.approx(1.0, abs=0.15)]


def test_conditional_networks_are_asked_for_all_their_classes():
    monitor = GanMonitor(samples=30)
    trainer = game(conditioned)
    asked = []
    draw = trainer.generator.draw
    trainer.generator.draw = lambda z, *y: (asked.append(y), draw(z, *y))[1]
    trainer.fit((cloud(), labels()), steps=1, callbacks=[monitor], **QUIET)
    assert set(asked[-1][0]) == {0, 1, 2} and len(asked[-1][0]) == 30


# -- watching ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pictures", [True, False], ids=["images", "points"])
def test_watching_changes_nothing(pictures, tmp_path):
    """GanMonitor, pictures and checkpoints beside it: the same game, bit for bit."""

    def played(*callbacks):
        networks = (lambda: (PictureGenerator(), picture_discriminator())) if pictures else (lambda: small(dropout=0.3))
        trainer = game(networks, ema=0.9, penalties=[losses.GradientPenalty()])
        trainer.fit(pixels() if pictures else cloud(), steps=4, record_every=2, callbacks=callbacks, **QUIET)
        trainer.callbacks = []
        return everything(trainer)

    assert_same(played(GanMonitor(), SampleGrid(tmp_path / "grid", every=4, n=4), Checkpoint(tmp_path)), played())


def test_it_watches_on_every_backend(backend):
    monitor = GanMonitor(samples=8)
    game(conditioned).fit((cloud(), labels()), steps=2, record_every=1, callbacks=[monitor], **QUIET)
    assert len(monitor.diversity) == 2 and all(type(x) is float for x in monitor.diversity)


def test_a_monitor_saves_and_loads_its_state():
    monitor, copy = GanMonitor(samples=4), GanMonitor(samples=4)
    copy.load_state_dict(monitor.state_dict())
    assert (copy.warnings, copy.diversity, copy.present) == ([], [], set())
    monitor.warnings, monitor.diversity, monitor.present = [(3, "one"), (7, "another, longer")], [0.5, 1.5], {"collapse"}
    copy.load_state_dict(monitor.state_dict())
    assert (copy.warnings, copy.diversity, copy.present) == (monitor.warnings, monitor.diversity, monitor.present)
    assert type(copy.warnings[0][0]) is int and repr(copy) == repr(monitor)


def test_a_monitor_belongs_in_an_adversarial_run():
    model, optimizer = made()
    with pytest.raises(TypeError, match="^GanMonitor works in training.Adversarial only, not in training.fit$"):
        fit(model, examples(), optimizer=optimizer, epochs=1, callbacks=[GanMonitor()], progress=False)


def test_one_sample_cannot_be_compared():
    with pytest.raises(ValueError, match="compares samples with one another, at least 2, got 1"):
        GanMonitor(samples=1)
