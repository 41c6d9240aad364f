"""MNIST and Fashion-MNIST from their IDX files: a folder of one's own, else the user cache, else a download.

An IDX file is a magic number (two zero bytes, the element type, the number of axes), the axes' lengths as
big-endian 32-bit integers, and the elements. Sources: LeCun, Cortes & Burges 1998 (MNIST); Xiao, Rasul &
Vollgraf 2017 (Fashion-MNIST).
"""

import gzip
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minigen.data.dataset import Dataset
from minigen.data.download import download
from minigen.errors import DataError

FILES = (
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
)
SIDE = 28
UNSIGNED_BYTE = 0x08


@dataclass(frozen=True)
class Source:
    """Where a data set is published: the mirrors' folders, in order of preference, and the SHA-256 of FILES.

    of_archive: whether the digests are of the .gz files, rather than of their decompressed content.
    """

    class_names: tuple[str, ...]
    mirrors: tuple[str, ...]
    sha256: tuple[str, ...]
    of_archive: bool


SOURCES = {
    "mnist": Source(
        class_names=tuple("0123456789"),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        sha256=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        of_archive=False,
    ),
    "fashion_mnist": Source(
        class_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
            "Ankle boot",
        ),
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        sha256=(
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        of_archive=True,
    ),
}


def load_mnist() -> tuple[Dataset, Dataset]:
    """MNIST: 60,000 training and 10,000 test images of handwritten digits, (n, 28, 28, 1).

    Taken from $MINIGEN_DATA/mnist if any of its four files is there (plain or .gz), else from the user cache
    (~/.cache/minigen/mnist), else downloaded into it. Files of one's own may hold any number of images; a
    download must be the published one, by its SHA-256.
    Raises DataError, naming the file, what is wrong and what to do, if a file cannot be had or used.
    """
    return _load("mnist")


def load_fashion_mnist() -> tuple[Dataset, Dataset]:
    """Fashion-MNIST: 60,000 training and 10,000 test images of clothes, (n, 28, 28, 1); found as MNIST is."""
    return _load("fashion_mnist")


def _load(name: str) -> tuple[Dataset, Dataset]:
    paths = _find_files(name)
    class_names = SOURCES[name].class_names
    return tuple(
        Dataset(name, *_read_split(images, labels, len(class_names)), class_names, {})
        for images, labels in (paths[:2], paths[2:])
    )


# Finding the files.


def _find_files(name: str) -> list[Path]:
    """The paths of FILES: the user's own, if there are any, else those of the cache, completed first."""
    own = Path(os.environ["MINIGEN_DATA"], name).expanduser() if os.environ.get("MINIGEN_DATA") else None
    paths = [own and _existing(own, file) for file in FILES]
    if any(paths):
        missing = [file for file, path in zip(FILES, paths, strict=True) if path is None]
        if missing:
            raise DataError(f"{name}: {own} lacks {', '.join(missing)}; put them there, plain or as .gz")
        return paths

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "minigen", name)
    return [_existing(cache, file) or _fetch(name, file, cache, own) for file in FILES]


def _existing(folder: Path, file: str) -> Path | None:
    candidates = (folder / file, folder / f"{file}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _fetch(name: str, file: str, cache: Path, own: Path | None) -> Path:
    source, target = SOURCES[name], cache / f"{file}.gz"
    try:
        download(
            [f"{mirror}{file}.gz" for mirror in source.mirrors], target, source.sha256[FILES.index(file)],
            decompress=not source.of_archive,
        )
    except DataError as error:
        place = own or f"$MINIGEN_DATA/{name} (set MINIGEN_DATA to a folder of your choice)"
        raise DataError(
            f"{name}: {error}\nWithout a network, get {', '.join(f'{f}.gz' for f in FILES)} elsewhere "
            f"and put all four into {place}; or take data.load('glyphs'), which needs no download."
        ) from error
    return target


# Reading them.


def _read_split(images_path: Path, labels_path: Path, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images scaled to [0, 1] and labels, checked against each other."""
    images, labels = _read_idx(images_path, ndim=3), _read_idx(labels_path, ndim=1)
    if images.shape[1:] != (SIDE, SIDE):
        height, width = images.shape[1:]
        raise _unusable(images_path, f"its images are {height} x {width}, expected {SIDE} x {SIDE}")
    if len(images) == 0:
        raise _unusable(images_path, "it holds no images")
    if len(images) != len(labels):
        raise _unusable(
            labels_path, f"it holds {len(labels)} labels for the {len(images)} images of {images_path.name}"
        )
    if labels.max() >= classes:
        where = int(labels.argmax())
        raise _unusable(labels_path, f"label {where} is {labels[where]}, expected 0 to {classes - 1}")
    scaled = np.divide(images[..., None], np.float32(255), dtype=np.float32)
    return scaled, labels.astype(np.int64)


def _read_idx(path: Path, ndim: int) -> np.ndarray:
    """The unsigned bytes of an IDX file with ndim axes, plain or .gz."""
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _unusable(path, f"it cannot be read to its end ({error})") from error

    magic = bytes((0, 0, UNSIGNED_BYTE, ndim))
    if content[:4] != magic:
        got = content[:4].hex(" ") or "nothing"
        raise _unusable(path, f"it starts with {got}, expected the magic number {magic.hex(' ')}")
    start = 4 + 4 * ndim
    if len(content) < start:
        raise _unusable(path, f"its header is {len(content)} bytes, expected {start}")
    shape = struct.unpack_from(f">{ndim}I", content, offset=4)
    size = len(content) - start
    if size != math.prod(shape):
        promised = f"{' x '.join(map(str, shape))} = {math.prod(shape)} bytes"
        raise _unusable(path, f"its header promises {promised}, it holds {size}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _unusable(path: Path, what: str) -> DataError:
    return DataError(f"{path}: {what}; replace the file, or delete its folder to download all four anew")
