"""Autoencoders, one module per variant."""

from minigen.models.autoencoders.conditional import ConditionalVariationalAutoencoder
from minigen.models.autoencoders.convolutional import ConvolutionalAutoencoder
from minigen.models.autoencoders.convolutional_variational import ConvolutionalVariationalAutoencoder
from minigen.models.autoencoders.denoising import DenoisingAutoencoder, LinearDenoisingAutoencoder
from minigen.models.autoencoders.hashing import HashingAutoencoder
from minigen.models.autoencoders.linear import LinearAutoencoder
from minigen.models.autoencoders.linear_variational import LinearVariationalAutoencoder
from minigen.models.autoencoders.recurrent import RecurrentAutoencoder
from minigen.models.autoencoders.sparse import SparseAutoencoder
from minigen.models.autoencoders.stacked import StackedAutoencoder
from minigen.models.autoencoders.tied import TiedAutoencoder
from minigen.models.autoencoders.variational import VariationalAutoencoder

# fmt: off
__all__ = [
    "ConditionalVariationalAutoencoder", "ConvolutionalAutoencoder", "ConvolutionalVariationalAutoencoder",
    "DenoisingAutoencoder", "HashingAutoencoder", "LinearAutoencoder", "LinearDenoisingAutoencoder",
    "LinearVariationalAutoencoder", "RecurrentAutoencoder", "SparseAutoencoder", "StackedAutoencoder",
    "TiedAutoencoder", "VariationalAutoencoder",
]
# fmt: on
