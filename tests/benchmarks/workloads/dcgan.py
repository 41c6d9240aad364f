"""A step of the book's DCGAN: discriminator and generator once each, dropout, batch normalization, Adam."""

from collections.abc import Callable
from typing import Any

import numpy as np

import minigen as mg
from minigen import losses, optim
from minigen.models.gans import dcgan
from tests.benchmarks.workload import STEP, unchanged
from tests.benchmarks.workloads.mlp_gan import adversarial_step, latents, pytorch_step
from tests.benchmarks.workloads.stacked_autoencoder import images

CASES = {"dcgan-32": {"batch_size": 32}, "dcgan-128": {"batch_size": 128}}
VARIANTS = [{"memory_format": "contiguous_format"}, {"memory_format": "channels_last"}]
GROUP, GOAL = "convolutional", STEP


def with_minigen(batch_size: int) -> Callable[[], Any]:
    generator, discriminator = seeded_models(dropout=0.4)
    optimizers = [optim.Adam(network.parameters(), lr=2e-4, beta1=0.5) for network in (generator, discriminator)]
    return adversarial_step(generator, discriminator, *optimizers, losses.NonSaturating(), [], images(batch_size))


def with_pytorch(batch_size: int, memory_format: str, compiled: Callable = unchanged) -> Callable[[], Any]:
    from torch.nn.functional import softplus

    generator, discriminator, optimizers, x, latent = pytorch_players(batch_size, memory_format, dropout=0.4)

    def discriminator_loss(real: Any, fake: Any) -> Any:
        return softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()

    def generator_loss(z: Any) -> Any:
        return softplus(-discriminator(generator(z))).mean()

    return pytorch_step(generator, discriminator, *optimizers, x, latent, compiled(discriminator_loss), compiled(generator_loss))


def with_keras(batch_size: int) -> Callable[[], Any]:
    from tests.benchmarks import in_keras

    return in_keras.adversarial_step(*keras_players(dropout=0.4), images(batch_size), latents(batch_size, 100))


def with_dezero(batch_size: int) -> Callable[[], Any]:
    from tests.benchmarks import in_dezero

    networks, generate, scores, x, optimizer = dezero_players(batch_size, dropout=0.4)
    losses = in_dezero.non_saturating(generate, scores, x)
    return in_dezero.adversarial_step(networks, optimizer, generate, losses, latents(batch_size, 100))


def seeded_models(dropout: float) -> tuple[dcgan.Generator, dcgan.Discriminator]:
    """The same weights for both libraries.

    "same" pads, and crops, the odd pixel after the image, PyTorch can only do so before it: as much work, moved by a pixel. For
    the same results, minigen does so here too.
    """
    mg.seed(0)
    generator, discriminator = dcgan.Generator(), dcgan.Discriminator(dropout=dropout)
    for layer in (*generator.modules(), *discriminator.modules()):
        if hasattr(layer, "padding"):
            layer.padding = ((2, 1), (2, 1))
    generator.net[3].output_size, generator.net[5].output_size = (14, 14), (28, 28)
    return generator, discriminator


def pytorch_players(batch_size: int, memory_format: str, dropout: float) -> tuple[Any, Any, list, Any, list]:
    """Generator, discriminator, their optimizers, real images and latent vectors, in PyTorch."""
    import torch
    from torch import nn

    layout = getattr(torch, memory_format)
    drop = [nn.Dropout(dropout)] if dropout else []
    generator = nn.Sequential(
        nn.Linear(100, 7 * 7 * 128),
        nn.Unflatten(1, (128, 7, 7)),
        nn.BatchNorm2d(128),
        nn.ConvTranspose2d(128, 64, 5, stride=2, padding=2, output_padding=1),
        nn.SELU(),
        nn.BatchNorm2d(64),
        nn.ConvTranspose2d(64, 1, 5, stride=2, padding=2, output_padding=1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 5, stride=2, padding=2),
        nn.LeakyReLU(0.2),
        *drop,
        nn.Conv2d(64, 128, 5, stride=2, padding=2),
        nn.LeakyReLU(0.2),
        *drop,
        nn.Flatten(),
        nn.Linear(7 * 7 * 128, 1),
    )
    for network, seeded in zip((generator, discriminator), seeded_models(dropout)):
        with torch.no_grad():
            for parameter, weight in zip(network.parameters(), seeded.parameters(), strict=True):
                parameter.copy_(torch.asarray(channels_first(mg.to_numpy(weight.data))))
    generator, discriminator = generator.to(memory_format=layout), discriminator.to(memory_format=layout)
    optimizers = [torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (generator, discriminator)]
    x = torch.asarray(images(batch_size).transpose(0, 3, 1, 2).copy()).contiguous(memory_format=layout)
    return generator, discriminator, optimizers, x, [torch.asarray(z) for z in latents(batch_size, 100)]


