"""The Laplacian pyramid and the distances of patches on it: plain loops, closed forms, what they see and what they do not."""

import math

import numpy as np
import pytest

from minigen import data, metrics
from minigen.baselines import spoiling
from minigen.errors import ShapeError
from minigen.metrics import laplacian_pyramid, patches, sliced_wasserstein

TAPS = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16]


def mirrored(i, length):
    """The index that a mirror at the border shows in place of i."""
    return -i if i < 0 else 2 * (length - 1) - i if i >= length else i


def filtered(image, strength=1.0):
    """The filter of 5 x 5 taps on one channel, pixel by pixel."""
    height, width = image.shape
    out = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            for j in range(5):
                for i in range(5):
                    pixel = image[mirrored(y + j - 2, height), mirrored(x + i - 2, width)]
                    out[y, x] += strength * TAPS[j] * TAPS[i] * pixel
    return out


def up(image):
    wide = np.zeros((2 * image.shape[0], 2 * image.shape[1]))
    wide[::2, ::2] = image
    return filtered(wide, strength=4.0)


def test_the_pyramid_equals_the_loops():
    image = np.random.default_rng(0).random((16, 12))
    levels = [level[0, :, :, 0] for level in laplacian_pyramid(image[None, :, :, None], smallest=3)]
    half = filtered(image)[::2, ::2]
    quarter = filtered(half)[::2, ::2]
    for level, expected in zip(levels, [image - up(half), half - up(quarter), quarter], strict=True):
        np.testing.assert_allclose(level, expected, atol=1e-14)


def test_the_levels_add_up_to_the_image():
    images = np.random.default_rng(1).random((3, 32, 32, 3)).astype(np.float32)
    *finer, total = laplacian_pyramid(images)
    assert [level.shape[1] for level in (*finer, total)] == [32, 16, 8] and total.dtype == np.float32
    for level in reversed(finer):
        total = level + patches.enlarged(total)
    np.testing.assert_allclose(total, images, atol=1e-6)


@pytest.mark.parametrize("shape, smallest, sides", [
    ((28, 28), 8, [28, 14]), ((28, 28), 7, [28, 14, 7]), ((28, 28), 2, [28, 14, 7]), ((9, 8), 2, [9]), ((32, 32), 16, [32, 16]),
    ((4, 4), 1, [4, 2]), ((64, 32), 8, [64, 32, 16]),
])  # fmt: skip
def test_where_the_pyramid_ends(shape, smallest, sides):
    assert [level.shape[1] for level in laplacian_pyramid(np.ones((1, *shape, 1)), smallest)] == sides


def test_patches_are_normalized_pieces_of_the_images():
    images = np.arange(2 * 9 * 8 * 2, dtype=np.float32).reshape(2, 9, 8, 2) ** 2
    found = patches.normalized_patches(images, np.random.default_rng(3)).reshape(2, patches.PATCHES, 2, 7, 7)
    rng = np.random.default_rng(3)
    rows, columns = rng.integers(3, size=(2, patches.PATCHES)), rng.integers(2, size=(2, patches.PATCHES))
    cut = np.array([[image[y : y + 7, x : x + 7] for y, x in zip(*at)] for image, at in zip(images, zip(rows, columns))])
    for channel in range(2):
        expected = (cut[..., channel] - cut[..., channel].mean()) / cut[..., channel].std()
        np.testing.assert_allclose(found[:, :, channel], expected, atol=1e-4)


def test_points_moved_by_a_vector_have_the_closed_form():
    """Every projection moves by u.v: the mean of its magnitude over the sphere is |v| gamma(d / 2) / (sqrt(pi) gamma((d + 1) / 2))."""
    rng, d = np.random.default_rng(4), 20
    points, moved = rng.standard_normal((50, d), dtype=np.float32), rng.standard_normal(d, dtype=np.float32)
    expected = np.linalg.norm(moved) * math.gamma(d / 2) / (math.sqrt(math.pi) * math.gamma((d + 1) / 2))
    found = patches.sliced_distance(points, (points + moved)[::-1], rng)
    assert found == pytest.approx(expected, rel=4 * 0.76 / math.sqrt(512)), "|N(0, 1)| deviates by 0.76 of its mean"


