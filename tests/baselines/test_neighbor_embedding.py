"""t-SNE: its affinities, its gradient, its maps."""

import sys

import numpy as np
import pytest

from minigen.baselines import neighbor_embedding as module
from minigen.baselines.neighbor_embedding import conditional_probabilities, joint_probabilities, kl_and_gradient, tsne
from minigen.errors import NonFiniteError, ShapeError
from minigen.metrics import knn_accuracy
from tests.models.papers import tsne as paper


def clusters(n_each=30, d=10, dtype=np.float32):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), n_each)
    return (rng.standard_normal((3 * n_each, d)) + 20 * np.eye(3, d)[labels]).astype(dtype), labels


@pytest.fixture(params=[1, 1 << 18], ids=["one row a chunk", "one chunk"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", request.param)


@pytest.mark.parametrize("perplexity", [1.5, 5, 29])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_each_conditional_distribution_has_the_asked_perplexity(perplexity, dtype, scale, chunk):
    p = conditional_probabilities(clusters(dtype=dtype)[0] * dtype(scale), perplexity)
    assert p.dtype == dtype
    p = p.astype(np.float64)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, atol=1e-4)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert (np.diag(p) == 0).all()


def test_conditional_probabilities_are_gaussian_in_the_distance():
    """log p_{j|i} is an affine function of |x_i - x_j|^2 with a negative slope."""
    x = clusters(n_each=8, dtype=np.float64)[0][:12]
    p = conditional_probabilities(x, 3)
    for i in range(12):
        others = [j for j in range(12) if j != i and p[i, j] > 0]
        squares = np.array([((x[i] - x[j]) ** 2).sum() for j in others])
        slope, offset = np.polyfit(squares, np.log(p[i, others]), 1)
        np.testing.assert_allclose(np.log(p[i, others]), slope * squares + offset, atol=1e-8)
        assert slope < 0, f"row {i}"


def test_duplicates_beyond_the_perplexity_share_the_probability():
    x = np.random.default_rng(1).standard_normal((20, 3))
    x[:8] = 1
    p = conditional_probabilities(x, 3)
    np.testing.assert_allclose(p[0, 1:8], 1 / 7, rtol=1e-6)


def test_joint_probabilities_are_symmetric_and_sum_to_one():
    x = clusters(dtype=np.float64)[0]
    p, conditional = joint_probabilities(x, 10), conditional_probabilities(x, 10)
    np.testing.assert_array_equal(p, p.T)
    assert p.sum() == pytest.approx(1, rel=1e-12)
    assert p[2, 5] == pytest.approx((conditional[2, 5] + conditional[5, 2]) / (2 * len(x)), rel=1e-15)


def naive_kl(p, y):
    n = len(y)
    w = np.array([[0 if i == j else 1 / (1 + ((y[i] - y[j]) ** 2).sum()) for j in range(n)] for i in range(n)])
    q = w / w.sum()
    return sum(p[i, j] * np.log(p[i, j] / q[i, j]) for i in range(n) for j in range(n) if p[i, j] > 0)


def test_kl_equals_the_loop_and_the_gradient_its_finite_differences(chunk):
    p = joint_probabilities(clusters(n_each=6, dtype=np.float64)[0], 4)
    y = np.random.default_rng(2).standard_normal((18, 2)) * 3
    kl, gradient = kl_and_gradient(p, y)
    assert kl == pytest.approx(naive_kl(p, y), rel=1e-12)
    for index in np.ndindex(y.shape):
        step = np.zeros_like(y)
        step[index] = 1e-5
        numeric = (kl_and_gradient(p, y + step)[0] - kl_and_gradient(p, y - step)[0]) / 2e-5
        assert gradient[index] == pytest.approx(numeric, rel=1e-6, abs=1e-9), f"dKL/dy{index}"


@pytest.mark.parametrize("perplexity", [1.5, 4.0])
def test_probabilities_are_the_papers(perplexity, chunk):
    """As near as the search for the precision goes: 1e-9 of the entropy."""
    x = clusters(n_each=6, dtype=np.float64)[0]
    for ours, theirs in (
        (conditional_probabilities, paper.conditional_probabilities),
        (joint_probabilities, paper.joint_probabilities),
    ):
        np.testing.assert_allclose(ours(x, perplexity), theirs(x, perplexity), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("exaggeration", [1.0, 12.0])
def test_the_gradient_is_the_papers(exaggeration, chunk):
    p, y = joint_probabilities(clusters(n_each=6, dtype=np.float64)[0], 4), np.random.default_rng(2).standard_normal((18, 2)) * 3
    np.testing.assert_allclose(
        kl_and_gradient(p, y, exaggeration)[1], paper.gradient(exaggeration * p, y), rtol=1e-10, atol=1e-15
    )


def mapped(x, iterations, rate, exaggeration=12.0):
    """The map as the paper descends to it, from minigen's probabilities; with the signs that minigen's start happens to have."""
    start = paper.principal_plane(x)
    start *= np.sign((start * module._principal_plane(x)).sum(axis=0))
    return paper.descended(joint_probabilities(x, 3.0), start, iterations, rate, exaggeration)


@pytest.mark.parametrize(
    ("iterations", "options", "digits"),
    [(1, {}, 13), (2, {}, 13), (3, {}, 13), (10, {}, 12), (41, {}, 11), (520, {"learning_rate": 1.0}, 7)],
)
def test_the_map_is_the_papers(iterations, options, digits):
    """Momentum, gains and exaggeration, across the end of the exaggeration, also where that comes after 250 iterations."""
    x = clusters(n_each=4, dtype=np.float64)[0]
    expected = mapped(x, iterations, rate=options.get("learning_rate", 50.0))
    actual = tsne(x, perplexity=3.0, iterations=iterations, **options)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=10.0**-digits * abs(expected).max())


def test_gains_fall_to_a_hundredth_and_no_further(monkeypatch):
    """Slopes that hardly brake a map on its way uphill, for long enough; then a real one."""
    x, slopes = clusters(n_each=4, dtype=np.float64)[0], np.random.default_rng(5).standard_normal((30, 12, 2))
    slopes[1:29] = -1e-9 * np.sign(slopes[0])
    ours, theirs = iter(slopes), iter(slopes)
    monkeypatch.setattr(module, "kl_and_gradient", lambda *_, **__: (0.0, next(ours)))
    monkeypatch.setattr(paper, "gradient", lambda *_: next(theirs))
    expected = mapped(x, 30, rate=50.0)
    np.testing.assert_allclose(tsne(x, perplexity=3.0, iterations=30), expected, rtol=0, atol=1e-12 * abs(expected).max())


@pytest.mark.parametrize(
    ("n", "exaggeration", "rate"), [(12, 12.0, 50.0), (1200, 12.0, 50.0), (720, 3.0, 60.0), (720, 2.0, 90.0)]
)
def test_the_learning_rate_grows_with_the_points_and_is_at_least_50(n, exaggeration, rate):
    """scikit-learn's rule: max(n / exaggeration / 4, 50), for the full gradient."""
    x, options = np.random.default_rng(4).standard_normal((n, 3)), {"perplexity": 3.0, "early_exaggeration": exaggeration}
    expected = tsne(x, iterations=3, learning_rate=rate, **options)
    np.testing.assert_array_equal(tsne(x, iterations=3, **options), expected)
    assert not np.array_equal(tsne(x, iterations=3, learning_rate=1.01 * rate, **options), expected)


@pytest.mark.parametrize(("n", "rate"), [(60, 200.0), (540, 360.0)])
def test_the_first_step_is_that_of_the_sources_rate(n, rate):
    """max(n / exaggeration, 200), Belkina et al. 2019 and Kobak & Berens 2019, times a gradient without the 4 of equation 5."""
    x = np.random.default_rng(4).standard_normal((n, 3))
    p, y = joint_probabilities(x, 3.0), module._principal_plane(x)
    theirs = paper.gradient(p, y) / 4
    step = -rate * np.where(theirs > 0, 1.2, 0.8) * theirs
    got = tsne(x, perplexity=3.0, iterations=1, early_exaggeration=1.5)
    np.testing.assert_allclose(got, y + step - step.mean(axis=0), rtol=0, atol=1e-9 * abs(step).max())


def test_the_exaggeration_may_be_another():
    x = clusters(n_each=4, dtype=np.float64)[0]
    expected = mapped(x, 10, rate=20.0, exaggeration=4.0)
    actual = tsne(x, perplexity=3.0, iterations=10, learning_rate=20.0, early_exaggeration=4.0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9 * abs(expected).max())


def test_exaggeration_multiplies_the_attraction_and_leaves_the_kl():
    """The gradient is affine in the exaggeration, whose factor is 4 sum_j p_ij w_ij (y_i - y_j)."""
    p = joint_probabilities(clusters(n_each=6, dtype=np.float64)[0], 4)
    y = np.random.default_rng(3).standard_normal((18, 2))
    (kl, once), (same_kl, thrice) = kl_and_gradient(p, y), kl_and_gradient(p, y, exaggeration=3.0)
    differences = y[:, None] - y[None]
    w = 1 / (1 + (differences**2).sum(axis=2))
    assert same_kl == kl
    np.testing.assert_allclose(thrice - once, 2 * 4 * ((p * w)[..., None] * differences).sum(axis=1), rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_separated_clusters_stay_separated_and_the_map_is_reproducible(dtype):
    x, labels = clusters(dtype=dtype)
    before = x.copy()
    y = tsne(x, perplexity=10, iterations=300)
    assert y.shape == (90, 2) and y.dtype == dtype
    assert knn_accuracy(y, labels, k=1) == 1
    np.testing.assert_array_equal(tsne(x, perplexity=10, iterations=300), y)
    np.testing.assert_array_equal(x, before, err_msg="tsne changed its input")


def test_whole_numbers_are_mapped_in_float32():
    x = (10 * clusters(n_each=6)[0]).astype(int)
    y = tsne(x, perplexity=3, iterations=5)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, tsne(x.astype(np.float32), perplexity=3, iterations=5))


def test_more_iterations_reduce_the_kl():
    x = clusters()[0]
    p = joint_probabilities(x, 10)
    values = [kl_and_gradient(p, tsne(x, perplexity=10, iterations=n))[0] for n in (1, 100, 500)]
    assert values[0] > values[1] > values[2]


def test_progress_shows_a_bar_with_the_kl(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    tsne(clusters(n_each=6)[0], perplexity=3, iterations=2, progress=True)
    assert "t-SNE" in (shown := capsys.readouterr().err) and "KL" in shown
    tsne(clusters(n_each=6)[0], perplexity=3, iterations=2)
    assert capsys.readouterr().err == ""


def test_a_learning_rate_that_is_too_large_says_so():
    with pytest.raises(NonFiniteError, match=r"diverged in iteration \d+ with learning_rate 1e\+38"):
        tsne(clusters()[0], perplexity=10, learning_rate=1e38)


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        (np.ones(9), {}, ShapeError, r"shape \(9,\), expected \(n, d\)"),
        (np.ones((9, 1)), {}, ShapeError, "at least 2 along each axis"),
        (np.full((9, 2), np.nan), {}, ValueError, "NaN or infinity"),
        (np.ones((90, 2)), {}, ValueError, r"perplexity is 30.0, .* at most \(n - 1\) / 3 = 29.67"),
        (np.ones((91, 2)), {"perplexity": 1}, ValueError, "perplexity is 1, expected more than 1"),
        (np.ones((91, 2)), {}, ValueError, "all 91 points are the same"),
        (np.ones((91, 2)), {"iterations": 0}, ValueError, "iterations is 0"),
    ],
)
def test_refuses(x, options, error, message):
    with pytest.raises(error, match=message):
        tsne(x, **options)
