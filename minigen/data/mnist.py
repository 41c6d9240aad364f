"""MNIST and Fashion-MNIST from their IDX files: a folder of your own, else the user cache, else a download.

An IDX file is a magic number (two zero bytes, the element type, the number of axes), the axes' lengths as big-endian 32-bit
integers, and the elements. Sources: LeCun, Cortes & Burges 1998 (MNIST); Xiao, Rasul & Vollgraf 2017 (Fashion-MNIST).
"""

import contextlib
import gzip
import hashlib
import io
import math
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigen.data.dataset import Dataset
from minigen.data.download import download
from minigen.data.pixels import as_pixels
from minigen.errors import DataError
from minigen.utils.files import cache_folder, keeping, replacing

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
PUBLISHED = (60_000, 60_000, 10_000, 10_000)  # how many images or labels are in FILES
SIDE = 28
UNSIGNED_BYTE = 0x08
GZIP = b"\x1f\x8b"
LARGEST = 1 << 31  # most bytes that a file may declare


@dataclass(frozen=True)
class Source:
    """Where a data set is published: the mirrors' folders, in order of preference, and the SHA-256 of the content of FILES.

    folder: torchvision's name for it.
    """

    class_names: tuple[str, ...]
    mirrors: tuple[str, ...]
    sha256: tuple[str, ...]
    folder: str


class File(NamedTuple):
    """A file found or downloaded, with its decompressed content, and whether it was verified against the published one."""

    path: Path
    content: bytes
    published: bool = False


