"""A step of WGAN-GP on the book's DCGAN networks: critic with gradient penalty, then generator, Adam."""

from collections.abc import Callable
from typing import Any

import numpy as np

import minigen as mg
from minigen import losses, optim
from tests.benchmarks.workload import STEP
from tests.benchmarks.workloads.dcgan import VARIANTS, dezero_players, keras_players, pytorch_players, seeded_models
from tests.benchmarks.workloads.mlp_gan import adversarial_step, latents, pytorch_step
from tests.benchmarks.workloads.stacked_autoencoder import images

__all__ = ["CASES", "GOAL", "GROUP", "VARIANTS", "with_dezero", "with_keras", "with_minigen", "with_pytorch"]
CASES = {"wgan-gp-32": {"batch_size": 32}, "wgan-gp-64": {"batch_size": 64}}
GROUP, GOAL = "convolutional", STEP


class GivenMix(losses.GradientPenalty):
    """The gradient penalty at points that are drawn once, so that both libraries compute the same."""

    def __call__(self, batch: losses.DiscriminatorBatch) -> Any:
        return super().__call__(batch, mg.asarray(mix(len(batch.real))))


def with_minigen(batch_size: int) -> Callable[[], Any]:
    generator, critic = seeded_models(dropout=0.0)
    optimizers = [optim.Adam(network.parameters(), lr=2e-4, beta1=0.5) for network in (generator, critic)]
    return adversarial_step(generator, critic, *optimizers, losses.Wasserstein(), [GivenMix(10.0)], images(batch_size))


def with_pytorch(batch_size: int, memory_format: str) -> Callable[[], Any]:
    import torch

    generator, critic, optimizers, x, latent = pytorch_players(batch_size, memory_format, dropout=0.0)
    u = torch.asarray(mix(batch_size)).reshape(-1, 1, 1, 1)

    def critic_loss(real: Any, fake: Any) -> Any:
        between = (u * real + (1 - u) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), [between], create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return critic(fake).mean() - critic(real).mean() + 10 * penalty

    return pytorch_step(generator, critic, *optimizers, x, latent, critic_loss, lambda z: -critic(generator(z)).mean())


def with_keras(batch_size: int) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    from tests.benchmarks import in_keras

    u = mix(batch_size).reshape(-1, 1, 1, 1)

    def critic_loss(scores: Any, real: Any, fake: Any) -> Any:
        slope = jax.grad(lambda between: scores(between).sum())(u * real + (1 - u) * fake)
        penalty = ((jnp.linalg.norm(slope.reshape(batch_size, -1), axis=1) - 1) ** 2).mean()
        return scores(fake).mean() - scores(real).mean() + 10 * penalty

    players, x, latent = keras_players(dropout=0.0), images(batch_size), latents(batch_size, 100)
    return in_keras.adversarial_step(*players, x, latent, critic_loss, lambda scores: -scores.mean())


def with_dezero(batch_size: int) -> Callable[[], Any]:
    from tests.benchmarks import in_dezero
    from tests.benchmarks.in_dezero import F

    networks, generate, scores, x, optimizer = dezero_players(batch_size, dropout=0.0)
    u = mix(batch_size).reshape(-1, 1, 1, 1)

    def critic_loss(fake: np.ndarray) -> Any:
        between = in_dezero.Variable(u * x + (1 - u) * fake)
        F.sum(scores(between)).backward(create_graph=True)
        slope = F.sum(F.flatten(between.grad) ** 2, axis=1) ** 0.5
        return (F.sum(scores(fake)) - F.sum(scores(x)) + 10 * F.sum((slope - 1) ** 2)) / batch_size

    losses = (critic_loss, lambda z: -F.sum(scores(generate(z))) / batch_size)
    return in_dezero.adversarial_step(networks, optimizer, generate, losses, latents(batch_size, 100))


def mix(n: int) -> np.ndarray:
    """Where on the lines between real and generated images the slope is asked for, (n, 1)."""
    return np.random.default_rng(0).random((n, 1), dtype=np.float32)
