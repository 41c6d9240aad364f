"""The Wiener filter: against its definition, other closed forms, and every map near it."""

import itertools

import numpy as np
import pytest

from minigen.baselines import denoising_error, pca, wiener_filter
from minigen.errors import ShapeError

rng = np.random.default_rng(0)
X = rng.standard_normal((40, 5)) @ rng.standard_normal((5, 5)) + [1.0, -2.0, 0.0, 3.0, 0.5]
VARIANCES = [0.3, np.array([0.1, 0.5, 2.0, 0.0, 1.0]), 0.5 / 0.5 * (X**2).mean(axis=0)]


def by_the_loop(x, variance, weight, bias):
    """The expected error, one number after the other."""
    n, d = x.shape
    total = 0.0
    for i in range(n):
        for j in range(d):
            estimate = sum(x[i, k] * weight[k, j] for k in range(d)) + bias[j]
            total += (estimate - x[i, j]) ** 2 + sum(np.broadcast_to(variance, d)[k] * weight[k, j] ** 2 for k in range(d))
    return total / (n * d)


@pytest.mark.parametrize("variance", VARIANCES, ids=["one", "each", "dropout"])
def test_the_expected_error_is_the_loop(variance):
    weight, bias = rng.standard_normal((5, 5)), rng.standard_normal(5)
    np.testing.assert_allclose(denoising_error(X, variance, weight, bias), by_the_loop(X, variance, weight, bias), rtol=1e-12)


@pytest.mark.parametrize("variance", VARIANCES, ids=["one", "each", "dropout"])
@pytest.mark.parametrize("rank", [1, 2, 5])
def test_its_error_is_that_of_its_map(variance, rank):
    best = wiener_filter(X, variance).truncated(rank)
    assert best.encoder.shape == (5, rank) and best.decoder.shape == (rank, 5)
    np.testing.assert_allclose(denoising_error(X, variance, best.weight, best.bias), best.error, rtol=1e-12)
    np.testing.assert_allclose(best.decoder @ best.decoder.T, np.eye(rank), atol=1e-12)


@pytest.mark.parametrize("variance", VARIANCES, ids=["one", "each", "dropout"])
@pytest.mark.parametrize("rank", [1, 3, 5])
def test_no_map_of_its_rank_nearby_is_better(variance, rank):
    best = wiener_filter(X, variance).truncated(rank)
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(20):
            encoder, decoder, bias = (
                part + size * rng.standard_normal(part.shape) for part in (best.encoder, best.decoder, best.bias)
            )
            assert denoising_error(X, variance, encoder @ decoder, bias) > best.error