SOURCES = {
    "mnist": Source(
        class_names=tuple("0123456789"),
        mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        sha256=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        folder="MNIST",
    ),
    "fashion_mnist": Source(
        class_names=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        sha256=(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        folder="FashionMNIST",
    ),
}


def load(name: str) -> tuple[Dataset, Dataset]:
    """60,000 training and 10,000 test images, (n, 28, 28, 1): of handwritten digits (MNIST), or of clothes (Fashion-MNIST).

    Taken from $MINIGEN_DATA if any of its four files is there: in mnist/, where torchvision puts them (MNIST/raw/, MNIST/ or
    raw/), or directly; under the names of FILES or with a dot (train-images.idx3-ubyte), plain or compressed, with or without
    .gz. Else from the user cache (~/.cache/minigen/mnist), else downloaded into it. Your own files may hold any number of images;
    with as many as published they must be the published ones, as must downloads, by their SHA-256. Raises DataError, naming the
    file, what is wrong and what to do, if a file cannot be obtained or used.
    """
    files = own_files(name) or cached_files(name)
    class_names = SOURCES[name].class_names
    train, test = (
        Dataset(name, *read_split(name, {file: files[file] for file in split}, len(class_names)), class_names, {})
        for split in (FILES[:2], FILES[2:])
    )
    return train, test


# Finding the files.


def own_folder() -> Path | None:
    """$MINIGEN_DATA, if set. DataError for a ~ that cannot be expanded."""
    try:
        return Path(os.environ["MINIGEN_DATA"]).expanduser() if os.environ.get("MINIGEN_DATA") else None
    except RuntimeError as error:
        raise DataError(f"MINIGEN_DATA is {os.environ['MINIGEN_DATA']}: {error}") from error


def places(name: str, root: Path) -> list[Path]:
    """The folders below $MINIGEN_DATA in which the files of a data set are searched; it may also be torchvision's own folder."""
    known = SOURCES[name].folder
    return [root / name, root / known / "raw", root / known, root, root / "raw"]


def found(place: Path) -> dict[str, Path]:
    """Which of FILES are in a folder, under any of their names; the last is that of an unpacked archive of archives."""
    paths = {}
    for file in FILES:
        stems = (file, file.replace("-idx", ".idx"))
        names = (*stems, *(f"{stem}.gz" for stem in stems), *(f"{stem}/{stem}" for stem in stems))
        paths[file] = next((place / name for name in names if (place / name).is_file()), None)
    return {file: path for file, path in paths.items() if path}


def own_files(name: str) -> dict[str, File]:
    """The user's own files, all four of them, or none. DataError if there are some, but not all."""
    root = own_folder()
    if root is None:
        return {}
    for place in places(name, root):
        try:
            paths = found(place)
        except OSError as error:
            raise DataError(f"{name}: {place} cannot be read ({error})") from error
        missing = [file for file in FILES if file not in paths]
        if len(missing) == len(FILES):
            continue
        files = {file: File(path, read_content(path)) for file, path in paths.items()}
        if place in (root, root / "raw") and any(published_as(each.content)[0] not in (None, name) for each in files.values()):
            continue  # in a folder with another name, they may be another data set's
        if missing:
            beside = neighbors(place, paths)
            raise DataError(f"{name}: {place} lacks {', '.join(missing)}; put them there, plain or as .gz{beside}")
        return files
    return {}


def cached_files(name: str) -> dict[str, File]:
    """The files of the cache, completed by downloads; a file that cannot be kept there is used anyway."""
    try:
        folder = cache_folder(name)
        paths = found(folder)
    except OSError:
        folder, paths = None, {}
    return {
        file: File(paths[file], read_content(paths[file])) if file in paths else fetched(name, file, folder) for file in FILES
    }


def fetched(name: str, file: str, cache: Path | None) -> File:
    """A file, downloaded, and kept in the cache if possible."""
    source, archive = SOURCES[name], f"{file}.gz"
    try:
        content = download([mirror + archive for mirror in source.mirrors], archive, source.sha256[FILES.index(file)])
    except DataError as error:
        own = own_folder()
        place = own / name if own else f"$MINIGEN_DATA/{name} (set MINIGEN_DATA to a folder of your choice)"
        raise DataError(
            f"{name}: {error}\n{looked_into(name, own)}Without a network, get {', '.join(f'{f}.gz' for f in FILES)} elsewhere "
            f"and put all four into {place}; or take data.load('glyphs'), which needs no download."
        ) from error
    with keeping(), replacing((cache or cache_folder(name)) / archive) as temporary:
        temporary.write_bytes(content)
    path = Path(archive) if cache is None else cache / archive
    return File(path, decompressed(path, content), published=True)


def looked_into(name: str, own: Path | None) -> str:
    """The places that were searched in vain, and what is there, one line per place."""
    if own and not own.is_dir():
        return f"MINIGEN_DATA is {own}: there is no such folder.\n"
    there = [place for place in places(name, own) if place.is_dir()] if own else []
    return "".join(f"{place} has none of them{neighbors(place)}.\n" for place in there)


def neighbors(place: Path, paths: Mapping[str, Path] | None = None) -> str:
    """What else is in a folder, as text: a file may just have another name."""
    with contextlib.suppress(OSError):
        others = sorted(path.name for path in place.iterdir() if path not in (paths or {}).values())
        if others:
            return f"; it has {', '.join(others[:8])}{' ...' * (len(others) > 8)}"
    return ""


# Reading them.


def read_content(path: Path) -> bytes:
    """All bytes of a file, decompressed. DataError if it cannot be read."""
    try:
        return decompressed(path, path.read_bytes())
    except OSError as error:
        raise unusable(path, f"it cannot be read to its end ({error})") from error


def decompressed(path: Path, content: bytes) -> bytes:
    """The content of a file that may be compressed, whatever its name says; at most one byte more than its header declares."""
    if not content.startswith(GZIP) and (path.suffix != ".gz" or content.startswith(bytes((0, 0, UNSIGNED_BYTE)))):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            header = file.read(16)
            axes = header[3] if header[:3] == bytes((0, 0, UNSIGNED_BYTE)) and header[3:] else 0
            promised = math.prod(struct.unpack_from(f">{axes}I", header, 4)) if len(header) >= 4 + 4 * axes and axes else 0
            return header + file.read(min(promised, LARGEST) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise unusable(path, f"it cannot be read to its end ({error})") from error


def read_split(name: str, files: dict[str, File], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images scaled to [0, 1] and labels, checked against each other."""
    images, labels = (read_idx(name, file, *files[file], ndim=ndim) for file, ndim in zip(files, (3, 1), strict=True))
    images_path, labels_path = (each.path for each in files.values())
    if images.shape[1:] != (SIDE, SIDE):
        height, width = images.shape[1:]
        raise unusable(images_path, f"its images are {height} x {width}, expected {SIDE} x {SIDE}")
    if len(images) == 0:
        raise unusable(images_path, "it holds no images")
    if len(images) != len(labels):
        raise unusable(labels_path, f"it holds {len(labels)} labels for the {len(images)} images of {images_path.name}")
    if labels.max() >= classes:
        where = int(labels.argmax())
        raise unusable(labels_path, f"label {where} is {labels[where]}, expected 0 to {classes - 1}")
    return as_pixels(images[..., None]), labels.astype(np.int64)


def read_idx(name: str, file: str, path: Path, content: bytes, published: bool, ndim: int) -> np.ndarray:
    """The unsigned bytes of one of FILES, which has ndim axes."""
    magic, start = bytes((0, 0, UNSIGNED_BYTE, ndim)), 4 + 4 * ndim
    if content[:4] != magic:
        got = content[:4].hex(" ") or "nothing"
        raise unusable(path, f"it starts with {got}, expected the magic number {magic.hex(' ')}")
    if len(content) < start:
        raise unusable(path, f"its header is {len(content)} bytes, expected {start}")
    shape = struct.unpack_from(f">{ndim}I", content, offset=4)
    size = len(content) - start
    if size != math.prod(shape):
        promised = f"{' x '.join(map(str, shape))} = {math.prod(shape)} bytes"
        raise unusable(path, f"its header declares {promised}, it holds {size}")
    known, under = (name, file) if published else published_as(content)
    if known and (known, under) != (name, file):
        raise unusable(path, f"it is the published {under} of {known}")
    if not known and shape[0] == PUBLISHED[FILES.index(file)]:
        raise unusable(
            path,
            f"it holds {shape[0]:,}, as the published {file} of {name} does, but is damaged, or of another "
            f"data set: its SHA-256 is {hashlib.sha256(content).hexdigest()}",
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def published_as(content: bytes) -> tuple[str | None, str]:
    """The data set and the name in FILES under which this content is published; None and "" if it is not."""
    digest = hashlib.sha256(content).hexdigest()
    known = {each: (name, file) for name, source in SOURCES.items() for each, file in zip(source.sha256, FILES)}
    return known.get(digest, (None, ""))


def unusable(path: Path, what: str) -> DataError:
    return DataError(f"{path}: {what}; replace the file, or move all four away to download them again")
