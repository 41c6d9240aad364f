"""`Adversarial` with any Module as generator, which is told how many latent variables it takes."""

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, nn, optim
from minigen.errors import ShapeError
from minigen.models import gans
from minigen.training import Adversarial, Checkpoint
from minigen.training.gans.drawing import AnyGenerator

X = np.random.default_rng(0).random((32, 4, 4, 1), dtype=np.float32)


def networks():
    mg.seed(1)
    generator = nn.Sequential(nn.Dense(3, 16, activation="tanh"), nn.Reshape((4, 4, 1)))
    return generator, nn.Sequential(nn.Flatten(), nn.Dense(16, 1))


class Own(gans.Generator):
    """The same as a subclass."""

    pixel_range = (-1.0, 1.0)

    def __init__(self, net):
        self.net, self.latent_dim = net, 3


def game(generator, discriminator, **options):
    rates = {"generator_optimizer": generator, "discriminator_optimizer": discriminator}
    optimizers = {name: optim.Adam(network.parameters(), lr=0.01) for name, network in rates.items()}
    return Adversarial(generator, discriminator, **optimizers, **options)


def test_it_trains_as_a_subclass_of_generator_does(tmp_path):
    results = []
    for wrap in (lambda net: (net, {"latent_dim": 3, "pixel_range": (-1, 1)}), lambda net: (Own(net), {})):
        net, discriminator = networks()
        generator, options = wrap(net)
        trainer = game(generator, discriminator, ema=0.5, **options)
        trainer.fit(X, steps=5, batch_size=8, seed=1, progress=False)
        mg.seed(2)
        results.append([*trainer.history["generator loss"], net.fingerprint(), trainer.sample(5)])
    *got, samples = results[0]
    assert got == results[1][:-1]
    np.testing.assert_array_equal(samples, results[1][-1])
    assert 0.0 <= samples.min() and samples.max() <= 1.0 and samples.shape == (5, 4, 4, 1)


def test_gradients_are_those_of_the_network():
    generator = AnyGenerator(nn.Sequential(nn.Dense(3, 4, activation="tanh")), 3)
    gradcheck_module(generator, generator, np.random.default_rng(2).standard_normal((2, 3)))


def test_without_a_range_examples_are_used_as_they_are():
    trainer = game(*networks(), latent_dim=3)
    trainer.fit(2.0 * X - 1.0, steps=2, batch_size=8, progress=False)
    np.testing.assert_allclose(trainer.batches.at(slice(4))[0], 2.0 * X[:4] - 1.0)
    assert trainer.sample(200).min() < 0


def test_it_resumes(tmp_path):
    expected, trainer = game(*networks(), latent_dim=3), game(*networks(), latent_dim=3)
    mg.seed(5)
    expected.fit(X, steps=4, batch_size=8, seed=1, progress=False)
    mg.seed(5)
    trainer.fit(X, steps=2, batch_size=8, seed=1, progress=False, record_every=2, callbacks=[Checkpoint(tmp_path)])
    trainer = game(*networks(), latent_dim=3)
    trainer.fit(X, steps=4, batch_size=8, progress=False, resume=tmp_path)
    assert trainer.generator.fingerprint() == expected.generator.fingerprint()


@pytest.mark.parametrize(("options", "error", "message"), [
    ({}, TypeError, "must be a minigen.models.gans.Generator, got a Sequential: .* latent_dim=100"),
    ({"pixel_range": (-1, 1)}, TypeError, "must be a minigen.models.gans.Generator, got a Sequential: .* latent_dim=100"),
    ({"latent_dim": 0}, ValueError, "latent_dim counts the generator's latent variables, .* got 0"),
    ({"latent_dim": 2.5}, ValueError, "latent_dim counts the generator's latent variables, .* got 2.5"),
    ({"latent_dim": 4}, ShapeError, r"expects shape \(..., 3\), got \(2, 4\)"),
    ({"latent_dim": 3, "pixel_range": (1, -1)}, ValueError, r"pixel_range: black and white .* got \(1, -1\)"),
    ({"latent_dim": 3, "pixel_range": (0, 1, 2)}, ValueError, r"pixel_range: black and white .* got \(0, 1, 2\)"),
    ({"latent_dim": 3, "pixel_range": 1}, ValueError, r"pixel_range: black and white .* got 1"),
])  # fmt: skip
def test_wrong_settings_are_named(options, error, message):
    with pytest.raises(error, match=message):
        game(*networks(), **options)


@pytest.mark.parametrize("options", [{"latent_dim": 3}, {"pixel_range": (0, 1)}])
def test_a_generator_has_settings_of_its_own(options):
    net, discriminator = networks()
    with pytest.raises(ValueError, match=f"{next(iter(options))}: this Own is a generator with latent_dim=3 and .* leave it out"):
        game(Own(net), discriminator, **options)
