"""The convolutional autoencoder."""

from minigen import nn
from minigen.models.autoencoders.base import ImageAutoencoder


class ConvolutionalAutoencoder(ImageAutoencoder):
    """Convolution and pooling down to 3 x 3 maps, transposed convolutions back: 28 -> 14 -> 7 -> 3 -> 7 -> 14 -> 28.

    The chapter's encoder (23,296 parameters) and the book's decoder (23,233): the codes are 64 maps of 3 x 3, 576 values, which
    is hardly a bottleneck. `latent_dim` adds one, with a Dense layer on either side of the codes: with 30 codes, 40,606 + 13,873
    parameters, as many as in the book's third edition. (Its codes are the means of 30 maps, its activation is ReLU, and there is
    none after its decoder's Dense layer.)

    The last pooling drops a row of 7, so the first transposed convolution pads nothing: (3 - 1) * 2 + 3 = 7. SELU is increasing,
    so the SELU of a maximum is the maximum of the SELUs: it comes after the pooling, at a quarter of the cost.
    """

    def __init__(self, latent_dim: int | None = None, feature_maps: tuple[int, int, int] = (16, 32, 64)):
        first, second, third = feature_maps
        down = [
            layer
            for before, after in ((1, first), (first, second), (second, third))
            for layer in (nn.Conv2d(before, after, 3, weight_init=nn.init.lecun_normal), nn.MaxPool2d(2), nn.SELU())
        ]
        to_codes, from_codes, up = [], [], third
        if latent_dim is not None:
            to_codes = [nn.Flatten(), nn.Dense(3 * 3 * third, latent_dim, activation="selu")]
            from_codes = [nn.Dense(latent_dim, 3 * 3 * first, activation="selu"), nn.Reshape((3, 3, first))]
            up = first
        self.encoder = nn.Sequential(*down, *to_codes)
        self.decoder = nn.Sequential(
            *from_codes,
            nn.ConvTranspose2d(up, second, 3, stride=2, padding="valid", activation="selu"),
            nn.ConvTranspose2d(second, first, 3, stride=2, activation="selu"),
            nn.ConvTranspose2d(first, 1, 3, stride=2),
        )
