"""Super-resolution: an image with more pixels than were taken (SRGAN, Ledig et al. 2017).

An image of few pixels is what many images of more pixels look like from afar. The network that minimizes the squared error gives
the mean of them all, which is blurred; a discriminator asks it to decide for one of them:

    G minimizes  content + 1e-3 * (-E log D(G(low)))

The paper's content is a distance of VGG's features, or the squared error of pixels (its SRGAN-MSE), which is what stands here.
Its discriminator is one of strided convolutions, as `dcgan.TinyDiscriminator` is at this size.
"""

from typing import Any

from minigen import nn, ops
from minigen.errors import ShapeError
from minigen.models.applications.restorer import Restorer
from minigen.utils.checks import is_whole


class Generator(Restorer):
    """Low resolution (n, h / factor, w / factor, c) -> (n, h, w, c), by residual blocks and a learned enlargement.

    All residual blocks work at the low resolution; then each doubling is a transposed convolution, 4 x 4 with stride 2. The
    paper's convolution to four times the channels, whose values are then laid out as 2 x 2 pixels, is a transposed convolution
    too (Shi et al. 2016). The paper has 16 blocks of 64 maps, PReLU, kernels of 9 x 9 at both ends, and batch normalization,
    which Lim et al. 2017 found better left out; here two blocks of 24 maps, ReLU and 3 x 3 do: 26,665 parameters for a factor of
    2, 35,905 for 4.

    `factor`: 2, 4, 8 ...  `resolution`: pixels a side of the images it makes, a multiple of the factor. The network is
    convolutional, and `restore` takes images of any size; the resolution is what a discriminator must fit.
    Raises ValueError for a factor that is not a power of 2, or that does not divide the resolution.
    """

    def __init__(self, factor: int = 2, resolution: int = 28, channels: int = 1, feature_maps: int = 24, blocks: int = 2):
        if not is_whole(factor) or factor < 2 or factor & (factor - 1):
            raise ValueError(f"factor: each enlargement doubles, expected 2, 4, 8 ..., got {factor}")
        if resolution % factor:
            raise ValueError(f"resolution: expected a multiple of the factor {factor}, got {resolution}")
        self.factor = factor
        self.input_shape = (resolution // factor, resolution // factor, channels)
        body = [
            Residual(nn.Conv2d(feature_maps, feature_maps, 3, activation="relu"), nn.Conv2d(feature_maps, feature_maps, 3))
            for _ in range(blocks)
        ]
        doublings = [
            nn.ConvTranspose2d(feature_maps, feature_maps, 4, stride=2, activation="relu")
            for _ in range(int(factor).bit_length() - 2)
        ]
        self.net = nn.Sequential(
            nn.Conv2d(channels, feature_maps, 3, activation="relu"),
            Residual(*body, nn.Conv2d(feature_maps, feature_maps, 3)),
            *doublings,
            nn.ConvTranspose2d(feature_maps, channels, 4, stride=2),
            nn.Sigmoid(),
        )

    def degrade(self, x: Any) -> Any:
        """Images (n, h, w, c) -> the mean of each factor x factor pixels, (n, h / factor, w / factor, c).

        Raises ShapeError for images whose sides are not multiples of the factor.
        """
        if len(x.shape) != 4 or any(side % self.factor for side in x.shape[1:3]):
            raise ShapeError(
                f"degrade: expected images (n, h, w, c) whose sides are multiples of {self.factor}, got {tuple(x.shape)}"
            )
        return ops.avg_pool2d(x, size=self.factor)


class Residual(nn.Module):
    """x + layers(x): the layers learn what is to be changed (He et al. 2016). They keep the shape of x."""

    def __init__(self, *layers: nn.Module):
        self.body = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        return x + self.body(x)
