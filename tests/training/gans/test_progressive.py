"""Networks that grow while they play: the schedule as a table, each boundary, and a run that is resumed across one."""

import math
import re
import signal

import numpy as np
import pytest
from PIL import Image

import minigen as mg
from minigen import losses, optim
from minigen.data import Batches
from minigen.data.minibatches import Endless
from minigen.errors import CheckpointError, DataError, ShapeError
from minigen.models.gans import dcgan, growing, progan, stylegan
from minigen.training import Adversarial, Callback, Checkpoint, GanMonitor, Growth, Progressive, SampleGrid, remedies
from tests.training.gans.players import Each, everything, game, small, weights
from tests.training.networks import Crash, Dies, assert_same

# -- the schedule --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "resolution", "alpha"),
    [
        (0, 4, 1.0),
        (9, 4, 1.0),
        (10, 8, 0.0),
        (11, 8, 0.05),
        (20, 8, 0.5),
        (29, 8, 0.95),
        (30, 8, 1.0),
        (39, 8, 1.0),
        (40, 16, 0.0),
        (45, 16, 0.25),
        (59, 16, 0.95),
        (60, 16, 1.0),
        (69, 16, 1.0),
        (70, 16, 1.0),
        (10**12, 16, 1.0),
    ],
)
def test_a_schedule_is_the_one_worked_out_by_hand(images, resolution, alpha):
    assert Growth(16, stable=10, fading=20)(images) == (resolution, pytest.approx(alpha, abs=1e-15))


@pytest.mark.parametrize(
    ("growth", "table", "total"),
    [
        (Growth(16, stable=10, fading=20), {}, 70),
        (
            Growth(32, start=8, stable=10, fading=20),
            {9: (8, 1.0), 10: (16, 0.0), 20: (16, 0.5), 39: (16, 1.0), 40: (32, 0.0), 70: (32, 1.0)},
            70,
        ),
        (Growth(16, stable=10, fading=0), {9: (4, 1.0), 10: (8, 1.0), 19: (8, 1.0), 20: (16, 1.0), 99: (16, 1.0)}, 30),
        (Growth(16, stable=0, fading=10), {0: (8, 0.0), 5: (8, 0.5), 10: (16, 0.0), 15: (16, 0.5), 20: (16, 1.0)}, 20),
        (Growth(16, start=16, stable=10, fading=20), {0: (16, 1.0), 10: (16, 1.0), 99: (16, 1.0)}, 10),
        (
            Growth(1024),
            {599_999: (4, 1.0), 600_000: (8, 0.0), 900_000: (8, 0.5), 9_000_000: (1024, 0.0), 10_200_000: (1024, 1.0)},
            10_200_000,
        ),
    ],
)
def test_other_schedules_have_their_stages_and_length(growth, table, total):
    assert {images: tuple(growth(images)) for images in table} == table and growth.images == total


def test_alpha_rises_evenly_and_the_resolution_never_falls():
    growth = Growth(16, stable=7, fading=13)
    stages = [growth(images) for images in range(growth.images + 5)]
    assert all(now <= after for now, after in zip(stages, stages[1:]))
    fading = [alpha for resolution, alpha in stages if resolution == 8][:14]
    np.testing.assert_allclose(fading, np.arange(14) / 13, rtol=1e-12)


def test_a_schedule_of_one_image():
    assert Growth(final=4, stable=1, fading=0).images == 1 and Growth(final=8, stable=0, fading=1).images == 1


