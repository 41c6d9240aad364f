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
        nn.MaxPool2d(2),
        nn.SELU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.MaxPool2d(2),
        nn.SELU(),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.MaxPool2d(2),
        nn.SELU(),
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


def with_keras(batch_size: int) -> Callable[[], Any]:
    import keras
    from keras import layers

    network = keras.Sequential([keras.Input((28, 28, 1))])
    for maps in (16, 32, 64):
        network.add(layers.Conv2D(maps, 3, padding="same"))
        network.add(layers.MaxPooling2D())
        network.add(layers.Activation("selu"))
    network.add(layers.Conv2DTranspose(32, 3, strides=2, activation="selu"))
    for maps, activation in ((16, "selu"), (1, None)):  # Keras's own "same" crops the last row and column, see seeded_model
        network.add(layers.Conv2DTranspose(maps, 3, strides=2))
        network.add(layers.Cropping2D(((1, 0), (1, 0))))
        network.add(layers.Activation(activation))
    network.set_weights(list(seeded_model().state_dict().values()))
    network.compile(keras.optimizers.Adam(1e-3, epsilon=1e-8), keras.losses.BinaryCrossentropy(from_logits=True))
    x = images(batch_size)

    def step() -> Any:
        network.reset_metrics()  # or the loss is the mean over all steps
        return network.train_on_batch(x, x)

    return step


def with_dezero(batch_size: int) -> Callable[[], Any]:
    from tests.benchmarks import in_dezero
    from tests.benchmarks.in_dezero import F, selu

    x = images(batch_size).transpose(0, 3, 1, 2).copy()
    weights = in_dezero.Weights(
        weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight for weight in seeded_model().state_dict().values()
    )

    def loss() -> Any:
        y = x
        for kernel, bias in weights.pairs[:3]:
            y = selu(F.pooling(F.conv2d(y, kernel, bias, pad=1), 2, stride=2))
        y = selu(F.deconv2d(y, *weights.pairs[3], stride=2))
        y = selu(F.deconv2d(y, *weights.pairs[4], stride=2, pad=1, outsize=14))
        return in_dezero.binary_cross_entropy(F.deconv2d(y, *weights.pairs[5], stride=2, pad=1, outsize=28), x)

    return in_dezero.training_step(loss, weights, in_dezero.optimizers.Adam(1e-3))


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
