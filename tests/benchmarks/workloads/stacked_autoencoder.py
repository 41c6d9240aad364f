"""A training step of the stacked autoencoder 784-100-30-100-784: SELU, binary cross entropy, SGD."""

from collections.abc import Callable
from typing import Any

import numpy as np

import minigen as mg
from minigen import optim
from minigen.models.autoencoders import StackedAutoencoder
from tests.benchmarks.workload import Goal, training_step

CASES = {"stacked-32": {"batch_size": 32}, "stacked-256": {"batch_size": 256}}
GOAL = Goal("ratio", 1.0)

LEARNING_RATE = 1.5


def with_minigen(batch_size: int) -> Callable[[], Any]:
    model = seeded_model()
    optimizer = optim.SGD(model.parameters(), lr=LEARNING_RATE)
    x = mg.asarray(images(batch_size))

    return training_step(lambda: model.loss(x)[0], optimizer)


def with_pytorch(batch_size: int) -> Callable[[], Any]:
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

    return training_step(lambda: binary_cross_entropy_with_logits(model(x), x), optimizer)


def seeded_model() -> StackedAutoencoder:
    """The same weights for both libraries."""
    mg.seed(0)
    return StackedAutoencoder()


def images(n: int) -> np.ndarray:
    """Pictures of noise: time does not depend on what they show."""
    return np.random.default_rng(0).random((n, 28, 28, 1), dtype=np.float32)