def keras_players(dropout: float) -> tuple[list, list]:
    """Generator and discriminator, and their optimizers, in Keras, whose own "same" has the odd pixel after the image."""
    import keras
    from keras import layers

    from tests.benchmarks import in_keras

    before = ((2, 1), (2, 1))
    generator = [
        layers.Dense(7 * 7 * 128),
        layers.Reshape((7, 7, 128)),
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        layers.Conv2DTranspose(64, 5, strides=2),
        layers.Cropping2D(before),
        layers.Activation("selu"),
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        layers.Conv2DTranspose(1, 5, strides=2),
        layers.Cropping2D(before),
        layers.Activation("tanh"),
    ]
    discriminator = []
    for maps in (64, 128):
        discriminator += [layers.ZeroPadding2D(before), layers.Conv2D(maps, 5, strides=2), layers.LeakyReLU(0.2)]
        discriminator += [layers.Dropout(dropout)] if dropout else []
    networks = [
        keras.Sequential([keras.Input((100,)), *generator]),
        keras.Sequential([keras.Input((28, 28, 1)), *discriminator, layers.Flatten(), layers.Dense(1)]),
    ]
    for network, model in zip(networks, seeded_models(dropout)):
        in_keras.take_weights(network.layers, model)
    return networks, [keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8) for _ in networks]


def dezero_players(batch_size: int, dropout: float) -> tuple[list, Callable, Callable, np.ndarray, Callable]:
    """Generator and discriminator: their weights, what they compute; real images, and an optimizer, in DeZero."""
    from tests.benchmarks import in_dezero
    from tests.benchmarks.in_dezero import F

    generator, discriminator = (
        in_dezero.Weights(
            weight.T if weight.ndim == 2 else weight
            for weight in (channels_first(mg.to_numpy(parameter.data)) for parameter in network.parameters())
        )
        for network in seeded_models(dropout)
    )
    first_norm, second_norm = in_dezero.BatchNorm(128), in_dezero.BatchNorm(64)

    def generate(z: Any) -> Any:
        dense, of_first, first, of_second, second = generator.pairs
        y = first_norm(F.reshape(F.linear(z, *dense), (-1, 128, 7, 7)), *of_first)
        y = second_norm(in_dezero.selu(F.deconv2d(y, *first, stride=2, pad=2, outsize=14)), *of_second)
        return F.tanh(F.deconv2d(y, *second, stride=2, pad=2, outsize=28))

    def scores(x: Any) -> Any:
        for kernel, bias in discriminator.pairs[:2]:
            x = F.leaky_relu(F.conv2d(x, kernel, bias, stride=2, pad=2), 0.2)
            x = F.dropout(x, dropout) if dropout else x
        return F.linear(F.flatten(x), *discriminator.pairs[2])

    x = images(batch_size).transpose(0, 3, 1, 2).copy()
    return [generator, discriminator], generate, scores, x, lambda: in_dezero.optimizers.Adam(2e-4, beta1=0.5)


def channels_first(weight: np.ndarray) -> np.ndarray:
    """A weight of minigen as PyTorch lays it out; where 6,272 numbers are 7 x 7 maps, their channels come first."""
    if weight.ndim == 4:
        return weight.transpose(3, 2, 0, 1).copy()
    if weight.shape[-1] == 6272:
        return weight.reshape(-1, 7, 7, 128).transpose(3, 1, 2, 0).reshape(6272, -1).reshape(weight.shape[::-1]).copy()
    if weight.shape[0] == 6272:
        return weight.reshape(7, 7, 128, 1).transpose(3, 2, 0, 1).reshape(1, 6272).copy()
    return weight.T.copy()
