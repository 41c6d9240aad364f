"""A checkpoint damaged in hundreds of ways: each is refused with the file's name, at little cost, and nothing has changed."""

import contextlib
import copy
import io
import json
import os
import pickle
import shutil
import socket
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

import minigen as mg
from minigen import optim
from minigen.backend import random
from minigen.errors import CheckpointError, StateError
from minigen.training import EarlyStopping, checkpoint
from minigen.training.fitting import FitRun
from minigen.training.resume_settings import DATA
from minigen.utils import archive
from tests.training.networks import BATCH, Noisy, assert_same, everything, examples, saved_in_an_epoch


def made_run(seed=1, epochs=1):
    """A run that watches a validation loss, after some epochs."""
    mg.seed(seed)
    network = Noisy()
    run = FitRun(
        network, optim.Adam(network.parameters(), lr=0.05), examples(), examples(5, 6), 4, BATCH, 3, [EarlyStopping(9)], False
    )
    for _ in range(epochs):
        run.train_epoch(lambda: False)
    return run


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A checkpoint in the middle of the second epoch."""
    mg.use("numpy")
    run = made_run()
    return saved_in_an_epoch(run, tmp_path_factory.mktemp("good") / "checkpoint.npz")


@pytest.fixture
def refused(tmp_path):
    """A check that a file is refused by a run that stays as it was; returns the message."""
    run = made_run(seed=99)
    before = everything(run)

    def check(what, path=tmp_path / "spoiled.npz", match=None):
        with pytest.raises(CheckpointError, match=match) as caught:
            run.restore(path)
            pytest.fail(f"accepted: {what}")
        assert str(path) in str(caught.value), f"{what}: the message does not name the file: {caught.value}"
        assert_same(everything(run), before)
        return str(caught.value)

    return check


@contextlib.contextmanager
def at_most(size):
    """The block takes no more memory than so many bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


# -- bytes ---------------------------------------------------------------------------------------------------------


def test_the_good_one_is_accepted(good):
    run = made_run(seed=99, epochs=0)
    run.restore(good)
    assert (run.epoch, run.seen, run.optimizer.steps) == (1, 12, 9)
    with np.load(good, allow_pickle=False) as file:  # by NumPy alone
        assert json.loads(file["minigen"].tobytes())["format"] == archive.FORMAT
        np.testing.assert_array_equal(file["model/decoder.0.bias"], run.model.decoder[0].bias.data)


def test_one_wrong_bit_anywhere_is_refused(good, tmp_path, refused):
    whole, path = good.read_bytes(), tmp_path / "spoiled.npz"
    positions = [*range(0, len(whole), 31), *range(len(whole) - 70, len(whole))]
    for i, position in enumerate(positions):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << i % 8
        path.write_bytes(damaged)
        refused(f"bit {i % 8} of byte {position}")


def test_a_file_cut_short_or_made_longer_is_refused(good, tmp_path, refused):
    whole, path = good.read_bytes(), tmp_path / "spoiled.npz"
    for length in [*range(0, len(whole), 173), *range(len(whole) - 60, len(whole), 3)]:
        path.write_bytes(whole[:length])
        refused(f"{length} bytes of {len(whole)}")
    for more in (b"\0", b"garbage", whole, bytes(100_000)):
        path.write_bytes(whole + more)
        refused(f"{len(more)} bytes behind")
        path.write_bytes(more + whole)
        refused(f"{len(more)} bytes in front")


def test_a_damaged_array_is_named(good, tmp_path, refused):
    whole = good.read_bytes()
    with np.load(good) as file:
        at = whole.index(file["model/decoder.0.weight"].tobytes())
    (tmp_path / "spoiled.npz").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    refused("a weight", match=r"bad CRC-32 of 'model/decoder\.0\.weight'")


# -- archives with a right checksum ------------------------------------------------------------------------------


def members(path):
    """Name -> bytes of all members of an archive."""
    with zipfile.ZipFile(path) as file:
        return {info.filename: file.read(info) for info in file.infolist()}


def forged(path, contents, **options):
    """Write an archive of (name, bytes) with a right checksum at its end."""
    with open(path, "w+b") as file:
        with zipfile.ZipFile(file, "w", **options) as made:
            for name, content in contents:
                made.writestr(zipfile.ZipInfo(name) if not options else name, content)
        archive.seal(file)


