"""Progressive growing of GANs (Karras et al. 2018): two networks that start at 4 x 4 pixels and grow.

- new layers are faded in, in both networks;
- equalized learning rates in all layers; latent vectors, and in the generator every pixel's features, scaled to a mean square of
1; the last layers of the discriminator see how much the images of a batch differ;
- upsampling by repeating pixels, downsampling by 2 x 2 means, leaky ReLU (0.2), no tanh at the end.

With the default `feature_maps` the networks are the paper's (table 2): at 1024 x 1024 23,071,507 and 23,077,137 parameters.
`training.Progressive` trains them.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from minigen import nn
from minigen.errors import ShapeError
from minigen.models.gans.growing import Growing, GrowingGenerator, fade, halve


class Generator(GrowingGenerator):
    """z -> 4 x 4 -> 8 x 8 ... -> `resolution`, two convolutions of 3 x 3 for each doubling.

    `feature_maps`: one for each resolution from 4 x 4 on. By default min(512, 16384 / resolution).
    """

    def __init__(
        self, resolution: int = 1024, latent_dim: int = 512, feature_maps: Sequence[int] | None = None, channels: int = 3
    ):
        super().__init__(resolution, feature_maps)
        self.latent_dim = latent_dim
        maps = self.feature_maps
        self.blocks = [
            nn.Sequential(
                nn.PixelNorm(),
                nn.EqualizedDense(latent_dim, 16 * maps[0], bias=False, gain=math.sqrt(2.0) / 4),
                nn.Reshape((4, 4, maps[0])),
                nn.Bias(maps[0]),
                nn.LeakyReLU(0.2),
                nn.PixelNorm(),
                *convolution(maps[0], maps[0]),
            ),
            *(
                nn.Sequential(nn.UpSample2d(2), *convolution(before, after), *convolution(after, after))
                for before, after in zip(maps, maps[1:])
            ),
        ]
        self.rgb = [nn.EqualizedConv2d(features, channels, 1, gain=1.0) for features in maps]

    def forward(self, z: Any) -> Any:
        """Latent vectors (n, latent_dim) -> images of the current resolution (n, r, r, channels)."""
        return self.image(z, lambda s, x: self.blocks[s](x))

    def summary_children(self) -> Iterator[tuple[str, nn.Module]]:
        """The fully faded-in layers of this stage in order of application, for a summary."""
        yield from ((f"blocks.{s}", self.blocks[s]) for s in range(self.stage + 1))
        yield f"rgb.{self.stage}", self.rgb[self.stage]


class Discriminator(Growing):
    """`resolution` ... -> 8 x 8 -> 4 x 4 -> a score (n, 1), without a sigmoid: the generator mirrored.

    `group_size`: of minibatch standard deviation; a batch is a multiple of it. `blur`: low-pass filters before each halving, as
    in StyleGAN's.
    """

    def __init__(
        self,
        resolution: int = 1024,
        feature_maps: Sequence[int] | None = None,
        channels: int = 3,
        group_size: int = 4,
        blur: bool = False,
    ):
        super().__init__(resolution, feature_maps)
        maps = self.feature_maps
        self.rgb = [nn.EqualizedConv2d(channels, features, 1, "leaky_relu") for features in maps]
        self.blocks = [
            nn.Sequential(
                nn.MinibatchStdDev(group_size),
                nn.EqualizedConv2d(maps[0] + 1, maps[0], 3, "leaky_relu"),
                nn.Flatten(),
                nn.EqualizedDense(16 * maps[0], maps[0], "leaky_relu"),
            ),
            *(
                nn.Sequential(nn.EqualizedConv2d(before, before, 3, "leaky_relu"), *halving(before, after, blur))
                for after, before in zip(maps, maps[1:])
            ),
        ]
        self.head = nn.EqualizedDense(maps[0], 1, gain=1.0)

    def features(self, x: Any) -> Any:
        """Images of the current resolution (n, r, r, channels) -> their features before the last layer, (n, feature_maps[0])."""
        stage, alpha, r = self.stage, self.alpha, self.resolution
        if len(x.shape) == 4 and tuple(x.shape[1:3]) != (r, r):
            raise ShapeError(f"this discriminator currently takes images of {r}x{r} pixels, got {tuple(x.shape)}: see grow_to")
        y = self.blocks[stage](self.rgb[stage](x))
        if alpha < 1.0:
            y = fade(self.rgb[stage - 1](halve(x)), y, alpha)
        for s in range(stage - 1, -1, -1):
            y = self.blocks[s](y)
        return y

    def forward(self, x: Any) -> Any:
        return self.head(self.features(x))

    def summary_children(self) -> Iterator[tuple[str, nn.Module]]:
        """The fully faded-in layers of this stage in order of application, for a summary."""
        yield f"rgb.{self.stage}", self.rgb[self.stage]
        yield from ((f"blocks.{s}", self.blocks[s]) for s in range(self.stage, -1, -1))
        yield "head", self.head


def convolution(before: int, after: int) -> list[nn.Module]:
    """A 3 x 3 convolution of the generator, with the layers that follow each."""
    return [nn.EqualizedConv2d(before, after, 3, "leaky_relu"), nn.PixelNorm()]


def halving(before: int, after: int, blur: bool) -> list[nn.Module]:
    """The second convolution of a block of the discriminator, and the halving."""
    if blur:
        return [nn.Blur2d(), nn.EqualizedConv2d(before, after, 3, bias=False), nn.AvgPool2d(2), nn.Bias(after), nn.LeakyReLU(0.2)]
    return [nn.EqualizedConv2d(before, after, 3, "leaky_relu"), nn.AvgPool2d(2)]