@pytest.mark.parametrize("variance", VARIANCES, ids=["one", "each", "dropout"])
def test_the_full_one_is_the_regression_of_x_on_noisy_x(variance):
    """Normal equations with every second moment in its place."""
    m = X.mean(axis=0)
    covariance = np.cov(X.T, bias=True)
    weight = np.linalg.solve(covariance + np.diag(np.broadcast_to(variance, 5)), covariance)
    best = wiener_filter(X, variance)
    np.testing.assert_allclose(best.weight, weight, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(best.bias, m - m @ weight, rtol=1e-9, atol=1e-12)
    noisy = X + rng.standard_normal(X.shape)
    np.testing.assert_allclose(best.denoise(noisy), noisy @ weight + best.bias, rtol=1e-9, atol=1e-10)


def test_it_is_the_regression_on_all_masks_of_dropout():
    """Dropout at 1/2 on 4 features has 16 masks; with each of them on every example, least squares is the expectation."""
    x = X[:30, :4]
    noisy = np.concatenate([x * mask * 2.0 for mask in itertools.product([0.0, 1.0], repeat=4)])
    clean = np.concatenate([x] * 16)
    design = np.column_stack([noisy, np.ones(len(noisy))])
    solution, *_ = np.linalg.lstsq(design, clean, rcond=None)
    best = wiener_filter(x, (x**2).mean(axis=0))
    np.testing.assert_allclose(best.weight, solution[:4], atol=1e-10)
    np.testing.assert_allclose(best.bias, solution[4], atol=1e-10)
    np.testing.assert_allclose(best.error, np.mean((design @ solution - clean) ** 2), rtol=1e-10)


def test_white_noise_shrinks_the_principal_components():
    components = pca(X, 5)
    for rank in (1, 3, 5):
        best = wiener_filter(X, 0.7).truncated(rank)
        vectors, variances = components.components[:, :rank], components.explained[:rank]
        np.testing.assert_allclose(best.weight, vectors * (variances / (variances + 0.7)) @ vectors.T, atol=1e-12)
        lost = components.explained.sum() - (variances**2 / (variances + 0.7)).sum()
        np.testing.assert_allclose(best.error, lost / 5, rtol=1e-12)


def test_without_noise_it_is_pca():
    for rank in (1, 4):
        components, best = pca(X, rank), wiener_filter(X, 0.0).truncated(rank)
        np.testing.assert_allclose(best.denoise(X), components.reconstruct(X), atol=1e-10)
        np.testing.assert_allclose(best.error, components.discarded.sum() / 5, rtol=1e-10)
    np.testing.assert_allclose(wiener_filter(X, 0.0).error, 0.0, atol=1e-12)


def test_in_one_dimension_it_is_signal_over_signal_and_noise():
    x = np.array([[1.0], [3.0]])  # variance 1
    best = wiener_filter(x, 3.0)
    np.testing.assert_allclose([best.weight.item(), best.bias.item(), best.error], [0.25, 1.5, 0.75], rtol=1e-14)


def test_more_codes_never_hurt():
    errors = wiener_filter(X, 0.3).errors
    assert (np.diff(errors) <= 0).all() and errors[0] < X.var(axis=0).sum() / 5


@pytest.mark.parametrize("variance", [0.0, 0.04, np.array([1.0, 1.0, 0.0, 0.0, 1.0])])
def test_pixels_that_are_always_the_same_stay_so(variance):
    """The corners of a digit: they neither vary nor, under dropout, are noisy."""
    x = X.copy()
    x[:, 2], x[:, 3] = 0.0, 0.5
    best = wiener_filter(x, variance)
    np.testing.assert_allclose(best.denoise(x)[:, 2:4], x[:, 2:4], atol=1e-12)
    np.testing.assert_allclose(denoising_error(x, variance, best.weight, best.bias), best.error, atol=1e-12)


@pytest.mark.parametrize("arguments, error, message", [
    ((X[0], 0.1), ShapeError, r"got x of shape \(5,\)"),
    ((X, np.ones(4)), ShapeError, r"noise_variance of shape \(4,\), expected a number or \(5,\), one for each feature"),
    ((X, np.ones((5, 5))), ShapeError, r"noise_variance of shape \(5, 5\)"),
    ((X, -0.1), ValueError, "noise_variance from -0.1 to -0.1, expected at least 0 and finite"),
    ((X, np.inf), ValueError, "expected at least 0 and finite"),
    ((X, np.nan), ValueError, "expected at least 0 and finite"),
    ((X * np.nan, 0.1), ValueError, "NaN or infinity in x"),
])  # fmt: skip
def test_what_it_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        wiener_filter(*arguments)
    with pytest.raises(error, match=message):
        denoising_error(*arguments, np.eye(5), np.zeros(5))


@pytest.mark.parametrize("rank", [0, 6, -1])
def test_a_rank_out_of_range_is_refused(rank):
    with pytest.raises(ValueError, match=f"rank is {rank}, expected 1 to 5"):
        wiener_filter(X, 0.1).truncated(rank)


def test_a_map_of_another_size_is_refused():
    with pytest.raises(ShapeError, match=r"got weight of shape \(4, 4\) and bias of shape"):
        denoising_error(X, 0.1, np.eye(4), np.zeros(5))
    with pytest.raises(ShapeError, match=r"and bias of shape \(4,\), expected \(5, 5\) and \(5,\)"):
        denoising_error(X, 0.1, np.eye(5), np.zeros(4))
    with pytest.raises(ShapeError, match=r"got noisy of shape \(40, 4\)"):
        wiener_filter(X, 0.1).denoise(X[:, :4])
