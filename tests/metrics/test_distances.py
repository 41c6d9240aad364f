"""Distances a chunk at a time, against loops; copies; the one check of all sets of examples."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import distances
from minigen.metrics.checks import checked_examples
from minigen.metrics.distances import nearest, squared_distances

rng = np.random.default_rng(0)
QUERIES, REFERENCES = rng.standard_normal((7, 3)) + 5, rng.standard_normal((11, 3)) + 5


@pytest.fixture(params=[1, 25, 1 << 18], ids=["one row a chunk", "two rows a chunk", "one chunk"], autouse=True)
def chunk(request, monkeypatch):
    monkeypatch.setattr(distances, "_CHUNK", request.param)
    monkeypatch.setattr(distances, "_VALUES", request.param)


def assembled(queries, references=None):
    """All chunks as one matrix."""
    result = np.full((len(queries), len(queries if references is None else references)), np.nan)
    for rows, chunk in squared_distances(queries, references):
        result[rows] = chunk
    return result


def test_distances_between_two_sets_equal_the_loop():
    expected = [[sum((a - b) ** 2 for a, b in zip(q, r, strict=True)) for r in REFERENCES] for q in QUERIES]
    np.testing.assert_allclose(assembled(QUERIES, REFERENCES), expected, rtol=1e-12)


def test_within_one_set_the_distance_from_itself_is_infinite():
    result = assembled(QUERIES)
    np.testing.assert_array_equal(np.diag(result), np.inf)
    others = ~np.eye(7, dtype=bool)
    np.testing.assert_allclose(result[others], assembled(QUERIES, QUERIES)[others], rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 3, 64, 784])
def test_a_copy_is_at_distance_zero_and_nothing_is_below_it(d):
    x = np.random.default_rng(d).standard_normal((20, d)) * 1e3 + 1e5
    result = assembled(x.copy(), x)
    assert (np.diag(result) == 0).all() and (result[~np.eye(20, dtype=bool)] > 0).all()


@pytest.mark.parametrize("unit", [1.0, 2.0**-8, 2.0**10])
@pytest.mark.parametrize("highest, d", [(1, 784), (2, 3), (255, 5)])
def test_distances_of_multiples_of_one_power_of_two_are_exact(highest, d, unit):
    """Equal distances are then equal numbers, however the sets are split."""
    whole = np.random.default_rng(d).integers(0, highest, (2, 20, d), endpoint=True) + 1000
    queries, references = unit * whole
    expected = unit**2 * ((whole[0, :, None] - whole[1]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(assembled(queries, references), expected)


def test_nearest_equals_the_loop():
    indices, lengths = nearest(QUERIES, REFERENCES)
    for query, index, length in zip(QUERIES, indices, lengths, strict=True):
        each = [np.linalg.norm(query - r) for r in REFERENCES]
        assert index == np.argmin(each) and length == pytest.approx(min(each), rel=1e-14)


def test_nearest_takes_references_of_any_dtype():
    """Images as float32 or bytes, without a copy of all in float64."""
    images, found = rng.integers(0, 255, (30, 12), dtype=np.uint8), np.array([29, 3, 3, 0, 17])
    for dtype in (np.uint8, np.float32, np.float64):
        indices, lengths = nearest(images[found].astype(dtype), images.astype(dtype))
        np.testing.assert_array_equal(indices, found)
        np.testing.assert_array_equal(lengths, 0)


def test_nearest_measures_what_lies_near_without_loss():
    x = rng.standard_normal((5, 4)) * 1e4
    np.testing.assert_allclose(nearest(x + 2.0**-20, x)[1], 2.0**-19, rtol=1e-5)  # where the sum has lost half its digits


def test_examples_become_finite_float64_rows():
    images, codes = checked_examples("m", 1, a=np.ones((2, 3, 4, 1), np.uint8), b=np.zeros((5, 3, 4, 1), np.float32))
    assert images.shape == (2, 12) and codes.shape == (5, 12) and images.dtype == codes.dtype == np.float64


@pytest.mark.parametrize("sets, error, message", [
    ({"a": np.ones(3)}, ShapeError, r"m: got a of shape \(3,\), expected \(n, ...\)"),
    ({"a": np.ones((3, 0))}, ShapeError, r"a of shape \(3, 0\)"),
    ({"a": np.ones((3, 4)), "b": np.ones((3, 5))}, ShapeError, r"a of shape \(3, 4\), b of shape \(3, 5\), expected examples of the same"),
    ({"a": np.ones((2, 4)), "b": np.ones((1, 4))}, ValueError, r"b of shape \(1, 4\), expected at least 2 in b"),
    ({"a": np.ones((2, 4)), "b": np.full((2, 4), np.nan)}, ValueError, "m: got NaN or infinity in b"),
    ({"a": np.full((2, 4), -np.inf)}, ValueError, "m: got NaN or infinity in a"),
])  # fmt: skip
def test_wrong_sets_are_refused(sets, error, message):
    with pytest.raises(error, match=message):
        checked_examples("m", 2, **sets)
