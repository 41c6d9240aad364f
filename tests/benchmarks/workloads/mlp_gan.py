"""A step of the chapter's dense GAN: discriminator and generator once each, RMSprop."""

from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import numpy as np

import minigen as mg
from minigen import losses, optim
from minigen.models.gans import gan
from minigen.training import Adversarial
from tests.benchmarks.workload import STEP, unchanged
from tests.benchmarks.workloads.stacked_autoencoder import images

CASES = {"mlp-gan-32": {"batch_size": 32}, "mlp-gan-128": {"batch_size": 128}}
GROUP, GOAL = "dense", STEP


def with_minigen(batch_size: int) -> Callable[[], Any]:
    generator, discriminator = seeded_models()
    optimizers = [optim.RMSprop(network.parameters(), lr=1e-3) for network in (generator, discriminator)]
    return adversarial_step(generator, discriminator, *optimizers, losses.NonSaturating(), [], images(batch_size))


def with_pytorch(batch_size: int, compiled: Callable = unchanged) -> Callable[[], Any]:
    import torch
    from torch import nn
    from torch.nn.functional import softplus

    generator = nn.Sequential(nn.Linear(30, 100), nn.SELU(), nn.Linear(100, 150), nn.SELU(), nn.Linear(150, 784), nn.Sigmoid())
    discriminator = nn.Sequential(nn.Linear(784, 150), nn.SELU(), nn.Linear(150, 100), nn.SELU(), nn.Linear(100, 1))
    for network, seeded in zip((generator, discriminator), seeded_models()):
        with torch.no_grad():
            for parameter, weight in zip(network.parameters(), seeded.state_dict().values(), strict=True):
                parameter.copy_(torch.asarray(weight.T))
    optimizers = [
        torch.optim.RMSprop(network.parameters(), lr=1e-3, alpha=0.9, eps=1e-7) for network in (generator, discriminator)
    ]
    x = torch.asarray(images(batch_size).reshape(batch_size, -1))
    latent = [torch.asarray(z) for z in latents(batch_size, 30)]

    def discriminator_loss(real: Any, fake: Any) -> Any:
        return softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()

    def generator_loss(z: Any) -> Any:
        return softplus(-discriminator(generator(z))).mean()

    return pytorch_step(generator, discriminator, *optimizers, x, latent, compiled(discriminator_loss), compiled(generator_loss))


def with_jax(batch_size: int) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    from tests.benchmarks import in_jax

    rmsprop = in_jax.rmsprop(1e-3, rho=0.9, eps=1e-7)

    def generate(layers: list, z: Any) -> Any:
        return jax.nn.sigmoid(in_jax.dense_layers(layers, z))

    def discriminator_loss(layers: list, real: Any, fake: Any) -> Any:
        of_real, of_fake = in_jax.dense_layers(layers, real), in_jax.dense_layers(layers, fake)
        return jax.nn.softplus(-of_real).mean() + jax.nn.softplus(of_fake).mean()

    def generator_loss(layers: list, discriminator: list, z: Any) -> Any:
        return jax.nn.softplus(-in_jax.dense_layers(discriminator, generate(layers, z))).mean()

    def step(state: Any, x: Any, latent: Any) -> Any:
        generator, discriminator, of_generator, of_discriminator = state
        fake = generate(generator, latent[0])
        d_loss, slopes = jax.value_and_grad(discriminator_loss)(discriminator, x, fake)
        discriminator, of_discriminator = rmsprop(discriminator, slopes, of_discriminator)
        g_loss, slopes = jax.value_and_grad(generator_loss)(generator, discriminator, latent[1])
        generator, of_generator = rmsprop(generator, slopes, of_generator)
        return (generator, discriminator, of_generator, of_discriminator), jnp.stack([d_loss, g_loss])

    networks = tuple(map(in_jax.layers_of, seeded_models()))
    state = (*networks, *map(in_jax.start, networks))
    return in_jax.jitted(step, state, images(batch_size).reshape(batch_size, -1), latents(batch_size, 30))


