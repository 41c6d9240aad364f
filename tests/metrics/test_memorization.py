"""The nearest training image: against a loop; copies, and images as new as the held-out ones."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import nearest_training

rng = np.random.default_rng(0)
TRAIN, HELD_OUT, FAKE = (rng.random((n, 3, 4, 1)).astype(np.float32) for n in (20, 9, 7))


def test_equals_the_loop():
    result = nearest_training(FAKE, TRAIN, HELD_OUT)
    each = {
        name: np.array([[np.linalg.norm(np.float64(x) - t) for t in TRAIN] for x in images])
        for name, images in (("fake", FAKE), ("held_out", HELD_OUT))
    }
    np.testing.assert_array_equal(result.indices, each["fake"].argmin(axis=1))
    np.testing.assert_allclose(result.distances, each["fake"].min(axis=1), rtol=1e-6)
    medians = {name: np.median(matrix.min(axis=1)) for name, matrix in each.items()}
    assert result.memorization_ratio == pytest.approx(medians["fake"] / medians["held_out"], rel=1e-6)


def test_copies_are_found_at_distance_zero():
    result = nearest_training(TRAIN[[5, 17, 5]], TRAIN, HELD_OUT)
    np.testing.assert_array_equal(result.indices, [5, 17, 5])
    assert not result.distances.any() and result.memorization_ratio == 0


def test_new_images_have_a_ratio_of_one():
    assert nearest_training(HELD_OUT, TRAIN, HELD_OUT[::-1]).memorization_ratio == 1


def test_the_ratio_falls_as_images_become_copies():
    ratios = [
        nearest_training((1 - a) * HELD_OUT + a * TRAIN[:9], TRAIN, HELD_OUT).memorization_ratio for a in np.linspace(0, 1, 6)
    ]
    assert (np.diff(ratios) < 0).all() and ratios[0] == 1 and ratios[-1] == 0


def test_without_held_out_images_there_is_no_ratio():
    assert nearest_training(FAKE, TRAIN).memorization_ratio is None


@pytest.mark.parametrize("arguments, error, message", [
    ((FAKE[:, :2], TRAIN), ShapeError, r"nearest_training: got fake of shape \(7, 2, 4, 1\), train of shape \(20, 3, 4, 1\)"),
    ((FAKE, TRAIN, HELD_OUT[0]), ShapeError, r"held_out of shape \(3, 4, 1\)"),
    ((FAKE[:0], TRAIN), ValueError, "at least 1 in fake"),
    ((FAKE, TRAIN * np.nan), ValueError, "NaN or infinity in train"),
    ((FAKE, TRAIN, TRAIN[:3]), ValueError, "half or more are copies of images in train"),
])  # fmt: skip
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        nearest_training(*arguments)
