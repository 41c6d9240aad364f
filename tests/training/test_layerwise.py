"""Greedy training: the same as the algorithm written by hand, and whatever model is made of chains of layers."""

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, losses, nn, optim, training
from minigen.backend import random
from minigen.models.autoencoders import (
    DenoisingAutoencoder,
    HashingAutoencoder,
    StackedAutoencoder,
    TiedAutoencoder,
    VariationalAutoencoder,
)
from minigen.models.autoencoders.base import Autoencoder, LayerPair
from minigen.nn.batching import outputs
from minigen.training import fit, fit_layerwise

images = np.random.default_rng(0).random((22, 28, 28, 1)).astype(np.float32)
held_out = images[:5] * 0.5


def adam(parameters):
    return optim.Adam(parameters, lr=0.01)


def small(kind=StackedAutoencoder):
    mg.seed(1)
    return kind(hidden=6, latent_dim=3)


class Net(Autoencoder):
    """A given encoder and decoder, with squared error."""

    def __init__(self, encoder, decoder):
        self.encoder, self.decoder = encoder, decoder

    def loss(self, x):
        error = losses.mse(self(x), x)
        return error, {"mse": error}


def by_hand(model):
    """The algorithm for 784-6-3-6-784, with separate shallow networks: train on images, encode, train on codes, stack."""
    w = [p.numpy().copy() for p in model.parameters()]
    outer = Net(
        nn.Sequential(nn.Flatten(), nn.Dense(784, 6, activation="selu")), nn.Sequential(nn.Dense(6, 784), nn.Reshape((28, 28, 1)))
    )
    outer.loss = lambda x: (losses.bce_with_logits(outer(x), x), {})
    inner = Net(nn.Dense(6, 3, activation="selu"), nn.Dense(3, 6, activation="selu"))
    for net, values in ((outer, (w[0], w[1], w[6], w[7])), (inner, (w[2], w[3], w[4], w[5]))):
        for p, value in zip(net.parameters(), values):
            p.assign(value)
    mg.seed(2)
    histories = [
        fit(outer, images, validation=held_out, optimizer=adam(outer.parameters()), epochs=2, batch_size=4, progress=False)
    ]
    with mg.no_grad():
        codes, held_out_codes = outer.encode(images).numpy(), outer.encode(held_out).numpy()
    histories.append(
        fit(inner, codes, validation=held_out_codes, optimizer=adam(inner.parameters()), epochs=2, batch_size=4, progress=False)
    )
    a, b = [p.numpy() for p in outer.parameters()], [p.numpy() for p in inner.parameters()]
    return [a[0], a[1], *b, a[2], a[3]], histories


def test_derivatives_of_a_pairs_objective_to_order_2():
    codes = nn.Sequential(nn.Dense(4, 3, activation="sigmoid"), nn.ActivityRegularization(l1=0.3, kl=0.2))
    pair = LayerPair(codes, nn.Dense(3, 4, activation="selu"))
    gradcheck_module(pair, lambda x: pair.loss(x)[0], np.random.default_rng(0).standard_normal((5, 4)))


def test_it_equals_the_algorithm_by_hand():
    model = small()
    weights, expected = by_hand(model)
    mg.seed(2)
    histories = fit_layerwise(model, images, validation=held_out, optimizer=adam, epochs=2, batch_size=4, progress=False)
    for p, value in zip(model.parameters(), weights):
        np.testing.assert_array_equal(p.numpy(), value, err_msg=p.name)
    assert len(histories) == 2
    for history, other in zip(histories, expected):
        assert history["loss"] == other["loss"] and history["validation loss"] == other["validation loss"]


def test_a_pair_holds_its_own_layers_and_they_are_the_models():
    model = small()
    names = {id(p): name for name, p in model.named_parameters().items()}
    assert [[names[id(p)] for p in pair.parameters()] for pair in model.layer_pairs()] == [
        ["encoder.1.weight", "encoder.1.bias", "decoder.1.weight", "decoder.1.bias"],
        ["encoder.2.weight", "encoder.2.bias", "decoder.0.weight", "decoder.0.bias"],
    ]


