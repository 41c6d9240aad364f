"""The evaluator of pictures that are neither faces nor small and gray: what it learns, and what is told by it."""

import numpy as np
import pytest

from minigen import data, evaluators
from minigen.data import Dataset
from minigen.errors import DataError
from minigen.evaluators import pictures

QUICK = {"epochs": 2, "progress": False}


def drawings(n=300, classes=2, shape=(16, 16, 3)):
    """Smooth pictures, in which one of the colors is stronger, by class."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % classes
    images = 0.6 * rng.random((n, 4, 4, shape[2])).repeat(-(-shape[0] // 4), 1).repeat(-(-shape[1] // 4), 2)
    images = images[:, : shape[0], : shape[1]]
    images[np.arange(n), ..., labels % shape[2]] += 0.4
    names = tuple("abcdef"[:classes])
    return Dataset("folder drawings", images.astype(np.float32), labels, names, {})


def test_it_learns_classes_and_what_is_spoiled(tmp_path):
    train = drawings()
    evaluator = evaluators.evaluator_of(train, epochs=25, cache=tmp_path, progress=False)
    assert evaluator.factors == {"class": 2, "spoiled": 8}
    said = evaluator.predict(train.images)
    assert (said["class"] == train.labels).mean() > 0.9 and (said["spoiled"] == 0).mean() > 0.8
    spoiled = pictures.examples(train)[0][len(train) :]
    assert (evaluator.predict(spoiled)["spoiled"] == 0).mean() < 0.5
    again = evaluators.evaluator_of(train, epochs=25, cache=tmp_path, progress=False)
    assert again.fingerprint() == evaluator.fingerprint()


def test_pictures_without_classes(tmp_path):
    train = drawings(classes=1, shape=(8, 8, 1))
    evaluator = evaluators.picture_evaluator(train, **QUICK, cache=tmp_path)
    assert evaluator.factors == {"spoiled": 8}
    figures = evaluators.evidence(evaluator, train[:200], train.images[200:], train.images[:100])
    assert "samples: seen as unspoiled" in figures and not [name for name in figures if "frequency" in name]
    assert "seen as unspoiled" in evaluators.evidence_table(figures)


@pytest.mark.parametrize("shape", [(28, 28, 3), (25, 25, 1), (48, 48, 3)])
def test_other_sizes(tmp_path, shape):
    train = drawings(100, 1, shape)
    evaluator = evaluators.evaluator_of(train, **QUICK, cache=tmp_path)
    figures = evaluators.evidence(evaluator, train[:60], train.images[60:], train.images[:40])
    assert figures["images of each kind"] == 40 and np.isfinite(figures["samples: Fréchet distance"])


def test_the_figures_of_classes(tmp_path):
    train = drawings()
    evaluator = evaluators.picture_evaluator(train, **QUICK, cache=tmp_path)
    asked = train.labels[:100]
    figures = evaluators.evidence(evaluator, train[:200], train.images[200:], train.images[:100], asked)
    seen = evaluator.predict(train.images[:100])["class"]
    assert figures["samples of the class asked for"] == (seen == asked).mean()
    assert figures["class b: relative frequency"] == pytest.approx((seen == 1).mean() / 0.5)


def test_bytes_are_the_same_pixels(tmp_path):
    floats = drawings(40)
    as_bytes = Dataset("folder drawings", np.rint(floats.images * 255).astype(np.uint8), floats.labels, ("a", "b"), {})
    pixels = Dataset("folder drawings", data.as_pixels(as_bytes.images), floats.labels, ("a", "b"), {})
    one, other = (evaluators.picture_evaluator(each, **QUICK, cache=tmp_path) for each in (as_bytes, pixels))
    assert one.fingerprint() == other.fingerprint() and len(list(tmp_path.iterdir())) == 1


def test_few_pictures_are_seen_more_often(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(pictures, "train_once", lambda model, name, examples, epochs, *others: seen.append(epochs))
    for n in (32, 3200):
        evaluators.picture_evaluator(drawings(n))
    assert seen == [500, 5]


@pytest.mark.parametrize("shape", [(16, 8, 3), (4, 4, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(DataError, match=f"no evaluator for images of {shape[0]} x {shape[1]}, but for squares with a side"):
        evaluators.evaluator_of(drawings(8, 1, shape))
