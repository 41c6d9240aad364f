"""Checkpoints that must not be loaded: each refused by name, and nothing half-loaded."""

import io
import shutil

import numpy as np
import pytest

import minigen as mg
from minigen import optim
from minigen.errors import CheckpointError
from minigen.training import Checkpoint, EarlyStopping, checkpoint, fit
from minigen.training.fitting import FitRun as Run
from tests.training.networks import BATCH, Noisy, Other, assert_same, everything, examples, numbers, saved_in_an_epoch


def made_run(model=Noisy, optimizer=None, x=None, batch_size=BATCH, seed=1, early=True):
    """A run, ready to start, and its callbacks."""
    mg.seed(seed)
    network = model()
    chosen = (optimizer or (lambda p: optim.Adam(p, lr=0.05)))(network.parameters())
    callbacks = [EarlyStopping(9)] if early else []
    x = examples() if x is None else x
    return Run(network, chosen, x, examples(5, 6).astype(x.dtype), 4, batch_size, 3, callbacks, False)


def refused(path, message, error=CheckpointError, **options):
    """Resuming a run of one epoch from `path` raises, saying so, and leaves the run as it was."""
    run = made_run(seed=99, **options)
    run.train_epoch(lambda: False)
    before = everything(run)
    with pytest.raises(error, match=message) as caught:
        run.restore(path)
    assert_same(everything(run), before)
    assert str(path) in str(caught.value) or error is not CheckpointError, "the message does not name the file"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A checkpoint in the middle of the second epoch."""
    mg.use("numpy")
    run = made_run()
    run.train_epoch(lambda: False)
    return saved_in_an_epoch(run, tmp_path_factory.mktemp("good") / "checkpoint.npz")


@pytest.fixture
def path(good, tmp_path):
    """A copy of the good checkpoint, to be spoiled."""
    return shutil.copy(good, tmp_path / "checkpoint.npz")


def rewrite(path, change):
    """Save the checkpoint again after change(arrays, header)."""
    arrays, header = checkpoint.load(path)
    change(arrays, header)
    number = header.pop("format", None)
    checkpoint.save(path, arrays, header if number is None else {**header, "format": number})


def test_the_good_one_is_accepted(good):
    run = made_run(seed=99)
    run.restore(good)
    assert (run.epoch, run.seen, run.optimizer.steps) == (1, 12, 9)


# -- files that are not checkpoints -------------------------------------------------------------------------------


def test_a_file_truncated_anywhere_is_refused(good, tmp_path):
    whole = good.read_bytes()
    path = tmp_path / "cut.npz"
    lengths = [*range(0, len(whole), 97), *range(len(whole) - 30, len(whole))]
    for length in lengths:
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="cut.npz is not a readable checkpoint; truncated"):
            checkpoint.load(path)
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "not a readable checkpoint")


def test_one_wrong_byte_anywhere_is_noticed_or_harmless(good, tmp_path):
    whole = good.read_bytes()
    arrays, header = checkpoint.load(good)
    path, noticed = tmp_path / "flipped.npz", 0
    positions = range(0, len(whole), 23)
    for position in positions:
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        try:
            actual, actual_header = checkpoint.load(path)
        except CheckpointError as error:
            assert "flipped.npz" in str(error)
            noticed += 1
        else:  # a byte that means nothing, such as a time stamp of the archive
            assert actual_header == header, f"byte {position} changed the header unnoticed"
            assert {group: list(members) for group, members in actual.items()} == {
                group: list(members) for group, members in arrays.items()
            }, f"byte {position} changed the names unnoticed"
            for group, members in arrays.items():
                assert_same(actual[group], members)
    assert noticed > len(positions) / 2


def test_wrong_byte_in_the_weights(path):
    weights = np.load(path)["model/decoder.0.weight"].tobytes()
    damaged = bytearray(path.read_bytes())
    assert damaged.count(weights) == 1
    damaged[damaged.index(weights) + 5] ^= 1
    path.write_bytes(damaged)
    refused(path, "not a readable checkpoint.*CRC")


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


FOREIGN = {
    "empty": (b"", "not a readable checkpoint"),
    "text": (b"epoch,loss\n1,0.5\n", "not a readable checkpoint"),
    "zeros": (bytes(1000), "not a readable checkpoint"),
    "npy": (npy(np.zeros(3)), "not a readable checkpoint"),
    "pickled npz": (npz(minigen=np.array({"a": 1}, dtype=object)), "not a readable checkpoint.*pickle"),
    "pickled array beside a header": (
        npz(minigen=np.zeros(2, np.uint8), x=np.array([None])),
        "not a readable checkpoint.*pickle",
    ),
    "foreign npz": (npz(weights=np.zeros(3), biases=np.zeros(2)), "not written by minigen: it has the arrays biases, weights"),
    "npz without arrays": (npz(), "not written by minigen"),
    "header of noise": (npz(minigen=np.arange(200, 250, dtype=np.uint8)), "damaged header"),
    "header of numbers": (npz(minigen=np.arange(3.0)), "damaged header"),
    "header that is no dict": (npz(minigen=np.frombuffer(b"[1]", np.uint8)), "damaged header|has format None"),
    "header without format": (npz(minigen=np.frombuffer(b"{}", np.uint8)), "has format None, .* reads format 3"),
    "header of the past": (npz(minigen=np.frombuffer(b'{"format": 2}', np.uint8)), "has format 2, .* reads format 3"),
    "header of the future": (npz(minigen=np.frombuffer(b'{"format": 4}', np.uint8)), "has format 4, .* reads format 3"),
    "header without a checksum": (npz(minigen=np.frombuffer(b'{"format": 3}', np.uint8)), "does not end with minigen's checksum"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused(name, tmp_path):
    content, message = FOREIGN[name]
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)
    refused(path, message)


def test_a_missing_file_is_refused(tmp_path):
    refused(tmp_path / "nowhere.npz", "nowhere.npz", error=FileNotFoundError)
    refused(tmp_path / "nowhere", "nowhere", error=FileNotFoundError)
    refused(tmp_path, "checkpoint.npz", error=FileNotFoundError)  # a folder without a checkpoint


def test_a_refusal_through_fit_leaves_all_random_streams_alone(tmp_path):
    (tmp_path / "checkpoint.npz").write_text("no checkpoint")
    mg.seed(1)
    model = Noisy()
    optimizer = optim.Adam(model.parameters())
    before = numbers(model, optimizer)
    with pytest.raises(CheckpointError):
        fit(model, examples(), optimizer=optimizer, epochs=1, resume=tmp_path, callbacks=[Checkpoint(tmp_path)], progress=False)
    assert_same(numbers(model, optimizer), before)
    assert (tmp_path / "checkpoint.npz").read_text() == "no checkpoint"


# -- checkpoints of another run ----------------------------------------------------------------------------------


class Wide(Noisy):
    def __init__(self):
        super().__init__(latent_dim=5)


Wide.__name__ = "Noisy"

SAME_KIND = (
    r"the training data have changed \(now as then 22 examples of \(6,\) float32, but other values, or another order\): "
    "pass what the run was trained with, in the same order, or begin another run"
)
ANOTHER_RUN = {
    "model": ({"model": Other}, "model was 'Noisy', is 'Other'"),
    "layer sizes": ({"model": Wide}, r"encoder.1.weight is float32\[6, 4\], expected float32\[6, 5\]"),
    "dtype": (
        {"model": lambda: Noisy().astype("float64"), "x": examples().astype("float64")},
        r"\(22 examples of \(6,\) float32 then, 22 examples of \(6,\) float64 now\)",
    ),
    "data": ({"x": examples(seed=6)}, SAME_KIND),
    "order of the data": ({"x": examples()[::-1]}, SAME_KIND),
    "number of examples": (
        {"x": examples(21)},
        r"the training data have changed \(22 examples of \(6,\) float32 then, 21 examples of \(6,\) float32 now\)",
    ),
    "batch size": ({"batch_size": 5}, "batch_size 4, expected 5"),
    "optimizer": ({"optimizer": lambda p: optim.RMSprop(p, lr=0.05)}, "optimizer was 'Adam', is 'RMSprop'"),
    "optimizer with the same settings": ({"optimizer": lambda p: optim.Nadam(p, lr=0.05)}, "optimizer was 'Adam', is 'Nadam'"),
    "learning rate": ({"optimizer": lambda p: optim.Adam(p, lr=0.01)}, "lr was 0.05, is 0.01"),
    "schedule for a number": ({"optimizer": lambda p: optim.Adam(p, lr=lambda step: 0.05)}, "lr was 0.05, is 'a schedule'"),
    "beta1": ({"optimizer": lambda p: optim.Adam(p, lr=0.05, beta1=0.5)}, "beta1 was 0.9, is 0.5"),
    "weight decay": ({"optimizer": lambda p: optim.Adam(p, lr=0.05, weight_decay=0.1)}, "weight_decay was 0.0, is 0.1"),
    "clip norm": ({"optimizer": lambda p: optim.Adam(p, lr=0.05, clip_norm=1.0)}, "clip_norm was None, is 1.0"),
    "two things": ({"model": Other, "optimizer": lambda p: optim.Adam(p, lr=0.1)}, "model was .*; optimizer.lr was"),
}


@pytest.mark.parametrize("name", ANOTHER_RUN)
def test_a_checkpoint_of_another_run_is_refused(name, good):
    options, message = ANOTHER_RUN[name]
    refused(good, message, **options)


def test_a_setting_that_is_gone_is_noticed(tmp_path):
    run = made_run(optimizer=lambda p: optim.SGD(p, lr=0.1, clip_norm=1.0))
    run.save(tmp_path / "checkpoint.npz")
    refused(tmp_path / "checkpoint.npz", "clip_norm was 1.0, is None", optimizer=lambda p: optim.SGD(p, lr=0.1))


def test_callbacks_that_were_not_there(tmp_path):
    made_run(early=False).save(tmp_path / "checkpoint.npz")
    refused(tmp_path / "checkpoint.npz", "EarlyStopping")


# -- checkpoints with something missing or wrong inside ----------------------------------------------------------


def without(group, name=None):
    """Leave out a group of arrays, or one of its members."""
    return lambda arrays, header: arrays.pop(group) if name is None else arrays[group].pop(name)


def headless(key):
    """Leave out a key of the header."""
    return lambda arrays, header: header.pop(key)


def put(value, *keys):
    """Set header[key1][key2]... to value."""

    def change(arrays, header):
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = value

    return change


def array(value, group, name):
    """Set an array."""
    return lambda arrays, header: arrays[group].update({name: value})


SPOILED = {
    "no model": (without("model"), "missing 'model'"),
    "no weight": (without("model", "decoder.0.bias"), r"missing decoder.0.bias \(6,\)"),
    "another weight": (array(np.zeros(2, np.float32), "model", "decoder.1.bias"), "unexpected decoder.1.bias"),
    "weight of another dtype": (array(np.zeros(6), "model", "decoder.0.bias"),
                                r"decoder.0.bias is float64\[6\], expected float32\[6\]"),
    "no optimizer": (without("optimizer"), "missing 'optimizer'"),
    "no moment": (without("optimizer", "second_moment"), "missing second_moment"),
    "short moment": (array(np.zeros(3, np.float32), "optimizer", "first_moment"),
                     r"first_moment is float32\[3\], expected float32\[58\]"),
    "no early stopping": (without("callback EarlyStopping 1"), "EarlyStopping"),
    "no best": (without("callback EarlyStopping 1", "best"), "expected best and best_epoch"),
    "no batches": (headless("batches"), "missing 'batches'"),
    "no position": (lambda arrays, header: header["batches"].pop("position"), "batches"),
    "position beyond the end": (put(7, "batches", "position"), "expected a position of 0 to 6"),
    "negative position": (put(-1, "batches", "position"), "expected a position"),
    "batches of text": (put("none", "batches"), "batches"),
    "no random streams": (headless("random"), "missing 'random'"),
    "a random stream less": (lambda arrays, header: header["random"].pop("noise"), "random state: got the streams"),
    "a random stream of text": (put("none", "random", "shuffle"), "does not fit this run"),
    "a random stream of another generator": (put('{"bit_generator": "MT19937"}', "random", "noise"), "does not fit this run"),
    "a random stream of nothing": (put("null", "random", "noise"), "does not fit this run"),
    "no history": (headless("history"), "missing 'history'"),
    "history of a number": (put(3, "history"), "does not fit this run"),
    "no epoch": (headless("epoch"), "missing 'epoch'"),
    "no sums": (headless("sums"), "missing 'sums'"),
    "no seen": (headless("seen"), "missing 'seen'"),
    "no settings": (headless("settings"), "belongs to another run"),
    "another format": (put(4, "format"), "has format 4, this version of minigen reads format 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_checkpoint_is_refused(name, path):
    change, message = SPOILED[name]
    rewrite(path, change)
    refused(path, message)


def test_rewriting_alone_spoils_nothing(path):
    rewrite(path, lambda arrays, header: None)
    run = made_run(seed=99)
    run.restore(path)
    assert run.epoch == 1


def test_a_run_goes_on_as_if_nothing_had_been_refused(path):
    expected = made_run()
    for _ in range(2):
        expected.train_epoch(lambda: False)
    run = made_run()
    run.train_epoch(lambda: False)
    rewrite(path, headless("seen"))
    with pytest.raises(CheckpointError):
        run.restore(path)
    run.train_epoch(lambda: False)
    assert_same(everything(run), everything(expected))
