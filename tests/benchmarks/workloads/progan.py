"""A step of a small Progressive GAN at 32 x 32: discriminator with R1, generator, Adam, moving average."""

from collections.abc import Callable
from typing import Any

import numpy as np

import minigen as mg
from minigen import losses, nn, optim
from minigen.models.gans import progan
from tests.benchmarks.workload import STEP
from tests.benchmarks.workloads.dcgan import VARIANTS
from tests.benchmarks.workloads.mlp_gan import adversarial_step, latents, pytorch_step

__all__ = ["CASES", "GOAL", "GROUP", "VARIANTS", "with_minigen", "with_pytorch"]
CASES = {"progan-32": {"batch_size": 32}, "progan-32-batch-64": {"batch_size": 64}}
GROUP, GOAL = "convolutional", STEP

FEATURE_MAPS = (32, 32, 16, 8, 8, 8)  # from 4 x 4 to 128 x 128
EMA, GAMMA = 0.999, 10.0


def with_minigen(batch_size: int, resolution: int = 32) -> Callable[[], Any]:
    return minigen_step(*seeded_models(resolution), pictures(batch_size, resolution))


def with_pytorch(batch_size: int, memory_format: str, resolution: int = 32) -> Callable[[], Any]:
    import torch

    generator, discriminator = seeded_models(resolution)
    twin = torch.nn.Sequential(*map(translated, (*generator.blocks, generator.rgb[-1])))
    return r1_step(
        twin, translated_discriminator(discriminator), pictures(batch_size, resolution), generator.latent_dim, memory_format
    )


def seeded_models(resolution: int) -> tuple[progan.Generator, progan.Discriminator]:
    """The same weights for both libraries."""
    mg.seed(0)
    maps = FEATURE_MAPS[: resolution.bit_length() - 2]
    return progan.Generator(resolution, 32, maps), progan.Discriminator(resolution, maps)


def pictures(n: int, resolution: int) -> np.ndarray:
    """Random values in place of images, (n, r, r, 3)."""
    return np.random.default_rng(0).uniform(-1, 1, (n, resolution, resolution, 3)).astype(np.float32)


def minigen_step(generator: Any, discriminator: Any, real: np.ndarray) -> Callable[[], Any]:
    """The trainer's step with R1, Adam and a moving average."""
    adams = [optim.Adam(network.parameters(), lr=1e-3, beta1=0.0, beta2=0.99) for network in (generator, discriminator)]
    return adversarial_step(generator, discriminator, *adams, losses.NonSaturating(), [losses.R1(GAMMA)], real, ema=EMA)


# -- the same in PyTorch -----------------------------------------------------------------------------------------


def r1_step(generator: Any, discriminator: Any, real: np.ndarray, latent_dim: int, memory_format: str) -> Callable[[], Any]:
    """R1 by a second backward pass, fused Adam, and the moving average of all weights in one call."""
    import copy

    import torch
    from torch.nn.functional import softplus

    layout = getattr(torch, memory_format)
    generator, discriminator = generator.to(memory_format=layout), discriminator.to(memory_format=layout)
    average = copy.deepcopy(generator)
    adams = [
        torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.0, 0.99), eps=1e-8, fused=True)
        for network in (generator, discriminator)
    ]
    x = torch.asarray(real.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=layout).requires_grad_()

    def discriminator_loss(real: Any, fake: Any) -> Any:
        scores = discriminator(real)
        (slope,) = torch.autograd.grad(scores.sum(), [real], create_graph=True)
        penalty = slope.square().sum() * (0.5 * GAMMA / len(real))
        return softplus(-scores).mean() + softplus(discriminator(fake)).mean() + penalty

    latent = [torch.asarray(z) for z in latents(len(real), latent_dim)]

    def generator_loss(z: Any) -> Any:
        return softplus(-discriminator(generator(z))).mean()

    step = pytorch_step(generator, discriminator, *adams, x, latent, discriminator_loss, generator_loss)
    followed, averaged = list(generator.parameters()), list(average.parameters())

    def step_and_average() -> np.ndarray:
        result = step()
        with torch.no_grad():
            torch._foreach_lerp_(averaged, followed, 1.0 - EMA)
        return result

    return step_and_average


def translated_discriminator(discriminator: progan.Discriminator) -> Any:
    """The fully grown discriminator in PyTorch."""
    import torch

    return torch.nn.Sequential(*map(translated, (discriminator.rgb[-1], *discriminator.blocks[::-1], discriminator.head)))


def translated(layer: Any) -> Any:
    """A layer of minigen as a module of PyTorch with the same weights."""
    import torch
    from torch.nn import functional

    class Function(torch.nn.Module):
        """A module of a function and named weights; None stays None."""

        def __init__(self, function: Callable, **weights: Any):
            super().__init__()
            self.function = function
            for name, weight in weights.items():
                setattr(self, name, None if weight is None else torch.nn.Parameter(torch.asarray(weight.copy())))

        def forward(self, *inputs: Any) -> Any:
            return self.function(self, *inputs)

    def of(tensor: Any) -> np.ndarray | None:
        return None if tensor is None else mg.to_numpy(tensor.data)

    def activated(y: Any) -> Any:
        return y if layer.activation is None else functional.leaky_relu(y, 0.2)

    def dense(self: Any, x: Any) -> Any:
        m = layer.lr_multiplier
        bias = self.bias if self.bias is None or m == 1.0 else self.bias * m
        return activated(functional.linear(x, self.weight * layer.reparametrization.c, bias))

    def conv(self: Any, x: Any) -> Any:
        return activated(
            functional.conv2d(x, self.weight * layer.reparametrization.c, self.bias, padding=layer.kernel_size[0] // 2)
        )

    def stddev(self: Any, x: Any) -> Any:
        groups = x.reshape(layer.group_size, -1, *x.shape[1:])
        s = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        return torch.cat([x, s.repeat(layer.group_size)[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)

    def bias(self: Any, x: Any) -> Any:
        return x + (self.bias if x.ndim == 2 else self.bias[:, None, None])

    def blur(self: Any, x: Any) -> Any:
        row = torch.tensor([0.25, 0.5, 0.25], device=x.device)
        return functional.conv2d(x, torch.outer(row, row).expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])

    if isinstance(layer, nn.Sequential):
        return torch.nn.Sequential(*map(translated, layer))
    if isinstance(layer, nn.EqualizedDense):
        return Function(dense, weight=of(layer.weight).T, bias=of(layer.bias))
    if isinstance(layer, nn.EqualizedConv2d):
        return Function(conv, weight=of(layer.weight).transpose(3, 2, 0, 1), bias=of(layer.bias))
    if isinstance(layer, nn.Bias):
        return Function(bias, bias=of(layer.bias))
    return Function(
        {
            nn.PixelNorm: lambda self, x: x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8),
            nn.Reshape: lambda self, x: x.reshape(-1, *layer.shape).permute(0, 3, 1, 2),
            nn.Flatten: lambda self, x: x.permute(0, 2, 3, 1).flatten(1),
            nn.UpSample2d: lambda self, x: functional.interpolate(x, scale_factor=2, mode="nearest"),
            nn.AvgPool2d: lambda self, x: functional.avg_pool2d(x, 2),
            nn.LeakyReLU: lambda self, x: functional.leaky_relu(x, 0.2),
            nn.MinibatchStdDev: stddev,
            nn.Blur2d: blur,
        }[type(layer)]
    )