def npy(array, version=(1, 0)):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version, allow_pickle=True)
    return file.getvalue()


def claiming(dtype, shape, content=b""):
    """A .npy text that claims so much, and has this."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


BIAS = "model/decoder.0.bias.npy"
zeros = np.zeros(6, np.float32)
CONTENTS = {
    "text": b"no array at all", "nothing": b"", "a magic and no more": b"\x93NUMPY",
    "a wrong magic": b"\x93NUMPX" + npy(zeros)[6:], "another version": npy(zeros, (2, 0)), "version 3": npy(zeros, (3, 0)),
    "version 9": b"\x93NUMPY\x09\x00" + npy(zeros)[8:],
    "a pickle": pickle.dumps(zeros), "a pickle inside": npy(np.array([{"a": 1}] * 6, dtype=object)),
    "fields": npy(np.zeros(6, [("x", "<f4")])), "the other byte order": npy(zeros.astype(">f4")), "times": npy(np.zeros(6, "M8[s]")),
    "bytes": npy(np.zeros(6, "S4")), "complex numbers": npy(np.zeros(6, np.complex64)), "bools": npy(np.zeros(6, bool)),
    "Fortran's order": npy(np.asfortranarray(np.zeros((2, 3), np.float32))),
    "too short": npy(zeros)[:-1], "too long": npy(zeros) + b"\0",
    "931 GiB": claiming("<f4", (10**12 // 4,)), "2^63 numbers": claiming("<f4", (2**32, 2**31)), "2^80 numbers": claiming("<f4", (2**80,)),
    "a negative length": claiming("<f4", (-6,), bytes(24)), "two negative lengths": claiming("<f4", (-2, -3), bytes(24)),
    "a head of noise": b"\x93NUMPY\x01\x00" + struct.pack("<H", 100) + bytes(range(100)),
    "a head of code": b"\x93NUMPY\x01\x00" + struct.pack("<H", 40) + b"__import__('os').system('touch hacked')".ljust(40),
    "a deep head": b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"[" * 9000,
    "a head longer than all": b"\x93NUMPY\x01\x00\xff\xff",
    "float64": npy(np.zeros(6)), "another shape": npy(np.zeros((2, 3), np.float32)), "another length": npy(np.zeros(7, np.float32)),
    "NaN": npy(np.full(6, np.nan, np.float32)),
    "a head of parentheses": b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"{'shape': " + b"(" * 8990,
}  # fmt: skip


@pytest.mark.parametrize("redeclared", [False, True], ids=["as before", "with its header"])
def test_a_member_that_is_something_else_is_refused(good, tmp_path, refused, redeclared):
    """Whether or not the header declares it."""
    for name, content in CONTENTS.items():
        contents = {**members(good), BIAS: content}
        if redeclared:
            with contextlib.suppress(Exception):  # what has no layout cannot be declared
                found = np.lib.format.read_array(io.BytesIO(content))
                header = json.loads(contents["minigen.npy"][128:])
                header["arrays"]["model/decoder.0.bias"] = [found.dtype.str, list(found.shape)]
                contents["minigen.npy"] = npy(np.frombuffer(json.dumps(header).encode(), np.uint8))
        forged(tmp_path / "spoiled.npz", contents.items())
        with at_most(4_000_000):
            assert len(refused(name)) < 800, "the message quotes the file"


def test_members_missing_added_doubled_or_reordered_are_refused(good, tmp_path, refused):
    whole = list(members(good).items())
    path = tmp_path / "spoiled.npz"
    names = [name for name, _ in whole]
    moments = names.index("optimizer/first_moment.npy"), names.index("optimizer/second_moment.npy")
    swapped = list(whole)
    for i, j in (moments, moments[::-1]):
        swapped[i] = (names[i], whole[j][1])
    changed = {
        "swapped arrays": swapped,
        "the header last": whole[1:] + whole[:1],
        "another order": whole[:1] + whole[:0:-1],
        "one more": [*whole, ("model/extra.npy", npy(zeros))],
        "a text more": [*whole, ("readme.txt", b"hello")],
        "a folder": [*whole, ("model/", b"")],
        "a path upward": [*whole, ("../evil.npy", npy(zeros))],
    }
    for i, (name, content) in enumerate(whole):
        changed[f"without {name}"] = whole[:i] + whole[i + 1 :]
        changed[f"{name} twice"] = [*whole[: i + 1], (name, content), *whole[i + 1 :]]
    for what, contents in changed.items():
        with pytest.warns(UserWarning) if "twice" in what else contextlib.nullcontext():
            forged(path, contents)
        if what == "swapped arrays":  # a checksum that was made again can be anyone's: here it is the sign that tells
            refused(what, match="second_moment holds negative values")
        else:
            refused(what)


def test_compressed_and_encrypted_files_are_refused(good, tmp_path, refused):
    path, whole = tmp_path / "spoiled.npz", members(good)
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        forged(path, whole.items(), compression=method)
        refused(f"method {method}", match="compressed")
    bomb = {**whole, BIAS: claiming("<f4", (10**7,), bytes(4 * 10**7))}  # 40 MB in 40 kB
    forged(path, bomb.items(), compression=zipfile.ZIP_DEFLATED)
    with at_most(2_000_000):
        refused("a bomb", match="compressed")
    content = good.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    begin = int.from_bytes(content[end + 16 : end + 20], "little")  # of the directory
    with zipfile.ZipFile(good) as file:
        places = [archive.place_of(file.fp, member) for member in file.infolist()]
    for offset, value, match in (
        (8, 1, "encrypted"),
        (10, 99, "compressed"),
        (10, 9, "compressed"),
        (20, 7, "compressed"),
        (24, 7, "compressed"),
        (42, 7, "not where it belongs"),
    ):
        changed = bytearray(content)
        changed[begin + offset] = value
        path.write_bytes(changed[: -archive.DIGITS])
        with open(path, "r+b") as file:
            file.write(archive.checksum(file, places, len(changed) - archive.DIGITS))
        refused(f"directory byte {offset} = {value}", match=match)


def test_two_members_in_one_place_are_refused(good, tmp_path, refused):
    """The directory says that the second moments are where the first are; so a small file could hold any number of arrays."""
    content = bytearray(good.read_bytes())
    with zipfile.ZipFile(good) as file:
        infos = {info.filename: info for info in file.infolist()}
        places = [archive.place_of(file.fp, info) for info in infos.values() if not info.filename.endswith("second_moment.npy")]
    first = infos["optimizer/first_moment.npy"]
    entry = content.rindex(b"optimizer/second_moment.npy") - 46
    content[entry + 16 : entry + 20] = struct.pack("<I", first.CRC)
    content[entry + 42 : entry + 46] = struct.pack("<I", first.header_offset)
    for covered in (places, [*places, archive.place_of(open(good, "rb"), first)]):
        with open(tmp_path / "spoiled.npz", "w+b") as file:
            file.write(content[: -archive.DIGITS])
            file.flush()
            file.write(archive.checksum(file, sorted(covered), len(content) - archive.DIGITS))
        refused("twice the first moments", match="second_moment.npy' is not where it belongs")


def test_a_directory_that_claims_much_is_refused_at_little_cost(good, tmp_path, refused):
    content, path = good.read_bytes(), tmp_path / "spoiled.npz"
    end = content.rindex(b"PK\x05\x06")
    for offset in (8, 10, 12, 16):
        changed = bytearray(content)
        changed[end + offset : end + offset + 4] = b"\xff\xff\xff\x7f"
        path.write_bytes(changed)
        with at_most(2_000_000):
            refused(f"end of the directory, byte {offset}")


HEADERS = {
    "no UTF-8": b"\xff\xfe", "text": b"epoch,loss", "half of it": b'{"format": 3, "arr', "a list": b"[1, 2]", "a number": b"3",
    "null": b"null", "nothing": b"", "nested": b'{"a": ' + b"[" * 100_000, "nested whole": b"[" * 5000 + b"]" * 5000,
    "a key twice": b'{"format": 3, "format": 3, "arrays": {}}', "a number of 10,000 digits": b'{"format": 3, "epoch": ' + b"9" * 10_000 + b"}",
    "a format of 4,000 digits": b'{"format": ' + b"9" * 4_000 + b"}", "a half format": b'{"format": 3.0}', "a true format": b'{"format": true}',
    "a format in words": b'{"format": "3"}', "no arrays": b'{"format": 3}', "arrays of nothing": b'{"format": 3, "arrays": null}',
    "arrays of a list": b'{"format": 3, "arrays": [1]}', "arrays of numbers": b'{"format": 3, "arrays": {"model/x": 3}}',
    "a lone surrogate": b'{"format": "\\ud800"}', "zeros": bytes(100),
}  # fmt: skip


def test_a_header_that_is_not_one_is_refused(good, tmp_path, refused):
    for name, content in HEADERS.items():
        whole = {**members(good), "minigen.npy": npy(np.frombuffer(content, np.uint8))}
        forged(tmp_path / "spoiled.npz", whole.items())
        assert len(refused(name)) < 1000, "a message that echoes what is wrong"
    for array in (np.arange(3.0), np.zeros((2, 2), np.uint8), np.array(3, np.uint8), np.zeros(3, np.int8)):
        forged(tmp_path / "spoiled.npz", {**members(good), "minigen.npy": npy(array)}.items())
        refused(f"a header of {array.dtype}{array.shape}", match="damaged header")


# -- contents with a right checksum ------------------------------------------------------------------------------


WRONG = [None, True, -1, 1.5, float("nan"), float("inf"), "text", "1", [], [1], {}, {"a": "b"}, 10**30, 10**400]


def leaves(value, *keys):
    """The paths to all that a header says, but for settings, which are compared one by one elsewhere."""
    yield keys
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], *keys, key)
    elif isinstance(value, list) and value:
        yield from leaves(value[0], *keys, 0)


def test_a_header_with_one_wrong_value_is_refused(good, tmp_path, refused):
    """But for what others check: the settings below, and "models", which a run does not read, in tests/pretrained/test_files.py."""
    arrays, header = checkpoint.load(good)
    path, tried = tmp_path / "spoiled.npz", 0
    for keys in leaves({name: value for name, value in header.items() if name not in ("settings", "moved", "models")}):
        for wrong in WRONG if keys else []:
            changed = copy.deepcopy(header)
            place = changed
            for key in keys[:-1]:
                place = place[key]
            fits = keys[-1] == "seconds" or keys[0] in ("history", "sums") and keys[-1] != "epoch" and len(keys) > 1
            if wrong in (-1, 1.5, 10**30) and fits or keys == ("batches", "seed") and wrong in (10**30, 10**400):
                continue  # a measurement, or a seed: any number is as good
            place[keys[-1]] = wrong
            checkpoint.save(path, arrays, changed)
            refused(f"{keys} = {wrong!r}")
            tried += 1
    assert tried > 200


def test_settings_that_are_something_else_are_refused(good, tmp_path, refused):
    arrays, header = checkpoint.load(good)
    for name, old in header["settings"].items():
        for wrong in (10**400, "another", [1, 2, 3]):
            changed = {**header, "settings": {**header["settings"], name: wrong}}
            checkpoint.save(tmp_path / "spoiled.npz", arrays, changed)
            assert old == wrong or DATA.get(name, name) in refused(f"{name} = {wrong!r}")
    for name, wrong in [("settings", []), ("settings", 3), ("settings", None), ("moved", {}), ("moved", [1]), ("moved", None)]:
        checkpoint.save(tmp_path / "spoiled.npz", arrays, {**header, name: wrong})
        refused(f"{name} = {wrong!r}")


def test_an_array_with_wrong_values_is_refused(good, tmp_path, refused):
    arrays, header = checkpoint.load(good)
    for group, contents in arrays.items():
        for name, array in contents.items():
            wrong = [array[None], np.zeros((3, 0), array.dtype), np.array(["text"]), np.zeros(array.shape, bool)]
            if array.dtype.kind == "f":
                wrong += [np.full_like(array, np.nan), array.astype(np.float16)]
            if array.dtype.kind == "f" and name != "best":
                wrong += [np.full_like(array, np.inf)]
            if name in ("steps", "began", "best_epoch"):
                wrong += [np.array(-1), np.array(1.5), np.array(10**9) if name == "began" else np.array(True)]
            if name == "second_moment":
                wrong += [-array]
            for each in wrong:
                if name == "best" and each.dtype == np.float16 or name == "best_epoch" and each.dtype == bool:
                    continue
                changed = {**arrays, group: {**contents, name: each}}
                checkpoint.save(tmp_path / "spoiled.npz", changed, header)
                refused(f"{group}/{name} = {each!r}")


def test_sums_of_an_epoch_that_has_not_begun_are_refused(tmp_path, refused):
    with random.fork_rng():
        made_run().save(tmp_path / "whole.npz")
    arrays, header = checkpoint.load(tmp_path / "whole.npz")
    checkpoint.save(tmp_path / "spoiled.npz", arrays, {**header, "sums": {"more": 1.0}})
    refused("sums", match=r"sums has \['more'\], after 0 examples")


def test_swapped_and_superfluous_groups_are_refused(good, tmp_path, refused):
    arrays, header = checkpoint.load(good)
    path = tmp_path / "spoiled.npz"
    checkpoint.save(path, {**arrays, "model": arrays["optimizer"], "optimizer": arrays["model"]}, header)
    refused("swapped groups", match="unexpected first_moment")
    checkpoint.save(path, {**arrays, "more": {"x": zeros}}, header)
    refused("one more", match="unexpected 'more'")
    stopping = {**arrays["callback EarlyStopping 1"], "more": zeros}
    checkpoint.save(path, {**arrays, "callback EarlyStopping 1": stopping}, header)
    refused("one more", match="EarlyStopping: got a state with .*'more'")
    checkpoint.save(path, arrays, {**header, "more": 1})
    refused("one more", match="unexpected 'more'")


def test_nothing_that_does_not_fit_is_read(good, tmp_path, refused):
    """20 MB for a bias, which the file really has: refused by what its header says."""
    with zipfile.ZipFile(good) as file:
        header = json.loads(file.read("minigen.npy")[128:])
    path, large = tmp_path / "spoiled.npz", np.zeros(5_000_000, np.float32)
    header["arrays"]["model/decoder.0.bias"] = ["<f4", [5_000_000]]
    forged(
        path,
        {**members(good), "minigen.npy": npy(np.frombuffer(json.dumps(header).encode(), np.uint8)), BIAS: npy(large)}.items(),
    )
    with at_most(4_000_000):
        refused("20 MB for a bias", match=r"decoder\.0\.bias is float32\[5000000\], expected float32\[6\]")
        with checkpoint.opened(path) as saved, pytest.raises(StateError, match="expected float32"):  # as `minigen sample` does
            saved.fitting("model", Noisy())


# -- what is not a file ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="of POSIX")
def test_what_is_not_a_regular_file_is_refused(tmp_path, refused):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "folder.npz" / "checkpoint.npz").mkdir(parents=True)
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(tmp_path)  # the name of a socket is short
    listener.bind("socket")
    os.chdir(here)
    for name in ("pipe", "socket", "a"):
        refused(name, tmp_path / name, match="cannot be read")
    refused("a folder of that name", tmp_path / "folder.npz", match="cannot be read: it is a folder")
    listener.close()
    for device in ("/dev/full", "/dev/zero", "/dev/null"):
        refused(device, device, match="it is not a regular file")
    refused("a name with a NUL", tmp_path / "a\0b", match="cannot be read")
    (tmp_path / "file").write_text("")
    refused("a file as a folder", tmp_path / "file" / "checkpoint.npz", match="cannot be read")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_refused(good, tmp_path, refused):
    path = shutil.copy(good, tmp_path / "checkpoint.npz")
    path.chmod(0)
    refused("permission", path, match="Permission denied")


def test_a_link_to_nothing_is_not_a_checkpoint(tmp_path):
    (tmp_path / "checkpoint.npz").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError):
        made_run(epochs=0).restore(tmp_path)


# -- what cannot be saved ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("array", [np.array([None]), np.zeros(2, "c8"), np.zeros(2, "M8[s]"), np.zeros(2, ">f4")], ids=str)
def test_arrays_that_could_not_be_read_back_are_not_written(array, tmp_path):
    with pytest.raises(TypeError, match="model/x is an array of .*: only numbers and strings can be saved without pickle"):
        checkpoint.save(tmp_path / "checkpoint.npz", {"model": {"x": array}}, {})
    assert not list(tmp_path.iterdir())
