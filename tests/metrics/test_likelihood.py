"""Bounds on the likelihood, on a linear Gaussian model whose likelihood and posterior are known."""

from math import exp, isnan, log, pi, sqrt

import numpy as np
import pytest

import minigen as mg
from minigen.autograd import is_grad_enabled
from minigen.backend import array_module, asarray, to_numpy
from minigen.errors import NonFiniteError, ShapeError
from minigen.metrics import elbo, importance_weighted_nll


class LinearGaussian:
    """z ~ N(0, I), x ~ N(W z + b, s^2 I). W has orthogonal columns, so the posterior's covariance is diagonal: it is in reach.

    `shift` and `widen` spoil the posterior: its mean is off by `shift` and its standard deviation by the factor `widen`.
    """

    def __init__(self, shift=0.0, widen=1.0):
        rng = np.random.default_rng(0)
        self.W = np.linalg.qr(rng.standard_normal((6, 3)))[0] * [2.0, 1.0, 0.3]
        self.b, self.s, self.shift, self.widen = rng.standard_normal(6), 0.7, shift, widen
        self.variance = 1 / (1 + (self.W**2).sum(axis=0) / self.s**2)

    def encode(self, x):
        assert not is_grad_enabled(), "a metric needs no graph"
        mean = (x - asarray(self.b)) @ asarray(self.W * self.variance / self.s**2) + self.shift
        logvar = asarray(np.log(self.variance * self.widen**2)) + 0.0 * mean
        return mg.Tensor(mean), mg.Tensor(logvar)

    def log_likelihood(self, x, z):
        error = x - asarray(self.b) - z @ asarray(self.W.T)
        return -0.5 * (error**2).sum(axis=1) / self.s**2 - 3 * log(2 * pi * self.s**2)

    def log_evidence(self, x):
        covariance = self.W @ self.W.T + self.s**2 * np.eye(6)
        error = x - self.b
        return -0.5 * ((error @ np.linalg.inv(covariance) * error).sum(axis=1) + np.linalg.slogdet(2 * pi * covariance)[1])

    def draw(self, n, seed=1):
        rng = np.random.default_rng(seed)
        return rng.standard_normal((n, 3)) @ self.W.T + self.b + self.s * rng.standard_normal((n, 6))

    def expected_elbo(self, x):
        """E_q[log p(x|z)] - KL(q || p) in closed form, of each x."""
        mean = (x - self.b) @ (self.W * self.variance / self.s**2) + self.shift
        variance = self.variance * self.widen**2
        spread = (self.W**2 * variance).sum()
        error = ((x - self.b - mean @ self.W.T) ** 2).sum(axis=1)
        kl = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(axis=1)
        return -0.5 * (error + spread) / self.s**2 - 3 * log(2 * pi * self.s**2) - kl


class Constant:
    """The posterior N(mean, exp(logvar)) whatever x, and the log-likelihood `value` whatever z."""

    def __init__(self, value=-1.0, mean=0.0, logvar=0.0, dtype="float64"):
        self.value, self.mean, self.logvar, self.dtype = value, mean, logvar, dtype

    def encode(self, x):
        xp = array_module(x)
        return xp.full((len(x), 2), self.mean, self.dtype), xp.full((len(x), 2), self.logvar, self.dtype)

    def log_likelihood(self, x, z):
        assert z.dtype == self.dtype, "z in the model's dtype"
        return array_module(x).full((len(x),), self.value, self.dtype)


@pytest.mark.parametrize("k", [1, 2, 7])
def test_with_the_exact_posterior_every_k_gives_the_likelihood_whatever_the_noise(k, backend):
    model = LinearGaussian()
    x = model.draw(7)
    truth = model.log_evidence(x)
    for seed in (0, 1):
        estimate = importance_weighted_nll(model, x, k=k, batch_size=3, seed=seed)
        assert estimate.value == pytest.approx(-truth.mean(), rel=1e-12)
        assert estimate.standard_error == pytest.approx(truth.std(ddof=1) / sqrt(7), rel=1e-9)


