"""Precision and recall by nearest neighbors, against a loop over balls."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import distances, precision_recall

rng = np.random.default_rng(0)
REAL, FAKE = rng.standard_normal((40, 3)), 0.7 * rng.standard_normal((30, 3)) + 1.2


@pytest.fixture(params=[1, 1 << 18], ids=["one row a chunk", "one chunk"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(distances, "_CHUNK", request.param)


def share_inside(points, region, k):
    """Share of the points inside a ball around some example of the region, as far as its k-th nearest neighbor."""
    radii = [sorted(np.linalg.norm(a - b) for j, b in enumerate(region) if j != i)[k - 1] for i, a in enumerate(region)]
    inside = [any(np.linalg.norm(p - a) <= radius for a, radius in zip(region, radii, strict=True)) for p in points]
    return sum(inside) / len(points)


@pytest.mark.parametrize("k", [1, 3, 29])
def test_equals_the_loop(k, chunk):
    precision, recall = precision_recall(REAL, FAKE, k)
    assert precision == share_inside(FAKE, REAL, k) and recall == share_inside(REAL, FAKE, k)


def test_exchanging_the_sets_exchanges_precision_and_recall():
    precision, recall = precision_recall(REAL, FAKE)
    assert precision_recall(FAKE, REAL) == (recall, precision) and precision != recall


def test_copies_have_precision_and_recall_and_copies_of_a_part_only_precision():
    assert precision_recall(REAL, REAL[::-1]) == (1, 1)
    assert precision_recall(REAL + 1e6, REAL[:9] + 1e6).precision == 1
    clusters = np.concatenate([REAL, REAL + 100])
    assert precision_recall(clusters, REAL) == (1, 0.5)


def test_fakes_far_away_have_neither_precision_nor_recall():
    assert precision_recall(REAL, REAL + 100) == (0, 0)


def test_one_image_repeated_has_precision_without_recall():
    """A ball of radius 0 holds the copies of its center and nothing else."""
    collapsed = np.tile(REAL[:1], (20, 1))
    assert precision_recall(REAL, collapsed) == (1, 1 / 40)
    assert precision_recall(collapsed, collapsed) == (1, 1)


def test_images_are_flattened():
    images = [x.reshape(len(x), 1, 3, 1).astype(np.float32) for x in (REAL, FAKE)]
    assert precision_recall(*images) == precision_recall(REAL, FAKE)


@pytest.mark.parametrize("arguments, error, message", [
    ((REAL, FAKE[:, :2]), ShapeError, r"precision_recall: got real of shape \(40, 3\), fake of shape \(30, 2\)"),
    ((REAL, FAKE, 30), ValueError, "k is 30 for 40 real and 30 fake examples, expected 1 to 29"),
    ((REAL, FAKE, 0), ValueError, "k is 0"),
    ((REAL, FAKE[:1]), ValueError, "at least 2 in fake"),
    ((REAL * np.nan, FAKE), ValueError, "NaN or infinity in real"),
])  # fmt: skip
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        precision_recall(*arguments)
