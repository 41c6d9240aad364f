"""The evaluator of faces: its space ranks spoiled faces where an eye ranks them; its weights are those that were trained."""

import numpy as np
import pytest

from minigen import data, evaluators, metrics
from minigen.baselines import spoiling
from minigen.errors import CheckpointError
from minigen.evaluators import faces
from minigen.training import checkpoint

N = 800


@pytest.fixture(scope="module")
def evaluator():
    return evaluators.face_evaluator()


@pytest.fixture(scope="module")
def split():
    """(real images, others that are spoiled, more real ones), of seeds that the evaluator has not seen."""
    train, test = data.load("faces", resolution=32, train_size=2 * N, test_size=N, seed=5)
    return train.images[:N], train.images[N:], test


@pytest.fixture(scope="module")
def distance(evaluator, split):
    """Images -> their Fréchet distance from real ones."""
    real = evaluator.features(split[0])
    return lambda images: metrics.frechet_distance(real, evaluator.features(images))


def spoiled(way, images, *options):
    return way(images, np.random.default_rng(0), *options)


@pytest.mark.parametrize("resolution", faces.PACKAGED)
def test_its_predictions(resolution):
    """Attributes of faces that it has not seen, and which are real."""
    evaluator = evaluators.face_evaluator(resolution)
    _, test = data.load("faces", resolution=resolution, train_size=1, test_size=N, seed=5)
    scores = faces.accuracies(evaluator, test.images, test.factors)
    discrete = [name for name, levels in evaluator.factors.items() if levels and name != faces.SPOILED]
    assert min(scores[name] for name in discrete) > 0.99
    assert min(scores[name] for name, levels in evaluator.factors.items() if not levels) > 0.75
    assert scores["real faces seen as real"] > 0.98
    assert min(score for name, score in scores.items() if "spoiled" in name) > 0.8


LADDERS = {  # from real to what an eye calls worse and worse
    "noise": [(spoiling.noisy, 0.02), (spoiling.noisy, 0.05), (spoiling.noisy, 0.1)],
    "blur": [(spoiling.blurred, 1), (spoiling.blurred, 2)],
    "double exposure": [(spoiling.double_exposures, 0.2), (spoiling.double_exposures, 0.5)],
    "swapped blocks": [(spoiling.swapped_blocks, 1), (spoiling.swapped_blocks, 2)],
    "warped": [(spoiling.warped, 0.03), (spoiling.warped, 0.05)],
    "eyes": [(spoiling.transplanted,), (spoiling.upside_down,), (spoiling.scrambled,)],
}


@pytest.mark.parametrize("name", LADDERS)
def test_distances_rise_as_an_eye_would_say(name, split, distance):
    _, others, test = split
    values = [distance(test.images), *(distance(spoiled(way, others, *options)) for way, *options in LADDERS[name])]
    assert values[1] > 3 * values[0] and (np.diff(values) > 0).all(), values


def test_fewer_and_fewer_faces_are_farther_and_farther(split, distance):
    _, others, _ = split
    values = [distance(others[np.arange(N) % different]) for different in (N, 100, 10, 1)]
    assert (np.diff(values) > 0).all(), values


def test_eyes_that_it_has_never_seen_spoiled_in_this_way_are_seen(evaluator, split):
    """It learned from scrambled and smeared eyes; these are upside down."""
    real, spoilt = (
        evaluators.realness(evaluator, images).mean() for images in (split[1], spoiled(spoiling.upside_down, split[1]))
    )
    assert real > 0.95 and spoilt < 0.6


def test_damaged_weights_are_refused(tmp_path, monkeypatch):
    whole = faces.weights(32)
    arrays, header = checkpoint.load(whole)
    name = next(iter(arrays["model"]))
    arrays["model"][name] = arrays["model"][name] + 1
    checkpoint.save(tmp_path / "faces-32.npz", arrays, header)
    monkeypatch.setattr(faces, "weights", lambda resolution: tmp_path / "faces-32.npz")
    with pytest.raises(CheckpointError, match=r"faces-32\.npz holds other weights than those that were trained"):
        evaluators.face_evaluator()
    (tmp_path / "faces-32.npz").write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(CheckpointError):
        evaluators.face_evaluator()


def test_other_sizes_are_trained_once(tmp_path):
    first = evaluators.face_evaluator(8, epochs=1, count=64, cache=tmp_path, progress=False)
    again = evaluators.face_evaluator(8, epochs=1, count=64, cache=tmp_path, progress=False)
    assert first.fingerprint() == again.fingerprint() and len(list(tmp_path.glob("*.npz"))) == 1
    assert first.features(np.zeros((3, 8, 8, 3), np.float32)).shape == (3, 64)
