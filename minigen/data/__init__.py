"""Data sets by name, loaders of the well-known ones, and minibatches."""

from minigen.data.dataset import Dataset
from minigen.data.minibatches import Batches, batches
from minigen.data.pixels import as_pixels
from minigen.data.registry import load

__all__ = ["Batches", "Dataset", "as_pixels", "batches", "load"]
