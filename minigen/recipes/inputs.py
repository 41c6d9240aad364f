"""The inputs of the recipes: data sets by name, and their images in the shape that a model takes."""

from dataclasses import replace
from typing import Any

import numpy as np

from minigen import data, synthetic
from minigen.data import Dataset
from minigen.data.registry import LOADERS
from minigen.errors import RecipeError

NAMES = (*LOADERS, "plane")


def expected(name: str, resolution: int = 32) -> tuple[tuple[int, ...], int]:
    """The shape of an example of a data set, and the number of its classes, without loading it."""
    small = (28, 28, 1)
    return {
        "glyphs": (small, 10),
        "mnist": (small, 10),
        "fashion_mnist": (small, 10),
        "faces": ((resolution, resolution, 3), 2),
        "plane": ((3,), 1),
    }[name]


def load_examples(name: str, images: int | None = None, resolution: int = 32) -> tuple[Dataset, Dataset]:
    """(train, test) of a data set by name; "plane" is a set of points in space near a plane, with meaningless labels.

    images: train on this many only; RecipeError if there are fewer.  resolution: of "faces", whose training images are bytes in a
    memory-mapped file, since they may be many.
    """
    if name == "plane":
        points = (synthetic.tilted_plane(), synthetic.tilted_plane(seed=5))
        train, test = (Dataset(name, each, np.zeros(len(each), dtype=np.int64), ("point",), {}) for each in points)
    elif name == "faces":
        sizes: dict[str, Any] = {} if images is None else {"train_size": images}
        train, test = data.load(name, resolution=resolution, cache=True, dtype="uint8", **sizes)
        test = replace(test, images=data.as_pixels(test.images))
    else:
        train, test = data.load(name)
    if images is not None and images > len(train):
        raise RecipeError(f"{name} has {len(train)} training examples, not {images}")
    return train[:images], test


def described(images: np.ndarray) -> str:
    """The shape of examples as text: "images of 28 x 28 x 1"."""
    kind = "images of" if images.ndim == 4 else "points of"
    return f"{kind} {' x '.join(map(str, images.shape[1:]))}"


# -- views: the images in the form that a kind of model takes, or RecipeError that says which it takes -----------


def small(images: np.ndarray) -> np.ndarray:
    """Gray images of 28 x 28."""
    if images.shape[1:] != (28, 28, 1):
        raise RecipeError("images of 28 x 28 x 1")
    return images


def sized(images: np.ndarray) -> np.ndarray:
    """Images of 28 x 28, gray or in color."""
    if images.shape[1:3] != (28, 28):
        raise RecipeError("images of 28 x 28")
    return images


def flat(images: np.ndarray) -> np.ndarray:
    """Any examples, as rows: (n, ...) -> (n, features). Rows have no axes of images, so that bytes become pixels here."""
    return data.as_pixels(images).reshape(len(images), -1)


def unpadded(images: np.ndarray, side: int) -> np.ndarray:
    """Images without the padding that `square` has given to those with a `side` of 28."""
    margin = (images.shape[1] - side) // 2
    return images[:, margin : images.shape[1] - margin, margin : images.shape[2] - margin]


def square(images: np.ndarray) -> np.ndarray:
    """Squares with a side that is a power of two; those of 28 x 28 get a zero padding of 2 pixels."""
    if images.shape[1:3] == (28, 28):
        images = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    side = images.shape[1]
    if images.ndim != 4 or side != images.shape[2] or side & (side - 1) or side < 4:
        raise RecipeError("square images with a side of 4, 8, 16 ... 1024 pixels, or of 28")
    return images
