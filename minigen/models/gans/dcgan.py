"""The deep convolutional GAN: convolutions in both networks, and the rules under which they train (Radford et al. 2016).

- strided convolutions in the discriminator, transposed ones in the generator, no pooling;
- batch normalization in both, except at the output of the generator and the input of the discriminator;
- no hidden dense layers;
- ReLU in the generator, tanh at its end; leaky ReLU in the discriminator.

`Generator` and `Discriminator` are the book's, which keep most of these. `TinyGenerator` and `TinyDiscriminator` keep all of them
at a size for two CPU cores, and each rule is a switch. (The paper also draws all weights from N(0, 0.02^2) and z from a uniform
distribution; here weights are initialized as in other layers, and z is normal, as in the book.)

All take the `shape` of an image, (height, width, channels), with sides of 8 to 128 pixels, else ShapeError. As in the paper there
is a layer more for each doubling, and a generator has twice as many feature maps before it as after it. Images are halved,
rounded up, until the shorter side has 4 to 7 pixels: 28 x 28 twice, to 7 x 7, as in the book; 64 x 64 four times, to 4 x 4, as in
the paper; 16, 32 and 128 pixels two, three and five times.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from minigen import nn
from minigen.errors import ShapeError
from minigen.models.gans import base
from minigen.models.sizes import Shape, doubling, feature_maps_of, halved, halvings, image_shape, maps_of_doublings
from minigen.ops.window import Pair

SIDES = (8, 128)  # pixels, the fewest and the most
COARSEST = 7  # at most so many along the shorter side of a generator's smallest maps


class Generator(base.Generator):
    """The book's: 100 -> 7 x 7 x 128 -> 14 x 14 x 64 -> 28 x 28 x 1, kernels of 5 x 5, SELU, tanh: pixels in [-1, 1].

    840,321 parameters, and 384 running statistics. Whatever the shape, the finest maps are 64; the paper's are 128.
    """

    pixel_range = (-1.0, 1.0)

    def __init__(self, latent_dim: int = 100, shape: Shape = (28, 28, 1)):
        *_, channels = shape = image_shape("a DCGAN", shape, *SIDES)
        self.latent_dim, maps = latent_dim, feature_maps_of(shape, 64, COARSEST)[::-1]
        *sizes, coarsest = halved(shape, len(maps))
        self.net = nn.Sequential(
            nn.Dense(latent_dim, math.prod(coarsest) * maps[0]),
            nn.Reshape((*coarsest, maps[0])),
            nn.BatchNorm(maps[0]),
            *(
                layer
                for (before, after), size in zip(pairwise(maps), sizes[:0:-1])
                for layer in (doubling(before, after, 5, size, activation="selu"), nn.BatchNorm(after))
            ),
            doubling(maps[-1], channels, 5, sizes[0], activation="tanh"),
        )


class Discriminator(base.Discriminator):
    """The book's: 28 x 28 x 1 -> 14 x 14 x 64 -> 7 x 7 x 128 -> 1, kernels of 5 x 5, leaky ReLU, dropout. 212,865 parameters.

    `shape`: of an image.  `dropout`: 0 makes it a critic for a gradient penalty.  `pack`, `minibatch`: see base.Discriminator.
    """

    def __init__(self, shape: Shape = (28, 28, 1), dropout: float = 0.4, pack: int = 1, minibatch: str | None = None):
        *_, channels = shape = image_shape("a DCGAN", shape, *SIDES)
        maps = feature_maps_of(shape, 64, COARSEST)
        drop = [nn.Dropout(dropout)] if dropout else []
        super().__init__(
            nn.Sequential(
                *(
                    layer
                    for before, after in pairwise((channels * pack, *maps))
                    for layer in (nn.Conv2d(before, after, 5, stride=2), nn.LeakyReLU(0.2), *drop)
                ),
                nn.Flatten(),
            ),
            math.prod(halved(shape, len(maps))[-1]) * maps[-1],
            pack,
            minibatch,
        )


class TinyGenerator(base.Generator):
    """64 -> 7 x 7 x 64 -> 14 x 14 x 32 -> 28 x 28 x 1, kernels of 4 x 4, by all the rules: pixels in [-1, 1].

    A kernel whose size the stride divides covers all pixels equally often, which avoids checkerboards (Odena et al. 2016).
    `shape`: of an image.  `feature_maps`: from the coarsest on, one for each doubling, whose number says how coarse the coarsest
    are, down to a single pixel along the shorter side (else ValueError); by default the finest are 32.
    To break a rule: `batch_norm=False`; `transposed=False` upsamples by repeating pixels, followed by a convolution (ShapeError
    for a side that is not even at each doubling); `hidden`: a first dense layer of that many units; `activation`.
    """

    pixel_range = (-1.0, 1.0)

    def __init__(
        self,
        latent_dim: int = 64,
        shape: Shape = (28, 28, 1),
        feature_maps: Sequence[int] | None = None,
        batch_norm: bool = True,
        transposed: bool = True,
        hidden: int | None = None,
        activation: str = "relu",
    ):
        height, width, channels = shape = image_shape("a DCGAN", shape, *SIDES)
        default = feature_maps_of(shape, 32, COARSEST)[::-1]
        self.latent_dim, maps = latent_dim, default if feature_maps is None else maps_of_doublings(feature_maps, shape)
        *sizes, (rows, columns) = halved(shape, len(maps))

        def activated(features: int) -> list[nn.Module]:
            return [*([nn.BatchNorm(features)] if batch_norm else []), nn.activation(activation)]

        def enlarge(before: int, after: int, size: Pair) -> list[nn.Module]:
            if transposed:
                return [doubling(before, after, 4, size)]
            if any(side % 2 for side in size):
                raise ShapeError(
                    f"a DCGAN that repeats pixels, transposed=False, doubles {rows} x {columns} to {rows << len(maps)} x "
                    f"{columns << len(maps)}, not to {height} x {width}"
                )
            return [nn.UpSample2d(2), nn.Conv2d(before, after, 4)]

        self.net = nn.Sequential(
            *([nn.Dense(latent_dim, hidden), *activated(hidden)] if hidden else []),
            nn.Dense(hidden or latent_dim, rows * columns * maps[0]),
            nn.Reshape((rows, columns, maps[0])),
            *activated(maps[0]),
            *(
                layer
                for (before, after), size in zip(pairwise(maps), sizes[:0:-1])
                for layer in (*enlarge(before, after, size), *activated(after))
            ),
            *enlarge(maps[-1], channels, sizes[0]),
            nn.Tanh(),
        )


class TinyDiscriminator(base.Discriminator):
    """28 x 28 x 1 -> 14 x 14 x 16 -> 7 x 7 x 48 -> 4 x 4 x 96 -> 1, kernels of 4 x 4, by all the rules.

    Three convolutions, so that the last one sees 22 x 22 pixels. The score is a sum over positions: two convolutions, which see
    10 x 10, would score each stroke of a digit, but not whether they fit together.

    `shape`: of an image.  `feature_maps`: of each convolution; by default as many as leave the shorter side 3 or 4 pixels, with
    16, 48, 96, 192, 384 maps.  `dropout`: as in `Discriminator`.  `pack`, `minibatch`: see base.Discriminator.
    To break a rule: `batch_norm=False`, which makes it a critic for a gradient penalty; `strided=False` halves by max pooling
    after the convolution; `hidden`: a dense layer of that many units before the last; `activation`.
    """

    def __init__(
        self,
        shape: Shape = (28, 28, 1),
        feature_maps: Sequence[int] | None = None,
        batch_norm: bool = True,
        strided: bool = True,
        hidden: int | None = None,
        activation: str = "leaky_relu",
        dropout: float = 0.0,
        pack: int = 1,
        minibatch: str | None = None,
    ):
        height, width, channels = shape = image_shape("a DCGAN", shape, *SIDES)
        default = (16, 48, 96, 192, 384)[: halvings(shape, 4)]
        maps = default if feature_maps is None else maps_of_doublings(feature_maps, shape, pooling=not strided)
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(pairwise((channels * pack, *maps))):
            halving = [nn.Conv2d(before, after, 4, stride=2)] if strided else [nn.Conv2d(before, after, 4), nn.MaxPool2d(2)]
            norm = [nn.BatchNorm(after)] if batch_norm and i > 0 else []
            layers += [*halving, *norm, nn.activation(activation), *([nn.Dropout(dropout)] if dropout else [])]
        body = nn.Sequential(*layers, nn.Flatten())
        (features,) = body.output_shape((height, width, channels * pack))
        if hidden:
            body = nn.Sequential(*body, nn.Dense(features, hidden), nn.activation(activation))
        super().__init__(body, hidden or features, pack, minibatch)
