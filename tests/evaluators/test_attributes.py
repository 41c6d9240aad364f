"""The attribute classifier of a data set: trained once, found again, and without a trace in the caller's random streams."""

import numpy as np
import pytest

from minigen import evaluators
from minigen.backend import random
from minigen.data import Dataset
from minigen.errors import DataError
from minigen.evaluators import classifiers


def squares(n, seed=0):
    """One square an image, 8 x 8: its color and size are discrete, its brightness and place continuous."""
    rng = np.random.default_rng(seed)
    color, large = rng.integers(0, 3, n), rng.integers(0, 2, n)
    bright, place = rng.uniform(0.3, 1, n).astype(np.float32), rng.integers(0, 5, n)
    images = np.zeros((n, 8, 8, 3), np.float32)
    for i in range(n):
        side = 2 + 2 * large[i]
        images[i, 2 : 2 + side, place[i] : place[i] + side, color[i]] = bright[i]
    factors = {"color": color, "large": large, "bright": bright, "place": place.astype(np.float32)}
    return Dataset("squares", images, color, ("red", "green", "blue"), factors)


TRAIN = squares(128)


def evaluator(cache, train=TRAIN, epochs=1):
    return evaluators.attribute_classifier(train, epochs=epochs, cache=cache, progress=False)


def changed(factors):
    return Dataset(TRAIN.name, TRAIN.images, TRAIN.labels, TRAIN.class_names, factors)


@pytest.fixture
def no_training(monkeypatch):
    """Fails the test if anything is trained."""

    def refuse(*arguments, **options):
        raise AssertionError("trained again")

    return lambda: monkeypatch.setattr(classifiers, "fit", refuse)


def test_it_learns_all_factors(tmp_path):
    test = squares(200, seed=1)
    scores = evaluator(tmp_path, squares(1000), epochs=6).score(test.images, test.factors)
    assert list(scores) == ["color", "large", "bright", "place"] and min(scores.values()) > 0.8, scores


def test_it_is_trained_once(tmp_path, no_training):
    first = evaluator(tmp_path)
    no_training()
    second = evaluator(tmp_path)
    assert first.fingerprint() == second.fingerprint() and not second.training
    np.testing.assert_array_equal(first.features(TRAIN.images), second.features(TRAIN.images))


def test_other_factors_have_another_evaluator_also_if_only_their_names_change_places(tmp_path):
    first = evaluator(tmp_path)
    for factors in (
        TRAIN.factors | {"bright": TRAIN.factors["bright"] / 2},
        {{"bright": "place", "place": "bright"}.get(name, name): values for name, values in TRAIN.factors.items()},
    ):
        assert evaluator(tmp_path, changed(factors)).fingerprint() != first.fingerprint()
    assert len(list(tmp_path.glob("*.npz"))) == 3


def test_a_damaged_file_is_made_again(tmp_path):
    first = evaluator(tmp_path)
    (path,) = tmp_path.glob("*.npz")
    path.write_bytes(path.read_bytes()[:1000])
    assert evaluator(tmp_path).fingerprint() == first.fingerprint()


def test_the_callers_random_streams_are_left_alone(tmp_path):
    before = random.state_dict()
    evaluator(tmp_path)
    assert random.state_dict() == before


def test_factors_that_never_vary_are_left_out_and_floats_may_be_double(tmp_path):
    constant = {"man": np.zeros(128, np.int64), "skin": np.ones(128, np.float32)}
    model = evaluator(tmp_path, changed({**constant, "bright": TRAIN.factors["bright"].astype(np.float64)}))
    assert model.factors == {"bright": None}


def test_a_last_batch_of_one_is_left_out(tmp_path):
    assert evaluator(tmp_path, squares(129)).fingerprint() == evaluator(tmp_path, squares(129)[:128]).fingerprint()


@pytest.mark.parametrize("dataset, message", [
    (changed({}), "squares has 0 factors that vary"),
    (changed({"man": np.zeros(128, np.int64)}), "squares has 0 factors that vary"),
    (Dataset("wide", TRAIN.images[:, :4], TRAIN.labels, TRAIN.class_names, TRAIN.factors), "images of 4 x 8"),
])  # fmt: skip
def test_it_refuses(tmp_path, dataset, message):
    with pytest.raises(DataError, match=message):
        evaluator(tmp_path, dataset)
