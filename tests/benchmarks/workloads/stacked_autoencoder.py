"""A training step of the stacked autoencoder 784-100-30-100-784: SELU, binary cross entropy, SGD."""

from collections.abc import Callable
from typing import Any

import numpy as np

import minigen as mg
from minigen import optim
from minigen.models.autoencoders import StackedAutoencoder
from tests.benchmarks.workload import STEP, training_step, unchanged

CASES = {"stacked-32": {"batch_size": 32}, "stacked-256": {"batch_size": 256}}
GROUP, GOAL = "dense", STEP

LEARNING_RATE = 1.5


def with_minigen(batch_size: int) -> Callable[[], Any]:
    model = seeded_model()
    optimizer = optim.SGD(model.parameters(), lr=LEARNING_RATE)
    x = mg.asarray(images(batch_size))

    return training_step(lambda: model.loss(x)[0], optimizer)


def with_pytorch(batch_size: int, compiled: Callable = unchanged) -> Callable[[], Any]:
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits

    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 100),
        nn.SELU(),
        nn.Linear(100, 30),
        nn.SELU(),
        nn.Linear(30, 100),
        nn.SELU(),
        nn.Linear(100, 784),
        nn.Unflatten(1, (28, 28, 1)),
    )
    weights = seeded_model().state_dict().values()  # in the order of the layers: weight (in, out), bias
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), weights, strict=True):
            parameter.copy_(torch.asarray(weight.T))
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    x = torch.asarray(images(batch_size))

    return training_step(compiled(lambda: binary_cross_entropy_with_logits(model(x), x)), optimizer)


def with_jax(batch_size: int) -> Callable[[], Any]:
    from tests.benchmarks import in_jax

    def loss(layers: list, x: Any) -> Any:
        return in_jax.binary_cross_entropy(in_jax.dense_layers(layers, x), x).mean()

    x = images(batch_size).reshape(batch_size, -1)
    return in_jax.training_step(loss, in_jax.layers_of(seeded_model()), in_jax.sgd(LEARNING_RATE), x)


def with_keras(batch_size: int) -> Callable[[], Any]:
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(100, "selu"),
            layers.Dense(30, "selu"),
            layers.Dense(100, "selu"),
            layers.Dense(784),
            layers.Reshape((28, 28, 1)),
        ]
    )
    model.set_weights(list(seeded_model().state_dict().values()))
    model.compile(keras.optimizers.SGD(LEARNING_RATE), keras.losses.BinaryCrossentropy(from_logits=True))
    x = images(batch_size)

    def step() -> Any:
        model.reset_metrics()  # or the loss is the mean over all steps
        return model.train_on_batch(x, x)

    return step


def with_dezero(batch_size: int) -> Callable[[], Any]:
    from tests.benchmarks import in_dezero

    x = images(batch_size).reshape(batch_size, -1)
    weights = in_dezero.Weights(seeded_model().state_dict().values())

    def loss() -> Any:
        return in_dezero.binary_cross_entropy(in_dezero.dense_layers(weights.pairs, x), x)

    return in_dezero.training_step(loss, weights, in_dezero.optimizers.SGD(LEARNING_RATE))


def seeded_model() -> StackedAutoencoder:
    """The same weights for both libraries."""
    mg.seed(0)
    return StackedAutoencoder()


def images(n: int) -> np.ndarray:
    """Pictures of noise: time does not depend on what they show."""
    return np.random.default_rng(0).random((n, 28, 28, 1), dtype=np.float32)