def test_with_a_wrong_posterior_the_bound_falls_with_k_toward_the_truth():
    """All images are one, so that the standard error is that of the noise. At k = 1 the gap is KL(q || posterior)."""
    model = LinearGaussian(shift=0.3, widen=0.8)
    x = np.repeat(model.draw(1), 4000, axis=0)
    truth = -model.log_evidence(x[:1]).item()
    estimates = [importance_weighted_nll(model, x, k=k, batch_size=4000, seed=0) for k in (1, 5, 50)]
    for better, worse in ((estimates[1], estimates[0]), (estimates[2], estimates[1])):
        assert worse.value - better.value > 4 * (worse.standard_error + better.standard_error), "nothing shown: too much noise"
    assert estimates[2].value - truth > -4 * estimates[2].standard_error
    gap = 3 * (0.5 * (0.8**2 - 1) - log(0.8)) + 0.5 * (0.3**2 / model.variance).sum()
    assert estimates[0].value - truth == pytest.approx(gap, abs=4 * estimates[0].standard_error)
    assert -model.expected_elbo(x[:1]).item() - truth == pytest.approx(gap, rel=1e-10), "the closed forms agree"


@pytest.mark.parametrize("samples", [1, 10])
def test_elbo_is_its_closed_form_within_the_noise(samples):
    model = LinearGaussian(shift=0.3, widen=0.8)
    x = np.repeat(model.draw(1), 4000, axis=0)
    estimate = elbo(model, x, samples=samples, seed=0)
    assert estimate.standard_error < 0.05
    assert estimate.value == pytest.approx(model.expected_elbo(x[:1]).item(), abs=4 * estimate.standard_error)


def test_elbo_with_a_posterior_of_no_width_is_exact(backend):
    model = LinearGaussian(shift=0.3, widen=1e-12)
    x = model.draw(5)
    assert elbo(model, x, samples=2, batch_size=2, seed=0).value == pytest.approx(model.expected_elbo(x).mean(), rel=1e-9)


def test_bounds_equal_the_loop(backend):
    model, k = LinearGaussian(shift=-0.2, widen=1.3), 4
    x = model.draw(5)
    noise = np.random.default_rng(3).standard_normal((k, 5, 3))
    mean, logvar = (to_numpy(part) for part in encode(model, x))
    nll, bound = [], []
    for i in range(5):
        weights, likelihoods = [], []
        for j in range(k):
            z = mean[i] + np.exp(logvar[i] / 2) * noise[j, i]
            likelihoods.append(to_numpy(model.log_likelihood(asarray(x[i : i + 1]), asarray(z[None])))[0])
            prior = sum(-0.5 * value**2 - 0.5 * log(2 * pi) for value in z)
            posterior = sum(-0.5 * e**2 - 0.5 * log(2 * pi) - 0.5 * v for e, v in zip(noise[j, i], logvar[i]))
            weights.append(exp(likelihoods[-1] + prior - posterior))
        nll.append(-log(sum(weights) / k))
        kl = sum(0.5 * (m**2 + exp(v) - 1 - v) for m, v in zip(mean[i], logvar[i]))
        bound.append(sum(likelihoods) / k - kl)
    for estimate, values in ((importance_weighted_nll(model, x, k=k, seed=3), nll), (elbo(model, x, samples=k, seed=3), bound)):
        assert estimate.value == pytest.approx(np.mean(values), rel=1e-10)
        assert estimate.standard_error == pytest.approx(np.std(values, ddof=1) / sqrt(5), rel=1e-10)


def encode(model, x):
    with mg.no_grad():
        return model.encode(asarray(x))


@pytest.mark.parametrize("value", [-1e5, 1e5])
def test_weights_beyond_the_range_of_floats_do_not_overflow(value):
    x = np.zeros((3, 4))
    assert importance_weighted_nll(Constant(value), x, k=5).value == -value
    assert elbo(Constant(value), x).value == value


