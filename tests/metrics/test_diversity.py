"""Mean distance between samples: against a loop, and as a share that shrinks with a collapse."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import pairwise_diversity

rng = np.random.default_rng(0)
SAMPLES, REFERENCE = rng.random((8, 3, 3, 1)).astype(np.float32), 2 * rng.random((11, 3, 3, 1))


def by_the_loop(x):
    return np.mean([np.linalg.norm(np.float64(a) - b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])


def test_equals_the_loop():
    assert pairwise_diversity(SAMPLES) == pytest.approx(by_the_loop(SAMPLES), rel=1e-6)
    assert pairwise_diversity(SAMPLES, REFERENCE) == pytest.approx(by_the_loop(SAMPLES) / by_the_loop(REFERENCE), rel=1e-6)


@pytest.mark.parametrize("share", [0.5, 1e-3, 1e-5])
def test_a_collapse_onto_one_image_is_seen_by_its_share(share):
    collapsed = REFERENCE[0] + share * (REFERENCE - REFERENCE[0])
    assert pairwise_diversity(collapsed, REFERENCE) == pytest.approx(share, rel=1e-8)


def test_one_repeated_image_has_no_diversity():
    assert pairwise_diversity(np.tile(REFERENCE[:1], (9, 1, 1, 1)), REFERENCE) == 0


def test_a_few_repeated_images_have_nearly_full_diversity():
    """Of an example's 5 * 11 - 1 others, 4 are copies."""
    assert pairwise_diversity(np.tile(REFERENCE, (5, 1, 1, 1)), REFERENCE) == pytest.approx(50 / 54, rel=1e-12)


def test_of_many_examples_a_subset_is_drawn_by_the_seed():
    many = rng.standard_normal((1000, 4))
    drawn = many[np.random.default_rng(5).choice(1000, 256, replace=False)]
    assert pairwise_diversity(many, seed=5) == pytest.approx(by_the_loop(drawn), rel=1e-12)
    assert pairwise_diversity(many, seed=5) != pairwise_diversity(many, seed=6)
    assert pairwise_diversity(many, many) == 1


@pytest.mark.parametrize("arguments, error, message", [
    ((np.float32(1),), ShapeError, r"pairwise_diversity: got samples of shape \(\)"),
    ((SAMPLES, REFERENCE[0]), ShapeError, r"samples of shape \(8, 3, 3, 1\), reference of shape \(3, 3, 1\)"),
    ((SAMPLES[:1],), ValueError, "at least 2 in samples"),
    ((SAMPLES * np.nan,), ValueError, "NaN or infinity in samples"),
    ((SAMPLES, np.ones((5, 3, 3, 1))), ValueError, "reference whose examples are all the same"),
])  # fmt: skip
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        pairwise_diversity(*arguments)
