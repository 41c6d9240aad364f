"""The deep convolutional GAN: convolutions in both networks, and the rules under which they train (Radford et al. 2016).

- strided convolutions in the discriminator, transposed ones in the generator, no pooling;
- batch normalization in both, except at the output of the generator and the input of the discriminator;
- no hidden dense layers;
- ReLU in the generator, tanh at its end; leaky ReLU in the discriminator.

`Generator` and `Discriminator` are the book's, which keep most of these. `TinyGenerator` and `TinyDiscriminator` keep all of them
at a size for two CPU cores, and each rule is a switch. (The paper also draws all weights from N(0, 0.02^2) and z from a uniform
distribution; here weights are initialized as in other layers, and z is normal, as in the book.)
"""

from itertools import pairwise

from minigen import nn
from minigen.models.gans import base


class Generator(base.Generator):
    """The book's: 100 -> 7 x 7 x 128 -> 14 x 14 x 64 -> 28 x 28 x 1, kernels of 5 x 5, SELU, tanh: pixels in [-1, 1].

    840,321 parameters, and 384 running statistics.
    """

    pixel_range = (-1.0, 1.0)

    def __init__(self, latent_dim: int = 100, channels: int = 1):
        self.latent_dim = latent_dim
        self.net = nn.Sequential(
            nn.Dense(latent_dim, 7 * 7 * 128),
            nn.Reshape((7, 7, 128)),
            nn.BatchNorm(128),
            nn.ConvTranspose2d(128, 64, 5, stride=2, activation="selu"),
            nn.BatchNorm(64),
            nn.ConvTranspose2d(64, channels, 5, stride=2, activation="tanh"),
        )


class Discriminator(base.Discriminator):
    """The book's: 28 x 28 x 1 -> 14 x 14 x 64 -> 7 x 7 x 128 -> 1, kernels of 5 x 5, leaky ReLU, dropout. 212,865 parameters.

    `channels`: of the images.  `dropout`: 0 makes it a critic for a gradient penalty.  `pack`, `minibatch`: see
    base.Discriminator.
    """

    def __init__(self, channels: int = 1, dropout: float = 0.4, pack: int = 1, minibatch: str | None = None):
        drop = [nn.Dropout(dropout)] if dropout else []
        super().__init__(
            nn.Sequential(
                nn.Conv2d(channels * pack, 64, 5, stride=2),
                nn.LeakyReLU(0.2),
                *drop,
                nn.Conv2d(64, 128, 5, stride=2),
                nn.LeakyReLU(0.2),
                *drop,
                nn.Flatten(),
            ),
            7 * 7 * 128,
            pack,
            minibatch,
        )


class TinyGenerator(base.Generator):
    """64 -> 7 x 7 x 64 -> 14 x 14 x 32 -> 28 x 28 x 1, kernels of 4 x 4, by all the rules: pixels in [-1, 1].

    A kernel whose size the stride divides covers all pixels equally often, which avoids checkerboards (Odena et al. 2016).
    To break a rule: `batch_norm=False`; `transposed=False` upsamples by repeating pixels, followed by a convolution; `hidden`: a
    first dense layer of that many units; `activation`.
    """

    pixel_range = (-1.0, 1.0)

    def __init__(
        self,
        latent_dim: int = 64,
        channels: int = 1,
        feature_maps: tuple[int, int] = (64, 32),
        batch_norm: bool = True,
        transposed: bool = True,
        hidden: int | None = None,
        activation: str = "relu",
    ):
        self.latent_dim = latent_dim
        first, second = feature_maps

        def activated(features: int) -> list[nn.Module]:
            return [*([nn.BatchNorm(features)] if batch_norm else []), nn.activation(activation)]

        def enlarge(before: int, after: int) -> list[nn.Module]:
            if transposed:
                return [nn.ConvTranspose2d(before, after, 4, stride=2)]
            return [nn.UpSample2d(2), nn.Conv2d(before, after, 4)]

        self.net = nn.Sequential(
            *([nn.Dense(latent_dim, hidden), *activated(hidden)] if hidden else []),
            nn.Dense(hidden or latent_dim, 7 * 7 * first),
            nn.Reshape((7, 7, first)),
            *activated(first),
            *enlarge(first, second),
            *activated(second),
            *enlarge(second, channels),
            nn.Tanh(),
        )


class TinyDiscriminator(base.Discriminator):
    """28 x 28 x 1 -> 14 x 14 x 16 -> 7 x 7 x 48 -> 4 x 4 x 96 -> 1, kernels of 4 x 4, by all the rules.

    Three convolutions, so that the last one sees 22 x 22 pixels. The score is a sum over positions: two convolutions, which see
    10 x 10, would score each stroke of a digit, but not whether they fit together.

    To break a rule: `batch_norm=False`, which makes it a critic for a gradient penalty; `strided=False` halves by max pooling
    after the convolution; `hidden`: a dense layer of that many units before the last; `activation`.  `feature_maps`: of each
    convolution.  `channels`, `dropout`: as in `Discriminator`.  `pack`, `minibatch`: see base.Discriminator.
    """

    def __init__(
        self,
        channels: int = 1,
        feature_maps: tuple[int, ...] = (16, 48, 96),
        batch_norm: bool = True,
        strided: bool = True,
        hidden: int | None = None,
        activation: str = "leaky_relu",
        dropout: float = 0.0,
        pack: int = 1,
        minibatch: str | None = None,
    ):
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(pairwise((channels * pack, *feature_maps))):
            halving = [nn.Conv2d(before, after, 4, stride=2)] if strided else [nn.Conv2d(before, after, 4), nn.MaxPool2d(2)]
            norm = [nn.BatchNorm(after)] if batch_norm and i > 0 else []
            layers += [*halving, *norm, nn.activation(activation), *([nn.Dropout(dropout)] if dropout else [])]
        body = nn.Sequential(*layers, nn.Flatten())
        (features,) = body.output_shape((28, 28, channels * pack))
        if hidden:
            body = nn.Sequential(*body, nn.Dense(features, hidden), nn.activation(activation))
        super().__init__(body, hidden or features, pack, minibatch)
