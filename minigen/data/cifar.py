"""CIFAR-10 from the files of its binary version: a folder of your own, else the user cache, else a download.

A file is a row of records, each a byte for the class and 3 x 32 x 32 for the pixels: all of red, row by row, then green, then
blue. The better-known Python version is pickles, which can run any program when they are opened: it is not read. Source:
Krizhevsky 2009.
"""

import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from minigen.data.dataset import Dataset
from minigen.data.download import download
from minigen.data.mnist import neighbors, own_folder
from minigen.data.pixels import as_pixels
from minigen.errors import DataError, suggestion
from minigen.utils.files import cache_folder, keeping, replacing

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PUBLISHED = {  # name -> SHA-256; each has 10,000 images
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
IN_FILE = 10_000  # images
ARCHIVE, FOLDER = "cifar-10-binary.tar.gz", "cifar-10-batches-bin"  # as it is published, and what it unpacks to
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
PICKLES = ("cifar-10-python.tar.gz", "cifar-10-batches-py")  # the Python version
SIDE, RECORD = 32, 1 + 3 * 32 * 32  # pixels, bytes
LARGEST = 1 << 30  # bytes of a file
DTYPES = ("float32", "uint8")


def load(dtype: str = "float32") -> tuple[Dataset, Dataset]:
    """50,000 training and 10,000 test photographs of ten kinds of things, (n, 32, 32, 3).

    Taken from $MINIGEN_DATA, where cifar10/ or the folder itself has cifar-10-binary.tar.gz, or its files data_batch_1.bin to
    data_batch_5.bin and test_batch.bin, also in cifar-10-batches-bin/. Else from the user cache, else downloaded into it. Your
    own files may hold any number of images; with as many as published they must be the published ones. dtype: "uint8" gives the
    images as bytes. Raises ValueError for another dtype, DataError, naming the file, what is wrong and what to do, if a file
    cannot be obtained or used.
    """
    if dtype not in DTYPES:
        raise ValueError(f"cifar10: unknown dtype {dtype!r}: {suggestion(dtype, DTYPES)}")
    own = own_folder()
    files = None
    for place in (*own_places(own), cache_place()):
        files = files or (place and read_place(place))
    parts = [records(name, path, content) for name, (path, content) in (files or downloaded(own)).items()]
    return as_dataset(np.concatenate(parts[:-1]), dtype), as_dataset(parts[-1], dtype)


def as_dataset(rows: np.ndarray, dtype: str) -> Dataset:
    """(n, RECORD) -> a split."""
    images = np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
    return Dataset("cifar10", images if dtype == "uint8" else as_pixels(images), rows[:, 0].astype(np.int64), CLASS_NAMES, {})


# Finding the files. Each is a path, for messages, and a content.

Files = Mapping[str, tuple[Path, bytes]]


def own_places(own: Path | None) -> list[Path]:
    """Where files are looked for in $MINIGEN_DATA."""
    return [own / "cifar10", own] if own else []


def cache_place() -> Path | None:
    """Where files are kept, for a user who can have a cache."""
    try:
        return cache_folder("cifar10")
    except OSError:
        return None


def found(place: Path) -> dict[str, Path]:
    """The files, or the archive, in a folder. DataError for some of the files."""
    for folder in (place, place / FOLDER):
        paths = {name: folder / name for name in PUBLISHED if (folder / name).is_file()}
        if missing := [name for name in PUBLISHED if name not in paths]:
            if paths:
                raise DataError(f"cifar10: {folder} lacks {', '.join(missing)}; put them there, or {ARCHIVE} in their place")
            continue
        return paths
    return {ARCHIVE: place / ARCHIVE} if (place / ARCHIVE).is_file() else {}


def read_place(place: Path) -> Files | None:
    """The files in a folder, or in the archive there; None without any."""
    try:
        paths = found(place)
        if ARCHIVE in paths:
            return unpacked(paths[ARCHIVE], paths[ARCHIVE].read_bytes())
        return {name: (path, path.read_bytes()) for name, path in paths.items()} or None
    except OSError as error:
        raise DataError(f"cifar10: {place} cannot be read ({error})") from error


def unpacked(path: Path, content: bytes) -> Files:
    """The files in an archive, which is read in memory: nothing is written where it says."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            files = {name: (path / name, content) for name, content in members(archive)}
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise unusable(path, f"it cannot be unpacked ({error})") from error
    if missing := [name for name in PUBLISHED if name not in files]:
        raise unusable(path, f"it lacks {', '.join(missing)}")
    return {name: files[name] for name in PUBLISHED}


def members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files of an archive that are looked for, in whatever folder they are there."""
    for member in archive:
        name = member.name.split("/")[-1]
        if name in PUBLISHED and member.isfile() and member.size <= LARGEST and (file := archive.extractfile(member)):
            yield name, file.read()


def downloaded(own: Path | None) -> Files:
    """The files, from the archive that is published, which is kept in the cache if possible."""
    try:
        content = download(
            [mirror + ARCHIVE for mirror in MIRRORS], ARCHIVE, ARCHIVE_SHA256, lambda archive: hashlib.sha256(archive).hexdigest()
        )
    except DataError as error:
        where = own / "cifar10" if own else "$MINIGEN_DATA/cifar10 (set MINIGEN_DATA to a folder of your choice)"
        raise DataError(
            f"cifar10: {error}\n{looked_into(own)}Without a network, get {ARCHIVE} elsewhere and put it into {where}; or take "
            "data.load('faces', resolution=32), which needs no download."
        ) from error
    place = cache_place()
    with keeping(), replacing((place or cache_folder("cifar10")) / ARCHIVE) as temporary:
        temporary.write_bytes(content)
    return unpacked((place or Path()) / ARCHIVE, content)


def looked_into(own: Path | None) -> str:
    """The places that were searched in vain, and what is there, one line per place."""
    if own and not own.is_dir():
        return f"MINIGEN_DATA is {own}: there is no such folder.\n"
    said = ""
    for place in own_places(own):
        if pickles := [name for name in PICKLES if (place / name).exists()]:
            said += (
                f"{place / pickles[0]} is the Python version, pickles, which can run any program when they are opened: "
                "the binary version is read.\n"
            )
        elif place.is_dir():
            said += f"{place} has neither {ARCHIVE} nor {FOLDER}{neighbors(place)}.\n"
    return said


# Reading them.


def records(name: str, path: Path, content: bytes) -> np.ndarray:
    """The records of a file, (n, RECORD) uint8, checked."""
    if len(content) % RECORD or not content:
        raise unusable(path, f"it has {len(content):,} bytes, expected {RECORD:,} for each image")
    rows = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    if rows[:, 0].max() >= len(CLASS_NAMES):
        where = int(rows[:, 0].argmax())
        raise unusable(path, f"label {where} is {rows[where, 0]}, expected 0 to {len(CLASS_NAMES) - 1}")
    digest = hashlib.sha256(content).hexdigest()
    others = [each for each, published in PUBLISHED.items() if published == digest and each != name]
    if others:
        raise unusable(path, f"it is the published {others[0]}")
    if len(rows) == IN_FILE and digest != PUBLISHED[name]:
        raise unusable(
            path, f"it holds {IN_FILE:,} images, as the published {name} does, but is damaged: its SHA-256 is {digest}"
        )
    return rows


def unusable(path: Path, what: str) -> DataError:
    return DataError(f"{path}: {what}; replace the file, or move it away to download {ARCHIVE} again")
