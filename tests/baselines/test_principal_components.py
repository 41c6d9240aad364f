"""PCA against the covariance's eigenvectors; probabilistic PCA against the dense Gaussian and against less likely models."""

import numpy as np
import pytest

from minigen.baselines import pca, probabilistic_pca
from minigen.errors import ShapeError
from minigen.metrics import reconstruction_mse

rng = np.random.default_rng(0)


# -- PCA -------------------------------------------------------------------------------------------------------------


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
    with pytest.raises(ShapeError, match=r"shape \(9, 4\), expected \(n, 3\)"):
        result.project(np.ones((9, 4)))
    with pytest.raises(ShapeError, match=r"\(n, 3\)"):
        result.reconstruct(np.ones((9, 2)))


# -- probabilistic PCA -------------------------------------------------------------------------------------------------


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
    model = probabilistic_pca(x, k)
    covariance = model.weight @ model.weight.T + model.variance * np.eye(x.shape[1])
    elsewhere = x + rng.standard_normal(x.shape)
    for points in (x, elsewhere):
        expected = gaussian_log_density(points, x.mean(axis=0), covariance)
        np.testing.assert_allclose(model.log_likelihood(points), expected, rtol=1e-10)


@pytest.mark.parametrize("x, k", SETS)
def test_posterior_is_that_of_bayes(x, k):
    """p(z|x) = N(M^-1 W^T (x - mean), variance M^-1), M = W^T W + variance I (Tipping & Bishop 1999, section 3.1)."""
    model = probabilistic_pca(x, k)
    m = model.weight.T @ model.weight + model.variance * np.eye(k)
    mean, variances = model.posterior(x)
    np.testing.assert_allclose(mean, (x - x.mean(axis=0)) @ model.weight @ np.linalg.inv(m), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.diag(variances), model.variance * np.linalg.inv(m), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("x, k", SETS)
def test_every_other_model_is_less_likely(x, k):
    model = probabilistic_pca(x, k)
    highest, d = model.log_likelihood(x).sum(), x.shape[1]
    for _ in range(20):
        weight = model.weight + 0.1 * rng.standard_normal((d, k))
        variance = model.variance * np.exp(0.1 * rng.standard_normal())
        mean = x.mean(axis=0) + 0.1 * rng.standard_normal(d)
        assert gaussian_log_density(x, mean, weight @ weight.T + variance * np.eye(d)).sum() < highest


def test_it_finds_the_model_that_made_the_data():
    weight = np.linalg.qr(rng.standard_normal((6, 2)))[0] * (3.0, 2.0)
    x = rng.standard_normal((50_000, 2)) @ weight.T + 0.5 * rng.standard_normal((50_000, 6)) + 1.0
    model = probabilistic_pca(x, 2)
    np.testing.assert_allclose(model.variance, 0.25, rtol=0.02)
    np.testing.assert_allclose(model.weight @ model.weight.T, weight @ weight.T, atol=0.15)


@pytest.mark.parametrize("x, k, error, message", [
    (np.zeros(5), 1, ShapeError, r"shape \(5,\)"),
    (np.ones((5, 3)), 0, ValueError, "k is 0"),
    (rng.standard_normal((9, 3)), 3, ValueError, "probabilistic_pca: k is 3, expected less than the 3 dimensions of x"),
    (rng.standard_normal((9, 2)) @ rng.standard_normal((2, 4)), 2, ValueError, "x lies in a 2-dimensional plane"),
    (np.full((4, 3), np.nan), 1, ValueError, "NaN"),
])  # fmt: skip
def test_probabilistic_pca_refuses(x, k, error, message):
    with pytest.raises(error, match=message):
        probabilistic_pca(x, k)
