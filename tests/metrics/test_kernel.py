"""Kernel distance: against double loops, and unbiased by counting out every sample that could have been drawn."""

import itertools

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import kernel_distance, squared_mmd

rng = np.random.default_rng(0)
REAL, FAKE = rng.standard_normal((9, 4)), 1.5 * rng.standard_normal((7, 4)) + 0.5


def kernel(x, y):
    return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3


def by_the_loop(x, y):
    """The estimate, one pair after the other."""
    same = [np.mean([kernel(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j]) for z in (x, y)]
    return sum(same) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def test_equals_the_loop():
    assert squared_mmd(REAL, FAKE) == pytest.approx(by_the_loop(REAL, FAKE), rel=1e-12)
    one_block = kernel_distance(REAL[:7], FAKE, blocks=1, block_size=7)
    assert one_block.mean == pytest.approx(by_the_loop(REAL[:7], FAKE), rel=1e-12) and np.isnan(one_block.deviation)


def test_the_mean_over_all_blocks_is_the_estimate_from_all_examples():
    real, fake = REAL[:5], FAKE[:5]
    blocks = [
        squared_mmd(real[list(a)], fake[list(b)])
        for a in itertools.combinations(range(5), 3)
        for b in itertools.combinations(range(5), 3)
    ]
    assert np.mean(blocks) == pytest.approx(squared_mmd(real, fake), rel=1e-12)
    assert np.std(blocks) > 0.1, "not because all blocks are the same"


@pytest.mark.parametrize("s, t", [(1.0, 1.0), (1.0, 2.0), (0.5, 3.0)])
def test_the_estimate_is_unbiased_over_all_samples_of_two_coins(s, t):
    """Each feature is +-s or +-t: moments up to the third are those of N(0, s^2) and N(0, t^2), so MMD^2 is 3 (s^2 - t^2)^2 /
    d."""
    corners = np.array(list(itertools.product([-1.0, 1.0], repeat=2)))
    pairs = list(itertools.product(range(4), repeat=2))
    estimates = [squared_mmd(s * corners[list(a)], t * corners[list(b)]) for a in pairs for b in pairs]
    assert np.mean(estimates) == pytest.approx(3 * (s**2 - t**2) ** 2 / 2, rel=1e-12, abs=1e-12)
    assert min(estimates) < 0, "unbiased, so negative at times"


def test_the_distance_of_a_set_from_itself_is_negative():
    """Its cross term holds the pairs of an example with itself, which are large."""
    assert squared_mmd(REAL, REAL) == pytest.approx(by_the_loop(REAL, REAL), rel=1e-12) and squared_mmd(REAL, REAL) < 0


def test_blocks_are_drawn_by_the_seed_and_without_repetition():
    first = kernel_distance(REAL, FAKE, blocks=4, block_size=5, seed=3)
    assert first == kernel_distance(REAL, FAKE, blocks=4, block_size=5, seed=3)
    assert first != kernel_distance(REAL, FAKE, blocks=4, block_size=5, seed=4)
    whole = kernel_distance(FAKE, FAKE + 1, blocks=3, block_size=7)
    assert whole.mean == pytest.approx(squared_mmd(FAKE, FAKE + 1), rel=1e-12), "every block is the whole set"
    assert whole.deviation == pytest.approx(0, abs=1e-12)


def test_mean_and_deviation_are_those_of_the_blocks():
    generator = np.random.default_rng(0)
    values = [by_the_loop(*(x[generator.choice(len(x), 5, replace=False)] for x in (REAL, FAKE))) for _ in range(3)]
    mean = sum(values) / 3
    result = kernel_distance(REAL, FAKE, blocks=3, block_size=5)
    assert result.mean == pytest.approx(mean, rel=1e-12)
    assert result.deviation == pytest.approx((sum((v - mean) ** 2 for v in values) / 2) ** 0.5, rel=1e-12)


def test_images_are_flattened():
    images = [x.reshape(len(x), 2, 2, 1) for x in (REAL, FAKE)]
    assert kernel_distance(*images, block_size=5) == kernel_distance(REAL, FAKE, block_size=5)


@pytest.mark.parametrize("arguments, error, message", [
    ((REAL, FAKE[:, :3]), ShapeError, r"kernel_distance: got real of shape \(9, 4\), fake of shape \(7, 3\)"),
    ((REAL, FAKE), ValueError, "block_size is 1000 for 9 real and 7 fake examples, expected 2 to 7"),
    ((REAL, FAKE, 10, 1), ValueError, "block_size is 1 "),
    ((REAL, FAKE, 0, 5), ValueError, "blocks is 0, expected at least 1"),
    ((REAL[:1], FAKE, 10, 2), ValueError, "at least 2 in real"),
    ((REAL, FAKE * np.nan, 10, 2), ValueError, "NaN or infinity in fake"),
])  # fmt: skip
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        kernel_distance(*arguments)
