"""Fréchet distance, against closed forms of Gaussians and against the formula that squares its eigenvalues."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import frechet_distance, frechet_gaussians

rng = np.random.default_rng(0)
REAL, FAKE = rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6)), rng.standard_normal((40, 6)) + 0.3


def orthogonal(seed, d):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def test_the_closed_form_in_one_dimension():
    """(m1 - m2)^2 + (s1 - s2)^2."""
    assert frechet_gaussians([1.0], [[4.0]], [3.0], [[25.0]]) == pytest.approx(2**2 + (2 - 5) ** 2, rel=1e-15)


def test_the_closed_form_of_commuting_covariances():
    """In a common eigenbasis the dimensions stand alone: sum of (s1 - s2)^2."""
    q, v1, v2 = orthogonal(1, 5), np.array([4.0, 1, 0, 9, 0]), np.array([1.0, 1, 4, 0, 0])
    expected = ((np.sqrt(v1) - np.sqrt(v2)) ** 2).sum()
    zero = np.zeros(5)
    assert frechet_gaussians(zero, np.diag(v1), zero, np.diag(v2)) == pytest.approx(expected, rel=1e-14)
    assert frechet_gaussians(zero, q * v1 @ q.T, zero, q * v2 @ q.T) == pytest.approx(expected, rel=1e-13)


def test_covariances_that_do_not_commute_equal_the_matrix_square_root():
    """2 x 2: trace of the root of a matrix M is sqrt(trace M + 2 sqrt(det M)), and M = C1 C2 has the same eigenvalues."""
    c1, c2 = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[5.0, -2.0], [-2.0, 1.0]])
    m = c1 @ c2
    expected = np.trace(c1 + c2) - 2 * np.sqrt(np.trace(m) + 2 * np.sqrt(np.linalg.det(m)))
    assert frechet_gaussians([0, 0], c1, [0, 0], c2) == pytest.approx(expected, rel=1e-13)


def test_the_distance_of_samples_is_that_of_their_moments_over_n_minus_1():
    moments = [part for x in (REAL, FAKE) for part in (x.mean(axis=0), np.cov(x.T))]
    assert frechet_distance(REAL, FAKE) == pytest.approx(frechet_gaussians(*moments), rel=1e-12)
    # The formula with the eigenvalues of C1 C2, those of C1^(1/2) C2 C1^(1/2).
    mean1, c1, mean2, c2 = moments
    eigenvalues = np.linalg.eigvals(c1 @ c2).real
    expected = ((mean1 - mean2) ** 2).sum() + np.trace(c1 + c2) - 2 * np.sqrt(eigenvalues).sum()
    assert frechet_distance(REAL, FAKE) == pytest.approx(expected, rel=1e-10)


def test_the_distance_of_a_shifted_and_of_a_scaled_sample():
    """|shift|^2, and (a - 1)^2 trace(C) + (a - 1)^2 |mean|^2."""
    shift = np.arange(6.0)
    assert frechet_distance(REAL, REAL + shift) == pytest.approx((shift**2).sum(), rel=1e-12)
    second_moment = np.trace(np.cov(REAL.T)) + (REAL.mean(axis=0) ** 2).sum()
    assert frechet_distance(REAL, 3 * REAL) == pytest.approx(4 * second_moment, rel=1e-12)


def test_the_distance_is_symmetric_and_invariant_to_rotations():
    q, distance = orthogonal(2, 6), frechet_distance(REAL, FAKE)
    assert frechet_distance(FAKE, REAL) == pytest.approx(distance, rel=1e-12)
    assert frechet_distance(REAL @ q + 7, FAKE @ q + 7) == pytest.approx(distance, rel=1e-11)
    assert frechet_distance(100 * REAL, 100 * FAKE) == pytest.approx(1e4 * distance, rel=1e-12)


def test_the_distance_of_a_set_from_itself_is_zero_up_to_rounding():
    scale = np.trace(np.cov(REAL.T))
    assert 0 <= frechet_distance(REAL, REAL) < 1e-13 * scale
    assert 0 <= frechet_distance(REAL, REAL[::-1]) < 1e-13 * scale
    c = np.cov(REAL.T)
    assert 0 <= frechet_gaussians(np.zeros(6), c, np.zeros(6), c) < 1e-13 * scale


@pytest.mark.parametrize("size", [2, 3, 6, 7])
def test_fewer_examples_than_features_and_dead_features_are_allowed(size):
    """A constant feature adds nothing, and whole dimensions without variance make neither NaN nor noise of 1e-8."""
    few, other = REAL[:size], FAKE[:size]
    expected = frechet_distance(few, other)
    assert np.isfinite(expected) and expected > 0
    dead = np.zeros((size, 4))
    padded = [np.concatenate([x, dead], axis=1) for x in (few, other)]
    assert frechet_distance(*padded) == pytest.approx(expected, rel=1e-12)
    moments = [part for x in padded for part in (x.mean(axis=0), np.cov(x.T))]
    assert frechet_gaussians(*moments) == pytest.approx(expected, rel=1e-12)
    assert 0 <= frechet_distance(padded[0], padded[0]) < 1e-13 * np.trace(np.cov(few.T))


def test_the_distance_of_a_point_from_a_cloud_is_its_second_moment():
    """The collapsed generator: all fakes are one."""
    expected = np.trace(np.cov(REAL.T)) + ((REAL.mean(axis=0) - 2) ** 2).sum()
    assert frechet_distance(REAL, np.full((9, 6), 2.0)) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(np.full((5, 6), 1.0), np.full((9, 6), 2.0)) == 6


def test_covariances_summed_in_float32_are_accepted():
    x = np.random.default_rng(3).standard_normal((2000, 3)).astype(np.float32) @ np.ones((3, 20), np.float32)
    c = (x.T @ x / len(x)).astype(np.float32)  # rank 1, with eigenvalues below 0 by rounding
    assert np.linalg.eigvalsh(c.astype(np.float64))[0] < 0
    assert 0 <= frechet_gaussians(np.zeros(20), c, np.zeros(20), c) < 1e-6 * np.trace(c)


def test_images_are_flattened():
    assert frechet_distance(REAL.reshape(50, 2, 3, 1), FAKE.reshape(40, 2, 3, 1)) == frechet_distance(REAL, FAKE)


@pytest.mark.parametrize("arguments, error, message", [
    ((np.ones(3), np.ones((3, 3))), ShapeError, r"frechet_distance: got real of shape \(3,\)"),
    ((np.ones((3, 3)), np.ones((3, 2))), ShapeError, r"real of shape \(3, 3\), fake of shape \(3, 2\)"),
    ((np.ones((3, 3)), np.ones((1, 3))), ValueError, "at least 2 in fake"),
    ((np.full((3, 3), np.nan), np.ones((3, 3))), ValueError, "NaN or infinity in real"),
])  # fmt: skip
def test_frechet_distance_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        frechet_distance(*arguments)


@pytest.mark.parametrize("mean, covariance, error, message", [
    ([[0.0]], [[1.0]], ShapeError, r"mean2 of shape \(1, 1\) and cov2 of shape \(1, 1\), expected \(d,\), \(d, d\)"),
    ([0.0, 0.0], [1.0, 1.0], ShapeError, r"cov2 of shape \(2,\)"),
    ([0.0], [[1.0]], ShapeError, r"mean1 of shape \(2,\) and .* and mean2 of shape \(1,\)"),
    ([0.0, np.inf], np.eye(2), ValueError, "NaN or infinity in mean2"),
    ([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]], ValueError, "cov2 that is not symmetric"),
    ([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]], ValueError, "cov2 with the eigenvalue -1, expected none below 0"),
])  # fmt: skip
def test_frechet_gaussians_refuses(mean, covariance, error, message):
    with pytest.raises(error, match=message):
        frechet_gaussians(np.zeros(2), np.eye(2), mean, covariance)
