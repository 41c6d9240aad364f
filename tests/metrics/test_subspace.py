"""Principal component analysis and principal angles, against closed forms."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import pca, principal_angles, reconstruction_mse


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
        (np.eye(3), np.ones((3, 0)), ShapeError, r"got b of shape \(3, 0\)"),
        (np.eye(3), np.eye(4), ShapeError, "3 rows in a and 4 in b"),
        (np.ones((3, 2)), np.eye(3), ValueError, r"a of shape \(3, 2\) has rank 1"),
        (np.eye(3), np.zeros((3, 1)), ValueError, r"b of shape \(3, 1\) has rank 0"),
        (np.full((3, 1), np.nan), np.eye(3), ValueError, "NaN or infinity in a"),
    ],
)
def test_angles_refuse(a, b, error, message):
    with pytest.raises(error, match=message):
        principal_angles(a, b)


@pytest.mark.parametrize("shape", [(50, 6), (5, 12)], ids=["more examples", "more features"])
def test_pca_equals_the_eigendecomposition_of_the_covariance(shape):
    x = np.random.default_rng(6).standard_normal(shape) * np.arange(1, shape[1] + 1) + 3
    covariance = np.cov(x.T, bias=True)
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    result = pca(x, 3)
    variances = np.concatenate([result.explained, result.discarded])
    np.testing.assert_allclose(result.mean, x.mean(axis=0))
    np.testing.assert_allclose(variances, eigenvalues[::-1][: min(shape)], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(np.abs((eigenvectors[:, :-4:-1] * result.components).sum(axis=0)), 1, rtol=1e-10)
    np.testing.assert_allclose(result.components.T @ result.components, np.eye(3), atol=1e-12)


def test_pca_reconstruction_error_is_the_sum_of_the_discarded_variances():
    x = np.random.default_rng(7).standard_normal((40, 5)) @ np.random.default_rng(8).standard_normal((5, 5))
    for k in range(1, 6):
        result = pca(x, k)
        mse = reconstruction_mse(x, result.reconstruct(x))
        assert mse == pytest.approx(result.discarded.sum() / 5, rel=1e-10, abs=1e-25), f"k = {k}"


def test_pca_codes_are_uncorrelated_with_the_explained_variances_on_data_of_bytes():
    x = np.random.default_rng(9).integers(0, 256, (60, 4), dtype=np.uint8)
    result = pca(x, 2)
    codes = result.project(x)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(np.cov(codes.T, bias=True), np.diag(result.explained), atol=1e-9)


def test_pca_signs_are_fixed_by_the_largest_element():
    x = np.random.default_rng(10).standard_normal((30, 4))
    components = pca(x, 4).components
    assert (components[np.abs(components).argmax(axis=0), np.arange(4)] > 0).all()
    np.testing.assert_allclose(pca(-x, 4).components, components, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("x", "k", "error", "message"),
    [
        (np.ones((4, 2, 2)), 1, ShapeError, r"got x of shape \(4, 2, 2\)"),
        (np.ones((0, 2)), 1, ShapeError, r"got x of shape \(0, 2\)"),
        (np.ones((4, 2)), 0, ValueError, r"k is 0, expected 1 to min\(n, d\) = 2"),
        (np.ones((4, 2)), 3, ValueError, "k is 3"),
        (np.full((4, 2), np.inf), 1, ValueError, "NaN or infinity in x"),
    ],
)
def test_pca_refuses(x, k, error, message):
    with pytest.raises(error, match=message):
        pca(x, k)


def test_project_and_reconstruct_refuse_another_number_of_features():
    result = pca(np.random.default_rng(11).standard_normal((9, 3)), 2)
    with pytest.raises(ShapeError, match=r"shape \(9, 4\), expected a non-empty matrix \(rows, 3\)"):
        result.project(np.ones((9, 4)))
    with pytest.raises(ShapeError, match=r"\(rows, 3\)"):
        result.reconstruct(np.ones((9, 2)))
