"""The IDX loaders: right files are read, wrong ones refused by name, downloads atomic."""

import gzip
import hashlib
import os
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from minigen import data
from minigen.data import mnist
from minigen.errors import DataError
from minigen.utils import files

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = mnist.FILES
RNG = np.random.default_rng(0)
PIXELS = {file: RNG.integers(0, 256, (n, 28, 28)) for file, n in ((TRAIN_IMAGES, 12), (TEST_IMAGES, 5))}
DIGITS = {file: RNG.integers(0, 10, n) for file, n in ((TRAIN_LABELS, 12), (TEST_LABELS, 5))}


def idx(array, kind=0x08):
    header = bytes((0, 0, kind, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


CONTENTS = {file: idx(array) for file, array in {**PIXELS, **DIGITS}.items()}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """$MINIGEN_DATA/mnist with four good files; the cache is empty and no network is asked."""
    monkeypatch.setenv("MINIGEN_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(mnist.SOURCES, "mnist", replace(mnist.SOURCES["mnist"], mirrors=()))
    folder = tmp_path / "own" / "mnist"
    folder.mkdir(parents=True)
    for file, content in CONTENTS.items():
        (folder / file).write_bytes(content)
    return folder


def check_loaded(train, test):
    for dataset, images, labels in ((train, TRAIN_IMAGES, TRAIN_LABELS), (test, TEST_IMAGES, TEST_LABELS)):
        assert dataset.images.dtype == np.float32 and dataset.labels.dtype == np.int64
        np.testing.assert_array_equal(dataset.images[..., 0], PIXELS[images].astype(np.float32) / 255)
        np.testing.assert_array_equal(dataset.labels, DIGITS[labels])
        assert dataset.factors == {}


def test_plain_files_are_read(folder):
    check_loaded(*data.load("mnist"))


def test_gz_files_are_read(folder):
    for file, content in CONTENTS.items():
        (folder / file).unlink()
        (folder / f"{file}.gz").write_bytes(gzip.compress(content))
    check_loaded(*data.load("mnist"))


def test_pixels_span_exactly_zero_to_one(folder):
    pixels = np.zeros((12, 28, 28))
    pixels[0, 0, 0] = 255
    (folder / TRAIN_IMAGES).write_bytes(idx(pixels))
    train, _ = data.load("mnist")
    assert train.images.min() == 0.0 and train.images.max() == 1.0


def test_fashion_mnist_has_its_own_folder_and_names(folder):
    folder.rename(folder.with_name("fashion_mnist"))
    train, test = data.load("fashion_mnist")
    check_loaded(train, test)
    assert train.name == "fashion_mnist"
    assert train.class_names[9] == "Ankle boot" and len(train.class_names) == 10


def gz(content):
    return gzip.compress(content, mtime=0)


# Under other names, and in other places.


def renamed(folder, name, change=lambda content: content):
    """The four files under other names, with other content."""
    for file, content in CONTENTS.items():
        (folder / file).unlink()
        (folder / name(file)).parent.mkdir(exist_ok=True)
        (folder / name(file)).write_bytes(change(content))


def dotted(file):
    return file.replace("-idx", ".idx")


@pytest.mark.parametrize("name, change", [
    (dotted, bytes), (dotted, gz), (lambda file: f"{dotted(file)}.gz", gz), (lambda file: f"{dotted(file)}.gz", bytes),
    (str, gz), (lambda file: f"{file}.gz", bytes), (lambda file: f"{file}/{file}", bytes),
    (lambda file: f"{dotted(file)}/{dotted(file)}", gz),
], ids=["dot", "dot, compressed", "dot, .gz", "dot, .gz that is plain", "compressed without .gz", ".gz that is plain",
        "in folders of their names", "in folders, compressed"])  # fmt: skip
def test_other_names_and_compressions_are_read(folder, name, change):
    renamed(folder, name, change)
    check_loaded(*data.load("mnist"))


@pytest.mark.parametrize("place", ["", "MNIST/raw", "MNIST", "raw"])
def test_other_places_are_looked_into(folder, place, monkeypatch):
    root = folder.parent
    renamed(folder, lambda file: root / place / file if not place else root / file)
    folder.rmdir()
    if place:
        (root / place).mkdir(parents=True)
        for file in mnist.FILES:
            (root / file).rename(root / place / file)
    check_loaded(*data.load("mnist"))
    monkeypatch.chdir(root.parent)
    monkeypatch.setenv("MINIGEN_DATA", "own")
    check_loaded(*data.load("mnist"))
    monkeypatch.setenv("HOME", str(root.parent))
    monkeypatch.setenv("MINIGEN_DATA", "~/own")
    check_loaded(*data.load("mnist"))


@pytest.fixture
def published(folder, monkeypatch):
    """The four files are as they were published as Fashion-MNIST, and as large as those of MNIST were."""
    digests = tuple(hashlib.sha256(CONTENTS[file]).hexdigest() for file in mnist.FILES)
    source = mnist.SOURCES["fashion_mnist"]
    monkeypatch.setitem(mnist.SOURCES, "fashion_mnist", replace(source, sha256=digests, mirrors=()))
    monkeypatch.setattr(mnist, "PUBLISHED", (12, 12, 5, 5))
    return folder


def test_one_flipped_bit_in_a_plain_file_is_noticed(published):
    published.rename(published.with_name("fashion_mnist"))
    data.load("fashion_mnist")
    for file, content in CONTENTS.items():
        path = published.with_name("fashion_mnist") / file
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(
            DataError, match=f"{file}: it holds (12|5), as the published {file} of fashion_mnist does, but is damaged"
        ):
            data.load("fashion_mnist")
        path.write_bytes(content)


def test_files_of_the_other_data_set_or_split_are_noticed(published, monkeypatch):
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES}: it is the published {TRAIN_IMAGES} of fashion_mnist"):
        data.load("mnist")
    fashion = published.rename(published.with_name("fashion_mnist"))
    for one, other in ((TRAIN_IMAGES, TEST_IMAGES), (TRAIN_LABELS, TEST_LABELS)):
        (fashion / one).write_bytes(CONTENTS[other])
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES}: it is the published {TEST_IMAGES} of fashion_mnist"):
        data.load("fashion_mnist")


@pytest.mark.parametrize("place", ["", "raw"])
def test_where_no_folder_says_what_they_are_the_content_does(published, place):
    """Right in $MINIGEN_DATA they may be of either: MNIST's are looked for elsewhere."""
    other = published.parent / place
    other.mkdir(exist_ok=True)
    for file in mnist.FILES:
        (published / file).rename(other / file)
    published.rmdir()
    data.load("fashion_mnist")
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        data.load("mnist")
    assert f"{other} has none of them; it has {TEST_IMAGES}" in str(caught.value)


def test_every_published_file_has_a_digest_of_its_own():
    assert len({digest for source in mnist.SOURCES.values() for digest in source.sha256}) == 8


def test_what_is_there_instead_is_said(folder, monkeypatch):
    for file in mnist.FILES:
        (folder / file).rename(folder / f"{file}.zip")
    with pytest.raises(DataError, match=f"{folder} has none of them; it has {TEST_IMAGES}.zip, {TEST_LABELS}.zip, "):
        data.load("mnist")
    (folder / f"{TRAIN_IMAGES}.zip").rename(folder / TRAIN_IMAGES)
    with pytest.raises(DataError, match=f"{folder} lacks {TRAIN_LABELS}, .*; it has {TEST_IMAGES}.zip, "):
        data.load("mnist")
    for wrong in ("nosuch", f"{TRAIN_LABELS}.zip"):
        monkeypatch.setenv("MINIGEN_DATA", str(folder / wrong))
        with pytest.raises(DataError, match=f"MINIGEN_DATA is .*/{wrong}: there is no such folder"):
            data.load("mnist")
    monkeypatch.setenv("MINIGEN_DATA", "~nobody-of-this-name/data")
    with pytest.raises(DataError, match="MINIGEN_DATA is ~nobody-of-this-name/data: "):
        data.load("mnist")


def test_a_small_file_does_not_unpack_to_gigabytes(folder):
    """No more is unpacked than its header declares, and a byte."""
    (folder / TRAIN_LABELS).write_bytes(gz(CONTENTS[TRAIN_LABELS] + bytes(10**7)))
    with pytest.raises(DataError, match="its header declares 12 = 12 bytes, it holds [12]?[0-9];"):
        data.load("mnist")


@pytest.mark.parametrize(
    "file, content, message",
    [
        (TRAIN_IMAGES, b"", "starts with nothing, expected the magic number 00 00 08 03"),
        (TRAIN_IMAGES, b"PK\x03\x04 a zip file", "starts with 50 4b 03 04"),
        (TRAIN_IMAGES, CONTENTS[TRAIN_LABELS], "starts with 00 00 08 01, expected the magic number 00 00 08"),
        (TRAIN_IMAGES, idx(PIXELS[TRAIN_IMAGES], kind=0x0D), "starts with 00 00 0d 03"),
        (TRAIN_IMAGES, CONTENTS[TRAIN_IMAGES][:9], "header is 9 bytes, expected 16"),
        (TRAIN_IMAGES, CONTENTS[TRAIN_IMAGES][:-1], "declares 12 x 28 x 28 = 9408 bytes, it holds 9407"),
        (TRAIN_IMAGES, CONTENTS[TRAIN_IMAGES] + b"x", "9408 bytes, it holds 9409"),
        (TRAIN_IMAGES, idx(np.zeros((12, 32, 32))), "images are 32 x 32, expected 28 x 28"),
        (TRAIN_IMAGES, idx(np.zeros((0, 28, 28))), "holds no images"),
        (TEST_LABELS, idx(np.zeros(4)), f"holds 4 labels for the 5 images of {TEST_IMAGES}"),
        (TEST_LABELS, idx(np.array([0, 1, 10, 3, 4])), "label 2 is 10, expected 0 to 9"),
        (f"{TEST_LABELS}.gz", gz(CONTENTS[TEST_LABELS])[:-5], "cannot be read to its end"),
        (f"{TEST_LABELS}.gz", b"<html>404</html>", "cannot be read to its end.*[Nn]ot a gzip"),
        (f"{TEST_LABELS}.gz", gz(CONTENTS[TEST_LABELS])[:10] + bytes(20), "cannot be read to its end"),
    ],
    ids=[
        "empty",
        "zip",
        "labels as images",
        "floats",
        "header cut",
        "byte missing",
        "byte too many",
        "32 x 32",
        "no images",
        "label missing",
        "label 10",
        "gz cut",
        "web page",
        "gz garbled",
    ],
)
def test_a_bad_file_is_refused_by_name(folder, file, content, message):
    (folder / file.removesuffix(".gz")).unlink()
    (folder / file).write_bytes(content)
    with pytest.raises(DataError, match=f"{file}: .*{message}.*replace the file"):
        data.load("mnist")


def test_an_incomplete_folder_names_what_is_missing(folder):
    (folder / TEST_LABELS).unlink()
    with pytest.raises(DataError, match=f"{folder} lacks {TEST_LABELS}; put them there"):
        data.load("mnist")


def test_files_of_ones_own_go_before_the_cache(folder, tmp_path):
    cache = tmp_path / "cache" / "minigen" / "mnist"
    cache.mkdir(parents=True)
    for file in mnist.FILES:
        (cache / file).write_bytes(b"not to be looked at")
    check_loaded(*data.load("mnist"))


# Downloads, from a server of this test.


@pytest.fixture
def mirrors(tmp_path, monkeypatch):
    """Two mirrors /a/ and /b/ of the tiny files, an empty cache, and no $MINIGEN_DATA."""
    served = {f"/{mirror}/{file}.gz": gz(CONTENTS[file]) for mirror in "ab" for file in mnist.FILES}
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = served.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(promised.get(self.path, len(body or b""))))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args):
            pass

    promised = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.delenv("MINIGEN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    source = replace(
        mnist.SOURCES["mnist"],
        mirrors=tuple(f"http://127.0.0.1:{server.server_port}/{mirror}/" for mirror in "ab"),
        sha256=tuple(hashlib.sha256(CONTENTS[file]).hexdigest() for file in mnist.FILES),
    )
    monkeypatch.setitem(mnist.SOURCES, "mnist", source)
    yield Mirrors(served, promised, asked, tmp_path / "minigen" / "mnist")
    server.shutdown()
    server.server_close()