def test_a_schedule_is_told_apart_by_its_representation():
    assert repr(Growth(16, stable=10, fading=20)) == "Growth(final=16, start=4, stable=10, fading=20)"
    assert Growth(16) == Growth(16, 4, 600_000, 600_000) != Growth(8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"final": 12}, "a resolution is a whole number, a power of two from 4 to 1024, got 12"),
        ({"final": 2048}, "a resolution is a whole number, a power of two from 4 to 1024, got 2048"),
        ({"final": 8, "start": 2}, "a resolution is a whole number, a power of two from 4 to 1024, got 2"),
        ({"final": 8, "start": 16}, "growth from 16 to 8 pixels: expected start <= final"),
        (
            {"final": 8, "stable": -1},
            "expected at least 0 each, and at least one image in total, got stable=-1 and fading=600000",
        ),
        ({"final": 8, "fading": -5}, "got stable=600000 and fading=-5"),
        ({"final": 8, "stable": 0, "fading": 0}, "at least one image in total, got stable=0 and fading=0 from 4 to 8 pixels"),
        ({"final": 8, "start": 8, "stable": 0}, "got stable=0 and fading=600000 from 8 to 8 pixels"),
    ],
)
def test_impossible_schedules_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Growth(**options)


# -- the game ------------------------------------------------------------------------------------------------------

GROWTH = Growth(16, stable=4, fading=8)  # 28 images: 7 steps of 4
QUIET = {"batch_size": 4, "seed": 3, "progress": False, "record_every": 1}
RESOLUTIONS = [4, 8, 8, 8, 16, 16, 16]  # of each of 7 steps
ALPHAS = [1.0, 0.0, 0.5, 1.0, 0.0, 0.5, 1.0]


def images(n=22, size=16, channels=1):
    """In [0, 1], read-only."""
    x = np.random.default_rng(5).random((n, size, size, channels), dtype=np.float32)
    x.flags.writeable = False
    return x


def plain(**options):
    """Progressive GAN's players, the smallest."""
    return progan.Generator(16, 3, (3, 2, 2), 1), progan.Discriminator(16, (3, 2, 2), 1, **{"group_size": 2, **options})


def styled():
    """StyleGAN's players, with noise, mixing of styles and an average of w."""
    return stylegan.Generator(16, 3, 4, 1, (3, 2, 2), 1, mixing=0.5), stylegan.Discriminator(16, (3, 2, 2), 1, 2)


def adam(parameters):
    """As the papers have it, but for a schedule of the learning rate."""
    return optim.Adam(parameters, lr=optim.schedules.cosine(0.01, 40), beta1=0.5, beta2=0.99)


def grown(players=plain, seed=1, optimizer=adam, growth=GROWTH, kind=Progressive, **options):
    """A trainer, from a seed that also starts the random streams."""
    mg.seed(seed)
    generator, discriminator = players()
    if kind is Progressive:
        options = {"growth": growth, **options}
    return kind(
        generator,
        discriminator,
        generator_optimizer=optimizer(generator.parameters()),
        discriminator_optimizer=optimizer(discriminator.parameters()),
        **options,
    )


class Watch(Callback):
    """Calls a function when the discriminator is about to be updated, with what it is shown."""

    def __init__(self, trainer, function):
        original = trainer.discriminator_step

        def step(real):
            function(real[0])
            original(real)

        trainer.discriminator_step = step


def test_the_networks_grow_as_the_schedule_says_and_the_history_tells(backend):
    """From end to end, with a moving average, a penalty and the papers' loss."""
    trainer, stages = grown(ema=0.9, loss=losses.Wasserstein(), penalties=[losses.GradientPenalty(), losses.Drift()]), []
    Watch(
        trainer,
        lambda real: stages.append(
            [(player.resolution, player.alpha) for player in (trainer.generator, trainer.discriminator, trainer.average.average)]
        ),
    )
    history = trainer.fit(images(), **QUIET)
    assert history["resolution"] == RESOLUTIONS and history["images"] == [4, 8, 12, 16, 20, 24, 28]
    assert history["alpha"] == ALPHAS and [tuple(first) for first, *_ in stages] == list(zip(RESOLUTIONS, ALPHAS))
    assert all(first == second == average for first, second, average in stages)
    assert trainer.images_seen == GROWTH.images == 28 and trainer.scheduled == (16, 1.0)
    assert trainer.sample(3).shape == (3, 16, 16, 1)
    assert all(np.isfinite(history[name]).all() for name in history)


