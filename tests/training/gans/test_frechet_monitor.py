"""The Fréchet distance in a history: of which samples and examples, at which stage, and that the game stays the same."""

import numpy as np
import pytest

from minigen import metrics
from minigen.models.gans.growing import at_stage
from minigen.training import Checkpoint, FrechetMonitor
from tests.training.gans.players import (
    QUIET,
    Each,
    PictureGenerator,
    cloud,
    conditioned,
    everything,
    game,
    labels,
    picture_discriminator,
    pixels,
)
from tests.training.gans.test_progressive import grown, images
from tests.training.networks import Crash, Dies, assert_same

COLUMN = "Fréchet distance"


def flat(images):
    """Pixels as features."""
    return images.reshape(len(images), -1)


def pictures(**options):
    """A game of images in [-1, 1]."""
    return game(lambda: (PictureGenerator(), picture_discriminator()), **options)


def test_each_row_has_the_distance_of_fixed_samples_of_the_average():
    trainer, expected = pictures(ema=0.5), []
    real = pixels()[np.random.default_rng(0).permutation(22)[:10]]
    z = np.random.default_rng(0).standard_normal((10, 3))

    def measure(run):
        if run.step in (2, 4, 5):
            expected.append(metrics.frechet_distance(flat(real), flat(run.sampler.draw(z))))

    callbacks = [Each(measure), FrechetMonitor(flat, samples=10)]
    history = trainer.fit(pixels(), steps=5, record_every=2, callbacks=callbacks, **QUIET)
    np.testing.assert_allclose(history[COLUMN], expected, rtol=1e-5)
    assert len(set(expected)) == 3


def test_growing_networks_are_compared_at_their_stage_enlarged():
    seen, trainer = [], grown(ema=0.9)

    def features(images):
        seen.append(images)
        return flat(images)[:, ::8]

    history = trainer.fit(images(), record_every=1, callbacks=[FrechetMonitor(features, samples=6)], **QUIET)
    assert {batch.shape for batch in seen} == {(6, 16, 16, 1)} and len(seen) == 2 * len(history[COLUMN])
    whole = 2.0 * images()[np.random.default_rng(0).permutation(len(images()))[:6]] - 1.0
    for real, resolution, alpha in zip(seen[::2], history["resolution"], history["alpha"], strict=True):
        factor = 16 // resolution
        faded = (at_stage(whole, resolution, alpha) + 1.0) / 2.0
        np.testing.assert_allclose(real, faded.repeat(factor, axis=1).repeat(factor, axis=2), atol=1e-6)


def test_the_game_is_the_same_and_a_resumed_history_too(tmp_path):
    def played(*callbacks, steps=6, **options):
        run = game(conditioned)
        run.fit((cloud(), labels()), steps=steps, record_every=2, callbacks=callbacks, **QUIET, **options)
        run.callbacks = []
        return everything(run)

    watched = played(FrechetMonitor(flat, samples=8))
    distances = watched.pop(f"history/{COLUMN}")
    assert_same(watched, played())
    with pytest.raises(Crash):
        played(FrechetMonitor(flat, samples=8), Checkpoint(tmp_path), Dies(4))
    resumed = played(FrechetMonitor(flat, samples=8), resume=tmp_path)
    assert resumed[f"history/{COLUMN}"] == distances and len(distances) == 3


def test_it_needs_two_samples():
    with pytest.raises(ValueError, match="needs a covariance of the samples, at least 2, got 1"):
        FrechetMonitor(flat, samples=1)
