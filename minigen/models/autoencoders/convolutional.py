"""The convolutional autoencoder."""

from minigen import nn
from minigen.models.autoencoders.base import ImageAutoencoder
from minigen.models.sizes import Shape, checked_maps, image_shape
from minigen.ops.window import Pair

SMALLEST = 8  # pixels along a side: halved three times, one is left


class ConvolutionalAutoencoder(ImageAutoencoder):
    """Convolution and pooling down to 3 x 3 maps, transposed convolutions back: 28 -> 14 -> 7 -> 3 -> 7 -> 14 -> 28.

    The chapter's encoder (23,296 parameters) and the book's decoder (23,233): the codes are 64 maps of 3 x 3, 576 values, which
    is hardly a bottleneck. `latent_dim` adds one, with a Dense layer on either side of the codes: with 30 codes, 40,606 + 13,873
    parameters, as many as in the book's third edition. (Its codes are the means of 30 maps, its activation is ReLU, and there is
    none after its decoder's Dense layer.)

    The last pooling drops a row of 7, so the first transposed convolution pads nothing: (3 - 1) * 2 + 3 = 7. SELU is increasing,
    so the SELU of a maximum is the maximum of the SELUs: it comes after the pooling, at a quarter of the cost.

    `shape`: of an image, (height, width, channels), whose sides are halved three times too, and have at least 8 pixels, else
    ShapeError. The codes are then 64 maps of an eighth of each side.
    """

    def __init__(
        self, latent_dim: int | None = None, feature_maps: tuple[int, int, int] = (16, 32, 64), shape: Shape = (28, 28, 1)
    ):
        height, width, channels = image_shape(type(self).__name__, shape, SMALLEST)
        sizes = [(height >> times, width >> times) for times in range(4)]  # pooling rounds down
        first, second, third = checked_maps(feature_maps, 3)
        down = [
            layer
            for before, after in ((channels, first), (first, second), (second, third))
            for layer in (nn.Conv2d(before, after, 3, weight_init=nn.init.lecun_normal), nn.MaxPool2d(2), nn.SELU())
        ]
        to_codes, from_codes, up = [], [], third
        if latent_dim is not None:
            rows, columns = sizes[3]
            to_codes = [nn.Flatten(), nn.Dense(rows * columns * third, latent_dim, activation="selu")]
            from_codes = [nn.Dense(latent_dim, rows * columns * first, activation="selu"), nn.Reshape((rows, columns, first))]
            up = first
        self.encoder = nn.Sequential(*down, *to_codes)
        self.decoder = nn.Sequential(
            *from_codes,
            unpooling(up, second, sizes[2], activation="selu"),
            unpooling(second, first, sizes[1], activation="selu"),
            unpooling(first, channels, sizes[0]),
        )


def unpooling(before: int, after: int, size: Pair, activation: str | None = None) -> nn.ConvTranspose2d:
    """The transposed convolution of 3 x 3 and stride 2 from half of a size, rounded down, to that size: from s to 2 s + 1 pixels
    without padding, to 2 s with a pixel of it."""
    padding = ((0, 1 - size[0] % 2), (0, 1 - size[1] % 2))
    return nn.ConvTranspose2d(before, after, 3, stride=2, padding=padding, activation=activation)
