"""Images as bytes in files of the user's cache: made once, memory-mapped, and made again where they are damaged."""

import contextlib
import errno
import hashlib
import math
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigen.errors import CheckpointError, DataError
from minigen.utils import archive
from minigen.utils.archive import Written
from minigen.utils.files import keeping
from minigen.utils.reading import shortened
from minigen.utils.settings import to_python

FULL = (errno.ENOSPC, errno.EDQUOT)  # the errors of a disk, or a quota, that is used up
LARGE = 2**28  # bytes of images that are not made in vain, and for memory alone, where a disk has no room for them

Shapes = Mapping[str, tuple[int, ...]]  # of arrays of images, by name


class Kept(NamedTuple):
    """What a file holds: arrays of images by name, memory-mapped and read-only, and what else was said of them."""

    images: Mapping[str, np.ndarray]
    header: dict[str, Any]


def file_name(arguments: Any, makers: Sequence[str]) -> str:
    """A name, ARGUMENTS-VERSION.npz, for each set of arguments, and for each version of the source files that make the images."""
    source = b"".join(Path(file).read_bytes() for file in makers)
    return "-".join(hashlib.sha256(each).hexdigest()[:16] for each in (repr(to_python(arguments)).encode(), source)) + ".npz"


def find(path: Path, what: str, shapes: Callable[[Mapping[str, Any]], Shapes]) -> Kept | None:
    """What `path` holds; None if the file is missing, or damaged, which is reported. shapes: those that belong to its header."""
    try:
        with archive.opened(path) as file:
            found = {name: (layout.dtype, layout.shape) for name, layout in file.layout.items()}
            if found != {name: (np.uint8, shape) for name, shape in shapes(file.header).items()}:
                raise CheckpointError(f"it has {shortened(found)}")
            return Kept(file.mapped(found), file.header)
    except FileNotFoundError:
        return None
    except CheckpointError as error:
        print(f"minigen: {path} is damaged ({error}): the {what} are made again", file=sys.stderr)
        return None


def keep(path: Path, what: str, images: Mapping[str, Written], header: Mapping[str, Any] | None = None) -> Kept | None:
    """Write images, made meanwhile, and a header to `path`, and find them there.

    None if it cannot be written, which is reported. DataError if many images have no room on the disk.
    """
    found = None
    with keeping(), room_for(path, what, sum(math.prod(each.shape) for each in images.values())):
        archive.save(path, images, header or {})
        forget_other_versions(path)
        found = find(path, what, lambda header: {name: each.shape for name, each in images.items()})
    return found


@contextlib.contextmanager
def room_for(path: Path, what: str, size: int) -> Iterator[None]:
    """Inside the block a file of so many bytes is written. DataError, at once or later, if it is LARGE and there is no room."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if size > free:
            raise OSError(errno.ENOSPC, f"{free / 1e9:.1f} GB are free")
        yield
    except OSError as error:
        if size < LARGE or error.errno not in FULL:
            raise
        raise DataError(
            f"{what}: the images are {size / 1e9:.1f} GB, for which {path.parent} has no room ({error.strerror}): make room, set "
            "XDG_CACHE_HOME to a folder on a larger disk, or take fewer images, or smaller ones"
        ) from error


def forget_other_versions(path: Path) -> None:
    """Remove what other versions of the source files have left for the same arguments."""
    for other in set(path.parent.glob(f"{path.name.partition('-')[0]}-*.npz")) - {path}:
        with contextlib.suppress(OSError):  # in use by another process, or removed by it
            other.unlink()
