"""Training on images as bytes, in memory or memory-mapped, is that on the same pixels as floats, bit for bit."""

import tracemalloc

import numpy as np
import pytest

import minigen as mg
from minigen import data, losses, nn, optim, training
from minigen.errors import DtypeError
from minigen.evaluators.classifiers import fit_evaluator
from minigen.models.applications import super_resolution
from minigen.models.classifier import Classifier
from minigen.models.gans import base, conditional, progan
from minigen.training import Checkpoint, FrechetMonitor, GanMonitor, Growth, Progressive, SampleGrid
from minigen.training.examples import checksum, prepare
from tests.training.gans.players import everything, game
from tests.training.networks import Crash, Dies, assert_same, numbers

N = 22
QUIET = {"batch_size": 4, "seed": 3, "progress": False}


@pytest.fixture(params=["in memory", "memory-mapped"])
def as_bytes(request, tmp_path):
    """A function that gives images as bytes, of a given size."""

    def make(side, channels, n=N, seed=0):
        images = np.random.default_rng(seed).integers(256, size=(n, side, side, channels), dtype=np.uint8)
        if request.param == "in memory":
            return images
        path = tmp_path / f"{side} {channels} {n} {seed}.npy"
        np.save(path, images)
        return np.load(path, mmap_mode="r")

    return make


def both(images):
    """The images as bytes, and as floats."""
    return images, data.as_pixels(images)


# -- one network -----------------------------------------------------------------------------------------------------


def classifier():
    mg.seed(1)
    model = Classifier(nn.Sequential(nn.Flatten(), nn.Dense(16, 4, "relu"), nn.Dropout(0.2)), 3, (4, 4, 1))
    return model, optim.Adam(model.parameters(), lr=0.05)


def fitted(images, labels, held_out, epochs=3, **options):
    """Everything that a run has changed."""
    model, optimizer = classifier()
    history = training.fit(
        model, (images, labels), optimizer=optimizer, epochs=epochs, validation=(held_out, labels), **QUIET, **options
    )
    return numbers(model, optimizer, history)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_a_network_learns_the_same(as_bytes, dtype, backend):
    """Labels stay what they are, also those of one byte."""
    labels = (np.arange(N) % 3).astype(dtype)
    images, held_out = (both(as_bytes(4, 1, seed=seed)) for seed in (0, 1))
    assert_same(fitted(images[0], labels, held_out[0]), fitted(images[1], labels, held_out[1]))
    assert_same(fitted(images[0], labels, held_out[1]), fitted(images[1], labels, held_out[0]))


@pytest.mark.parametrize("first", [0, 1], ids=["bytes, then floats", "floats, then bytes"])
def test_a_run_goes_on_with_the_same_images_in_the_other_form(as_bytes, first, tmp_path):
    labels, images = np.arange(N) % 3, both(as_bytes(4, 1))
    whole = fitted(images[1], labels, images[1])
    with pytest.raises(Crash):
        fitted(images[first], labels, images[first], callbacks=[Checkpoint(tmp_path), Dies(2)])
    resumed = fitted(images[1 - first], labels, images[1 - first], resume=tmp_path)
    assert_same(resumed, whole)


def test_the_checksum_is_that_of_the_pixels(as_bytes):
    images, floats = both(as_bytes(4, 1))
    other = images.copy()
    other[-1, -1, -1, -1] ^= 1
    assert checksum([images]) == checksum([floats]) != checksum([other])
    model, _ = classifier()
    kept, value, _ = prepare("examples", (images, np.arange(N)), model)
    assert type(kept[0]) is type(images) and kept[0].dtype == np.uint8
    assert value == prepare("examples", (floats, np.arange(N)), model).checksum


def test_a_model_that_computes_in_float64_takes_no_bytes(as_bytes):
    model, _ = classifier()
    model.astype("float64")
    with pytest.raises(DtypeError, match=r"examples are uint8, the model computes in float64: .*x.astype\('float64'\) / 255"):
        training.fit(model, as_bytes(4, 1), optimizer=optim.SGD(model.parameters(), lr=1), epochs=1)


def test_evaluators_see_the_same(as_bytes, backend):
    images, floats = both(as_bytes(4, 1, n=300))
    model, _ = classifier()
    fit_evaluator(model, (images, np.arange(300) % 3), 1, progress=False)
    np.testing.assert_array_equal(model.probabilities(images), model.probabilities(floats))
    np.testing.assert_array_equal(model.predict(images), model.predict(floats))


# -- two networks ----------------------------------------------------------------------------------------------------


def grown():
    """From 4 x 4 to 8 x 8 pixels in [-1, 1]."""
    mg.seed(1)
    networks = progan.Generator(8, 4, (4, 4), 3), progan.Discriminator(8, (4, 4), 3)
    adams = [optim.Adam(network.parameters(), lr=0.01) for network in networks]
    return Progressive(
        *networks,
        growth=Growth(8, stable=8, fading=8),
        penalties=[losses.R1(1.0)],
        generator_optimizer=adams[0],
        discriminator_optimizer=adams[1],
        reuse_fakes=True,
        ema=0.9,
    )


