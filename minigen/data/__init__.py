"""Data sets that need no download, loaders of the well-known ones, and the minibatches made of them."""

from minigen.data import faces, styles
from minigen.data.batches import Batches, batches
from minigen.data.dataset import Dataset
from minigen.data.registry import load
from minigen.data.toys import GaussianMixture, gaussian_grid, gaussian_ring, tilted_plane

__all__ = [
    "Batches",
    "Dataset",
    "GaussianMixture",
    "batches",
    "faces",
    "gaussian_grid",
    "gaussian_ring",
    "load",
    "styles",
    "tilted_plane",
]
