"""Modes and classes counted: points put where the answer is known, and the perfect sampler's closed form."""

import math

import numpy as np
import pytest

from minigen import synthetic
from minigen.errors import ShapeError
from minigen.metrics import class_histogram, mode_coverage, reverse_kl

CENTERS = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])


def test_counts_of_points_at_known_distances_from_known_modes():
    points = [[0.29, 0], [0, -0.31], [4.2, 0.2], [4, 0.1], [3.9, 0], [1.5, 0.1], [0, 2.1]]
    coverage = mode_coverage(np.array(points), CENTERS, std=0.1)
    np.testing.assert_array_equal(coverage.histogram, [1, 3, 0])
    assert coverage.modes == 2 and coverage.high_quality == 4 / 7
    assert coverage.reverse_kl == pytest.approx(0.25 * math.log(0.75) + 0.75 * math.log(2.25), rel=1e-14)


def test_without_points_of_high_quality_no_mode_is_captured():
    coverage = mode_coverage(CENTERS + 1.0, CENTERS, std=0.1)
    assert coverage.modes == 0 and coverage.high_quality == 0 and not coverage.histogram.any()
    assert math.isnan(coverage.reverse_kl), "no distribution, no divergence"


def test_collapse_onto_one_mode_costs_log_m():
    coverage = mode_coverage(np.tile(CENTERS[1], (50, 1)), CENTERS, std=0.1)
    assert coverage.modes == 1 and coverage.high_quality == 1
    assert coverage.reverse_kl == pytest.approx(math.log(3), rel=1e-15)


@pytest.mark.parametrize("mixture", [synthetic.gaussian_ring, synthetic.gaussian_grid])
def test_a_perfect_sampler_has_the_closed_form(mixture):
    """The squared distance over the variance is chi-squared with 2 degrees of freedom: P(<= 9) = 1 - exp(-9 / 2)."""
    n, expected = 20_000, 1 - math.exp(-4.5)
    sample = mixture(n, seed=1)
    coverage = mode_coverage(sample.points, sample.centers, sample.std)
    m = len(sample.centers)
    assert coverage.modes == m
    assert abs(coverage.high_quality - expected) < 3 * math.sqrt(expected * (1 - expected) / n)
    # 2n times the divergence of a multinomial sample is about chi-squared, of m - 1 degrees of freedom.
    assert abs(2 * n * coverage.reverse_kl - (m - 1)) < 3 * math.sqrt(2 * (m - 1))
    good = np.linalg.norm(sample.points - sample.centers[sample.modes], axis=1) <= 3 * sample.std
    np.testing.assert_array_equal(coverage.histogram, np.bincount(sample.modes[good], minlength=m))


def test_modes_are_counted_in_many_dimensions():
    centers = np.eye(12) * 10
    coverage = mode_coverage(centers.repeat(3, axis=0), centers, std=1.0)
    assert coverage.modes == 12 and coverage.high_quality == 1 and coverage.reverse_kl == 0


def test_stacked_digits_combine_two_classes_into_one():
    first, second = np.array([0, 9, 9, 9]), np.array([7, 9, 9, 0])
    histogram = class_histogram(10 * first + second, 100)
    assert histogram.shape == (100,) and (histogram > 0).sum() == 3
    assert histogram[7] == 1 and histogram[99] == 2 and histogram[90] == 1


def test_reverse_kl_equals_the_loop():
    p, q = [3, 0, 5, 2], [0.1, 0.2, 0.3, 0.4]
    expected = sum(a / 10 * math.log(a / 10 / b) for a, b in zip(p, q, strict=True) if a)
    assert reverse_kl(p, q) == pytest.approx(expected, rel=1e-14)
    assert reverse_kl(np.array(p) / 10, np.array(q) * 50) == pytest.approx(expected, rel=1e-14)


def test_reverse_kl_between_its_ends():
    assert reverse_kl([7, 7, 7]) == 0 and reverse_kl([1, 2, 3], [2, 4, 6]) == 0
    assert reverse_kl([0, 9]) == pytest.approx(math.log(2), rel=1e-15)
    assert reverse_kl([0, 3, 3], [0, 1, 1]) == 0, "a class that neither has"
    for size in range(1, 60):
        shares = np.random.default_rng(size).random(size)
        assert 0 <= reverse_kl(shares) <= math.log(size) + 1e-15 and reverse_kl(shares, shares) == 0


@pytest.mark.parametrize("arguments, error, message", [
    ((np.ones(3), CENTERS, 0.1), ShapeError, r"points of shape \(3,\)"),
    ((np.ones((5, 3)), CENTERS, 0.1), ShapeError, r"points of shape \(5, 3\), centers of shape \(3, 2\)"),
    ((np.ones((0, 2)), CENTERS, 0.1), ValueError, r"points of shape \(0, 2\).*at least 1 in points"),
    ((CENTERS, np.full((1, 2), np.nan), 0.1), ValueError, "NaN or infinity in centers"),
    ((CENTERS, CENTERS, 0.0), ValueError, "std 0.0, expected a positive number"),
    ((CENTERS, CENTERS, float("nan")), ValueError, "std nan"),
])  # fmt: skip
def test_mode_coverage_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        mode_coverage(*arguments)


@pytest.mark.parametrize("labels, error, message", [
    ([[1]], ShapeError, r"labels of shape \(1, 1\), expected \(n,\)"),
    ([], ShapeError, r"labels of shape \(0,\), expected \(n,\), at least 1 along"),
    ([1.0], TypeError, "labels as float64, expected integers"),
    ([3, 10], ValueError, "labels from 3 to 10, expected 0 to 9"),
    ([-1], ValueError, "labels from -1 to -1"),
])  # fmt: skip
def test_class_histogram_refuses(labels, error, message):
    with pytest.raises(error, match=message):
        class_histogram(np.array(labels), 10)


@pytest.mark.parametrize("arguments, error, message", [
    (([[1, 2]],), ShapeError, r"histogram of shape \(1, 2\)"),
    (([],), ShapeError, r"histogram of shape \(0,\)"),
    (([1, 2], [1, 2, 3]), ShapeError, r"histogram of shape \(2,\) and reference of shape \(3,\)"),
    (([1, -2],), ValueError, "histogram with values from -2 to 1"),
    (([0, 0],), ValueError, "not all 0"),
    (([1, np.nan],), ValueError, "NaN or infinity in histogram"),
    (([1, 2], [0, np.inf]), ValueError, "NaN or infinity in reference"),
    (([1, 3], [1, 0]), ValueError, "class 1 in 0.75 of the histogram and never in the reference"),
])  # fmt: skip
def test_reverse_kl_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        reverse_kl(*arguments)
