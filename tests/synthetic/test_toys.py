"""The toy sets: the chapter's formula, and mixtures whose modes are where they say."""

import numpy as np
import pytest

from minigen.synthetic import gaussian_grid, gaussian_ring, tilted_plane


def test_tilted_plane_is_the_chapters():
    np.random.seed(4)
    m, w1, w2, noise = 60, 0.1, 0.3, 0.1
    angles = np.random.rand(m) * 3 * np.pi / 2 - 0.5
    x = np.empty((m, 3))
    x[:, 0] = np.cos(angles) + np.sin(angles) / 2 + noise * np.random.randn(m) / 2
    x[:, 1] = np.sin(angles) * 0.7 + noise * np.random.randn(m) / 2
    x[:, 2] = x[:, 0] * w1 + x[:, 1] * w2 + noise * np.random.randn(m)
    np.testing.assert_array_equal(tilted_plane(), (x - x.mean(axis=0)).astype(np.float32))


def test_tilted_plane_without_noise_is_a_plane():
    x = tilted_plane(noise=0.0).astype(np.float64)
    assert x.shape == (60, 3)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-7)
    np.testing.assert_allclose(x[:, 2], 0.1 * x[:, 0] + 0.3 * x[:, 1], atol=1e-6)


def test_tilted_plane_leaves_the_global_generator_alone():
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    tilted_plane()
    assert np.random.rand() == expected


def test_ring_centers():
    centers = gaussian_ring(1).centers
    h = np.sqrt(0.5)
    expected = [[1, 0], [h, h], [0, 1], [-h, h], [-1, 0], [-h, -h], [0, -1], [h, -h]]
    np.testing.assert_allclose(centers, expected, atol=1e-7)
    np.testing.assert_allclose(gaussian_ring(1, radius=3.0).centers, 3 * centers, rtol=1e-6)


def test_grid_centers():
    values = (-4, -2, 0, 2, 4)
    np.testing.assert_array_equal(gaussian_grid(1).centers, [(x, y) for y in values for x in values])
    np.testing.assert_array_equal(gaussian_grid(1, side=2, spacing=1).centers[0], [-0.5, -0.5])


@pytest.mark.parametrize("sample", [gaussian_ring, gaussian_grid])
def test_mixture_points_belong_to_their_modes(sample):
    mixture = sample(20_000)
    assert mixture.points.dtype == mixture.centers.dtype == np.float32
    assert mixture.points.shape == (20_000, 2)
    distances = np.linalg.norm(mixture.points[:, None] - mixture.centers, axis=-1)
    np.testing.assert_array_equal(distances.argmin(axis=1), mixture.modes)
    # Share within 3 standard deviations: 1 - exp(-9 / 2) = 0.98889, standard error 0.0007.
    assert (distances.min(axis=1) < 3 * mixture.std).mean() == pytest.approx(1 - np.exp(-4.5), abs=0.004)
    shares = np.bincount(mixture.modes) / len(mixture.modes)
    np.testing.assert_allclose(shares, 1 / len(mixture.centers), atol=0.012)


@pytest.mark.parametrize("sample", [gaussian_ring, gaussian_grid])
def test_mixture_without_spread_is_its_centers(sample):
    mixture = sample(100, std=0.0)
    np.testing.assert_array_equal(mixture.points, mixture.centers[mixture.modes])


@pytest.mark.parametrize("sample", [tilted_plane, gaussian_ring, gaussian_grid])
def test_seed_decides(sample):
    first, again, other = (sample(10, seed=seed) for seed in (1, 1, 2))
    points = [getattr(x, "points", x) for x in (first, again, other)]
    np.testing.assert_array_equal(points[0], points[1])
    assert not np.array_equal(points[0], points[2])


@pytest.mark.parametrize("sample", [tilted_plane, gaussian_ring, gaussian_grid])
def test_no_points_is_an_error(sample):
    with pytest.raises(ValueError, match="n = 0, expected at least 1"):
        sample(0)


def test_no_modes_is_an_error():
    with pytest.raises(ValueError, match="modes 0"):
        gaussian_ring(1, modes=0)
    with pytest.raises(ValueError, match="side 0"):
        gaussian_grid(1, side=0)
