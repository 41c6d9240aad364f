"""A folder of pictures as a data set: sub-folders are classes, a hash of the names holds some out, and all are decoded once."""

import contextlib
import hashlib
import os
import sys
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import numpy as np

from minigen.data import image_cache, picture_files
from minigen.data.dataset import Dataset
from minigen.data.picture_files import PictureFormat, picture_format
from minigen.data.pixels import as_pixels
from minigen.errors import DataError, suggestion
from minigen.utils.archive import Written
from minigen.utils.checks import check_fraction
from minigen.utils.files import cached
from minigen.utils.progress import bar

DTYPES = ("float32", "uint8")
LISTED = 8  # names in a message
TOGETHER = 64  # pictures that are decoded before the next ones are begun
PART = 1 << 24  # bytes of images that are written at a time
TWO = "expected at least two, one to train on and one held out, or validation=0, which holds none out"
NO_CLASSES = ("__MACOSX",)  # beside those that begin with a dot: what operating systems leave in folders


class Found(NamedTuple):
    """A picture file below the folder: its name from there on, and by what a change of it is noticed."""

    name: str
    size: int
    modified: int  # ns
    changed: int  # ns: the file's rights, too


def folder(
    path: str | Path,
    resolution: int | tuple[int, int] = 64,
    *,
    fit: str = "crop",
    gray: bool = False,
    background: str = "white",
    classes: bool | None = None,
    validation: float = 0.1,
    cache: bool = True,
    dtype: str = "float32",
) -> tuple[Dataset, Dataset]:
    """The pictures in a folder and in its sub-folders, as (train, test): images (n, height, width, channels) in [0, 1].

    PNG, JPEG and whatever else Pillow reads, of any size, gray, in color, with a palette, with 16 bits, transparent; of an
    animation the first picture; upright, if a camera says how it was held. Those that cannot be read are left out, and listed on
    stderr.

    resolution: of squares, or (height, width).
    fit: "crop" to the middle of what is too wide or too high, "squeeze" it, or "pad" it with margins.
    gray: one channel in place of three.  background: the color of margins and behind transparent parts, a name or "#rrggbb".
    classes: the folder's sub-folders, in the order of their names, are classes, as torchvision's ImageFolder has it, and pictures
    beside them are left out; False: all pictures are of one class.  None: True if all pictures are in sub-folders, False if none
    is; some of each is an error.
    validation: about this share is held out in `test`, at least one picture; 0: none. A hash of a file's name, with those of its
    sub-folders, decides: what is added or removed moves no other from one split to the other. Both splits are in the order of
    these hashes, so that the first ones are as good as any.
    cache: keep the decoded images in ~/.cache/minigen/pictures; only files that are new or have changed are decoded again.
    dtype: "uint8" gives the images as bytes, with cache=True memory-mapped; see `data.Batches`.

    `dataset.files` has the names. Raises ValueError for options that cannot be, DataError for a folder without two pictures that
    can be read, saying what was found there.
    """
    form = picture_format(resolution, fit, gray, background)
    check_fraction("folder", validation=validation)
    if dtype not in DTYPES:
        raise ValueError(f"folder: unknown dtype {dtype!r}: {suggestion(dtype, DTYPES)}")
    if classes not in (None, True, False):
        raise ValueError(f"folder: classes must be True, False or None, got {classes!r}")
    root = checked_root(path)
    files, class_names = listed(root, classes)
    needed = 2 if validation else 1
    if len(files) < needed:
        raise DataError(f"{root} has one picture, {files[0].name}: {TWO}")
    pictures = decoded_once(root, files, form, cache)
    report(root, pictures.broken, len(files))
    if len(pictures.names) < needed:
        raise DataError(f"{root}: {len(pictures.names)} of its {len(files)} pictures can be read: {TWO}")
    held_out = share_below(pictures.names, validation)
    train, test = (pictures.dataset(root, part, class_names, dtype) for part in (slice(held_out, None), slice(held_out)))
    return train, test


