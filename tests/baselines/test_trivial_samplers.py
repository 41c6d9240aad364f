"""Trivial samplers and spoiled images: each has the statistics that it claims, and changes what it says and nothing else."""

import tracemalloc

import numpy as np
import pytest

from minigen import data
from minigen.baselines import pca, spoiling, trivial_samplers, trivial_samples
from minigen.baselines.trivial_samplers import Gaussian, gaussian_mixture, gaussian_per_class, mean_image, principal_directions
from minigen.data import pixels

rng = np.random.default_rng(0)
# Images around 1/2 that clipping does not touch, of correlated pixels.
PIXELS = 0.5 + 0.02 * rng.standard_normal((400, 16)) @ rng.standard_normal((16, 16))
IMAGES = PIXELS.reshape(400, 4, 4, 1).astype(np.float32)


def test_a_gaussian_has_the_mean_and_the_covariance():
    made = Gaussian(IMAGES).sample(40_000, np.random.default_rng(1)).reshape(40_000, 16)
    np.testing.assert_allclose(made.mean(axis=0), PIXELS.mean(axis=0), atol=3e-3)
    covariance = np.cov(PIXELS.T, bias=True)
    np.testing.assert_allclose(np.cov(made.T), covariance, atol=0.03 * covariance.max())


def test_its_largest_components_are_those_of_pca():
    directions = principal_directions((PIXELS - PIXELS.mean(axis=0)).astype(np.float32), 3, np.random.default_rng(2))
    np.testing.assert_allclose(np.linalg.svd(directions.T @ pca(PIXELS, 3).components)[1], 1, atol=1e-4)
    made = Gaussian(IMAGES, components=3).sample(500, np.random.default_rng(3)).reshape(500, 16)
    spread = np.linalg.svd(made - made.mean(axis=0))[1]
    assert spread[2] > 0.1 * spread[0] and spread[3] < 1e-3 * spread[0]


def test_a_gaussian_per_class_has_its_mean():
    labels = np.arange(400) % 2
    images = IMAGES + 0.2 * labels.reshape(-1, 1, 1, 1).astype(np.float32)
    made = gaussian_per_class(images, labels, 2000, np.random.default_rng(4))
    for label in (0, 1):
        np.testing.assert_allclose(made[label::2].mean(axis=0), images[labels == label].mean(axis=0), atol=0.02)


def test_a_mixture_finds_clusters_that_one_gaussian_blurs():
    centers = np.random.default_rng(5).random((10, 8, 8, 1)).astype(np.float32)
    images = np.clip(centers[np.arange(1000) % 10] + 0.01 * rng.standard_normal((1000, 8, 8, 1)), 0, 1).astype(np.float32)

    def apart(made):
        return np.median(np.sqrt(((made[:, None] - centers) ** 2).sum(axis=(2, 3, 4))).min(axis=1))

    made = gaussian_mixture(images, 500, np.random.default_rng(6))
    assert apart(made) < 0.5 * apart(Gaussian(images).sample(500, np.random.default_rng(6)))


def test_bytes_and_floats_give_the_same_samples(monkeypatch):
    """Also where only a few images, and a few random numbers, are in memory at a time."""
    images = np.random.default_rng(1).integers(256, size=(120, 5, 5, 3), dtype=np.uint8)
    floats, labels = data.as_pixels(images), np.arange(120) % 3
    expected = dict(trivial_samples(floats, labels, 50))
    for values, weights in ((1 << 22, 2**26), (75 * 7, 120 * 9)):
        monkeypatch.setattr(pixels, "VALUES", values)
        monkeypatch.setattr(trivial_samplers, "WEIGHTS", weights)
        made = [dict(trivial_samples(each, labels, 50)) for each in (images, floats)]
        for name, samples in expected.items():
            assert made[0][name].dtype == np.float32
            np.testing.assert_array_equal(made[0][name], made[1][name], err_msg=name)
            np.testing.assert_allclose(made[0][name], samples, atol=2e-4, err_msg=name)


