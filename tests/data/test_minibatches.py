"""Minibatches: every example once an epoch, in an order that seed and epoch decide, resumable anywhere."""

import itertools
import json
import tracemalloc
import zlib

import numpy as np
import pytest

from minigen import backend, nn, training
from minigen.data import Batches, batches
from minigen.errors import ShapeError, StateError
from minigen.training.examples import prepare
from tests.training import networks

N = 10


def examples(n=N):
    return np.arange(n)


def epoch_order(seed, epoch, n=N):
    return np.random.default_rng([seed, epoch]).permutation(n)


def flat(iterable):
    return np.concatenate([backend.to_numpy(batch) for batch in iterable])


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_epoch_is_the_documented_permutation(epoch):
    stream = batches(examples(), batch_size=3, seed=7)
    for _ in range(epoch):
        flat(stream)
    np.testing.assert_array_equal(flat(stream), epoch_order(7, epoch))


def test_sizes_and_length():
    assert [len(batch) for batch in batches(examples(), batch_size=4, seed=0)] == [4, 4, 2]
    assert len(batches(examples(), batch_size=4)) == 3
    assert [len(batch) for batch in batches(examples(), batch_size=4, seed=0, drop_last=True)] == [4, 4]
    assert len(batches(examples(), batch_size=4, drop_last=True)) == 2
    assert [len(batches(examples(), batch_size=5, drop_last=drop)) for drop in (False, True)] == [2, 2]
    assert [len(batch) for batch in batches(examples(), batch_size=64)] == [N]


def test_without_shuffle_the_order_is_kept_every_epoch():
    stream = batches(examples(), batch_size=3, shuffle=False)
    for _ in range(2):
        np.testing.assert_array_equal(flat(stream), examples())


def test_several_arrays_stay_aligned():
    images = np.random.default_rng(0).random((N, 2, 2, 1), dtype=np.float32)
    for x, label in batches(images, examples(), batch_size=3, seed=1):
        assert x.dtype == np.float32
        np.testing.assert_array_equal(backend.to_numpy(x), images[backend.to_numpy(label)])


def test_one_array_comes_bare_and_several_as_a_tuple():
    assert backend.is_array(next(iter(batches(examples(), batch_size=2))))
    assert isinstance(next(iter(batches(examples(), examples(), batch_size=2))), tuple)


def test_batches_live_on_the_current_backend():
    stream = batches(np.ones((4, 2), np.float32), examples(4), batch_size=2, seed=0)
    previous = backend.current().name
    backend.use("strict")
    try:
        x, label = next(iter(stream))
        assert backend.backend_of(x).name == backend.backend_of(label).name == "strict"
        np.testing.assert_array_equal(backend.to_numpy(label), epoch_order(0, 0, 4)[:2])
    finally:
        backend.use(previous)


def test_break_ends_the_epoch():
    stream = batches(examples(), batch_size=3, seed=5)
    for _ in stream:
        break
    np.testing.assert_array_equal(flat(stream), epoch_order(5, 1))


def test_two_iterators_at_once_do_not_disturb_each_other():
    stream = batches(examples(), batch_size=3, seed=5)
    first = iter(stream)
    start = [next(first)]
    np.testing.assert_array_equal(flat(stream), epoch_order(5, 1))
    np.testing.assert_array_equal(flat(start + list(first)), epoch_order(5, 0))


@pytest.mark.parametrize("stop", range(1, 13))
def test_resuming_continues_bit_for_bit(stop):
    """Three epochs of four batches, interrupted in the body of any of the twelve."""
    stream = Batches(examples(), batch_size=3, seed=11)
    whole = list(itertools.chain.from_iterable(stream for _ in range(3)))

    stream = Batches(examples(), batch_size=3, seed=11)
    before = []
    for batch in itertools.chain.from_iterable(stream for _ in range(3)):
        before.append(batch)
        if len(before) == stop:
            state = json.loads(json.dumps(stream.state_dict()))
            break

    resumed = Batches(examples(), batch_size=3, seed=99)
    resumed.load_state_dict(state)
    after = []
    while resumed.epoch < 3:
        after.extend(resumed)
    np.testing.assert_array_equal(flat(before + after), flat(whole))


