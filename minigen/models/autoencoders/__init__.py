"""Autoencoders, one file a variant."""

from minigen.models.autoencoders.linear import LinearAutoencoder
from minigen.models.autoencoders.stacked import StackedAutoencoder

__all__ = ["LinearAutoencoder", "StackedAutoencoder"]
