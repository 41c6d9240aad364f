"""A kill at any moment leaves the previous checkpoint intact, and training goes on from it bit for bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minigen.training import Checkpoint, checkpoint, fit
from tests.training.networks import BATCH, STEPS, assert_same, at_step, examples, made, numbers

ROOT = Path(__file__).parents[2]
EPOCHS = 4


def train(folder=None, seed=1, step=None, action=None, **options):
    """A run with checkpoints; everything it has changed."""
    model, optimizer = made(seed)
    if step is not None:
        at_step(model, step, action)
    callbacks = [Checkpoint(folder)] if folder else []
    history = fit(
        model, examples(), optimizer=optimizer, epochs=EPOCHS, batch_size=BATCH, callbacks=callbacks, progress=False, **options
    )
    return numbers(model, optimizer, history)


def kill():
    """The end, without any cleanup."""
    os.kill(os.getpid(), signal.SIGKILL)


class Third:
    """Stands in for a function that is called once a checkpoint; the third call does something else."""

    def __init__(self, function, otherwise):
        self.function, self.otherwise, self.calls = function, otherwise, 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        return (self.otherwise if self.calls == 3 else self.function)(*arguments, **options)


def half_a_file(file, **arrays):
    """np.savez, stopped in the middle."""
    file.write(b"PK\x03\x04" + bytes(700))
    file.flush()


def die(how, folder):
    """What the child process does: train, and be killed at the worst moment. An epoch renames two files."""
    if how == "training":
        train(folder, step=2 * STEPS + 3, action=kill)
    elif how == "writing":
        np.savez = Third(np.savez, lambda file, **arrays: (half_a_file(file), kill()))
        train(folder)
    elif how == "renaming":
        os.replace = Third(os.replace, lambda *paths: kill())
        train(folder)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is of POSIX")
@pytest.mark.parametrize("how, epoch, leftovers", [("training", 2, 0), ("writing", 2, 1), ("renaming", 1, 1)])
def test_a_kill_while_saving_leaves_a_whole_checkpoint(how, epoch, leftovers, tmp_path):
    code = f"from tests.training.test_kill import die; die({how!r}, {str(tmp_path)!r})"
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert child.returncode == -signal.SIGKILL, child.stderr

    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["epoch"] == epoch
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 1 + epoch
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["checkpoint.npz", "history.csv"]
    assert len(list(tmp_path.glob(".*.tmp"))) == leftovers, "the kill did not come in the middle of writing"
    assert_same(train(tmp_path, seed=99, resume=tmp_path), train())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "history.csv"], "something was left for ever"


# -- writing fails, and the process lives ------------------------------------------------------------------------


class DiskFull(OSError):
    """What writing fails with."""


def fails(*arguments, **options):
    raise DiskFull("no space left on device")


def fails_in_the_middle(file, **arrays):
    half_a_file(file)
    fails()


@pytest.mark.parametrize("module, function, otherwise, epoch", [
    pytest.param(np, "savez", fails_in_the_middle, 2, id="writing"),
    pytest.param(os, "fsync", fails, 1, id="flushing"),
    pytest.param(os, "replace", fails, 1, id="renaming"),
])  # fmt: skip
def test_a_failure_to_write_leaves_the_previous_checkpoint(module, function, otherwise, epoch, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(module, function, Third(getattr(module, function), otherwise))
        with pytest.raises(DiskFull):
            train(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "history.csv"], "a temporary file was left"
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["epoch"] == epoch
    assert_same(train(tmp_path, seed=99, resume=tmp_path), train())


def test_failing_to_write_the_first_one_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(np, "savez", fails_in_the_middle)
    with pytest.raises(DiskFull):
        train(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_temporary_file_is_not_mistaken_for_a_checkpoint(tmp_path):
    (tmp_path / ".checkpoint.npz.123.tmp").write_bytes(b"half a file")
    with pytest.raises(FileNotFoundError, match="checkpoint.npz"):
        train(tmp_path, resume=tmp_path)


def test_the_file_is_replaced_never_written_to(tmp_path):
    """Whoever has the old checkpoint open keeps a whole one."""
    checkpoint.save(tmp_path / "a.npz", {"x": {"y": np.zeros(3)}}, {})
    with open(tmp_path / "a.npz", "rb") as file:
        before = (tmp_path / "a.npz").read_bytes()
        checkpoint.save(tmp_path / "a.npz", {"x": {"y": np.ones(3)}}, {})
        assert file.read() == before
    assert checkpoint.load(tmp_path / "a.npz")[0]["x"]["y"].sum() == 3