def test_state_between_epochs_resumes_with_the_next_epoch():
    stream = Batches(examples(), batch_size=3, seed=2)
    flat(stream)
    resumed = Batches(examples(), batch_size=3)
    resumed.load_state_dict(stream.state_dict())
    np.testing.assert_array_equal(flat(resumed), epoch_order(2, 1))


def test_state_of_the_last_batch_leaves_an_empty_rest():
    """So that a loop over epochs goes on to what follows the epoch, as it would have uninterrupted."""
    stream = Batches(examples(), batch_size=3, seed=2)
    for _ in stream:
        state = stream.state_dict()
    resumed = Batches(examples(), batch_size=3)
    resumed.load_state_dict(state)
    assert list(resumed) == []
    np.testing.assert_array_equal(flat(resumed), epoch_order(2, 1))


def test_seed_none_comes_from_the_shuffle_stream():
    backend.seed(3)
    first, second = (Batches(examples(), batch_size=3) for _ in range(2))
    backend.seed(3)
    again = Batches(examples(), batch_size=3)
    assert first.seed == again.seed != second.seed
    np.testing.assert_array_equal(flat(first), flat(again))


@pytest.mark.parametrize(
    "arrays, message",
    [
        ((), "expected one or more"),
        ((np.float32(1.0),), r"\(\).*expected one or more"),
        ((np.zeros((4, 2)), np.zeros(3)), r"\(4, 2\), \(3,\).*same n"),
        ((np.zeros((0, 28)),), "empty batch"),
    ],
)
def test_arrays_that_make_no_batches_are_named(arrays, message):
    with pytest.raises(ShapeError, match=message):
        batches(*arrays, batch_size=2)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"batch_size": 0}, "batch_size 0, expected at least 1"),
        ({"batch_size": 11, "drop_last": True}, "batch_size 11 with drop_last.*expected at most 10"),
        ({"batch_size": 2, "seed": -1}, "seed -1"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        batches(examples(), **options)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"examples": 11}, "examples 11, expected 10"),
        ({"batch_size": 4}, "batch_size 4, expected 3"),
        ({"position": 5}, "position of 0 to 4"),
        ({"epoch": -1}, "'epoch': -1"),
        ({"color": 1}, "color"),
        ({"epoch": 1.5}, "epoch 1.5, expected a whole number"),
        ({"position": "1"}, "position '1', expected a whole number"),
        ({"seed": True}, "seed True, expected a whole number"),
    ],
)
def test_a_state_of_something_else_is_refused_and_changes_nothing(change, message):
    stream = Batches(examples(), batch_size=3, seed=4)
    flat(stream)
    before = stream.state_dict()
    with pytest.raises(StateError, match=message):
        stream.load_state_dict({**before, **change})
    assert stream.state_dict() == before
    np.testing.assert_array_equal(flat(stream), epoch_order(4, 1))


def test_a_memory_mapped_array_stays_memory_mapped(tmp_path):
    """Of 64 MB on the disk, a batch is read at a time; and the checks of a training run look at a part at a time."""
    np.save(tmp_path / "x.npy", np.arange(1 << 24, dtype=np.float32).reshape(1 << 14, 1 << 10))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    tracemalloc.start()
    try:
        stream = Batches(mapped, batch_size=8, seed=0)
        first = next(iter(stream))
        model = nn.Sequential(nn.Dense(1, 1))
        (checked,), value, _ = prepare("examples", mapped, model)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(stream.arrays[0], np.memmap) and np.shares_memory(stream.arrays[0], mapped)
    assert isinstance(checked, np.memmap)
    assert type(first) is np.ndarray and not np.shares_memory(first, mapped)
    np.testing.assert_array_equal(first, mapped[epoch_order(0, 0, len(mapped))[:8]])
    assert value == zlib.crc32(mapped.tobytes())
    assert peak < 16 << 20, f"{peak >> 20} MiB of {mapped.nbytes >> 20} were in memory at once"


def test_memory_mapped_examples_train_as_the_same_in_memory(tmp_path):
    x = networks.examples()
    np.save(tmp_path / "x.npy", x)
    results = []
    for data in (x, np.load(tmp_path / "x.npy", mmap_mode="r")):
        model, optimizer = networks.made()
        history = training.fit(model, data, optimizer=optimizer, epochs=1, seed=0, validation=data, progress=False)
        results.append(networks.numbers(model, optimizer, history))
    networks.assert_same(*results)