def test_a_gaussian_of_many_bytes_takes_no_memory_for_floats():
    """24 MB of bytes, 96 MB as floats."""
    images = np.zeros((120_000, 10, 10, 2), np.uint8)
    tracemalloc.start()
    try:
        for components in (None, 3):
            Gaussian(images, components).sample(10, np.random.default_rng(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 << 20, f"{peak >> 20} MiB"


def test_the_mean_image_and_every_sampler():
    np.testing.assert_allclose(mean_image(IMAGES, 3), np.repeat(IMAGES.mean(axis=0, keepdims=True), 3, axis=0), rtol=1e-6)
    images, labels = data.load("glyphs", train_size=300, test_size=10)[0][:].images, np.arange(300) % 10
    made = dict(trivial_samples(images, labels, 120))
    assert list(made) == [
        "mean image", "one Gaussian of the pixels", "its 50 largest components", "one Gaussian per class",
        "mixture of 10 Gaussians", "double exposures", "10 training images", "100 training images",
    ]  # fmt: skip
    for name, samples in made.items():
        assert samples.shape == (120, 28, 28, 1) and samples.dtype == np.float32, name
        assert samples.min() >= 0 and samples.max() <= 1
    again = dict(trivial_samples(images, labels, 120))
    assert all(np.array_equal(again[name], samples) for name, samples in made.items()), "the seed determines them"
    assert "one Gaussian per class" not in dict(trivial_samples(images, np.zeros(300, int), 50, copies=False))
    assert len(np.unique(made["100 training images"].reshape(120, -1), axis=0)) == 100


@pytest.mark.parametrize("count, images, message", [
    (0, IMAGES, "got count 0"), (2.5, IMAGES, "got count 2.5"), (5, IMAGES[:1], "got 1 image, expected at least 2"),
])  # fmt: skip
def test_it_refuses(count, images, message):
    with pytest.raises(ValueError, match=message):
        list(trivial_samples(images, np.zeros(len(images), int), count))


# -- spoiled images --------------------------------------------------------------------------------------------------

FACES = np.random.default_rng(7).random((20, 32, 32, 3)).astype(np.float32)
WAYS = [
    spoiling.noisy, spoiling.half_resolution, spoiling.blurred, spoiling.double_exposures, spoiling.swapped_blocks,
    spoiling.scrambled, spoiling.smeared, spoiling.upside_down, spoiling.transplanted, spoiling.warped,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_image_is_spoiled_and_the_originals_are_left_alone(way):
    FACES.flags.writeable = False
    spoiled = way(FACES, np.random.default_rng(8))
    assert spoiled.shape == FACES.shape and spoiled.dtype == np.float32 and 0 <= spoiled.min() <= spoiled.max() <= 1
    assert (spoiled != FACES).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("way", [spoiling.scrambled, spoiling.smeared, spoiling.upside_down, spoiling.transplanted])
def test_around_a_region_nothing_changes(way):
    spoiled = way(FACES, np.random.default_rng(9), spoiling.MOUTH)
    inside = np.zeros((32, 32), bool)
    inside[18:25, 10:22] = True
    np.testing.assert_array_equal(spoiled[:, ~inside], FACES[:, ~inside])


def test_scrambled_and_swapped_pixels_are_the_same_pixels():
    for way in (spoiling.scrambled, spoiling.swapped_blocks, spoiling.upside_down):
        spoiled = way(FACES, np.random.default_rng(10)).reshape(20, -1, 3)
        for image, original in zip(spoiled, FACES.reshape(20, -1, 3)):
            np.testing.assert_array_equal(np.sort(image, axis=0), np.sort(original, axis=0))


def test_half_the_resolution_of_odd_sides():
    """The last row and column are means of what there is of a block."""
    image = np.arange(15, dtype=np.float32).reshape(1, 3, 5, 1) / 15
    halved = 15 * spoiling.half_resolution(image, np.random.default_rng(0))[0, :, :, 0]
    np.testing.assert_allclose(halved, [[3, 3, 5, 5, 6.5], [3, 3, 5, 5, 6.5], [10.5, 10.5, 12.5, 12.5, 14]], rtol=1e-5)


def test_closed_forms():
    halved = spoiling.half_resolution(FACES, rng)
    np.testing.assert_allclose(halved[:, 0, 0], FACES[:, :2, :2].mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(halved[:, 0, 0], halved[:, 1, 1])
    point = np.zeros((1, 5, 5, 1), np.float32)
    point[0, 2, 2] = 16
    np.testing.assert_allclose(spoiling.blurred(point, rng, times=1)[0, 1:4, 1:4, 0], np.outer([1, 2, 1], [1, 2, 1]))
    assert (spoiling.others(50, rng) != np.arange(50)).all()


def test_spoil_uses_every_kind_and_says_which():
    spoiled, kinds = spoiling.spoil(FACES.repeat(20, axis=0), np.random.default_rng(11))
    assert set(kinds) == set(range(1, len(spoiling.KINDS) + 1))
    assert (spoiled != FACES.repeat(20, axis=0)).any(axis=(1, 2, 3)).mean() > 0.99
    noisy = (spoiled != FACES.repeat(20, axis=0)).mean(axis=(1, 2, 3))[kinds == 1]
    assert noisy.min() > 0.9, "noise is everywhere"