def test_stylegan_grows_from_end_to_end(backend):
    trainer = grown(styled, ema=0.9, penalties=[losses.R1()])
    history = trainer.fit(images(), **QUIET)
    assert history["resolution"] == RESOLUTIONS and trainer.sample(2).shape == (2, 16, 16, 1)
    assert trainer.sampler.sample(2, psi=0.5).shape == (2, 16, 16, 1)
    assert mg.to_numpy(trainer.generator.w_seen.data)[0] == mg.to_numpy(trainer.sampler.w_seen.data)[0] == 7.0


def test_the_discriminator_is_shown_real_images_of_the_stage_faded():
    trainer, shown = grown(), []
    Watch(trainer, lambda real: shown.append(real))
    trainer.fit(images(), **QUIET)
    whole = Endless(Batches(images(), batch_size=4, seed=3, drop_last=True))
    for real, resolution, alpha in zip(shown, RESOLUTIONS, ALPHAS, strict=True):
        large = 2.0 * next(whole)[0] - 1.0
        assert real.shape == (4, resolution, resolution, 1) and real.dtype == np.float32
        factor = 16 // resolution
        means = large.reshape(4, resolution, factor, resolution, factor, 1).mean(axis=(2, 4), dtype=np.float64)
        means = (
            means
            if alpha == 1.0
            else alpha * means
            + (1 - alpha)
            * means.reshape(4, resolution // 2, 2, resolution // 2, 2, 1).mean(axis=(2, 4)).repeat(2, axis=1).repeat(2, axis=2)
        )
        np.testing.assert_allclose(real, means, atol=1e-6)


def test_optimizers_begin_anew_exactly_at_new_resolutions():
    """The step in which it is new is a first one; the learning rate's schedule goes on. Nothing else restarts them."""
    trainer, began = grown(), []
    for optimizer in (trainer.generator_optimizer, trainer.discriminator_optimizer):

        def restart(optimizer=optimizer, original=optimizer.restart):
            original()
            assert optimizer.t == 1 and not any(buffer.any() for buffer in optimizer.state.values())
            began.append(optimizer.steps)

        optimizer.restart = restart
    times, rates = [], []
    for optimizer in (trainer.generator_optimizer, trainer.discriminator_optimizer):

        def step(optimizer=optimizer, original=optimizer.step):
            times.append(optimizer.t)
            rates.append(optimizer.rate())
            original()

        optimizer.step = step
    trainer.fit(images(), **QUIET)
    expected = [1, 1, 2, 3, 1, 2, 3]
    assert began == [1, 1, 4, 4] and times == [t for t in expected for _ in range(2)]
    schedule = optim.schedules.cosine(0.01, 40)
    assert rates == [schedule(step) for step in range(7) for _ in range(2)]


def test_a_first_step_at_a_new_resolution_is_that_of_fresh_optimizers():
    trainer = grown()
    trainer.fit(images(), steps=1, **QUIET)
    other = grown()
    other.fit(images(), steps=1, **QUIET)
    for name in ("generator", "discriminator"):
        fresh = optim.Adam(getattr(other, name).parameters(), lr=optim.schedules.cosine(0.01, 40)(1), beta1=0.5, beta2=0.99)
        setattr(other, f"{name}_optimizer", fresh)
    states = []
    for each in (trainer, other):
        mg.seed(7)
        each.fit(images(), steps=2, **QUIET)
        states.append({name: value for name, value in weights(each).items() if "/steps" not in name and "/began" not in name})
    assert trainer.generator.resolution == 8
    assert_same(*states)


def test_layers_that_are_yet_to_come_stay_as_they_were():
    trainer = grown(ema=0.5)
    before = weights(trainer)
    trainer.fit(images(), steps=1, **QUIET)
    after = weights(trainer)
    moved = {name.split("weights/")[1] for name in before if "weights/" in name and not np.array_equal(before[name], after[name])}
    assert moved and {name.split(".")[1] for name in moved if name.startswith(("blocks", "rgb"))} == {"0"}


def test_images_seen_count_each_of_the_discriminators_steps():
    """Two batches of four per step: four steps in all, and the boundary at 4 images waits for the step that begins with 8."""
    trainer = grown(discriminator_steps=2)
    history = trainer.fit(images(), **QUIET)
    assert history["images"] == [8, 16, 24, 32] and trainer.step == 4
    assert history["resolution"] == [4, 8, 16, 16] and history["alpha"] == [1.0, 0.5, 0.0, 1.0]


def test_generator_steps_do_not_count():
    trainer = grown(generator_steps=2)
    trainer.fit(images(), steps=3, **QUIET)
    assert trainer.images_seen == 12


def test_by_default_a_run_takes_as_many_steps_as_the_growth():
    for batch_size, steps in ((14, 2), (10, 3)):  # the last: 28 / 10, rounded up
        trainer = grown()
        trainer.fit(images(), **{**QUIET, "batch_size": batch_size})
        assert trainer.step == steps
    trainer = grown()
    trainer.fit(images(), steps=5, **QUIET)
    trainer.fit(images(), **QUIET)
    assert trainer.step == 7 and trainer.images_seen == 28
    with pytest.raises(ValueError, match="7 steps are done already"):
        trainer.fit(images(), **QUIET)
    trainer.fit(images(), steps=8, **QUIET)
    assert trainer.generator.resolution == 16 and trainer.step == 8


def test_two_fits_are_one():
    """The second begins where a resolution is new."""
    once = grown(ema=0.9)
    once.fit(images(), steps=6, **QUIET)
    state = everything(once)
    twice = grown(ema=0.9)
    for steps in (1, 4, 6):
        twice.fit(images(), steps=steps, **QUIET)
    assert_same(everything(twice), state)


def test_the_batches_of_a_fade_without_stable_phase():
    """stable=0: the smallest resolution is never played, and alpha begins at 0."""
    trainer = grown(growth=Growth(16, stable=0, fading=8))
    assert (trainer.generator.resolution, trainer.generator.alpha) == (8, 0.0)
    history = trainer.fit(images(), **QUIET)
    assert history["resolution"] == [8, 8, 16, 16] and history["alpha"] == [0.0, 0.5, 0.0, 0.5]


# -- resumed -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    """What unbroken runs of seven steps end with."""
    mg.use("numpy")
    states = {}
    for players in (plain, styled):
        trainer = grown(players, ema=0.9)
        trainer.fit(images(), steps=7, **{**QUIET, "record_every": 3})
        states[players] = everything(trainer) | {"images seen": trainer.images_seen}
    return states


def ctrl_c(step):
    """Ctrl-C during a step, which is still finished."""
    return Each(lambda run: signal.raise_signal(signal.SIGINT) if run.step == step else None)


@pytest.mark.parametrize(("players", "stop"), [(plain, 1), (plain, 4), (styled, 3)])
def test_a_run_that_is_resumed_ends_as_if_it_had_never_stopped(players, stop, whole, tmp_path):
    """Bit for bit, its history too. After step 1 and step 4 a resolution is due that no step has seen."""
    options = {**QUIET, "steps": 7, "record_every": 3}
    with pytest.raises(KeyboardInterrupt):
        grown(players, ema=0.9).fit(images(), callbacks=[ctrl_c(stop), Checkpoint(tmp_path)], **options)
    other = grown(players, seed=99, ema=0.9)
    other.fit(images(), resume=tmp_path, **options)
    assert_same(everything(other) | {"images seen": other.images_seen}, whole[players])


def test_a_run_that_is_killed_in_a_fade_is_resumed(tmp_path, whole):
    with pytest.raises(Crash):
        grown(ema=0.9).fit(images(), steps=7, callbacks=[Checkpoint(tmp_path), Dies(6)], **{**QUIET, "record_every": 3})
    other = grown(seed=99, ema=0.9)
    other.fit(images(), steps=7, resume=tmp_path, **{**QUIET, "record_every": 3})
    assert_same(everything(other) | {"images seen": other.images_seen}, whole[plain])


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The folder of a run of three steps."""
    mg.use("numpy")
    folder = tmp_path_factory.mktemp("good")
    grown().fit(images(), steps=3, callbacks=[Checkpoint(folder)], **QUIET)
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"growth": Growth(16, stable=4, fading=16)},
            r"growth was 'Growth\(final=16, start=4, stable=4, fading=8\)', is 'Growth\(final=16, start=4, stable=4, fading=16\)'",
        ),
        ({"growth": Growth(16, start=8, stable=4, fading=8)}, r"growth was .*start=4.*, is .*start=8"),
        ({"kind": Adversarial}, r"growth was 'Growth\(final=16, start=4, stable=4, fading=8\)', is None"),
        ({"discriminator_steps": 2}, "discriminator steps was 1, is 2"),
        (
            {"players": lambda: plain(group_size=4)},
            r"discriminator.blocks.0.0 was 'MinibatchStdDev\(group_size=2\)', is '.*=4\)'",
        ),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_by_name_and_changes_nothing(options, message, good):
    trainer = grown(seed=99, **options)
    before, stage = weights(trainer), trainer.generator.resolution
    with pytest.raises(CheckpointError, match=f"belongs to another run: {message}"):
        trainer.fit(images(), steps=7, resume=good, **QUIET)
    assert_same(weights(trainer), before)
    assert trainer.generator.resolution == stage and getattr(trainer, "images_seen", 0) == trainer.step == 0


def test_a_checkpoint_of_a_game_without_growth_is_refused(tmp_path):
    grown(kind=Adversarial).fit(images(), steps=2, callbacks=[Checkpoint(tmp_path)], **QUIET)
    with pytest.raises(CheckpointError, match=r"growth was None, is 'Growth\("):
        grown().fit(images(), resume=tmp_path, **QUIET)


def test_by_default_a_resumed_run_takes_as_many_steps_as_were_left(good):
    trainer = grown(seed=99)
    trainer.fit(images(), resume=good, **QUIET)
    assert trainer.step == 7 and trainer.history["resolution"] == RESOLUTIONS


# -- callbacks -----------------------------------------------------------------------------------------------------


def test_a_monitor_compares_samples_with_real_images_of_the_same_stage():
    """At each row, including those after which a new resolution is due."""
    trainer, monitor = grown(ema=0.9), GanMonitor(samples=8)
    trainer.fit(images(), callbacks=[monitor], **QUIET)
    assert len(monitor.diversity) == 7 and np.isfinite(monitor.diversity).all()


def test_what_a_callback_sees_of_real_images_is_what_the_networks_see():
    """Also after a step that makes a new resolution due."""
    trainer, seen = grown(), []

    def look(run):
        (real,) = run.preprocess_real((run.batches.arrays[0][:3],))
        seen.append((real.shape[1], run.generator(run.generator.latent(1)).shape[1]))

    trainer.fit(images(), callbacks=[Each(look)], **QUIET)
    assert seen == [(resolution, resolution) for resolution in RESOLUTIONS]


def test_pictures_of_a_growing_network_make_a_film_of_equal_frames(tmp_path):
    trainer, grid = grown(ema=0.9), SampleGrid(tmp_path, every=2, n=4)
    trainer.fit(images(), callbacks=[grid], **QUIET)
    assert grid.steps == [0, 2, 4, 6, 7] and [x.shape[1] for x in grid.samples] == [4, 8, 8, 16, 16]
    with Image.open(tmp_path / "evolution.gif") as film:
        assert film.n_frames == 5
        sizes = set()
        for i in range(5):
            film.seek(i)
            sizes.add(film.size)
    assert len(sizes) == 1


def test_pictures_are_whole_again_after_a_resume_at_a_boundary(tmp_path):
    grids = [SampleGrid(tmp_path / name, every=2, n=4) for name in ("once", "before", "after")]
    grown().fit(images(), steps=6, callbacks=[grids[0]], **QUIET)
    grown().fit(images(), steps=4, callbacks=[grids[1], Checkpoint(tmp_path)], **QUIET)
    grown(seed=99).fit(images(), steps=6, resume=tmp_path, callbacks=[grids[2]], **QUIET)
    assert grids[2].steps == grids[0].steps == [0, 2, 4, 6]
    for once, after in zip(grids[0].samples, grids[2].samples, strict=True):
        np.testing.assert_array_equal(after, once)


class Order(Callback):
    """Records each call, with the stage of the networks."""

    def __init__(self):
        self.seen = []

    def on_train_begin(self, run):
        self.seen.append(("started", run.step, run.generator.resolution))

    def on_step_end(self, run):
        self.seen.append(("step", run.step, run.generator.resolution))

    def on_epoch_end(self, run):
        assert run.history["resolution"][-1] == run.generator.resolution
        self.seen.append(("row", run.step, run.generator.resolution))

    def on_train_end(self, run):
        self.seen.append(("ended", run.step, run.generator.resolution))


def test_callbacks_are_told_before_the_networks_grow():
    """After step 1 a new resolution is due; it comes with step 2, or with the next fit."""
    trainer, order, later = grown(), Order(), Order()
    trainer.fit(images(), steps=1, callbacks=[order], **QUIET)
    assert order.seen == [("started", 0, 4), ("step", 1, 4), ("row", 1, 4), ("ended", 1, 4)]
    assert trainer.scheduled == (8, 0.0)
    trainer.fit(images(), steps=2, callbacks=[later], **QUIET)
    assert later.seen == [("started", 1, 8), ("step", 2, 8), ("row", 2, 8), ("ended", 2, 8)]


def test_the_progress_bar_says_the_stage():
    trainer = grown()
    trainer.fit(images(), steps=3, **QUIET)
    assert trainer.phase == "8x8, alpha 0.50"


# -- misuse --------------------------------------------------------------------------------------------------------


def pair(generator, discriminator):
    """A trainer of these two."""
    return Progressive(
        generator,
        discriminator,
        growth=GROWTH,
        generator_optimizer=adam(generator.parameters()),
        discriminator_optimizer=adam(discriminator.parameters()),
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pair(*small()), "the generator cannot grow: expected one of models.gans.progan or .*, got a Generator"),
        (lambda: pair(plain()[0], dcgan.TinyDiscriminator()), "the discriminator cannot grow: .*, got a TinyDiscriminator"),
        (lambda: game(plain, growth=GROWTH), "growth"),
    ],
)
def test_networks_that_cannot_grow_are_refused(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_a_growth_past_the_last_stage():
    with pytest.raises(ValueError, match="cannot grow to 32x32: Generator has layers up to 16x16; make it with resolution=32"):
        grown(growth=Growth(32))
    with pytest.raises(ValueError, match="cannot grow to 16x16: Discriminator has layers up to 8x8; make it with resolution=16"):
        grown(lambda: (plain()[0], progan.Discriminator(8, (3, 2), 1)))


def test_a_growth_that_ends_before_the_last_stage_is_fine():
    trainer = grown(growth=Growth(8, stable=4, fading=4))
    trainer.fit(images(size=8), **QUIET)
    assert trainer.sample(1).shape == (1, 8, 8, 1) and trainer.step == 3


@pytest.mark.parametrize(("players", "growth"), [(plain, GROWTH), (plain, Growth(8, stable=8, fading=4))])
@pytest.mark.parametrize("shape", [(32, 1), (4, 1), (12, 1), (16, 3)])
def test_images_of_another_size_than_the_final_one(players, growth, shape):
    size, channels = shape
    trainer = grown(players, growth=growth)
    expected = f"makes examples (n, {growth.final}, {growth.final}, 1), the real ones are (22, {size}, {size}, {channels})"
    with pytest.raises(ShapeError, match=re.escape(expected)):
        trainer.fit(images(size=size, channels=channels), **QUIET)


def test_a_batch_that_does_not_divide_into_groups():
    with pytest.raises(ShapeError, match="scores 4 examples together, which does not divide a batch of 6: take batch_size=4"):
        grown(lambda: plain(group_size=4)).fit(images(), **{**QUIET, "batch_size": 6})


def test_images_outside_the_range_are_refused():
    with pytest.raises(DataError, match="expected pixels in"):
        grown().fit(255.0 * images(), **QUIET)


def test_players_with_different_channels_are_refused():
    with pytest.raises(ShapeError, match=r"the generator makes examples \(n, 4, 4, 1\), which the discriminator does not take"):
        grown(lambda: (plain()[0], progan.Discriminator(16, (3, 2, 2), 3, 2)))


def test_what_is_refused_leaves_the_stage_alone():
    trainer = grown()
    trainer.fit(images(), steps=4, **QUIET)
    before = everything(trainer)
    with pytest.raises(ShapeError):
        trainer.fit(images(size=8), steps=9, **QUIET)
    assert_same(everything(trainer), before)
    assert isinstance(trainer.generator, growing.Growing) and trainer.generator.resolution == 8


# -- what a review found -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"stable": 16.0}, {"fading": 8.0}, {"fading": math.nan}, {"stable": math.inf}, {"stable": "6"}]
)
def test_images_are_counted_in_whole_numbers(options):
    with pytest.raises(TypeError, match="stable and fading count images, whole numbers, got"):
        Growth(**{"final": 16, "stable": 4, "fading": 8, **options})


def test_growth_must_be_a_growth():
    with pytest.raises(TypeError, match=r"growth: expected such as training.Growth\(final=32\), got 16"):
        grown(growth=16)


def test_replayed_fakes_are_forgotten_when_they_become_too_small():
    replay = remedies.ExperienceReplay(capacity=6)
    trainer = grown(remedies=[replay])
    trainer.fit(images(), **QUIET)
    assert replay.buffer[0].shape[1:] == (16, 16, 1) and 0 < replay.filled <= 6


def test_a_monitor_asks_a_classifier_only_about_images_of_full_size():
    class Evaluator:
        def predict(self, x):
            assert x.shape[1:] == (16, 16, 1)
            return np.arange(len(x)) % 2

    grown().fit(images(), **QUIET, callbacks=[GanMonitor(Evaluator(), samples=4)])


def test_a_run_with_another_share_of_mixed_styles_is_another_run(tmp_path):
    trainer = grown(styled)
    trainer.fit(images(), **QUIET, steps=2, callbacks=[Checkpoint(tmp_path)])

    def without_mixing():
        return stylegan.Generator(16, 3, 4, 1, (3, 2, 2), 1, mixing=0.0), stylegan.Discriminator(16, (3, 2, 2), 1, 2)

    with pytest.raises(CheckpointError, match=r"generator was 'Generator\(mixing=0.5\)', is 'Generator\(mixing=0\)'"):
        grown(without_mixing).fit(images(), **QUIET, steps=4, resume=tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [lambda: progan.Discriminator(8, (3, 2), 1, 2), lambda: progan.Discriminator(16, (3, 2, 2), 3, 2)],
    ids=["smaller", "of other channels"],
)
def test_players_that_are_refused_stay_as_they_were(wrong):
    generator, discriminator = progan.Generator(16, 3, (3, 2, 2), 1), wrong()
    with pytest.raises(ValueError):
        grown(lambda: (generator, discriminator))
    assert (generator.resolution, discriminator.resolution) == (16, discriminator.resolutions[-1])


@pytest.mark.parametrize("batch_size", [0, -4])
def test_a_batch_of_nothing_is_refused_as_such(batch_size):
    with pytest.raises(ValueError, match=f"got batch_size {batch_size}, expected at least 1"):
        grown().fit(images(), **{**QUIET, "batch_size": batch_size})
