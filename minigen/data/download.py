"""Downloads that are complete and verified, or fail: several mirrors, and a checksum."""

import gzip
import hashlib
import io
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from http.client import HTTPException

from minigen.errors import DataError
from minigen.utils.progress import bar

TIMEOUT = 30  # seconds without a byte
BLOCK = 1 << 18  # bytes


def download(urls: Sequence[str], name: str, sha256: str, digest_of: Callable[[bytes], str] | None = None) -> bytes:
    """A .gz file, as it is, from the first of `urls` that delivers it with the right content.

    sha256: of its content, which does not depend on how a mirror compressed it, or whatever `digest_of` computes.  name: for
    progress and messages.
    Raises DataError, with what went wrong at each URL, if none of them delivers.
    """
    failures = []
    for url in urls:
        try:
            content = received(url, name)
            digest = (digest_of or sha256_of)(content)
            if digest != sha256:
                raise DataError(f"wrong checksum: SHA-256 is {digest}, expected {sha256}")
            return content
        # A truncated .gz is an EOFError; one that is not a .gz, like every network error, an OSError.
        except (OSError, EOFError, HTTPException, zlib.error, DataError) as error:
            failures.append(f"  {url}: {error}")
    raise DataError(f"{name} could not be downloaded:\n" + "\n".join(failures))


def received(url: str, name: str) -> bytes:
    content = bytearray()
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        promised = response.headers.get("Content-Length")
        total = int(promised) if promised else None
        with bar(total=total, desc=name, unit="B", unit_scale=True) as progress:
            while block := response.read(BLOCK):
                content += block
                progress.update(len(block))
        if total is not None and len(content) != total:
            raise DataError(f"the connection broke after {len(content)} of {total} bytes")
    return bytes(content)


def sha256_of(archive: bytes) -> str:
    digest = hashlib.sha256()
    with gzip.GzipFile(fileobj=io.BytesIO(archive)) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
