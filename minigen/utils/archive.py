"""Files of named arrays and a JSON header that detect any damage: a .npz without pickle, sealed by a checksum of all its bytes.

    minigen.npy     first, the header as UTF-8: "format", and under "arrays" the dtype and shape of every array that follows
    NAME.npy ...    the arrays, uncompressed, so that a file cannot claim to hold more than it does
    the directory   of any archive; for each of these it has a CRC-32
    the comment     `SEAL`, and a BLAKE2b checksum of all bytes before it that belong to none of these

`numpy.load` reads such a file like any other .npz. It is checked from the outside in, and no array is read before all have been
found to have the place and size that the header says.
"""

import contextlib
import hashlib
import io
import json
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from minigen.errors import CheckpointError
from minigen.utils.files import replacing
from minigen.utils.reading import open_regular, parsed_json, shortened

FORMAT = 3  # counts up when the meaning of a file changes
HEADER = "minigen"
SEAL = b"minigen blake2b "
KINDS = "biufU"  # of arrays: bools, whole numbers, floats, texts
DIGITS = 32  # of the checksum, hexadecimal
LARGEST_HEADER = 64 << 20  # bytes: a history of some 100,000 rows
LARGEST_DIRECTORY = 8 << 20  # bytes: some 80,000 arrays
LONGEST_HEAD = 1 << 14  # bytes before an array's values; NumPy reads no array header of more than 10,000
LONGEST_REASON = 300  # characters of a NumPy or zipfile message, which may quote the file
CHUNK = 1 << 18  # bytes at a time, for the checksums
LOCAL = struct.Struct("<4s22xHH")  # of the entry before a member: signature, and lengths of its name and its extra field

Place = tuple[int, int]  # where something begins in a file, and where it ends


class Written(NamedTuple):
    """An array to be saved that is made while it is written: its shape, its dtype, and its parts along the first axis in turn."""

    shape: tuple[int, ...]
    dtype: np.dtype
    parts: Iterable[np.ndarray]


class Layout(NamedTuple):
    """An array in a file: its dtype, its shape, and the byte at which its values begin."""

    dtype: np.dtype
    shape: tuple[int, ...]
    start: int


def save(path: Path, arrays: Mapping[str, np.ndarray | Written], header: Mapping[str, Any]) -> None:
    """Write arrays and a header to `path`, atomically; those that are made meanwhile come last.

    TypeError for arrays of anything but numbers and strings.
    """
    made = {name: array for name, array in arrays.items() if isinstance(array, Written)}
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items() if name not in made}
    arrays = {**whole, **made}
    for name, array in arrays.items():
        if array.dtype.kind not in KINDS or not array.dtype.isnative:
            raise TypeError(f"{name} is an array of {array.dtype}: only numbers and strings can be saved without pickle")
    declared = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    text = json.dumps({"format": FORMAT, **header, "arrays": declared}, default=np.generic.item)  # NumPy scalars as Python
    if len(text) > LARGEST_HEADER:
        raise CheckpointError(
            f"{path}: a history this long makes a header of {len(text):,} bytes, of which at most "
            f"{LARGEST_HEADER:,} are read back: record fewer rows"
        )
    with replacing(path) as temporary, open(temporary, "w+b") as file:
        content: dict[str, Any] = {HEADER: np.frombuffer(text.encode(), dtype=np.uint8), **whole}
        np.savez(file, **content)
        append(file, made)
        seal(file)


def append(file: IO[bytes], arrays: Mapping[str, Written]) -> None:
    """Add arrays to an archive, part by part."""
    with zipfile.ZipFile(file, "a") as archive:
        for name, (shape, dtype, parts) in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, {"descr": dtype.str, "fortran_order": False, "shape": shape})
                for part in parts:
                    member.write(np.ascontiguousarray(part, dtype).data)


def seal(file: io.BufferedIOBase) -> None:
    """Give a whole archive its comment, with the checksum of its own bytes."""
    with zipfile.ZipFile(file) as whole:
        places = [place_of(file, member) for member in whole.infolist()]
    file.seek(-2, os.SEEK_END)  # the last two bytes of an archive: the length of its comment
    file.write(struct.pack("<H", len(SEAL) + DIGITS) + SEAL)
    file.write(checksum(file, places, file.tell()))


