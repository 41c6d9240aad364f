"""What samples are compared with: each score is that of its metric, and what is too few is said."""

import numpy as np
import pytest

from minigen import data, evaluators, metrics
from minigen.errors import DataError
from minigen.evaluators import Comparison, within_classes

rng = np.random.default_rng(0)


def flat(images):
    return images.reshape(len(images), -1)


def images(n, spread=1.0):
    return (spread * rng.random((n, 8, 8, 1))).astype(np.float32)


TRAIN, HELD_OUT = images(300), images(200)
LABELS = np.arange(300) % 3
COMPARISON = Comparison(flat, TRAIN, LABELS, HELD_OUT, n=200)


def test_every_score_is_that_of_its_metric():
    samples = images(250, spread=0.9)
    scores = COMPARISON.scores(samples)
    real = flat(TRAIN[np.random.default_rng(0).permutation(300)[:200]])
    near = metrics.nearest_training(flat(samples[:200]), flat(TRAIN), held_out=flat(HELD_OUT))
    assert scores.distance == metrics.frechet_distance(real, flat(samples[:200]))
    assert scores[1:3] == metrics.precision_recall(real, flat(samples[:200]))
    assert scores.newness == pytest.approx(near.memorization_ratio) and scores.copies == 0


def test_copies_are_counted_also_if_they_are_not_exact():
    samples = images(200)
    samples[:50] = TRAIN[:50] + 0.001
    scores = COMPARISON.scores(samples)
    assert scores.copies == 0.25 and scores.newness > 0.8
    assert COMPARISON.scores(TRAIN[:200]).copies == 1


def test_the_floor_and_the_trivial_samplers():
    assert COMPARISON.floor.newness == pytest.approx(1) and COMPARISON.floor.copies == 0
    assert {"mean image", "one Gaussian of the pixels", "10 training images", "100 training images"} <= COMPARISON.trivial.keys()


def test_within_classes():
    samples, asked = images(90), np.arange(90) % 3
    samples[asked == 1] = samples[1]
    shares = within_classes(COMPARISON, samples, asked)
    assert shares.keys() == {0, 1, 2} and shares[1] < 1e-6 and 0.9 < shares[0] < 1.1


def test_glyphs_held_out_are_in_the_fonts_of_the_training_split():
    train, test = data.load("glyphs", train_size=500, test_size=50)
    fonts, other = set(train.factors["font"]), set(test.factors["font"])
    assert not fonts & other
    found = evaluators.held_out(test, 30)
    assert found.shape == (30, 28, 28, 1)
    assert metrics.nearest_training(found, train.images).distances.min() > 0, "none is a training image"


def places(images, among):
    """Where each image is among others."""
    return [int(np.flatnonzero((among == image).all(axis=(1, 2, 3)))[0]) for image in images]


def test_others_held_out_are_from_the_whole_test_split():
    """And so is each part of them: MNIST's first 5,000 are by other writers than the rest."""
    faces = data.load("faces", resolution=8, train_size=10, test_size=400)[1]
    found = places(evaluators.held_out(faces, 200), faces.images)
    assert len(set(found)) == 200
    assert 70 <= sum(place < 200 for place in found) <= 130 and 30 <= sum(place < 200 for place in found[:100]) <= 70
    np.testing.assert_array_equal(evaluators.at_random(faces, 200).images, faces.images[found])
    np.testing.assert_array_equal(evaluators.held_out(faces, 400), faces.images)


def test_of_more_images_held_out_a_choice_at_random_is_compared():
    found = places(Comparison(flat, TRAIN, LABELS, HELD_OUT, n=100).held_out_images, HELD_OUT)
    assert len(set(found)) == 100 and 30 <= sum(place < len(HELD_OUT) / 2 for place in found) <= 70


@pytest.mark.parametrize("make, message", [
    (lambda: Comparison(flat, TRAIN, LABELS, HELD_OUT[:50], n=200), "got 50 held-out images, expected at least n = 200"),
    (lambda: Comparison(flat, TRAIN[:50], LABELS[:50], HELD_OUT, n=200), "got 50 training images, expected at least n = 200"),
    (lambda: Comparison(flat, TRAIN, LABELS, HELD_OUT, n=4), "n is 4, expected at least 5, and better thousands"),
    (lambda: COMPARISON.scores(TRAIN[:100]), "got 100 images, expected at least n = 200"),
    (lambda: within_classes(COMPARISON, TRAIN[:9], np.zeros(9, int)), "got 0 samples and 100 real ones of class 1"),
])  # fmt: skip
def test_it_refuses(make, message):
    with pytest.raises(DataError, match=message):
        make()
