"""Arrays that are made while they are written, and arrays that are read where they lie. Damage: see training/test_damage.py."""

import tracemalloc

import numpy as np
import pytest

from minigen.errors import CheckpointError
from minigen.utils import archive

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(3, 2), "b": np.arange(300, dtype=np.uint8).reshape(10, 5, 6)}


def written(array, step=4):
    parts = (array[start : start + step] for start in range(0, len(array), step))
    return archive.Written(array.shape, array.dtype, parts)


def test_what_is_made_meanwhile_is_what_is_there_already(tmp_path):
    archive.save(tmp_path / "whole.npz", ARRAYS, {"kind": 1})
    archive.save(tmp_path / "parts.npz", {"b": written(ARRAYS["b"]), "a": ARRAYS["a"]}, {"kind": 1})
    assert (tmp_path / "parts.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    with np.load(tmp_path / "parts.npz") as file:
        np.testing.assert_array_equal(file["b"], ARRAYS["b"])


@pytest.mark.parametrize("length", [9, 11])
def test_parts_that_do_not_make_the_array_are_refused_on_reading(length, tmp_path):
    wrong = written(ARRAYS["b"])._replace(shape=(length, 5, 6))
    archive.save(tmp_path / "x.npz", {"b": wrong}, {})
    with (
        pytest.raises(CheckpointError, match=f"'b' claims to be uint8.{length}, 5, 6., .* has 300"),
        archive.opened(tmp_path / "x.npz"),
    ):
        pass


def test_a_failure_while_parts_are_made_leaves_what_was_there(tmp_path):
    def parts():
        yield ARRAYS["b"][:4]
        raise KeyboardInterrupt

    archive.save(tmp_path / "x.npz", ARRAYS, {})
    before = (tmp_path / "x.npz").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        archive.save(tmp_path / "x.npz", {"b": archive.Written((10, 5, 6), np.dtype(np.uint8), parts())}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"] and (tmp_path / "x.npz").read_bytes() == before


def test_a_mapped_array_is_read_only_and_outlives_its_file(tmp_path):
    archive.save(tmp_path / "x.npz", ARRAYS, {})
    with archive.opened(tmp_path / "x.npz") as file:
        found = file.mapped(ARRAYS)
    (tmp_path / "x.npz").unlink()
    for name, array in ARRAYS.items():
        assert type(found[name]) is np.memmap and found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
        with pytest.raises(ValueError, match="read-only"):
            found[name][0] = 0


def test_neither_takes_the_memory_of_the_array(tmp_path):
    """64 MB."""
    part = np.zeros((1000, 1000), np.uint8)
    tracemalloc.start()
    try:
        archive.save(tmp_path / "x.npz", {"b": archive.Written((64_000, 1000), part.dtype, (part for _ in range(64)))}, {})
        with archive.opened(tmp_path / "x.npz") as file:
            (found,) = file.mapped(["b"]).values()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.shape == (64_000, 1000) and peak < 8 << 20, f"{peak >> 20} MiB"
