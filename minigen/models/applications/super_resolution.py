"""Super-resolution: from a low to a high resolution (SRGAN, Ledig et al. 2017).

Many high-resolution images have the same low-resolution image. The network that minimizes the squared error gives the mean of
them all, which is blurred; a discriminator makes it choose one of them:

    G minimizes  content + 2.5e-4 * (-E log D(G(low)))

The paper's content is a distance of VGG's features, or the squared error of pixels (its SRGAN-MSE), which is used here. The
weight is the paper's, in our units (`training.Restoration`). Its discriminator has strided convolutions of 3 x 3, batch
normalization and a dense layer of 1,024; in demo 28 it is `dcgan.TinyDiscriminator` without batch normalization, with R1, which
the paper does not have. Its low resolution is the blurred image, subsampled; here the mean of each block. As in the paper, both
networks have the same learning rate, and the generator first learns the content alone.
"""

from typing import Any

from minigen import nn, ops
from minigen.errors import ShapeError
from minigen.models.applications.restorer import Restorer
from minigen.utils.checks import check_sizes, is_whole


class Generator(Restorer):
    """Low resolution (n, h / factor, w / factor, c) -> (n, h, w, c), by residual blocks and learned upsampling.

    All residual blocks work at the low resolution; then each doubling is a transposed convolution, 4 x 4 with stride 2. The
    paper's convolution to four times the channels, rearranged to 2 x 2 pixels, is a transposed convolution too (Shi et al. 2016).
    The paper has 16 blocks of 64 maps, batch normalization, which Lim et al. 2017 found better left out, PReLU (a slope below 0
    for each map, learned), and kernels of 9 x 9 at both ends. Here are two blocks of 24 maps, ReLU, 3 x 3 kernels at the
    beginning, and at the end no convolution at the high resolution: the last doubling gives the image, and a sigmoid keeps it in
    [0, 1]. 26,665 parameters for a factor of 2, 35,905 for 4.

    `factor`: 2, 4, 8 ...  `resolution`: the side in pixels of the output, a multiple of the factor. The network is
    convolutional, and `restore` takes images of any size; the resolution is the one a discriminator must match.
    Raises ValueError for a factor that is not a power of 2, or that does not divide the resolution.
    """

    def __init__(self, factor: int = 2, resolution: int = 28, channels: int = 1, feature_maps: int = 24, blocks: int = 2):
        if not is_whole(factor) or factor < 2 or factor & (factor - 1):
            raise ValueError(f"factor: each upsampling doubles the size, expected 2, 4, 8 ..., got {factor}")
        check_sizes("a super-resolution Generator", resolution=resolution)
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
        """Images (n, h, w, c) -> the mean of each block of factor x factor pixels, (n, h / factor, w / factor, c).

        Raises ShapeError for images whose sides are not multiples of the factor.
        """
        if len(x.shape) != 4 or any(side % self.factor for side in x.shape[1:3]):
            raise ShapeError(
                f"degrade: expected images (n, h, w, c) whose sides are multiples of {self.factor}, got {tuple(x.shape)}"
            )
        return ops.avg_pool2d(x, size=self.factor)


class Residual(nn.Module):
    """x + layers(x): the layers learn the change (He et al. 2016). They keep the shape of x."""

    def __init__(self, *layers: nn.Module):
        self.body = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        return x + self.body(x)