def with_keras(batch_size: int) -> Callable[[], Any]:
    import keras
    from keras.layers import Dense

    from tests.benchmarks import in_keras

    networks = [
        keras.Sequential([keras.Input((30,)), Dense(100, "selu"), Dense(150, "selu"), Dense(784, "sigmoid")]),
        keras.Sequential([keras.Input((784,)), Dense(150, "selu"), Dense(100, "selu"), Dense(1)]),
    ]
    for network, model in zip(networks, seeded_models()):
        in_keras.take_weights(network.layers, model)
    optimizers = [keras.optimizers.RMSprop(1e-3, rho=0.9, epsilon=1e-14) for _ in networks]  # it is added before the root
    x = images(batch_size).reshape(batch_size, -1)
    return in_keras.adversarial_step(networks, optimizers, x, latents(batch_size, 30))


def with_dezero(batch_size: int) -> Callable[[], Any]:
    from tests.benchmarks import in_dezero

    x = images(batch_size).reshape(batch_size, -1)
    weights = [in_dezero.Weights(network.state_dict().values()) for network in seeded_models()]

    def generate(z: Any) -> Any:
        return in_dezero.F.sigmoid(in_dezero.dense_layers(weights[0].pairs, z))

    def scores(pictures: Any) -> Any:
        return in_dezero.dense_layers(weights[1].pairs, pictures)

    losses = in_dezero.non_saturating(generate, scores, x)
    return in_dezero.adversarial_step(
        weights, lambda: in_dezero.RMSprop(1e-3, rho=0.9, eps=1e-7), generate, losses, latents(batch_size, 30)
    )


def seeded_models() -> tuple[gan.Generator, gan.Discriminator]:
    """The same weights for both libraries."""
    mg.seed(0)
    return gan.Generator(), gan.Discriminator()


def latents(n: int, latent_dim: int) -> np.ndarray:
    """The latent vectors of the two players' steps, (2, n, latent_dim), drawn once, so that both libraries compute the same."""
    return np.random.default_rng(0).standard_normal((2, n, latent_dim), dtype=np.float32)


def adversarial_step(
    generator: Any,
    discriminator: Any,
    generator_optimizer: Any,
    discriminator_optimizer: Any,
    loss: Any,
    penalties: list,
    real: np.ndarray,
    ema: float | None = None,
) -> Callable[[], Any]:
    """One step of each player, the trainer's own with all that it books; returns both losses.

    The first two steps, in which both libraries must agree, are in evaluation mode: without dropout, noise and mixing.
    """
    trainer = Adversarial(
        generator,
        discriminator,
        loss=loss,
        penalties=penalties,
        generator_optimizer=generator_optimizer,
        discriminator_optimizer=discriminator_optimizer,
        ema=ema,
    )
    x, z = mg.asarray(real), [mg.asarray(each) for each in latents(len(real), generator.latent_dim)]
    trainer.generator_input = lambda n: (z[0],)
    modes = chain([False, False], repeat(True))

    def step() -> np.ndarray:
        training = next(modes)
        if generator.training is not training:
            generator.train(training)
            discriminator.train(training)
        trainer.sums, trainer.summed = {}, {}
        trainer.discriminator_step((x,))
        trainer.generator_step((z[1],))
        return np.array([trainer.sums["discriminator loss"], trainer.sums["generator loss"]])

    return step


def pytorch_step(
    generator: Any,
    discriminator: Any,
    generator_optimizer: Any,
    discriminator_optimizer: Any,
    real: Any,
    latent: list,
    discriminator_loss: Callable[[Any, Any], Any],
    generator_loss: Callable[[Any], Any],
) -> Callable[[], Any]:
    """The same step in PyTorch, with nothing booked: the discriminator's weights get no gradient in the generator's step."""
    import torch

    modes = chain([False, False], repeat(True))

    def step() -> np.ndarray:
        training = next(modes)
        if generator.training is not training:
            generator.train(training)
            discriminator.train(training)
        with torch.no_grad():
            fake = generator(latent[0])
        loss = discriminator_loss(real, fake)
        discriminator_optimizer.zero_grad()
        loss.backward(inputs=list(discriminator.parameters()))
        discriminator_optimizer.step()
        discriminator.requires_grad_(False)
        of_generator = generator_loss(latent[1])
        generator_optimizer.zero_grad()
        of_generator.backward()
        generator_optimizer.step()
        discriminator.requires_grad_(True)
        return np.array([loss.item(), of_generator.item()])

    return step