class Sigmoid(base.Generator):
    """3 -> 8 x 8 images of three colors, in [0, 1]."""

    latent_dim, pixel_range = 3, (0.0, 1.0)

    def __init__(self):
        self.net = nn.Sequential(nn.Dense(3, 192, "sigmoid"), nn.Reshape((8, 8, 3)))


def classes():
    """Conditioned on three classes."""
    mg.seed(1)
    inner = Sigmoid()
    inner.net = nn.Sequential(nn.Dense(6, 192, "sigmoid"), nn.Reshape((8, 8, 3)))
    inner.latent_dim = 6
    return game((conditional.Generator(inner, 3), conditional.Discriminator(flat_discriminator(6), 3)))


def flat_discriminator(channels):
    return base.Discriminator(nn.Sequential(nn.Flatten(), nn.Dense(64 * channels, 4, "tanh")), 4)


def restored():
    """Enlarged from 4 x 4 pixels."""
    mg.seed(1)
    networks = super_resolution.Generator(2, 8, channels=3, feature_maps=2, blocks=1), flat_discriminator(3)
    adams = [optim.Adam(network.parameters(), lr=0.01) for network in networks]
    return training.Restoration(*networks, generator_optimizer=adams[0], discriminator_optimizer=adams[1])


GAMES = {
    "progressive": grown,
    "sigmoid": lambda: game(lambda: (Sigmoid(), flat_discriminator(3)), ema=0.9),
    "conditional": classes,
    "restoration": restored,
}


def played(kind, images, callbacks=(), **options):
    """Everything that a run has changed."""
    trainer = GAMES[kind]()
    given = (images, np.arange(len(images)) % 3) if kind == "conditional" else images
    trainer.fit(given, **{"steps": 8, "record_every": 2, **QUIET, **options}, callbacks=callbacks)
    return everything(trainer)


@pytest.mark.parametrize("kind", GAMES)
def test_a_game_is_the_same(kind, as_bytes, backend):
    images, floats = both(as_bytes(8, 3))
    assert_same(played(kind, images), played(kind, floats))


def test_images_in_the_generators_range_already_are_the_same_too(as_bytes):
    images, floats = both(as_bytes(8, 3))
    assert_same(played("progressive", images), played("progressive", 2 * floats - 1))


@pytest.mark.parametrize("forms", ["bytes, then floats", "floats, then bytes", "floats in [-1, 1], then bytes"])
def test_a_game_goes_on_with_the_same_images_in_another_form(as_bytes, forms, tmp_path):
    images, floats = both(as_bytes(8, 3))
    first, second = (
        {"bytes": images, "floats": floats, "floats in [-1, 1]": 2 * floats - 1}[form] for form in forms.split(", then ")
    )
    whole = played("progressive", floats)
    with pytest.raises(Crash):
        played("progressive", first, [Checkpoint(tmp_path), Dies(4)])
    assert_same(played("progressive", second, resume=tmp_path), whole)


def test_what_watches_a_game_sees_the_same(as_bytes, tmp_path, backend):
    """Real images beside samples are pixels in [0, 1], while the networks grow and after."""
    seen = []
    for name, images in zip(("bytes", "floats"), both(as_bytes(8, 3))):
        shown = []

        def features(images, shown=shown):
            shown.append(images)
            return images.reshape(len(images), -1)[:, :5]

        watching = [FrechetMonitor(features, samples=6), GanMonitor(samples=6), SampleGrid(tmp_path / name, every=4, n=4)]
        seen.append((played("progressive", images, watching), np.concatenate(shown)))
    assert_same(seen[0][0], seen[1][0])
    np.testing.assert_array_equal(seen[0][1], seen[1][1])
    assert 0 <= seen[0][1].min() and 0.9 < seen[0][1].max() <= 1


def test_memory_mapped_bytes_are_trained_on_without_memory(tmp_path):
    """24 MB on the disk, 96 MB as floats."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(256, size=(128_000, 8, 8, 3), dtype=np.uint8))
    images = np.load(tmp_path / "x.npy", mmap_mode="r")
    trainer = grown()
    tracemalloc.start()
    try:
        trainer.fit(images, **QUIET, steps=2, callbacks=[GanMonitor(samples=64)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert type(trainer.batches.arrays[0]) is np.memmap
    (batch,) = trainer.batches.at(slice(4))
    assert type(batch) is np.ndarray and batch.dtype == np.float32 and -1 <= batch.min() < -0.9 and 0.9 < batch.max() <= 1
    assert peak < 60 << 20, f"{peak >> 20} MiB"
