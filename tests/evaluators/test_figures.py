"""The figures of samples are those of their metrics; the lowest is named; and the evaluator of a data set is chosen in one place."""

from dataclasses import replace

import numpy as np
import pytest

from minigen import data, evaluators, metrics
from minigen.baselines import spoiling
from minigen.evaluators import Comparison, evidence, evidence_table, within_classes
from minigen.evaluators.figures import grouped, patch_distances
from minigen.models.classifier import FeatureClassifier

N = 100


@pytest.fixture(scope="module")
def faces():
    """(evaluator, training faces, held-out ones, their figures as samples)"""
    train, test = data.load("faces", resolution=32, train_size=300, test_size=2 * N)
    evaluator = evaluators.evaluator_of(train)
    return evaluator, train, test, evidence(evaluator, train, test.images[:N], test.images[N:])


def test_scores_stand_beside_those_of_trivial_samplers_and_of_real_images(faces):
    evaluator, train, test, figures = faces
    comparison = Comparison(evaluator.features, train.images, train.labels, test.images[:N], N)
    scores = comparison.scores(test.images[N:])
    assert figures["images of each kind"] == N
    assert figures["samples: Fréchet distance"] == scores.distance
    assert figures["samples: distance in floors"] == scores.distance / comparison.floor.distance
    assert [figures[f"samples: {name}"] for name in ("precision", "recall", "newness", "copies")] == [*scores[1:]]
    for name, each in comparison.trivial.items():
        assert figures[f"{name}: Fréchet distance"] == pytest.approx(each.distance)
    assert figures["real images held out: distance in floors"] == 1


def test_training_images_and_held_out_ones_may_be_bytes(faces):
    """The figures are the same, bit for bit."""
    evaluator, train, test, figures = faces
    train, test = (replace(each, images=np.rint(255 * each.images).astype(np.uint8)) for each in (train, test))
    assert evidence(evaluator, train, test.images[:N], data.as_pixels(test.images[N:])) == figures


def test_detail_is_measured_at_each_scale_and_by_neighbors(faces):
    evaluator, train, test, figures = faces
    comparison = Comparison(evaluator.features, train.images, train.labels, test.images[:N], N)
    samples = test.images[N:]
    assert patch_distances(comparison, samples) == metrics.sliced_wasserstein(comparison.real_images, samples)
    for side, distance in patch_distances(comparison, samples).items():
        assert figures[f"samples: SWD x 1000, {side} pixels"] == distance
    told = metrics.nearest_neighbor_test(comparison.real, evaluator.features(samples)).accuracy
    assert figures["samples: 1-NN accuracy"] == told and 0.3 < told < 0.7
    assert figures["samples: seen as unspoiled"] > 0.9
    bad, _ = spoiling.spoil(samples, np.random.default_rng(0))
    assert evidence(evaluator, train, test.images[:N], bad)["samples: seen as unspoiled"] < 0.3


def test_levels_of_faces_are_counted_as_shares_of_those_in_the_data(faces):
    evaluator, train, test, _ = faces
    without = test[test.factors["glasses"] == 0]
    figures = evidence(evaluator, train, test.images[:N], without.images)
    share = (train.factors["glasses"] == 0).mean()
    assert figures["glasses (without): relative frequency"] == pytest.approx(1 / share, rel=0.05)
    assert figures["lowest relative frequency, glasses (with)"] == figures["glasses (with): relative frequency"] < 0.1
    assert figures["hair_style (curly): relative frequency"] == pytest.approx(1, abs=0.5)


def test_classes_that_were_asked_for():
    train, _ = data.load("glyphs", train_size=400, test_size=1)
    held_out = evaluators.held_out(train, 200)
    evaluator = FeatureClassifier()
    asked = np.arange(200) % 10
    samples = np.stack([train.images[train.labels == label][place // 10] for place, label in enumerate(asked)])
    samples[asked == 3] = samples[3]
    figures = evidence(evaluator, train, held_out, samples, asked)
    comparison = Comparison(evaluator.features, train.images, train.labels, held_out, 200)
    assert figures["samples of the class asked for"] == (evaluator.predict(samples) == asked).mean()
    within = within_classes(comparison, samples, asked)
    for label, share in within.items():
        assert figures[f"asked for class {label}: relative diversity"] == pytest.approx(share)
    assert figures["lowest relative diversity, class 3"] < 1e-3 < 0.5 < within[4]
    seen = np.bincount(evaluator.predict(samples), minlength=10) / 200
    assert figures["class 3: relative frequency"] == pytest.approx(seen[3] / (train.labels == 3).mean())


def test_figures_as_tables():
    said = evidence_table({"n": 5000, "us: a": 0.12345, "us: b": 2, "them: a": 1.0, "them: b": 3, "us: c": 1e-7, "x": "text"})
    assert said.splitlines() == [
        "n  5,000",
        "",
        "           a  b",
        "us    0.1235  2",
        "them       1  3",
        "",
        "        c",
        "us  1e-07",
        "",
        "x  text",
    ]


def test_figures_as_lines():
    """A line for each set of images, and one for what is known of several and is one number each."""
    figures = {"n": 5000, "us: a": 0.12345, "us: b": 2, "them: a": 1.0, "them: b": 3, "us: c": 4.0, "us: d": 0.5, "us: e": 5}
    figures |= {"0: often": 1.5, "1: often": 0.5, "lowest, 1": 0.5}
    assert grouped(figures) == {
        "n": "5,000",
        "us": "a 0.1235, b 2",
        "them": "a 1, b 3",
        "us: patches, neighbors": "c 4, d 0.5, e 5",
        "often": "0 1.5, 1 0.5",
        "lowest, 1": "0.5",
    }


def test_the_evaluator_of_a_data_set(tmp_path):
    """Of faces of 32 x 32 and 64 x 64 the packaged ones, at other sizes one trained for them; of other images a classifier of the data."""
    train, _ = data.load("faces", resolution=32, train_size=8, test_size=1)
    assert evaluators.evaluator_of(train).fingerprint() == evaluators.face_evaluator().fingerprint()
    small, _ = data.load("faces", resolution=8, train_size=8, test_size=1)
    settings = {"epochs": 1, "cache": tmp_path, "progress": False}
    small_one = evaluators.evaluator_of(small, **settings, count=64)
    assert small_one.features(small.images).shape == (8, 64) and "spoiled" in small_one.factors
    glyphs, _ = data.load("glyphs", train_size=64, test_size=1)
    one, other = evaluators.evaluator_of(glyphs, **settings), evaluators.feature_classifier(glyphs, **settings)
    assert one.fingerprint() == other.fingerprint()
