"""Images as bytes are the same pixels as floats, bit for bit, a batch at a time; no other whole numbers are touched."""

import tracemalloc

import numpy as np
import pytest

import minigen as mg
from minigen.backend import current, to_numpy
from minigen.data import Batches, as_pixels, batches, pixels
from minigen.data.pixels import are_bytes, blocks

# All bytes, each in several places.
BYTES = np.random.default_rng(0).permutation(np.arange(10 * 8 * 8 * 2) % 256).astype(np.uint8).reshape(10, 8, 8, 2)
PIXELS = (BYTES / np.float32(255)).astype(np.float32)
NUMBERS = {
    "labels": np.arange(10, dtype=np.uint8),
    "labels (n, 1)": np.arange(10, dtype=np.uint8)[:, None],
    "a class for each pixel": BYTES[..., 0],
    "wide integers": BYTES.astype(np.int64),
    "signed bytes": BYTES.astype(np.int8),
    "bools": BYTES > 9,
    "a movie": BYTES[:, None],
    "floats": PIXELS,
}


def assert_same(actual, expected):
    assert actual.dtype == expected.dtype and actual.shape == expected.shape
    np.testing.assert_array_equal(actual, expected)


def test_every_byte_is_the_nearest_float_to_its_share_of_255():
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert_same(as_pixels(every).ravel(), (np.arange(256) / 255).astype(np.float32))


@pytest.mark.parametrize("name", NUMBERS)
def test_all_but_images_as_bytes_mean_what_they_say(name, backend):
    given = NUMBERS[name]
    assert not are_bytes(given) and as_pixels(given) is given
    images, numbers = next(iter(batches(BYTES, given, batch_size=10, seed=0, shuffle=False)))
    assert_same(to_numpy(numbers), given)
    assert_same(to_numpy(images), PIXELS)


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_bytes_are_those_of_floats(shuffle, backend):
    """Also on a device, to which they go as floats."""
    whole = [Batches(images, batch_size=4, seed=1, shuffle=shuffle) for images in (BYTES, PIXELS)]
    for actual, expected in zip(*whole, strict=True):
        assert type(actual) is current().array_type
        assert_same(to_numpy(actual), to_numpy(expected))


def test_only_the_first_array_is_converted():
    """What is converted are pixels already; and it is done batch by batch."""
    seen = []

    def convert(images):
        seen.append(len(images))
        return images * 2 - 1

    for first, second in batches(BYTES, BYTES, batch_size=4, shuffle=False, convert=convert):
        assert_same(first, second * 2 - 1)
        assert second.max() <= 1
    assert seen == [4, 4, 2]


def test_any_examples_come_as_a_batch_has_them():
    stream = Batches(BYTES, np.arange(10), batch_size=4, seed=0, convert=lambda images: 1 - images)
    images, labels = stream.at(np.array([7, 2]))
    assert_same(images, 1 - PIXELS[[7, 2]])
    assert_same(labels, np.array([7, 2]))


@pytest.mark.parametrize("values", [1, 300, 10**6])
def test_blocks_of_bytes_and_of_floats_begin_at_the_same_places(values, monkeypatch):
    monkeypatch.setattr(pixels, "VALUES", values)
    found = [list(blocks(images)) for images in (BYTES, PIXELS)]
    assert len(found[0]) == {1: 10, 300: 5, 10**6: 1}[values]
    for actual, expected in zip(*found, strict=True):
        assert_same(actual, expected)


def test_memory_mapped_bytes_are_never_floats_as_a_whole(tmp_path):
    """32 MB on the disk, 128 MB as floats."""
    np.save(tmp_path / "x.npy", np.zeros((8192, 64, 64, 1), np.uint8))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    tracemalloc.start()
    try:
        stream = Batches(mapped, batch_size=8, seed=0)
        batch = next(iter(stream))
        checksum = mg.training.examples.checksum([mapped])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert type(stream.arrays[0]) is np.memmap and type(batch) is np.ndarray and batch.dtype == np.float32
    assert checksum == mg.training.examples.checksum([np.zeros((8192, 64, 64, 1), np.float32)])
    assert peak < 48 << 20, f"{peak >> 20} MiB"
