"""Data sets by name."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from minigen.data import mnist
from minigen.data.dataset import Dataset
from minigen.errors import suggestion

Loader = Callable[..., tuple[Dataset, Dataset]]

# A loader, or "module:function" for one that is imported on demand.
LOADERS: dict[str, Loader | str] = {
    "glyphs": "minigen.synthetic.glyphs:load",
    "mnist": partial(mnist.load, "mnist"),
    "fashion_mnist": partial(mnist.load, "fashion_mnist"),
    "faces": "minigen.synthetic.faces:load",
}


def load(name: str, **options: Any) -> tuple[Dataset, Dataset]:
    """The data set `name` as (train, test); `options` go to its loader: `load("glyphs", characters="ABC")`.

    glyphs: 28 x 28 digits and letters, drawn.  faces: portraits in color at any resolution, drawn.
    mnist, fashion_mnist: found on disk or downloaded.
    Raises ValueError for an unknown name, DataError for files that cannot be obtained or used.
    """
    if name not in LOADERS:
        raise ValueError(f"unknown data set {name!r}: {suggestion(name, LOADERS)}")
    loader = LOADERS[name]
    if isinstance(loader, str):
        module, function = loader.split(":")
        loader = getattr(import_module(module), function)
    return loader(**options)
