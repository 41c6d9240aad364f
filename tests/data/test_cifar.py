"""CIFAR-10 from small files of the same form: its layouts, its checks, and what is said of the version that is pickles."""

import hashlib
import io
import tarfile

import numpy as np
import pytest

from minigen import data
from minigen.data import cifar, download
from minigen.errors import DataError

LABELS = np.random.default_rng(0).integers(0, 10, (6, 4), np.uint8)
PIXELS = np.random.default_rng(1).integers(0, 256, (6, 4, 32, 32, 3), np.uint8)
CONTENTS = {
    name: b"".join(bytes([label]) + image.transpose(2, 0, 1).tobytes() for label, image in zip(labels, images, strict=True))
    for name, labels, images in zip(cifar.PUBLISHED, LABELS, PIXELS, strict=True)
}


def tar(contents, folder="cifar-10-batches-bin/", mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in {"batches.meta.txt": b"airplane\n", **contents}.items():
            info = tarfile.TarInfo(folder + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def own(tmp_path, monkeypatch):
    """$MINIGEN_DATA, empty, as is the cache, and no network is asked."""
    monkeypatch.setenv("MINIGEN_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cifar, "MIRRORS", ())
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def put(folder, contents=CONTENTS):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def check_loaded(train, test):
    for part, images, labels in ((train, PIXELS[:5], LABELS[:5]), (test, PIXELS[5:], LABELS[5:])):
        assert part.images.dtype == np.float32 and part.labels.dtype == np.int64 and part.images.flags.c_contiguous
        np.testing.assert_array_equal(part.images, data.as_pixels(images.reshape(-1, 32, 32, 3)))
        np.testing.assert_array_equal(part.labels, labels.reshape(-1))
        assert part.name == "cifar10" and part.class_names[9] == "truck" and len(part.class_names) == 10


@pytest.mark.parametrize("place", ["", "cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"])
def test_files_are_found(own, place):
    put(own / place)
    check_loaded(*data.load("cifar10"))


@pytest.mark.parametrize("place", ["", "cifar10"])
@pytest.mark.parametrize("inside, mode", [("cifar-10-batches-bin/", "w:gz"), ("", "w")])
def test_the_archive_is_found(own, place, inside, mode):
    put(own / place, {cifar.ARCHIVE: tar(CONTENTS, inside, mode)})
    check_loaded(*data.load("cifar10"))
    assert [path.name for path in (own / place).iterdir()] == [cifar.ARCHIVE]


def test_the_cache_is_looked_into(own):
    put(own.parent / "cache" / "minigen" / "cifar10", {cifar.ARCHIVE: tar(CONTENTS)})
    check_loaded(*data.load("cifar10"))


def test_bytes(own):
    put(own)
    train, _ = data.load("cifar10", dtype="uint8")
    np.testing.assert_array_equal(train.images, PIXELS[:5].reshape(-1, 32, 32, 3))


def test_another_dtype_is_refused():
    with pytest.raises(ValueError, match="cifar10: unknown dtype 'int8'"):
        data.load("cifar10", dtype="int8")


def test_it_is_downloaded_once(own, monkeypatch):
    archive, asked = tar(CONTENTS), []
    monkeypatch.setattr(cifar, "MIRRORS", ("http://a/", "http://b/"))
    monkeypatch.setattr(cifar, "ARCHIVE_SHA256", hashlib.sha256(archive).hexdigest())
    monkeypatch.setattr(download, "received", lambda url, name: asked.append(url) or (b"else" if "/a/" in url else archive))
    for _ in range(2):
        check_loaded(*data.load("cifar10"))
    assert asked == [f"http://{mirror}/cifar-10-binary.tar.gz" for mirror in "ab"]


def test_without_a_network_it_says_what_to_do(own):
    (own / "notes.txt").write_text("")
    with pytest.raises(DataError) as caught:
        data.load("cifar10")
    message = str(caught.value)
    assert f"{own} has neither cifar-10-binary.tar.gz nor cifar-10-batches-bin; it has notes.txt.\n" in message
    assert f"get cifar-10-binary.tar.gz elsewhere and put it into {own}/cifar10" in message


def test_pickles_are_not_opened(own):
    (own / "cifar-10-batches-py").mkdir()
    (own / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"cos\nsystem\n(S'touch opened'\ntR.")
    with pytest.raises(
        DataError, match="cifar-10-batches-py is the Python version, pickles, which can run any program when they"
    ):
        data.load("cifar10")
    assert not (own / "opened").exists()


@pytest.mark.parametrize(
    "contents, message",
    [
        ({"data_batch_2.bin": b""}, "data_batch_2.bin: it has 0 bytes, expected 3,073 for each image; replace the file"),
        ({"test_batch.bin": bytes(3072)}, "test_batch.bin: it has 3,072 bytes"),
        ({"data_batch_5.bin": b"\x0b" + bytes(3072)}, "data_batch_5.bin: label 0 is 11, expected 0 to 9"),
        ({"data_batch_1.bin": bytes(10_000 * 3073)}, "data_batch_1.bin: it holds 10,000 images, as the published .* is damaged"),
    ],
)
def test_a_bad_file_is_refused_by_name(own, contents, message):
    put(own, CONTENTS | contents)
    with pytest.raises(DataError, match=message):
        data.load("cifar10")


def test_a_file_in_the_place_of_another_is_noticed(own, monkeypatch):
    monkeypatch.setitem(cifar.PUBLISHED, "test_batch.bin", hashlib.sha256(CONTENTS["test_batch.bin"]).hexdigest())
    put(own, CONTENTS | {"data_batch_3.bin": CONTENTS["test_batch.bin"]})
    with pytest.raises(DataError, match="data_batch_3.bin: it is the published test_batch.bin"):
        data.load("cifar10")


def test_an_incomplete_folder_names_what_is_missing(own):
    put(own, {name: CONTENTS[name] for name in CONTENTS if "_3" not in name})
    with pytest.raises(DataError, match=f"cifar10: {own} lacks data_batch_3.bin; put them there, or cifar-10-binary.tar.gz"):
        data.load("cifar10")


@pytest.mark.parametrize(
    "content, message",
    [
        (b"no archive", "cannot be unpacked"),
        (tar(CONTENTS)[:5000], "cannot be unpacked"),
        (
            tar({"data_batch_1.bin": b""}),
            "it lacks data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin, test_ba",
        ),
    ],
)
def test_a_bad_archive_is_refused(own, content, message):
    put(own, {cifar.ARCHIVE: content})
    with pytest.raises(DataError, match=f"cifar-10-binary.tar.gz: .*{message}"):
        data.load("cifar10")
