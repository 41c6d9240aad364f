"""A training step of the convolutional autoencoder (the chapter's encoder, the book's decoder): SELU, BCE, Adam."""

from collections.abc import Callable
from typing import Any

import minigen as mg
from minigen import optim
from minigen.models.autoencoders import ConvolutionalAutoencoder
from tests.benchmarks.workload import STEP, training_step, unchanged
from tests.benchmarks.workloads.stacked_autoencoder import images

CASES = {"conv-ae-32": {"batch_size": 32}, "conv-ae-128": {"batch_size": 128}}
VARIANTS = [{"memory_format": "contiguous_format"}, {"memory_format": "channels_last"}]
GROUP, GOAL = "convolutional", STEP


def with_minigen(batch_size: int) -> Callable[[], Any]:
    model = seeded_model()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x = mg.asarray(images(batch_size))

    return training_step(lambda: model.loss(x)[0], optimizer)


def with_pytorch(batch_size: int, memory_format: str, compiled: Callable = unchanged) -> Callable[[], Any]:
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits

    layout = getattr(torch, memory_format)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.SELU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.SELU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.SELU(),
        nn.MaxPool2d(2),
        nn.ConvTranspose2d(64, 32, 3, stride=2),
        nn.SELU(),
        nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
        nn.SELU(),
        nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
    )
    weights = seeded_model().state_dict().values()  # in the order of the layers: kernel, bias
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), weights, strict=True):
            parameter.copy_(torch.asarray(weight.transpose(3, 2, 0, 1).copy() if weight.ndim == 4 else weight))
    model = model.to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = torch.asarray(images(batch_size).transpose(0, 3, 1, 2).copy()).contiguous(memory_format=layout)

    return training_step(compiled(lambda: binary_cross_entropy_with_logits(model(x), x)), optimizer)


def seeded_model() -> ConvolutionalAutoencoder:
    """The same weights for both libraries.

    Where "same" crops the last row and column of a transposed convolution, PyTorch can only crop the first ones: as much work,
    moved by a pixel. For the same results, minigen does so here too.
    """
    mg.seed(0)
    model = ConvolutionalAutoencoder()
    for layer in model.decoder[1], model.decoder[2]:
        layer.padding = ((1, 0), (1, 0))
        layer.output_size = (14, 14) if layer is model.decoder[1] else (28, 28)
    return model
