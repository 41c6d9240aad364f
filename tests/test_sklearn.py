"""minigen.sklearn: scikit-learn's own checks, and what they do not know: that codes and scores are the right ones."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import minigen as mg
from minigen import metrics
from minigen.errors import RecipeError, ShapeError

pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from minigen.sklearn import Autoencoder, TrainedEncoder, VariationalAutoencoder  # noqa: E402

KINDS = (Autoencoder, VariationalAutoencoder)


@parametrize_with_checks([kind(hidden=(8,), epochs=2) for kind in KINDS])
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def plane():
    """200 points of 6 coordinates near a plane."""
    rng = np.random.default_rng(0)
    return (rng.standard_normal((200, 2)) @ rng.standard_normal((2, 6)) + 0.01 * rng.standard_normal((200, 6))).astype(np.float32)


def test_a_plane_is_learned(plane):
    model = Autoencoder(latent_dim=2, hidden=(), epochs=60, lr=1e-2, random_state=0).fit(plane)
    rebuilt = model.inverse_transform(model.transform(plane))
    error = np.mean((rebuilt - plane) ** 2)
    assert error < 0.02 * plane.var() and model.score(plane) == pytest.approx(-error, rel=1e-5)
    assert len(model.loss_) == 60 and model.loss_[-1] < 0.1 * model.loss_[0]
    assert model.transform(plane).shape == (200, 2) and list(model.get_feature_names_out()) == ["autoencoder0", "autoencoder1"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_of_the_caller_goes_on_and_the_seed_decides(kind, plane):
    mg.seed(0)
    first = mg.nn.Dense(2, 2).weight.numpy()
    mg.seed(0)
    one, same, other = (kind(epochs=1, random_state=seed).fit(plane).transform(plane) for seed in (1, 1, 2))
    np.testing.assert_array_equal(mg.nn.Dense(2, 2).weight.numpy(), first)
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_scores_are_the_bound(plane):
    """Their mean is that of `metrics.elbo`, up to noise, whatever beta is."""
    model = VariationalAutoencoder(latent_dim=2, beta=4.0, epochs=30, lr=1e-2, random_state=0).fit(plane)
    scores = model.score_samples(plane)
    bound = metrics.elbo(model.network_, plane[:, None, None], samples=64, seed=0)
    assert scores.shape == (200,) and scores.mean() == pytest.approx(bound.value, abs=0.1)
    far = model.score_samples(plane[:50] + 5 * np.sign(plane[:50]))
    assert (far < scores[:50]).all(), "what lies outside is less likely"
    np.testing.assert_allclose(model.score_samples(plane[:3]), scores[:3], rtol=1e-4)


def test_pipelines_searches_and_clones(plane):
    y = plane[:, 0] > 0
    pipeline = make_pipeline(Autoencoder(epochs=20, random_state=0), LogisticRegression())
    search = GridSearchCV(pipeline, {"autoencoder__latent_dim": [1, 2], "autoencoder__hidden": [(8,)]}, cv=2).fit(plane, y)
    assert search.best_params_["autoencoder__latent_dim"] == 2 and search.best_score_ > 0.9
    copy = clone(search.best_estimator_)
    assert copy[0].get_params() == search.best_estimator_[0].get_params() and not hasattr(copy[0], "network_")


def test_a_trained_encoder_is_that_of_the_model():
    model = mg.load("vae-mnist")
    rows = np.random.default_rng(0).random((5, 784), dtype=np.float32)
    encoder = clone(TrainedEncoder("vae-mnist")).fit(rows)
    codes = encoder.transform(rows)
    np.testing.assert_array_equal(codes, model.project(rows.reshape(5, 28, 28, 1)).codes)
    np.testing.assert_array_equal(encoder.inverse_transform(codes), model.draw(codes).reshape(5, 784))
    np.testing.assert_array_equal(TrainedEncoder(model).fit(rows).transform(rows), codes)
    assert len(encoder.get_feature_names_out()) == codes.shape[1]
    fitted = make_pipeline(TrainedEncoder(model), LogisticRegression()).fit(rows, [0, 1, 0, 1, 0])
    assert clone(fitted)[0].fit(rows).transform(rows[:1]).shape == (1, codes.shape[1])


def test_a_fitted_estimator_can_be_sent_to_another_process(plane):
    model = VariationalAutoencoder(epochs=1, random_state=0).fit(plane)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.score_samples(plane), model.score_samples(plane))


ROWS = np.zeros((4, 784))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Autoencoder(latent_dim=0).fit(ROWS), ShapeError, "Autoencoder's latent_dim must be at least 1, got 0"),
        (lambda: Autoencoder(epochs=1.5).fit(ROWS), TypeError, "Autoencoder's epochs must be a whole number, got 1.5"),
        (lambda: Autoencoder(hidden=64).fit(ROWS), TypeError, r"hidden lists the units of the hidden layers, such as \(64,\), got 64"),
        (lambda: Autoencoder(lr=-1).fit(ROWS), ValueError, "lr"),
        (lambda: Autoencoder(activation="tan").fit(ROWS), ValueError, "did you mean 'tanh'"),
        (lambda: VariationalAutoencoder(beta=-1).fit(ROWS), ValueError, "beta weighs the KL divergence: at least 0"),
        (lambda: Autoencoder(epochs=1).fit(ROWS).inverse_transform(ROWS), ValueError, "X has 784 features, but codes of this .* have 2"),
        (lambda: Autoencoder().transform(ROWS), NotFittedError, "not fitted yet"),
        (lambda: VariationalAutoencoder().score_samples(ROWS), NotFittedError, "not fitted yet"),
        (lambda: TrainedEncoder("vae-mnits").fit(ROWS), RecipeError, "vae-mnist"),
        (lambda: TrainedEncoder("dcgan-mnist").fit(ROWS), ValueError, "TrainedEncoder: dcgan has no encoder, expected an autoencoder"),
        (lambda: TrainedEncoder(mg.load("vae-mnist").network).fit(ROWS), ValueError, "is a network alone, as in a file that save wrote"),
        (lambda: TrainedEncoder("vae-mnist").fit(ROWS[:, :9]), ValueError, "X has 9 features, but vae takes 784, images of 28 x 28 x 1"),
        (lambda: TrainedEncoder("vae-mnist").fit(ROWS).transform(ROWS + 255), ValueError, "bytes are divided by 255"),
    ],
)  # fmt: skip
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_minigen_does_not_import_it_and_says_what_is_missing():
    code = "import sys, minigen as mg; mg.load('vae-mnist'); assert 'sklearn' not in sys.modules; sys.modules['sklearn'] = None\n"
    done = subprocess.run([sys.executable, "-c", code + "import minigen.sklearn"], capture_output=True, text=True)
    assert "MissingPackageError: minigen.sklearn needs scikit-learn, 1.6 or newer: pip install scikit-learn" in done.stderr
