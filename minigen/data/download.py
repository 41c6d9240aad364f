"""Downloads that are whole and right, or do not happen: several mirrors, a checksum, an atomic rename."""

import gzip
import hashlib
import urllib.request
import zlib
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from minigen.errors import DataError
from minigen.files import replacing

TIMEOUT = 30        # seconds without a byte
BLOCK = 1 << 18     # bytes


def download(urls: Sequence[str], target: Path, sha256: str, *, decompress: bool) -> None:
    """Write to `target` what the first of `urls` that keeps its promise sends.

    sha256: hexadecimal digest of the file, or with decompress=True of its content after gunzip, which does
    not depend on how a mirror compressed it. The file appears under its name only when it is complete and
    checked.
    Raises DataError, with what went wrong at each URL, if none of them delivers.
    """
    failures = []
    for url in urls:
        try:
            _download_one(url, target, sha256, decompress)
            return
        # A truncated .gz is an EOFError; one that is no .gz, like every network error, an OSError.
        except (OSError, EOFError, HTTPException, zlib.error, DataError) as error:
            failures.append(f"  {url}: {error}")
    raise DataError(f"{target.name} could not be downloaded:\n" + "\n".join(failures))


def _download_one(url: str, target: Path, sha256: str, decompress: bool) -> None:
    with replacing(target) as temporary:
        with open(temporary, "wb") as file:
            _receive(url, file, target.name)
        digest = _sha256(temporary, decompress)
        if digest != sha256:
            raise DataError(f"wrong checksum: SHA-256 is {digest}, expected {sha256}")


def _receive(url: str, file: BinaryIO, label: str) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        promised = response.headers.get("Content-Length")
        total = int(promised) if promised else None
        with tqdm(total=total, desc=label, unit="B", unit_scale=True) as progress:
            while block := response.read(BLOCK):
                file.write(block)
                progress.update(len(block))
        if total is not None and progress.n != total:
            raise DataError(f"the connection broke after {progress.n} of {total} bytes")


def _sha256(path: Path, decompress: bool) -> str:
    digest = hashlib.sha256()
    with (gzip.open if decompress else open)(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
