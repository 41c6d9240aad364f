"""Data sets by name, folders of pictures, loaders of the well-known ones, and minibatches."""

from minigen.data.dataset import Dataset
from minigen.data.image_folder import folder
from minigen.data.minibatches import Batches, batches
from minigen.data.picture_files import picture
from minigen.data.pixels import as_pixels
from minigen.data.registry import load

__all__ = ["Batches", "Dataset", "as_pixels", "batches", "folder", "load", "picture"]
