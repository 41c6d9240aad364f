"""The inputs of the recipes: data sets by name, and their images in the shape that a model takes."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from minigen import data, synthetic
from minigen.data import Dataset
from minigen.data.image_folder import checked_root, listed
from minigen.data.registry import LOADERS
from minigen.errors import RecipeError
from minigen.models.sizes import sides_in_words

NAMES = (*LOADERS, "plane")
PICTURES = ("fit", "gray", "background", "classes")  # the options of `data.folder` that a run may say


def source(name: str) -> str:
    """One of NAMES as it is, a folder of pictures by its absolute path. DataError if there is none."""
    return str(checked_root(name)) if is_folder(name) else name


def is_folder(name: str) -> bool:
    """Whether data come from a folder, whose pictures have no shape of their own."""
    return name not in NAMES


def shape_of(name: str, resolution: int = 32, gray: bool = False) -> tuple[int, ...]:
    """The shape of an example, without loading it. resolution: of faces and pictures; gray: of pictures."""
    if is_folder(name):
        return (resolution, resolution, 1 if gray else 3)
    return {"faces": (resolution, resolution, 3), "cifar10": (32, 32, 3), "plane": (3,)}.get(name, (28, 28, 1))


def classes_of(name: str, classes: bool | None = None) -> int:
    """The number of classes, without loading anything; of a folder see `data.folder`."""
    if is_folder(name):
        return len(listed(checked_root(name), classes)[1])
    return {"faces": 2, "plane": 1}.get(name, 10)


def load_examples(name: str, images: int | None = None, resolution: int = 32, **options: Any) -> tuple[Dataset, Dataset]:
    """(train, test) of a data set by name, or of a folder by its path; "plane" is a set of points in space near a plane, with
    meaningless labels.

    images: train on this many only; RecipeError if there are fewer.  resolution: of faces and pictures, whose training images are
    bytes in a memory-mapped file, since they may be many.  options: of `data.folder`.
    """
    if name == "plane":
        points = (synthetic.tilted_plane(), synthetic.tilted_plane(seed=5))
        train, test = (Dataset(name, each, np.zeros(len(each), dtype=np.int64), ("point",), {}) for each in points)
    elif name == "faces":
        sizes: dict[str, Any] = {} if images is None else {"train_size": images}
        train, test = data.load(name, resolution=resolution, cache=True, dtype="uint8", **sizes)
    elif name == "cifar10":
        train, test = data.load(name, dtype="uint8")
    elif is_folder(name):
        train, test = data.folder(name, resolution, dtype="uint8", **options)
    else:
        train, test = data.load(name)
    if images is not None and images > len(train):
        raise RecipeError(f"{name} has {len(train)} training examples, not {images}")
    return train[:images], replace(test, images=data.as_pixels(test.images))


def fingerprint(train: Dataset) -> int:
    """A checksum of pictures, which are bytes, and of their labels."""
    return zlib.crc32(np.ascontiguousarray(train.labels).data, zlib.crc32(np.ascontiguousarray(train.images).data))


def described(images: np.ndarray) -> str:
    """The shape of examples as text: "images of 28 x 28 x 1"."""
    kind = "images of" if images.ndim == 4 else "points of"
    return f"{kind} {' x '.join(map(str, images.shape[1:]))}"


# -- views: the images in the form that a kind of model takes, or RecipeError that says which it takes -----------


def any_images(images: np.ndarray) -> np.ndarray:
    """Images of any size, gray or in color."""
    if images.ndim != 4:
        raise RecipeError("images")
    return images


def with_sides(least: int, most: int | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """The view of images, gray or in color, whose sides have so many pixels."""

    def view(images: np.ndarray) -> np.ndarray:
        sides = images.shape[1:3]
        if images.ndim != 4 or min(sides) < least or most is not None and max(sides) > most:
            raise RecipeError(sides_in_words(least, most))
        return images

    return view


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
