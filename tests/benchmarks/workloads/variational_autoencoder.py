"""A training step of the variational autoencoder 784-150-100-(10, 10)-100-150-784: SELU, Bernoulli likelihood, Adam."""

from collections.abc import Callable
from typing import Any

import numpy as np

import minigen as mg
from minigen import optim
from minigen.models.autoencoders import VariationalAutoencoder
from tests.benchmarks.workload import STEP, training_step, unchanged
from tests.benchmarks.workloads.stacked_autoencoder import images

CASES = {"vae-32": {"batch_size": 32}, "vae-128": {"batch_size": 128}}
GROUP, GOAL = "dense", STEP


def with_minigen(batch_size: int) -> Callable[[], Any]:
    model = seeded_model()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x, noise = mg.asarray(images(batch_size)), mg.asarray(normal(batch_size))

    return training_step(lambda: model.loss(x, noise=noise)[0], optimizer)


def with_pytorch(batch_size: int, compiled: Callable = unchanged) -> Callable[[], Any]:
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits

    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 150), nn.SELU(), nn.Linear(150, 100), nn.SELU())
    mean_layer, logvar_layer = nn.Linear(100, 10), nn.Linear(100, 10)
    decoder = nn.Sequential(
        nn.Linear(10, 100), nn.SELU(), nn.Linear(100, 150), nn.SELU(), nn.Linear(150, 784), nn.Unflatten(1, (28, 28, 1))
    )
    parameters = [p for part in (encoder, mean_layer, logvar_layer, decoder) for p in part.parameters()]
    weights = seeded_model().state_dict().values()  # in the order of the layers: weight (in, out), bias
    with torch.no_grad():
        for parameter, weight in zip(parameters, weights, strict=True):
            parameter.copy_(torch.asarray(weight.T))
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    x, noise = torch.asarray(images(batch_size)), torch.asarray(normal(batch_size))

    def loss():
        h = encoder(x)
        mean, logvar = mean_layer(h), logvar_layer(h)
        z = mean + torch.exp(logvar / 2) * noise
        kl = -0.5 * (1 + logvar - mean.square() - logvar.exp()).sum() / batch_size
        return binary_cross_entropy_with_logits(decoder(z), x, reduction="sum") / batch_size + kl

    return training_step(compiled(loss), optimizer)


def with_jax(batch_size: int) -> Callable[[], Any]:
    import jax.numpy as jnp

    from tests.benchmarks import in_jax

    def loss(layers: list, x: Any, noise: Any) -> Any:
        h = in_jax.selu(in_jax.dense_layers(layers[:2], x))
        mean, logvar = in_jax.dense_layers(layers[2:3], h), in_jax.dense_layers(layers[3:4], h)
        z = mean + jnp.exp(logvar / 2) * noise
        kl = -0.5 * (1 + logvar - mean**2 - jnp.exp(logvar)).sum() / batch_size
        return in_jax.binary_cross_entropy(in_jax.dense_layers(layers[4:], z), x).sum() / batch_size + kl

    x = images(batch_size).reshape(batch_size, -1)
    return in_jax.training_step(loss, in_jax.layers_of(seeded_model()), in_jax.adam(1e-3), x, normal(batch_size))


def with_keras(batch_size: int) -> Callable[[], Any]:
    import keras
    from keras import layers

    from tests.benchmarks import in_jax, in_keras

    widths = (150, "selu"), (100, "selu"), (10, None), (10, None), (100, "selu"), (150, "selu"), (784, None)
    dense = [layers.Dense(*each) for each in widths]
    x, noise = keras.Input((784,)), keras.Input((10,))
    h = dense[1](dense[0](x))
    mean, logvar = dense[2](h), dense[3](h)
    z = mean + keras.ops.exp(logvar / 2) * noise
    network = keras.Model((x, noise), (dense[6](dense[5](dense[4](z))), mean, logvar))
    in_keras.take_weights(dense, seeded_model())

    def loss(computed: tuple, x: Any, noise: Any) -> Any:
        logits, mean, logvar = computed
        kl = -0.5 * (1 + logvar - mean**2 - keras.ops.exp(logvar)).sum() / batch_size
        return in_jax.binary_cross_entropy(logits, x).sum() / batch_size + kl

    data = images(batch_size).reshape(batch_size, -1), normal(batch_size)
    return in_keras.training_step(loss, network, keras.optimizers.Adam(1e-3, epsilon=1e-8), *data)


def with_dezero(batch_size: int) -> Callable[[], Any]:
    from tests.benchmarks import in_dezero
    from tests.benchmarks.in_dezero import F

    x, noise = images(batch_size).reshape(batch_size, -1), normal(batch_size)
    weights = in_dezero.Weights(seeded_model().state_dict().values())
    encoder, of_mean, of_logvar, decoder = weights.pairs[:2], weights.pairs[2], weights.pairs[3], weights.pairs[4:]

    def loss() -> Any:
        h = in_dezero.selu(in_dezero.dense_layers(encoder, x))
        mean, logvar = F.linear(h, *of_mean), F.linear(h, *of_logvar)
        z = mean + F.exp(logvar / 2) * noise
        kl = -0.5 * F.sum(1 + logvar - mean**2 - F.exp(logvar)) / batch_size
        return in_dezero.binary_cross_entropy(in_dezero.dense_layers(decoder, z), x) * 784 + kl

    return in_dezero.training_step(loss, weights, in_dezero.optimizers.Adam(1e-3))


def seeded_model() -> VariationalAutoencoder:
    """The same weights for both libraries."""
    mg.seed(0)
    return VariationalAutoencoder()


def normal(n: int) -> np.ndarray:
    """The noise of n examples, drawn once, so that both libraries compute the same."""
    return np.random.default_rng(0).standard_normal((n, 10), dtype=np.float32)
