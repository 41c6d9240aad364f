"""The attribute classifier: its objective, what it says of images, and its scores."""

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module
from minigen.errors import DtypeError, ShapeError
from minigen.models.attribute_classifier import AttributeClassifier, kinds

rng = np.random.default_rng(0)
FACTORS = {"color": 3, "size": None, "glasses": 2}
IMAGES = rng.random((6, 8, 8, 3)).astype(np.float32)
TRUE = {"color": np.array([0, 1, 2, 0, 2, 1]), "size": np.array([5.0, 7, 6, 9, 5, 4], np.float32),
        "glasses": np.array([0, 1, 1, 0, 0, 1])}  # fmt: skip


def small(factors=None):
    model = AttributeClassifier(factors or FACTORS, resolution=8, feature_maps=(1, 2, 2), features=4)
    model.standardize(TRUE)
    return model


def test_derivatives_of_the_objective_by_all_parameters_to_order_2(backend):
    model = small()
    color, glasses = mg.asarray(TRUE["color"]), mg.asarray(TRUE["glasses"])
    size = mg.asarray(TRUE["size"].astype(np.float64))
    gradcheck_module(model, lambda x: model.loss(x, color, size, glasses)[0], IMAGES.astype(np.float64))


def test_outputs_and_loss_are_the_docstrings():
    model = small().astype("float64").eval()
    x = IMAGES.astype(np.float64)
    total, terms = model.loss(x, TRUE["color"], TRUE["size"].astype(np.float64), TRUE["glasses"])
    assert list(terms) == list(FACTORS)
    for name in ("color", "glasses"):
        logits = model(x)[name].numpy()
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(terms[name].item(), -np.log(p[np.arange(6), TRUE[name]]).mean(), rtol=1e-12)
        np.testing.assert_allclose(model.probabilities(x)[name], p, rtol=1e-12)
        np.testing.assert_array_equal(model.predict(x)[name], p.argmax(axis=1))
    value = 6 + np.sqrt(16 / 6) * model(x)["size"].numpy()[:, 0]
    np.testing.assert_allclose(terms["size"].item(), ((value - TRUE["size"]) ** 2).mean() / (2 * 16 / 6), rtol=1e-6)
    np.testing.assert_allclose(model.predict(x)["size"], value, rtol=1e-6)
    assert total.item() == pytest.approx(sum(term.item() for term in terms.values()))


def test_always_predicting_the_mean_costs_one_half():
    model = small({"size": None})
    model.heads["size"].weight.assign(mg.asarray(np.zeros((4, 1), np.float32)))
    total, _ = model.loss(IMAGES, TRUE["size"])
    assert total.item() == pytest.approx(0.5, rel=1e-6)
    np.testing.assert_allclose(model.predict(IMAGES)["size"], 6, rtol=1e-6)
    assert model.score(IMAGES, TRUE)["size"] == pytest.approx(0, abs=1e-6)


def test_predictions_are_on_the_host_and_independent_of_batching(backend, monkeypatch):
    model = small()
    features, said, sure = model.features(mg.asarray(IMAGES)), model.predict(IMAGES), model.probabilities(IMAGES)
    assert type(features) is np.ndarray and features.shape == (6, 4) and (features >= 0).all()
    assert {name: (type(x), x.shape, x.dtype.name) for name, x in said.items()} == {
        "color": (np.ndarray, (6,), "int64"),
        "size": (np.ndarray, (6,), "float32"),
        "glasses": (np.ndarray, (6,), "int64"),
    }
    assert {name: x.shape for name, x in sure.items()} == {"color": (6, 3), "glasses": (6, 2)}
    assert model.training, "left in evaluation mode"
    monkeypatch.setattr("minigen.nn.batching.BATCH", 4)
    np.testing.assert_allclose(model.features(IMAGES), features, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict(IMAGES)["size"], said["size"], rtol=1e-5)


def test_scores_are_accuracy_and_explained_variance(monkeypatch):
    model = small()
    said = {"color": np.array([0, 1, 2, 0, 2, 0]), "size": TRUE["size"] + [1, -1, 0, 0, 1, -1], "glasses": TRUE["glasses"]}
    monkeypatch.setattr(model, "predict", lambda images: said)
    assert model.score(IMAGES, TRUE) == {"color": pytest.approx(5 / 6), "size": pytest.approx(1 - 4 / 16), "glasses": 1.0}
    with pytest.raises(ValueError, match="expected .*values that vary"):
        model.score(IMAGES, TRUE | {"size": np.ones(6, np.float32)})


def test_mean_and_deviation_are_part_of_the_state():
    state = small().state_dict()
    assert state["mean.size"] == 6 and state["std.size"] == pytest.approx(np.sqrt(16 / 6))
    other = AttributeClassifier(FACTORS, resolution=8, feature_maps=(1, 2, 2), features=4)
    other.load_state_dict(state)
    assert (other.mean["size"].item(), other.std["size"].item()) == (state["mean.size"], state["std.size"])


@pytest.mark.parametrize("resolution", [8, 32, 64])
def test_any_power_of_two_from_8_on_is_a_resolution(resolution):
    model = AttributeClassifier({"a": 2}, resolution=resolution, channels=1)
    assert model.features(np.zeros((2, resolution, resolution, 1), np.float32)).shape == (2, 64)


def test_the_summary_counts_the_heads(capsys):
    model = small()
    model.summary((8, 8, 3))
    shown = capsys.readouterr().out
    assert "encoder.15" in shown and f"{model.parameter_count():,}" in shown and "outside the layers" in shown


def test_any_resolution_from_8_on():
    model = AttributeClassifier(FACTORS, resolution=28)
    assert model.features(np.zeros((2, 28, 28, 3), np.float32)).shape == (2, 64)


def test_kinds_of_factors():
    assert kinds(TRUE) == FACTORS
    with pytest.raises(TypeError, match="'late' is bool, expected integers or floats"):
        kinds({"late": np.array([True])})


def test_wrong_arguments_are_refused():
    with pytest.raises(ShapeError, match="at least 8, got 4"):
        AttributeClassifier(FACTORS, resolution=4)
    for factors in ({}, {"a": 1}):
        with pytest.raises(ValueError, match="factors of at least two levels each, or None"):
            AttributeClassifier(factors)
    with pytest.raises(ValueError, match="'size' never varies"):
        small().standardize({"size": np.ones(6)})
    with pytest.raises(ShapeError, match="3 factors, color, size, glasses, got 1"):
        small().loss(IMAGES, TRUE["color"])
    with pytest.raises(ShapeError, match=r"expects images \(n, height, width, 3\)"):
        small().features(IMAGES[..., :1])
    with pytest.raises(DtypeError):
        small().loss(IMAGES, TRUE["color"], TRUE["size"].astype(np.float64), TRUE["glasses"])