def test_one_projection_equals_the_best_matching():
    """Of all ways to pair two sets of numbers, the sorted one has the smallest mean difference."""
    import itertools

    a, b = np.random.default_rng(5).random((2, 5, 1)).astype(np.float32)
    best = min(np.abs(a[:, 0] - b[list(order), 0]).mean() for order in itertools.permutations(range(5)))
    assert patches.sliced_distance(a, b, np.random.default_rng(6)) == pytest.approx(best, rel=1e-6), "directions in 1-D are +-1"


def test_the_same_images_are_at_distance_nearly_0_and_color_and_contrast_do_not_count():
    """Patches are drawn separately, so that it is not 0."""
    images = np.random.default_rng(7).random((200, 16, 16, 3)).astype(np.float32)
    floor = sliced_wasserstein(images[:100], images[100:])
    assert floor.keys() == {16, 8}
    for spoiled in (images[:100] + 0.5, images[:100] * np.float32([0.1, 1, 2])):
        assert sliced_wasserstein(images[:100], spoiled) == pytest.approx(
            sliced_wasserstein(images[:100], images[:100]), rel=1e-2
        )
    again = sliced_wasserstein(images[:100], images[100:], seed=0)
    assert again == floor != sliced_wasserstein(images[:100], images[100:], seed=1)


def test_images_that_never_vary_have_a_finite_distance():
    black = np.zeros((10, 16, 16, 1), np.float32)
    assert all(np.isfinite(value) for value in sliced_wasserstein(black, black + 1).values())


@pytest.fixture(scope="module")
def faces():
    return data.load("faces", resolution=32, train_size=600, test_size=300, seed=3)


def test_each_damage_is_seen_at_its_scale(faces):
    train, _ = faces
    real, fake, rng = train.images[:300], train.images[300:], np.random.default_rng(0)
    floor = sliced_wasserstein(real, fake)
    blurred, noisy, halved, scrambled = (
        sliced_wasserstein(real, spoil(fake, rng))
        for spoil in (spoiling.blurred, spoiling.noisy, spoiling.half_resolution, spoiling.scrambled)
    )
    for spoiled in (blurred, noisy, halved):
        assert spoiled[32] > 3 * floor[32], "what blur and noise change is fine detail"
        assert spoiled[8] < 3 * floor[8], "coarse structure stays"
    assert scrambled[32] > 2 * floor[32]


def test_it_is_blind_to_few_images_over_and_over(faces):
    """Said in its docstring: precision and recall must be asked too."""
    train, _ = faces
    real, few = train.images[:300], train.images[300 + np.arange(300) % 100]
    floor, repeated = sliced_wasserstein(real, train.images[300:]), sliced_wasserstein(real, few)
    assert repeated[32] < 3 * floor[32]


@pytest.mark.parametrize("shapes, options, error, message", [
    (((4, 16, 16, 3), (5, 16, 16, 3)), {}, ShapeError, r"real of shape \(4, 16, 16, 3\) and fake of shape \(5, 16, 16, 3\)"),
    (((4, 16, 16), (4, 16, 16)), {}, ShapeError, r"expected images \(n, h, w, c\)"),
    (((1, 16, 16, 3),) * 2, {}, ValueError, "got 1 image each, expected at least 2; thousands"),
    (((4, 6, 16, 3),) * 2, {}, ShapeError, "got images of 6 x 16 pixels, expected at least 7 x 7"),
    (((4, 16, 16, 3),) * 2, {"smallest": 4}, ValueError, "smallest is 4, expected at least 7"),
])  # fmt: skip
def test_it_refuses(shapes, options, error, message):
    with pytest.raises(error, match=message):
        sliced_wasserstein(*map(np.ones, shapes), **options)


def test_it_refuses_nan():
    with pytest.raises(ValueError, match="NaN or infinity in fake"):
        metrics.sliced_wasserstein(np.ones((4, 8, 8, 1)), np.full((4, 8, 8, 1), np.nan))