def place_of(file: io.BufferedIOBase, member: zipfile.ZipInfo) -> Place:
    """Where the content of a member begins and ends."""
    file.seek(member.header_offset)
    signature, *lengths = LOCAL.unpack(file.read(LOCAL.size))
    if signature != b"PK\x03\x04":
        raise ValueError(f"{shortened(member.filename)} is not where it belongs")
    start = member.header_offset + LOCAL.size + sum(lengths)
    return start, start + member.file_size


def checksum(file: io.BufferedIOBase, places: Iterable[Place], length: int) -> bytes:
    """The checksum of the first `length` bytes but the contents of members, in hexadecimal. It leaves the file there."""
    digest, end = hashlib.blake2b(digest_size=DIGITS // 2), 0
    for start, behind in (*places, (length, length)):
        for chunk in chunks(file, end, start):
            digest.update(chunk)
        end = behind
    return digest.hexdigest().encode()


def chunks(file: io.BufferedIOBase, start: int, end: int) -> Iterator[bytes]:
    """The bytes of a part of a file, some at a time."""
    file.seek(start)
    while start < end and (chunk := file.read(min(end - start, CHUNK))):
        start += len(chunk)
        yield chunk


@contextlib.contextmanager
def opened(path: Path) -> Iterator["Archive"]:
    """A file that was written by `save`, with its header read and all else checked. FileNotFoundError if there is none,
    CheckpointError, naming the file and what is wrong in it, for any other."""
    try:
        file = open_regular(path)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    with file:
        with readable(path):
            archive = Archive(path, file)
        yield archive


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Inside the block any error is raised as a CheckpointError: a damaged archive fails in a dozen ways."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # BadZipFile, EOFError, NotImplementedError, struct.error, MemoryError ...
        reason = str(error)[:LONGEST_REASON] or type(error).__name__
        raise CheckpointError(f"{path} is not a readable checkpoint; truncated, or another program's? ({reason})") from error


class Archive:
    """An open file: `header`, and `layout`, name -> Layout of every array in it."""

    def __init__(self, path: Path, file: io.BufferedIOBase):
        self.path, self.file = path, file
        with zipfile.ZipFile(Sparing(file)) as archive:
            members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        if HEADER not in names:
            arrays = ", ".join(name[:50] for name in sorted(names)[:5])
            raise CheckpointError(f"{path} was not written by minigen: it has the arrays {arrays}")
        places = list(checked_places(file, members))
        found = {name: plain_array(shortened(name), file, *place) for name, place in zip(names, places)}
        self.header = self.read_header(found.pop(HEADER))
        self.check_sums(members, places)
        if names[0] != HEADER or len(set(names)) < len(names):
            raise ValueError("its members are out of order, or one occurs twice")
        declared = self.header.pop("arrays", None)
        actual = {name: [layout.dtype.str, list(layout.shape)] for name, layout in found.items()}
        if declared != actual or list(declared) != list(actual):
            raise ValueError(f"its arrays differ from those in its header: {difference(declared, found)}")
        self.layout = found

    def read_header(self, layout: Layout) -> dict[str, Any]:
        """The header, of this version's format."""
        if layout.dtype != np.uint8 or len(layout.shape) != 1 or layout.shape[0] > LARGEST_HEADER:
            raise CheckpointError(f"{self.path} has a damaged header (it is {layout.dtype}{list(layout.shape)})")
        try:
            header = parsed_json(self.numbers(layout).tobytes())
            if not isinstance(header, dict):
                raise ValueError(f"expected names and values, got {shortened(header)}")
        except ValueError as error:
            raise CheckpointError(f"{self.path} has a damaged header ({error})") from error
        if header.get("format") != FORMAT or type(header["format"]) is not int:
            raise CheckpointError(
                f"{self.path} has format {shortened(header.get('format'))}, this version of minigen reads format {FORMAT}"
            )
        return header

    def check_sums(self, members: Iterable[zipfile.ZipInfo], places: Iterable[Place]) -> None:
        """Raise unless every byte is as it was written: those of arrays by their own checksums, all others by the seal."""
        for member, place in zip(members, places):
            value = 0
            for chunk in chunks(self.file, *place):
                value = zlib.crc32(chunk, value)
            if value != member.CRC:
                raise ValueError(f"bad CRC-32 of {shortened(member.filename.removesuffix('.npy'))}")
        length = max(self.file.seek(0, os.SEEK_END) - DIGITS, 0)
        self.file.seek(max(length - len(SEAL), 0))
        if self.file.read(len(SEAL)) != SEAL:
            raise ValueError("it does not end with minigen's checksum; changed by another program?")
        computed = checksum(self.file, places, length)
        if self.file.read() != computed:
            raise ValueError("its checksum is not that of its content")

    def read(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """Arrays by their names."""
        with readable(self.path):
            return {name: self.numbers(self.layout[name]) for name in names}

    def mapped(self, names: Iterable[str]) -> dict[str, np.memmap]:
        """Arrays by their names, memory-mapped and read-only: they are read when, and where, they are looked at."""
        with readable(self.path):
            layouts = {name: self.layout[name] for name in names}
            return {name: np.memmap(self.file, dtype, "r", start, shape) for name, (dtype, shape, start) in layouts.items()}

    def numbers(self, layout: Layout) -> np.ndarray:
        """The values of an array in the file."""
        array = np.empty(layout.shape, layout.dtype)
        self.file.seek(layout.start)
        if array.nbytes and self.file.readinto(array.reshape(-1).view(np.uint8).data) != array.nbytes:
            raise EOFError("the file became shorter while it was read")
        return array


class Sparing:
    """A file that refuses to read much at once: zipfile trusts an archive about the length of its directory."""

    def __init__(self, file: io.BufferedIOBase):
        self.seek, self.tell, self.seekable, self.file = file.seek, file.tell, file.seekable, file
        self.size = os.fstat(file.fileno()).st_size

    def read(self, length: int = -1) -> bytes:
        left = self.size - self.tell()
        length = min(length, left) if length >= 0 else left
        if length > LARGEST_DIRECTORY:
            raise ValueError(f"its directory has {length:,} bytes, more than {LARGEST_DIRECTORY:,}")
        return self.file.read(max(length, 0))


def checked_places(file: io.BufferedIOBase, members: Iterable[zipfile.ZipInfo]) -> Iterator[Place]:
    """Where the content of each member is, which must be stored as it is, and begin where the one before it ends."""
    end = 0
    for member in members:
        name = shortened(member.filename)
        if member.flag_bits & ~0x800:  # all but "the name is UTF-8"
            raise ValueError(f"{name} is encrypted, or stored in a way that minigen does not write")
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise ValueError(f"{name} is compressed; minigen stores arrays as they are")
        if member.header_offset != end:
            raise ValueError(f"{name} is not where it belongs")
        start, end = place_of(file, member)
        yield start, end


def plain_array(name: str, file: io.BufferedIOBase, start: int, end: int) -> Layout:
    """The layout of an array whose .npy text, which it fills, is this part of a file. ValueError for all but plain arrays."""
    file.seek(start)
    head = io.BytesIO(file.read(min(end - start, LONGEST_HEAD)))
    if np.lib.format.read_magic(head) != (1, 0):
        raise ValueError(f"{name} is of another version of the format .npy")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(head)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, a pickle, which is never opened")
    if dtype.kind not in KINDS or not dtype.isnative or fortran or min(shape, default=0) < 0:
        raise ValueError(f"{name} is of a kind that minigen does not write: {dtype}{list(shape)}")
    size = math.prod(shape) * dtype.itemsize
    if start + head.tell() + size != end:
        raise ValueError(f"{name} claims to be {dtype}{list(shape)}, {size:,} bytes, and has {end - start - head.tell():,}")
    return Layout(dtype, shape, start + head.tell())


def difference(declared: Any, found: Mapping[str, Layout]) -> str:
    """The first array that differs from its header, for messages."""
    if not isinstance(declared, dict):
        return f"it says {shortened(declared)}"
    for name in {**declared, **found}:
        layout = found.get(name)
        actual = layout and [layout.dtype.str, list(layout.shape)]
        if declared.get(name) != actual:
            return f"{shortened(name)} is declared as {shortened(declared.get(name))}, is {actual}"
    return "in another order"
