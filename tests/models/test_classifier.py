"""The classifier: its objective, what transfer carries over, and what stays frozen."""

import copy

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, nn, optim, training
from minigen.errors import ShapeError
from minigen.models.autoencoders import StackedAutoencoder, TiedAutoencoder
from minigen.models.classifier import Classifier

rng = np.random.default_rng(0)
images, labels = rng.random((7, 28, 28, 1)).astype(np.float32), np.array([0, 1, 2, 0, 1, 2, 2])


def small(features=4):
    """An encoder of five units, which a check can afford."""
    return nn.Sequential(nn.Flatten(), nn.Dense(784, 5, activation="selu"), nn.Dense(5, features, activation="selu"))


def test_derivatives_of_the_objective_by_all_parameters_to_order_2(backend):
    model, y = Classifier(small(), classes=3), mg.asarray(labels)
    gradcheck_module(model, lambda x: model.loss(x, y)[0], images.astype(np.float64))


def test_logits_and_loss_are_the_docstrings():
    model = Classifier(small(), classes=3).astype("float64")
    x = images.astype(np.float64)
    logits = model.encoder(x).numpy() @ model.head[1].weight.numpy() + model.head[1].bias.numpy()
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    total, terms = model.loss(x, labels)
    np.testing.assert_allclose(total.item(), np.mean([-np.log(row[label]) for row, label in zip(p, labels)]), rtol=1e-12)
    assert list(terms) == ["cross_entropy"]
    np.testing.assert_array_equal(model.predict(x), p.argmax(axis=1))


def test_predictions_and_accuracy_are_on_the_host_and_outside_any_graph(backend, monkeypatch):
    model = Classifier(small(), classes=3)
    predicted = model.predict(mg.asarray(images))
    assert type(predicted) is np.ndarray and predicted.shape == (7,) and predicted.dtype.kind == "i"
    p = model.probabilities(mg.asarray(images))
    assert type(p) is np.ndarray and p.shape == (7, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(p.argmax(axis=1), predicted)
    assert model.accuracy(images, predicted) == 1.0 and model.accuracy(images, (predicted + 1) % 3) == 0.0
    whole = model.accuracy(images, labels)
    monkeypatch.setattr("minigen.nn.batching.BATCH", 3)
    assert model.accuracy(images, labels) == whole == np.mean(predicted == labels)


def test_encoders_with_features_of_any_shape_are_accepted():
    model = Classifier(nn.Reshape((4, 7, 28)), classes=5)
    assert model.head[1].weight.shape == (784, 5) and model(images).shape == (7, 5)
    model = Classifier(nn.Dense(6, 2), classes=4, input_shape=(6,))
    assert model.parameter_count() == 6 * 2 + 2 + 2 * 4 + 4
    with pytest.raises(ShapeError, match=r"expects shape \(\.\.\., 784\)"):
        Classifier(small(), input_shape=(32, 32, 1))


@pytest.mark.parametrize("kind", [StackedAutoencoder, TiedAutoencoder])
def test_a_transferred_encoder_is_a_bit_equal_copy(kind, backend):
    """The trap is a "clone" that draws new weights: then nothing is transferred (chapter 17's first notebook did so)."""
    autoencoder, x = kind(hidden=5, latent_dim=4), mg.asarray(images)
    training.fit(autoencoder, images, optimizer=optim.Adam(autoencoder.parameters(), lr=0.01), epochs=1, progress=False)
    learned = autoencoder.state_dict()
    classifier = Classifier(copy.deepcopy(autoencoder.encoder), classes=3)
    for name, weights in classifier.encoder.state_dict().items():
        np.testing.assert_array_equal(weights, learned[f"encoder.{name}"], err_msg=name)
    np.testing.assert_array_equal(mg.to_numpy(classifier.encoder(x)), mg.to_numpy(autoencoder.encode(x)))

    training.fit(classifier, (images, labels), optimizer=optim.Adam(classifier.parameters(), lr=0.01), epochs=2, progress=False)
    assert (classifier.encoder.state_dict()["1.weight"] != learned["encoder.1.weight"]).any()
    for name, weights in autoencoder.state_dict().items():
        np.testing.assert_array_equal(weights, learned[name], err_msg=f"{name}: training the classifier changed the autoencoder")


@pytest.mark.parametrize(
    "make", [lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.Adam(p, lr=0.1, weight_decay=0.1)]
)
def test_parameters_not_given_to_the_optimizer_stay_bit_equal(make):
    classifier = Classifier(small(), classes=3)
    before = classifier.state_dict()
    training.fit(
        classifier, (images, labels), optimizer=make(classifier.head.parameters()), epochs=3, batch_size=2, progress=False
    )
    after = classifier.state_dict()
    moved = {name for name in before if (before[name] != after[name]).any()}
    assert moved == {"head.1.weight", "head.1.bias"}
    training.fit(classifier, (images, labels), optimizer=make(classifier.parameters()), epochs=1, batch_size=2, progress=False)
    unfrozen = classifier.state_dict()
    assert all((after[name] != unfrozen[name]).any() for name in before)


def test_training_lowers_the_loss():
    classifier = Classifier(small(), classes=3)
    optimizer = optim.Adam(classifier.parameters(), lr=0.01)
    training.fit(classifier, (images, labels), optimizer=optimizer, epochs=60, batch_size=7, progress=False)
    assert classifier.accuracy(images, labels) == 1.0
