"""Probabilistic PCA against the dense Gaussian, and against models that are less likely."""

import numpy as np
import pytest

from minigen import metrics
from minigen.errors import ShapeError

rng = np.random.default_rng(0)


def gaussian_log_density(x, mean, covariance):
    """log N(x; mean, covariance) of each row, by the definition."""
    offset = x - mean
    squares = np.einsum("ni,ij,nj->n", offset, np.linalg.inv(covariance), offset)
    return -0.5 * (x.shape[1] * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + squares)


SETS = [
    pytest.param(rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d), k, id=f"{n}x{d}-{k}")
    for n, d, k in ((50, 3, 2), (50, 5, 1), (200, 6, 5), (8, 12, 3))
]


@pytest.mark.parametrize("x, k", SETS)
def test_log_likelihood_is_that_of_the_dense_gaussian(x, k):
    model = metrics.probabilistic_pca(x, k)
    covariance = model.weight @ model.weight.T + model.variance * np.eye(x.shape[1])
    elsewhere = x + rng.standard_normal(x.shape)
    for points in (x, elsewhere):
        expected = gaussian_log_density(points, x.mean(axis=0), covariance)
        np.testing.assert_allclose(model.log_likelihood(points), expected, rtol=1e-10)


@pytest.mark.parametrize("x, k", SETS)
def test_posterior_is_that_of_bayes(x, k):
    """p(z|x) = N(M^-1 W^T (x - mean), variance M^-1), M = W^T W + variance I (Tipping & Bishop 1999, section 3.1)."""
    model = metrics.probabilistic_pca(x, k)
    m = model.weight.T @ model.weight + model.variance * np.eye(k)
    mean, variances = model.posterior(x)
    np.testing.assert_allclose(mean, (x - x.mean(axis=0)) @ model.weight @ np.linalg.inv(m), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.diag(variances), model.variance * np.linalg.inv(m), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("x, k", SETS)
def test_every_other_model_is_less_likely(x, k):
    model = metrics.probabilistic_pca(x, k)
    highest, d = model.log_likelihood(x).sum(), x.shape[1]
    for _ in range(20):
        weight = model.weight + 0.1 * rng.standard_normal((d, k))
        variance = model.variance * np.exp(0.1 * rng.standard_normal())
        mean = x.mean(axis=0) + 0.1 * rng.standard_normal(d)
        assert gaussian_log_density(x, mean, weight @ weight.T + variance * np.eye(d)).sum() < highest


def test_it_finds_the_model_that_made_the_data():
    weight = np.linalg.qr(rng.standard_normal((6, 2)))[0] * (3.0, 2.0)
    x = rng.standard_normal((50_000, 2)) @ weight.T + 0.5 * rng.standard_normal((50_000, 6)) + 1.0
    model = metrics.probabilistic_pca(x, 2)
    np.testing.assert_allclose(model.variance, 0.25, rtol=0.02)
    np.testing.assert_allclose(model.weight @ model.weight.T, weight @ weight.T, atol=0.15)


@pytest.mark.parametrize("x, k, error, message", [
    (np.zeros(5), 1, ShapeError, r"shape \(5,\)"),
    (np.ones((5, 3)), 0, ValueError, "k is 0"),
    (rng.standard_normal((9, 3)), 3, ValueError, "probabilistic_pca: k is 3, expected less than the 3 dimensions of x"),
    (rng.standard_normal((9, 2)) @ rng.standard_normal((2, 4)), 2, ValueError, "x lies in a 2-dimensional plane"),
    (np.full((4, 3), np.nan), 1, ValueError, "NaN"),
])  # fmt: skip
def test_errors(x, k, error, message):
    with pytest.raises(error, match=message):
        metrics.probabilistic_pca(x, k)
