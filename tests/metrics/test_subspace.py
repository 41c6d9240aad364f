"""Principal angles, against closed forms."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import principal_angles


def orthonormal(seed, d, k):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, k)))[0]


@pytest.mark.parametrize("degrees", [1e-9, 1e-6, 1e-3, 1.0, 44.0, 46.0, 89.0, 90 - 1e-9, 90.0])
def test_angle_of_a_plane_turned_by_a_known_angle(degrees):
    """Span (e1, e2) against span (e1, cos t e2 + sin t e3), in a rotated space: angles 0 and t."""
    t = np.radians(degrees)
    q = orthonormal(0, 7, 7)
    a = q[:, :2] @ [[1.0, 2.0], [0.5, -1.0]]
    b = np.stack([q[:, 0], np.cos(t) * q[:, 1] + np.sin(t) * q[:, 2]], axis=1) @ [[3.0, 1.0], [1.0, 1.0]]
    np.testing.assert_allclose(principal_angles(a, b), [0, degrees], rtol=0, atol=2e-13)


def test_angles_are_ascending_and_symmetric_for_subspaces_of_different_dimension():
    a, b = orthonormal(1, 9, 4), orthonormal(2, 9, 2)
    angles = principal_angles(a, b)
    expected = np.degrees(np.arccos(np.linalg.svd(a.T @ b, compute_uv=False)))
    assert angles.shape == (2,) and angles[0] < angles[1]
    np.testing.assert_allclose(angles, expected, rtol=1e-12)
    np.testing.assert_allclose(principal_angles(b, a), angles, rtol=1e-12)


def test_angles_do_not_depend_on_the_scale_of_the_columns():
    a, b = orthonormal(3, 6, 3), orthonormal(4, 6, 3)
    scaled = principal_angles(a * [1e-30, 1, 1e30], b)
    np.testing.assert_allclose(scaled, principal_angles(a, b), rtol=1e-12)


def test_a_subspace_makes_no_angle_with_one_that_contains_it():
    a = orthonormal(5, 8, 5)
    np.testing.assert_allclose(principal_angles(a[:, :3], a), np.zeros(3), atol=1e-13)


@pytest.mark.parametrize(
    ("a", "b", "error", "message"),
    [
        (np.ones(3), np.eye(3), ShapeError, r"got a of shape \(3,\)"),
        (np.eye(3), np.ones((3, 0)), ShapeError, r"b of shape \(3, 0\)"),
        (np.eye(3), np.eye(4), ShapeError, r"got a of shape \(3, 3\) and b of shape \(4, 4\), expected \(d, p\) and \(d, q\)"),
        (np.ones((3, 2)), np.eye(3), ValueError, r"a of shape \(3, 2\) has rank 1"),
        (np.eye(3), np.zeros((3, 1)), ValueError, r"b of shape \(3, 1\) has rank 0"),
        (np.full((3, 1), np.nan), np.eye(3), ValueError, "NaN or infinity in a"),
    ],
)
def test_angles_refuse(a, b, error, message):
    with pytest.raises(error, match=message):
        principal_angles(a, b)