def test_the_pieces_are_cut_where_layers_have_parameters():
    """Flatten goes with the layer behind it, everything else without parameters with the layer before it."""
    encoder = nn.Sequential(nn.GaussianNoise(0.1), nn.Dense(6, 5), nn.SELU(), nn.Dense(5, 4), nn.Dropout(0.1), nn.Dense(4, 2))
    decoder = nn.Sequential(nn.Dense(2, 4), nn.SELU(), nn.Dense(4, 5), nn.Dense(5, 6), nn.Sigmoid())
    cut = [(str(pair.encoder), str(pair.decoder)) for pair in Net(encoder, decoder).layer_pairs()]
    assert cut == [
        ("Sequential(GaussianNoise(std=0.1), Dense(6 -> 5), SELU())", "Sequential(Dense(5 -> 6), Sigmoid())"),
        ("Sequential(Dense(5 -> 4), Dropout(rate=0.1))", "Sequential(Dense(4 -> 5))"),
        ("Sequential(Dense(4 -> 2))", "Sequential(Dense(2 -> 4), SELU())"),
    ]


def test_the_first_pair_has_the_models_own_loss_and_the_others_squared_error():
    model = small(lambda **sizes: DenoisingAutoencoder("masking", 0.5, **sizes))
    outer, inner = model.layer_pairs()
    noise = np.random.default_rng(3).random(images.shape).astype(np.float32)
    total, terms = outer.loss(images, noise)
    logits = model.decoder[2](model.decoder[1](model.encoder[1](model.encoder[0](images * (noise >= 0.5)))))
    assert list(terms) == ["bce"] and float(total) == float(losses.bce_with_logits(logits, images))
    codes = np.random.default_rng(4).standard_normal((3, 6)).astype(np.float32)
    total, terms = inner.loss(codes)
    assert list(terms) == ["mse"] and float(total) == float(losses.mse(model.decoder[0](model.encoder[2](codes)), codes))


def test_codes_are_made_without_noise():
    """The second pair learns the same codes whatever the streams of noise hold."""
    results = []
    for seed in (5, 6):
        mg.seed(1)
        model = Net(nn.Sequential(nn.Dense(6, 5), nn.Dropout(0.5), nn.Dense(5, 2)), nn.Sequential(nn.Dense(2, 5), nn.Dense(5, 6)))
        outer, _ = model.layer_pairs()
        random.stream("noise").standard_normal(seed)
        results.append(outputs(outer, outer.encode, images[:, 0, :6, 0]))
        assert model.training
    np.testing.assert_array_equal(*results)


def test_a_tied_network_can_be_trained_greedily_and_stays_tied():
    model = small(TiedAutoencoder)
    before = float(model.loss(images)[0])
    fit_layerwise(model, images, optimizer=adam, epochs=3, batch_size=4, progress=False)
    assert model.decoder[0].weight is model.encoder[2].weight and model.decoder[1].weight is model.encoder[1].weight
    assert float(model.loss(images)[0]) < before


def test_it_runs_on_every_backend_and_ends_in_training_mode(backend):
    model = small()
    histories = fit_layerwise(model, images, optimizer=adam, epochs=1, batch_size=8, progress=False)
    assert [list(history) for history in histories] == [["epoch", "loss", "seconds"]] * 2
    assert all(module.training for module in model.modules())
    history = fit(model, images, optimizer=adam(model.parameters()), epochs=1, progress=False)
    assert np.isfinite(history["loss"][0])


def test_what_it_cannot_take_apart_is_refused():
    with pytest.raises(TypeError, match="splits the encoder and the decoder of Net into layers.* expected an nn.Sequential each"):
        fit_layerwise(Net(nn.Dense(4, 2), nn.Dense(2, 4)), np.ones((3, 4), np.float32), optimizer=adam, epochs=1)
    lopsided = Net(nn.Sequential(nn.Dense(4, 3), nn.Dense(3, 2)), nn.Sequential(nn.Dense(2, 4)))
    with pytest.raises(ValueError, match="but Net has 2 and 1 with parameters"):
        fit_layerwise(lopsided, np.ones((3, 4), np.float32), optimizer=adam, epochs=1)


def test_a_model_without_pairs_is_refused():
    with pytest.raises(TypeError, match=r"^fit_layerwise takes a model with layer_pairs\(\), .* got VariationalAutoencoder$"):
        training.fit_layerwise(VariationalAutoencoder(), images, optimizer=adam, epochs=1, progress=False)


def test_a_model_with_an_encode_of_its_own_is_refused():
    with pytest.raises(TypeError, match=r"HashingAutoencoder into layers.* no encode\(\) of its own"):
        training.fit_layerwise(HashingAutoencoder(), images, optimizer=lambda p: optim.SGD(p, lr=0.1), epochs=1, progress=False)
