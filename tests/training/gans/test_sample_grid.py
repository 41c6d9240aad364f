"""The pictures of a run: which steps, of which latent vectors, laid out how, and whole again after a resume."""

import numpy as np
import pytest
from PIL import Image

import minigen as mg
from minigen import plot
from minigen.errors import NonFiniteError
from minigen.models.gans import conditional
from minigen.training import Checkpoint, SampleGrid, fit
from tests.training.gans.players import (
    QUIET,
    Each,
    PictureGenerator,
    cloud,
    everything,
    game,
    labels,
    picture_discriminator,
    pixels,
    small,
)
from tests.training.networks import Crash, Dies, assert_same, examples, made


def pictures(**options):
    """A game of images."""
    return game(lambda: (PictureGenerator(), picture_discriminator()), **options)


def frames(path):
    """The number of pictures in a GIF."""
    with Image.open(path) as file:
        return file.n_frames


@pytest.fixture
def quick(monkeypatch):
    """No picture is drawn: for tests of what is in them."""
    drawn = []
    monkeypatch.setattr(plot, "save_tiles", lambda samples, *rest: drawn.append(samples))
    return drawn


def test_pictures_of_the_first_every_nth_and_last_step_are_written(tmp_path, capsys):
    grid = SampleGrid(tmp_path / "deep" / "grid", every=2, n=4)
    pictures().fit(pixels(), steps=5, callbacks=[grid], **{**QUIET, "progress": True})
    assert sorted(path.name for path in grid.folder.iterdir()) == [
        "evolution.gif",
        "step_000000.png",
        "step_000002.png",
        "step_000004.png",
        "step_000005.png",
    ]
    assert grid.steps == [0, 2, 4, 5] and frames(grid.folder / "evolution.gif") == 4
    assert Image.open(grid.folder / "step_000005.png").format == "PNG"
    assert f"wrote {grid.folder / 'evolution.gif'}" in capsys.readouterr().err


def test_the_last_step_is_drawn_once(tmp_path, quick):
    grid = SampleGrid(tmp_path, every=2, n=4)
    pictures().fit(pixels(), steps=4, callbacks=[grid], **QUIET)
    assert grid.steps == [0, 2, 4]


def test_the_same_latent_vectors_each_time_by_the_averaged_generator(tmp_path, quick):
    trainer = pictures(ema=0.5)
    z = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    expected = []

    def look(run):
        expected.append(run.average.average.draw(z))

    grid = SampleGrid(tmp_path, every=1, n=4)
    look(trainer)
    trainer.fit(pixels(), steps=3, callbacks=[grid, Each(look)], **QUIET)
    assert len(grid.samples) == 4
    for samples, wanted in zip(grid.samples, expected):
        np.testing.assert_array_equal(samples, wanted)
        assert samples.shape == (4, 2, 2, 1) and samples.dtype == np.float32 and 0 <= samples.min() <= samples.max() <= 1
    assert not np.array_equal(expected[0], expected[3])
    np.testing.assert_array_equal(quick, grid.samples)


def told_pictures():
    return game(
        lambda: (conditional.Generator(PictureGenerator(latent_dim=6), 3), conditional.Discriminator(picture_discriminator(4), 3))
    )


def test_a_column_for_each_class(tmp_path, monkeypatch):
    """In the pictures and in the GIF alike."""
    grids = []
    save_tiles, save_animation = plot.save_tiles, plot.save_animation
    monkeypatch.setattr(
        plot, "save_tiles", lambda images, path, columns: grids.append(columns) or save_tiles(images, path, columns)
    )
    monkeypatch.setattr(
        plot,
        "save_animation",
        lambda *given, columns, **options: grids.append(columns) or save_animation(*given, columns=columns, **options),
    )
    grid = SampleGrid(tmp_path, every=5, n=7)
    trainer = told_pictures()
    trainer.fit((pixels(), labels()), steps=1, callbacks=[grid], **QUIET)
    assert grids == [3, 3, 3], "two pictures and the GIF"
    z = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    np.testing.assert_array_equal(grid.samples[-1], trainer.generator.draw(z, np.array([0, 1, 2, 0, 1, 2, 0])))
    assert frames(tmp_path / "evolution.gif") == 2


def test_points_are_drawn_over_real_ones(tmp_path, monkeypatch):
    clouds = []
    point_cloud = plot.point_cloud
    monkeypatch.setattr(
        plot, "point_cloud", lambda points, **options: clouds.append((points, options)) or point_cloud(points, **options)
    )
    grid = SampleGrid(tmp_path, every=5, n=6)
    game().fit(cloud(), steps=1, callbacks=[grid], **QUIET)
    assert len(clouds) == 4 and frames(tmp_path / "evolution.gif") == 2
    for points, options in clouds:
        assert points.shape == (6, 2)
        np.testing.assert_array_equal(np.sort(options["reference"], axis=0), np.sort(cloud(), axis=0))


