"""Data sets by name."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from minigen.data import cifar, image_folder, mnist
from minigen.data.dataset import Dataset
from minigen.errors import suggestion

Loader = Callable[..., tuple[Dataset, Dataset]]

# A loader, or "module:function" for one that is imported on demand.
LOADERS: dict[str, Loader | str] = {
    "glyphs": "minigen.synthetic.glyphs:load",
    "mnist": partial(mnist.load, "mnist"),
    "fashion_mnist": partial(mnist.load, "fashion_mnist"),
    "cifar10": cifar.load,
    "faces": "minigen.synthetic.faces:load",
}


def load(name: str | Path, **options: Any) -> tuple[Dataset, Dataset]:
    """The data set `name` as (train, test); `options` go to its loader: `load("glyphs", characters="ABC")`.

    glyphs: 28 x 28 digits and letters, drawn.  faces: portraits in color at any resolution, drawn.
    mnist, fashion_mnist, cifar10: found on disk or downloaded.
    Any other name is the path of a folder of pictures, `load("holidays/", resolution=64)`: see `data.folder`. One that is called
    like a data set is "./faces".
    Raises ValueError for an unknown name, DataError for files that cannot be obtained or used.
    """
    if is_path(name):
        return image_folder.folder(name, **options)
    loader = LOADERS[str(name)]
    if isinstance(loader, str):
        module, function = loader.split(":")
        loader = getattr(import_module(module), function)
    return loader(**options)


def is_path(name: str | Path) -> bool:
    """Whether it is a path, rather than one of the LOADERS. ValueError for a mere word that is neither these nor there."""
    if name in LOADERS:
        return False
    word = isinstance(name, str) and not {"/", "\\"} & {*name} and not name.startswith(("~", "."))
    if word and not (name and Path(name).exists()):
        raise ValueError(f"{name!r} is no data set, and no folder of pictures: {suggestion(name, LOADERS)}")
    return True
