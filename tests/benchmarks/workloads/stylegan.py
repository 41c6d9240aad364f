"""A step of a small StyleGAN at 16 x 16: discriminator with R1, generator with mixing and noise, Adam, moving average."""

from collections.abc import Callable
from typing import Any

import minigen as mg
from minigen.models.gans import stylegan
from tests.benchmarks.workload import STEP
from tests.benchmarks.workloads.dcgan import VARIANTS
from tests.benchmarks.workloads.progan import minigen_step, pictures, r1_step, translated, translated_discriminator

__all__ = ["CASES", "GOAL", "GROUP", "VARIANTS", "with_minigen", "with_pytorch"]
CASES = {"stylegan-16": {"batch_size": 32}, "stylegan-16-batch-64": {"batch_size": 64}}
GROUP, GOAL = "convolutional", STEP

FEATURE_MAPS = (64, 64, 32)


def with_minigen(batch_size: int) -> Callable[[], Any]:
    return minigen_step(*seeded_models(), pictures(batch_size, 16))


def with_pytorch(batch_size: int, memory_format: str) -> Callable[[], Any]:
    generator, discriminator = seeded_models()
    return r1_step(
        translated_generator(generator),
        translated_discriminator(discriminator),
        pictures(batch_size, 16),
        generator.latent_dim,
        memory_format,
    )


def seeded_models() -> tuple[stylegan.Generator, stylegan.Discriminator]:
    """The same weights for both libraries."""
    mg.seed(0)
    return (
        stylegan.Generator(16, latent_dim=64, style_dim=64, mapping_layers=4, feature_maps=FEATURE_MAPS),
        stylegan.Discriminator(16, FEATURE_MAPS),
    )


def translated_generator(generator: stylegan.Generator) -> Any:
    """The fully grown generator in PyTorch."""
    import torch
    from torch.nn import functional

    class Layer(torch.nn.Module):
        """Convolution, noise, bias, leaky ReLU, AdaIN."""

        def __init__(self, layer: stylegan.StyledLayer):
            super().__init__()
            self.body, self.bias, self.affine = translated(layer.body), translated(layer.bias), translated(layer.style.affine)
            self.scale = torch.nn.Parameter(torch.asarray(layer.noise.scale.numpy().copy())[:, None, None])
            self.register_buffer("fixed", torch.asarray(layer.noise.fixed.numpy().transpose(0, 3, 1, 2).copy()))

        def forward(self, x: Any, w: Any) -> Any:
            x = self.body(x)
            noise = torch.randn(len(x), *self.fixed.shape[1:], device=x.device) if self.training else self.fixed
            x = functional.leaky_relu(self.bias(x + self.scale * noise), 0.2)
            ys, yb = self.affine(w)[:, :, None, None].chunk(2, 1)
            return functional.instance_norm(x, eps=1e-8) * (1.0 + ys) + yb

    class Generator(torch.nn.Module):
        """With style mixing in training, and the average of w."""

        def __init__(self):
            super().__init__()
            self.mapping = translated(generator.mapping.net)
            self.input = torch.nn.Parameter(torch.asarray(generator.input.weight.numpy().transpose(2, 0, 1).copy()))
            self.layers = torch.nn.ModuleList(Layer(layer) for block in generator.blocks for layer in block.layers)
            self.rgb = translated(generator.rgb[-1])
            self.register_buffer("w_average", torch.zeros(generator.style_dim))

        def forward(self, z: Any) -> Any:
            w = self.mapping(z)
            styles = [w] * len(self.layers)
            if self.training:
                self.w_average.lerp_(w.detach().mean(0), 0.005)
                if torch.rand(()) < generator.mixing:
                    crossover = int(torch.randint(1, len(styles), ()))
                    styles[crossover:] = [self.mapping(torch.randn_like(z))] * (len(styles) - crossover)
            x = self.input.expand(len(z), -1, -1, -1)
            for layer, style in zip(self.layers, styles):
                x = layer(x, style)
            return self.rgb(x)

    return Generator()