def test_a_float32_model_gets_float32_codes():
    x = np.zeros((3, 4), np.float32)
    model = Constant(-2.0, mean=1.0, logvar=-1.0, dtype="float32")
    kl = 2 * 0.5 * (1 + exp(-1) - 1 + 1)
    assert elbo(model, x).value == pytest.approx(-2 - kl, rel=1e-12)
    assert importance_weighted_nll(model, x, k=2).value > 2


@pytest.mark.parametrize("metric", [elbo, importance_weighted_nll])
def test_noise_comes_from_the_seed_or_the_stream(metric):
    model = LinearGaussian(shift=0.3)
    x = model.draw(4)
    first, again = metric(model, x, seed=5), metric(model, x, seed=5)
    assert first == again != metric(model, x, seed=6)
    mg.seed(5)
    drawn = metric(model, x)
    assert drawn != metric(model, x), "the stream goes on"
    mg.seed(5)
    assert drawn == metric(model, x)


def test_the_error_of_one_image_is_unknown():
    estimate = elbo(Constant(), np.zeros((1, 4)))
    assert estimate.value == -1 and isnan(estimate.standard_error)


def test_a_progress_bar_is_shown_on_request(capsys, monkeypatch):
    monkeypatch.setattr("minigen.utils.progress.watched", lambda: True)
    importance_weighted_nll(Constant(), np.zeros((4, 4)), k=2, batch_size=2, progress=True)
    assert "importance_weighted_nll" in capsys.readouterr().err
    importance_weighted_nll(Constant(), np.zeros((4, 4)), k=2, batch_size=2)
    assert capsys.readouterr().err == ""


class Wrong(Constant):
    """A model whose answers are given."""

    def __init__(self, codes, likelihood):
        self.codes, self.likelihood = codes, likelihood

    def encode(self, x):
        return self.codes

    def log_likelihood(self, x, z):
        return self.likelihood


CODES = np.zeros((3, 2)), np.zeros((3, 2))


@pytest.mark.parametrize("metric", [elbo, importance_weighted_nll])
@pytest.mark.parametrize(
    ("codes", "likelihood", "error", "message"),
    [
        ((np.zeros((3, 2)), np.zeros((3, 1))), np.zeros(3), ShapeError, r"shapes \(3, 2\) and \(3, 1\) for 3 images, .*\(3, d\)"),
        ((np.zeros((1, 2)), np.zeros((1, 2))), np.zeros(3), ShapeError, r"shapes \(1, 2\) and \(1, 2\) for 3 images"),
        ((np.zeros(3), np.zeros(3)), np.zeros(3), ShapeError, r"shapes \(3,\) and \(3,\)"),
        (CODES, np.float64(-1), ShapeError, r"log_likelihood\(x, z\) of shape \(\) for 3 images, expected \(3,\): the sum over"),
        (CODES, np.zeros((3, 4)), ShapeError, r"log_likelihood\(x, z\) of shape \(3, 4\)"),
        (CODES, np.array([0, np.nan, 0]), NonFiniteError, "got nan for image 1, expected a finite value"),
    ],
)
def test_wrong_outputs_of_the_model_are_refused(metric, codes, likelihood, error, message):
    with pytest.raises(error, match=f"{metric.__name__}: .*{message}"):
        metric(Wrong(codes, likelihood), np.zeros((3, 4)))


@pytest.mark.parametrize(
    ("n", "options", "message"), [(0, {}, "got 0 images"), (2, {"batch_size": 0}, "batch_size 0, expected at least 1")]
)
def test_wrong_settings_are_refused(n, options, message):
    for metric in (elbo, importance_weighted_nll):
        with pytest.raises(ValueError, match=message):
            metric(Constant(), np.zeros((n, 4)), **options)
    with pytest.raises(ValueError, match="0 samples"):
        elbo(Constant(), np.zeros((2, 4)), samples=0)
    with pytest.raises(ValueError, match="0 samples"):
        importance_weighted_nll(Constant(), np.zeros((2, 4)), k=0)