# -- a resume ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every, record_every", [(1, 2), (2, 2), (3, 2), (2, 1)])
@pytest.mark.parametrize("step", [2, 4])
def test_after_a_resume_nothing_is_missing(step, every, record_every, tmp_path, quick):
    """Also the frame of the very step whose row the checkpoint follows."""

    def run(callbacks, seed=1, **options):
        trainer = pictures(seed=seed)
        trainer.fit(pixels(), steps=6, record_every=record_every, callbacks=callbacks, **QUIET, **options)
        trainer.callbacks = [callback for callback in trainer.callbacks if isinstance(callback, SampleGrid)]
        return everything(trainer)

    folder = tmp_path / "run"
    with pytest.raises(Crash):
        run([SampleGrid(tmp_path / "a", every, n=4), Checkpoint(folder), Dies(step)])
    resumed = SampleGrid(tmp_path / "a", every, n=4)
    actual = run([resumed, Checkpoint(folder)], seed=99, resume=folder)
    whole = SampleGrid(tmp_path / "b", every, n=4)
    assert_same(actual, run([whole]))
    assert resumed.steps == sorted({*range(0, 7, every), 6})
    assert (tmp_path / "a" / "evolution.gif").read_bytes() == (tmp_path / "b" / "evolution.gif").read_bytes()


def test_a_grid_that_was_not_there_before_begins_with_the_resume(tmp_path, quick):
    pictures().fit(pixels(), steps=2, callbacks=[Checkpoint(tmp_path / "run")], **QUIET)
    grid = SampleGrid(tmp_path / "grid", every=2, n=4)
    pictures().fit(pixels(), steps=4, callbacks=[grid], resume=tmp_path / "run", **QUIET)
    assert grid.steps == [2, 4]


def test_a_second_fit_goes_on(tmp_path, quick):
    trainer, grid = pictures(), SampleGrid(tmp_path, every=2, n=4)
    trainer.fit(pixels(), steps=3, callbacks=[grid], **QUIET)
    trainer.fit(pixels(), steps=5, callbacks=[grid], **QUIET)
    assert grid.steps == [0, 2, 3, 4, 5] and frames(tmp_path / "evolution.gif") == 5


def test_with_another_trainer_the_grid_begins_again(tmp_path, quick):
    grid = SampleGrid(tmp_path, every=2, n=4)
    for _ in range(2):
        pictures().fit(pixels(), steps=4, callbacks=[grid], **QUIET)
    assert grid.steps == [0, 2, 4] and frames(tmp_path / "evolution.gif") == 3


# -- what can go wrong -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_is_named_instead_of_drawn(tmp_path):
    trainer = pictures()

    def spoil(run):
        run.generator.net[0].bias.assign(np.full(4, np.nan, np.float32))

    with pytest.raises(NonFiniteError, match="^parameter generator.net.0.bias is not finite before step 2"):
        trainer.fit(pixels(), steps=3, callbacks=[Each(spoil), SampleGrid(tmp_path, every=1, n=4)], **QUIET)
    assert [path.name for path in tmp_path.iterdir()] == ["step_000000.png"]


@pytest.mark.parametrize("options", [{"every": 0}, {"n": 0}])
def test_settings_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match="both at least 1, got n="):
        SampleGrid(**options)


def test_it_belongs_in_an_adversarial_run(tmp_path):
    model, optimizer = made()
    with pytest.raises(TypeError, match="^SampleGrid works in training.Adversarial only, not in training.fit$"):
        fit(model, examples(), optimizer=optimizer, epochs=1, callbacks=[SampleGrid(tmp_path)], progress=False)
    assert not list(tmp_path.iterdir())


def test_it_draws_on_every_backend(backend, tmp_path, quick):
    grid = SampleGrid(tmp_path, every=1, n=5)
    told_pictures().fit((pixels(), labels()), steps=1, callbacks=[grid], **QUIET)
    assert [type(samples) for samples in grid.samples] == [np.ndarray] * 2
    mg.use("numpy")
    game(small).fit(cloud(), steps=1, callbacks=[SampleGrid(tmp_path / "points", n=3)], **QUIET)


def test_pictures_that_are_missing_after_a_kill_are_made(tmp_path):
    """Those of steps that are done, and after the last checkpoint that of the last step, and the GIF."""
    folder, saved = tmp_path / "pictures", tmp_path / "run"

    def run(*callbacks, **options):
        pictures().fit(
            pixels(), steps=5, callbacks=[SampleGrid(folder, 2, n=4), Checkpoint(saved), *callbacks], **QUIET, **options
        )

    run()
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(whole) == 5
    for name in ("step_000002.png", "step_000005.png", "evolution.gif"):
        (folder / name).unlink()
    run(resume=saved)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole
