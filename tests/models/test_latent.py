"""great_circle: equal angles, lengths in equal steps, both ends exact."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.models.latent import great_circle

rng = np.random.default_rng(3)


def test_a_quarter_of_a_circle():
    path = great_circle([[1.0, 0.0]], [[0.0, 1.0]], 7)
    angles = np.linspace(0, np.pi / 2, 7)
    np.testing.assert_allclose(path[0], np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-7)
    assert path.dtype == np.float32 and path.shape == (1, 7, 2)


def test_ends_are_exact_angles_equal_and_lengths_in_equal_steps():
    start, end = rng.standard_normal((2, 5, 16))
    path = great_circle(start, end, 9).astype(np.float64)
    np.testing.assert_allclose(path[:, 0], start, rtol=1e-6)
    np.testing.assert_allclose(path[:, -1], end, rtol=1e-6)
    lengths = np.linalg.norm(path, axis=2)
    np.testing.assert_allclose(np.diff(lengths, axis=1), np.diff(lengths, axis=1).mean(axis=1, keepdims=True) * np.ones((1, 8)), atol=1e-6)
    directions = path / lengths[..., None]
    cosines = (directions[:, 1:] * directions[:, :-1]).sum(axis=2)
    np.testing.assert_allclose(cosines, cosines[:, :1] * np.ones((1, 8)), atol=1e-6)


@pytest.mark.parametrize("end", [[2.0, 0.0, 0.0], [-1.0, 0.0, 0.0]], ids=["same direction", "opposite direction"])
def test_where_there_is_no_arc_the_line_is_straight(end):
    path = great_circle([[1.0, 0.0, 0.0]], [end], 5)
    assert np.isfinite(path).all() and (path[..., 1:] == 0).all()
    np.testing.assert_allclose(path[0, [0, -1], 0], [1.0, end[0]])


@pytest.mark.parametrize(("start", "end", "n", "error", "message"), [
    (np.ones((2, 3)), np.ones((2, 4)), 5, ShapeError, r"got start of shape \(2, 3\) and end of shape \(2, 4\), expected \(k, d\) both"),
    (np.ones(3), np.ones(3), 5, ShapeError, r"expected \(k, d\) both"),
    (np.ones((2, 3)), np.ones((2, 3)), 1, ValueError, "n counts both ends, at least 2, got 1"),
    (np.zeros((1, 3)), np.ones((1, 3)), 5, ValueError, "a vector of length 0, which has no direction"),
])
def test_refusals(start, end, n, error, message):
    with pytest.raises(error, match=message):
        great_circle(start, end, n)