# Finding the files.


def checked_root(path: str | Path) -> Path:
    """The folder, by its absolute path. DataError for anything else."""
    try:
        root = Path(path).expanduser().resolve()
    except RuntimeError as error:
        raise DataError(f"{path}: {error}") from error
    if root.is_file():
        raise DataError(f"{root} is a file: expected the folder that pictures are in, such as {root.parent}")
    if not root.is_dir():
        near, there = next(each for each in root.parents if each.is_dir()), []
        with contextlib.suppress(OSError):
            there = sorted(each.name for each in near.iterdir() if not each.name.startswith("."))
        raise DataError(f"there is no folder {root}; {near} has {some(there) or 'nothing'}")
    return root


def listed(root: Path, classes: bool | None) -> tuple[list[Found], list[str]]:
    """All picture files that belong to a class, and the names of the classes. DataError if there are none, or it is not clear."""
    known, found, others = picture_files.extensions(), [], Counter[str]()
    for name, entry in walked(root, "", set()):
        if os.path.splitext(name)[1].lower() in known:
            stat = entry.stat()
            found.append(Found(name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
        else:
            others[os.path.splitext(name)[1].lower() or name] += 1
    within = [each for each in found if "/" in each.name]
    beside = len(found) - len(within)
    if classes is None and within and beside:
        raise DataError(
            f"{root} has {len(within)} pictures in sub-folders and {beside} beside them: are the sub-folders classes? Put all "
            "into them, or say classes=True to leave out those beside them, or classes=False to take all as one class"
        )
    if not found or (classes and not within):
        has = f"{beside} beside them" if found else some([f"{count} {kind}" for kind, count in others.most_common()])
        has = f"but {has}" if has else "and nothing else"
        where = "in sub-folders, one for each class" if classes else "in it, or in sub-folders, one for each class"
        raise DataError(f"{root} has no pictures{' in sub-folders' * bool(found)}, {has}; expected .png, .jpg ... {where}")
    if within and classes is not False:
        return within, sorted({each.name.split("/")[0] for each in within})
    return found, [root.name or "pictures"]


def walked(folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Name and entry of each file below a folder; links are followed, once. Hidden ones are passed over."""
    try:
        stat = folder.stat()
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error
    if (stat.st_dev, stat.st_ino) in seen:
        return
    seen.add((stat.st_dev, stat.st_ino))
    for entry in ordered:
        if entry.name.startswith(".") or entry.name in NO_CLASSES:
            continue
        if entry.is_dir():
            yield from walked(folder / entry.name, f"{prefix}{entry.name}/", seen)
        elif entry.is_file():
            yield prefix + entry.name, entry


def share_below(names: Sequence[str], share: float) -> int:
    """How many of these names, which are in the order of their places, are held out: those with a place below `share`, but at
    least one, unless it is 0, and never all of them."""
    return max(min(sum(place(name) < share for name in names), len(names) - 1), 1 if share else 0)


def place(name: str) -> float:
    """A number in [0, 1) for a name, the same everywhere and always: also where the system writes accents in another way."""
    text = unicodedata.normalize("NFC", name).encode(errors="surrogateescape")
    return int.from_bytes(hashlib.sha256(text).digest()[:6]) / 2**48


# Decoding them.


class Pictures(NamedTuple):
    """All pictures of a folder, in the order of their places: names, images as bytes, and why others cannot be read."""

    names: list[str]
    images: np.ndarray
    broken: dict[str, str]

    def dataset(self, root: Path, part: slice, class_names: list[str], dtype: str) -> Dataset:
        """A part of them."""
        names, images = self.names[part], self.images[part]
        first = {name: label for label, name in enumerate(class_names)}
        labels = [0 if len(class_names) == 1 else first[name.split("/")[0]] for name in names]
        return Dataset(
            f"folder {root.name}",
            images if dtype == "uint8" else as_pixels(images),
            np.array(labels, np.int64),
            tuple(class_names),
            {},
            np.array(names, str),
        )


def decoded_once(root: Path, files: Sequence[Found], form: PictureFormat, cache: bool) -> Pictures:
    """The pictures, from the cache as far as they are there, in which the others are kept."""
    options = (os.fsencode(root), form.shape, form.fit, form.background)
    path = cached("pictures", image_cache.file_name(options, (picture_files.__file__,))) if cache else None
    known: dict[Found, np.ndarray | str] = {}
    if path and (kept := image_cache.find(path, "pictures", lambda header: {"images": (len(header["names"]), *form.shape)})):
        before = Pictures(kept.header["names"], kept.images["images"], kept.header["broken"])
        stamps = {name: Found(name, *stamp) for name, *stamp in kept.header["files"]}
        if {*stamps.values()} == {*files}:
            return before
        known = {stamps[name]: image for name, image in zip(before.names, before.images, strict=True)}
        known |= {stamps[name]: reason for name, reason in before.broken.items()}
    made = decoded(root, sorted(files, key=lambda file: place(file.name)), form, known, path and path.parent)
    if path and made.names:
        images = {"images": Written(made.images.shape, made.images.dtype, parts(made.images))}
        header = {"names": made.names, "broken": made.broken, "files": files}
        if kept := image_cache.keep(path, "pictures", images, header):
            made = made._replace(images=kept.images["images"])
    return made


def decoded(
    root: Path, files: Sequence[Found], form: PictureFormat, known: Mapping[Found, np.ndarray | str], scratch: Path | None
) -> Pictures:
    """The pictures, those that are known as they are, the others from their files, with a progress bar on a terminal."""

    def read(file: Found) -> np.ndarray | str:
        if file in known:
            return known[file]
        try:
            return form.read(root / file.name)
        except (DataError, OSError) as error:
            return str(error)

    images = new_array((len(files), *form.shape), scratch)
    names: list[str] = []
    broken: dict[str, str] = {}
    with (
        warnings.catch_warnings(action="ignore"),  # Pillow's, of what is odd in a file and yet can be read
        ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool,  # Pillow decodes and resizes without Python's lock
        bar(total=len(files), desc=root.name, unit="picture", leave=False) as decoding,
    ):
        for start in range(0, len(files), TOGETHER):
            together = files[start : start + TOGETHER]
            for file, result in zip(together, pool.map(read, together), strict=True):
                if isinstance(result, str):
                    broken[file.name] = result
                else:
                    images[len(names)] = result
                    names.append(file.name)
            decoding.update(len(together))
    return Pictures(names, images[: len(names)], broken)


def new_array(shape: tuple[int, ...], scratch: Path | None) -> np.ndarray:
    """An array of bytes, in memory; a large one in a file of the folder `scratch`, which is gone when the array is."""
    size = int(np.prod(shape))
    if scratch is None or size < image_cache.LARGE:
        return np.empty(shape, np.uint8)
    with image_cache.room_for(scratch / "pictures", "pictures", 2 * size):  # this file, and the one that stays
        with TemporaryFile(dir=scratch) as file:
            return np.memmap(file, np.uint8, "w+", shape=shape)


def parts(images: np.ndarray) -> Iterator[np.ndarray]:
    """The images, so many at a time as are written together."""
    step = max(1, PART // max(1, images[:1].nbytes))
    return (images[start : start + step] for start in range(0, len(images), step))


# Words.


def report(root: Path, broken: Mapping[str, str], count: int) -> None:
    """Say which pictures are left out, and why."""
    if broken:
        why = some([f"{name} ({reason})" for name, reason in sorted(broken.items())])
        print(f"minigen: {root}: {len(broken)} of {count} pictures cannot be read, and are left out: {why}", file=sys.stderr)


def some(names: Sequence[str]) -> str:
    """The first of many names, and how many others there are."""
    others = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {others} more" if others > 0 else "")
