"""Data sets by name."""

import difflib
from collections.abc import Callable
from importlib import import_module
from typing import Any

from minigen.data.dataset import Dataset
from minigen.data.mnist import load_fashion_mnist, load_mnist

Loader = Callable[..., tuple[Dataset, Dataset]]

# A loader, or "module:function" for one that is imported on demand.
LOADERS: dict[str, Loader | str] = {
    "glyphs": "minigen.synthetic.glyphs:load",
    "mnist": load_mnist,
    "fashion_mnist": load_fashion_mnist,
    "faces": "minigen.synthetic.faces:load",
}


def load(name: str, **options: Any) -> tuple[Dataset, Dataset]:
    """The data set `name` as (train, test); `options` go to its loader: `load("glyphs", characters="ABC")`.

    glyphs: 28 x 28 digits and letters, drawn.  faces: portraits in color at any resolution, drawn.
    mnist, fashion_mnist: found on disk or downloaded.
    Raises ValueError for an unknown name, DataError for files that cannot be obtained or used.
    """
    if name not in LOADERS:
        close = difflib.get_close_matches(name, LOADERS, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown data set {name!r}: expected one of {', '.join(LOADERS)}.{hint}")
    loader = LOADERS[name]
    if isinstance(loader, str):
        module, function = loader.split(":")
        loader = getattr(import_module(module), function)
    return loader(**options)
