"""The convolutional variational autoencoder: for images in colour, of any resolution."""

from collections.abc import Sequence
from itertools import pairwise

from minigen import nn
from minigen.errors import ShapeError
from minigen.models.autoencoders.variational import VariationalAutoencoder, configure


class ConvolutionalVariationalAutoencoder(VariationalAutoencoder):
    """A variational autoencoder of r x r images whose networks are convolutional: 32 -> 16 -> 8 -> 4 -> 8 -> 16 -> 32.

        encoder:   convolution 4x4, stride 2, and SELU for each of `feature_maps`; dense layers to mean and logvar
        decoder:   a dense layer with SELU back to the smallest maps; transposed convolutions 4x4, stride 2, SELU between them

    Loss, sampling and likelihoods are those of `VariationalAutoencoder`. Of colours "bce" takes each of the three channels for
    a probability. "mse" has the fixed variance 1/2, in which small marks of a face, such as glasses, hardly count; beta below 1
    is, up to the scale of the loss, a Gaussian of variance beta / 2.

    `resolution`: r; `channels`: c of the images (n, r, r, c). With the defaults 183,011 parameters.
    Raises ShapeError for a resolution that cannot be halved once for each of `feature_maps`, and what VariationalAutoencoder
    raises. Source: Kingma & Welling 2014; the rules for the networks are those of Radford et al. 2016, without normalization.
    """

    def __init__(self, resolution: int = 32, channels: int = 3, latent_dim: int = 32, beta: float = 1.0,
                 reconstruction: str = "bce", feature_maps: Sequence[int] = (16, 32, 64)):
        configure(self, latent_dim, beta, reconstruction)
        halvings = 2 ** len(feature_maps)
        if not feature_maps or resolution < halvings or resolution % halvings:
            raise ShapeError(f"ConvolutionalVariationalAutoencoder: {len(feature_maps)} layers, each of which halves the image, "
                             f"expected at least one, and a resolution that is a multiple of {halvings}, got {resolution}")
        smallest = (resolution // halvings, resolution // halvings, feature_maps[-1])
        size = smallest[0] * smallest[1] * smallest[2]
        down = [nn.Conv2d(before, after, 4, stride=2, activation="selu") for before, after in pairwise((channels, *feature_maps))]
        self.encoder = nn.Sequential(*down, nn.Flatten())
        self.mean, self.logvar = nn.Dense(size, latent_dim), nn.Dense(size, latent_dim)
        self.sampling = nn.Sampling()
        up = [nn.ConvTranspose2d(before, after, 4, stride=2, activation="selu") for before, after in pairwise(feature_maps[::-1])]
        self.decoder = nn.Sequential(nn.Dense(latent_dim, size, activation="selu"), nn.Reshape(smallest), *up,
                                     nn.ConvTranspose2d(feature_maps[0], channels, 4, stride=2))
