"""Data sets by name."""

import difflib
from collections.abc import Callable
from typing import Any

from minigen.data.dataset import Dataset
from minigen.data.faces import load as load_faces
from minigen.data.glyphs import load as load_glyphs
from minigen.data.mnist import load_fashion_mnist, load_mnist

LOADERS: dict[str, Callable[..., tuple[Dataset, Dataset]]] = {
    "glyphs": load_glyphs,
    "mnist": load_mnist,
    "fashion_mnist": load_fashion_mnist,
    "faces": load_faces,
}


def load(name: str, **options: Any) -> tuple[Dataset, Dataset]:
    """The data set `name` as (train, test); `options` go to its loader: `load("glyphs", characters="ABC")`.

    glyphs: 28 x 28 digits and letters, embedded.  faces: portraits in color at any resolution, embedded.
    mnist, fashion_mnist: found on disk or downloaded.
    Raises ValueError for an unknown name, DataError for files that cannot be had or used.
    """
    if name not in LOADERS:
        close = difflib.get_close_matches(name, LOADERS, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown data set {name!r}: expected one of {', '.join(LOADERS)}.{hint}")
    return LOADERS[name](**options)