class Mirrors:
    def __init__(self, served, promised, asked, cache):
        self.served, self.promised, self.asked, self.cache = served, promised, asked, cache

    def cached(self):
        return sorted(path.name for path in self.cache.iterdir()) if self.cache.exists() else []


def test_download_fills_the_cache_once(mirrors):
    check_loaded(*data.load("mnist"))
    assert mirrors.cached() == sorted(f"{file}.gz" for file in mnist.FILES)
    assert len(mirrors.asked) == 4
    check_loaded(*data.load("mnist"))
    assert len(mirrors.asked) == 4, "the second load asked the network again"


def test_checksum_is_of_the_content_however_it_is_compressed(mirrors):
    for path in list(mirrors.served):
        mirrors.served[path] = gzip.compress(CONTENTS[Path(path).stem], compresslevel=1, mtime=12345)
    check_loaded(*data.load("mnist"))


def wrong_content():
    content = bytearray(CONTENTS[TRAIN_IMAGES])
    content[-1] ^= 1
    return gz(bytes(content))


SPOILED = {
    "missing": (None, "404"),
    "another content": (wrong_content(), "wrong checksum: SHA-256 is .*, expected"),
    "a web page": (b"<html>please log in</html>", "[Nn]ot a gzip"),
    "cut short": (gz(CONTENTS[TRAIN_IMAGES])[:-100], "ended before|end-of-stream"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_mirror_that_fails_is_passed_over(mirrors, spoiled):
    mirrors.served[f"/a/{TRAIN_IMAGES}.gz"] = SPOILED[spoiled][0]
    check_loaded(*data.load("mnist"))
    assert mirrors.asked[:2] == [f"/{mirror}/{TRAIN_IMAGES}.gz" for mirror in "ab"]


@pytest.mark.parametrize("spoiled", SPOILED)
def test_when_all_mirrors_fail_the_error_says_what_to_do_and_nothing_is_left(mirrors, spoiled):
    body, reason = SPOILED[spoiled]
    for mirror in "ab":
        mirrors.served[f"/{mirror}/{TRAIN_IMAGES}.gz"] = body
    with pytest.raises(DataError) as caught:
        data.load("mnist")
    message = str(caught.value)
    assert message.count(f"{TRAIN_IMAGES}.gz: ") == 2, "a mirror's failure is not told"
    assert pytest.raises(DataError, data.load, "mnist").match(reason)
    assert all(f"{file}.gz" in message for file in mnist.FILES)
    assert "MINIGEN_DATA" in message and "glyphs" in message
    assert mirrors.cached() == []


def test_a_connection_that_breaks_leaves_nothing(mirrors):
    for mirror in "ab":
        path = f"/{mirror}/{TRAIN_IMAGES}.gz"
        mirrors.promised[path] = len(mirrors.served[path]) + 1
    with pytest.raises(DataError, match="connection broke after"):
        data.load("mnist")
    assert mirrors.cached() == []


def test_a_cache_that_cannot_be_written_is_done_without(mirrors, monkeypatch, capsys):
    Path(mirrors.cache.parent).write_text("a file in its place")
    monkeypatch.setattr(files, "REPORTED", [])
    for _ in range(2):
        check_loaded(*data.load("mnist"))
    assert len(mirrors.asked) == 8 and capsys.readouterr().err.count("minigen: nothing is kept for the next time (") == 1


def test_ctrl_c_leaves_nothing_half_written(mirrors, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("minigen.data.download.sha256_of", interrupt)
    with pytest.raises(KeyboardInterrupt):
        data.load("mnist")
    assert mirrors.cached() == []


def test_the_real_files():
    folder = Path(os.environ.get("MINIGEN_DATA", ""), "mnist")
    if not os.environ.get("MINIGEN_DATA") or not folder.is_dir():
        pytest.skip("no real MNIST: set MINIGEN_DATA to a folder that has mnist/ in it")
    train, test = data.load("mnist")
    assert (train.images.shape, test.images.shape) == ((60_000, 28, 28, 1), (10_000, 28, 28, 1))
    np.testing.assert_array_equal(np.bincount(train.labels), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    np.testing.assert_array_equal(train.labels[:5], [5, 0, 4, 1, 9])
    assert train.images.mean() == pytest.approx(0.1307, abs=1e-4)
    for file, expected in zip(mnist.FILES, mnist.SOURCES["mnist"].sha256, strict=True):
        path = mnist.found(folder)[file]
        content = path.read_bytes() if path.suffix != ".gz" else gzip.decompress(path.read_bytes())
        assert hashlib.sha256(content).hexdigest() == expected, f"{path} is not the published file"
