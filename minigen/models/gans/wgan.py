"""The networks that Gulrajani et al. (2017, "Improved Training of Wasserstein GANs") published for MNIST."""

from itertools import pairwise

from minigen import nn
from minigen.models.gans import base
from minigen.models.gans.dcgan import SIDES
from minigen.models.sizes import Shape, doubling, feature_maps_of, halved, image_shape

COARSEST = 4  # at most so many pixels along the shorter side of the smallest maps


class Generator(base.Generator):
    """128 -> 4 x 4 x 256 -> 7 x 7 x 128 -> 14 x 14 x 64 -> 28 x 28 x 1, ReLU, sigmoid: pixels in [0, 1]. 1,554,177 parameters.

    From 4 x 4 to 7 x 7 it is the adjoint of the convolution that halves 7 x 7. (The published code computes 8 x 8 and crops the
    last row and column; this is 8 x 8 without the first.)

    `shape`: of an image with sides of 8 to 128 pixels, else ShapeError: halved, rounded up, until the shorter side has 3 or 4
    pixels, with twice as many maps each time, from `width` on. From 64 x 64 that is a layer more.
    """

    pixel_range = (0.0, 1.0)

    def __init__(self, latent_dim: int = 128, shape: Shape = (28, 28, 1), width: int = 64):
        *_, channels = shape = image_shape("the WGAN's generator", shape, *SIDES)
        self.latent_dim, maps = latent_dim, feature_maps_of(shape, width, COARSEST)
        *sizes, (rows, columns) = halved(shape, len(maps))
        self.net = nn.Sequential(
            nn.Dense(latent_dim, rows * columns * maps[-1], activation="relu"),
            nn.Reshape((rows, columns, maps[-1])),
            *(
                doubling(before, after, 5, size, activation="relu")
                for (before, after), size in zip(pairwise(maps[::-1]), sizes[:0:-1])
            ),
            doubling(maps[0], channels, 5, sizes[0], activation="sigmoid"),
        )


class Critic(base.Discriminator):
    """28 x 28 x 1 -> 14 x 14 x 64 -> 7 x 7 x 128 -> 4 x 4 x 256 -> 1, leaky ReLU, 1,030,145 parameters.

    No batch normalization: a gradient penalty is computed per example. `shape`, `width`: as in `Generator`.  `pack`, `minibatch`:
    see base.Discriminator.
    """

    def __init__(self, shape: Shape = (28, 28, 1), width: int = 64, pack: int = 1, minibatch: str | None = None):
        *_, channels = shape = image_shape("the WGAN's critic", shape, *SIDES)
        maps = feature_maps_of(shape, width, COARSEST)
        rows, columns = halved(shape, len(maps))[-1]
        super().__init__(
            nn.Sequential(
                *(
                    nn.Conv2d(before, after, 5, stride=2, activation="leaky_relu")
                    for before, after in pairwise((channels * pack, *maps))
                ),
                nn.Flatten(),
            ),
            rows * columns * maps[-1],
            pack,
            minibatch,
        )
