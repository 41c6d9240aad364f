"""The log that TensorBoard reads, read back: names, steps and values of all rows, also of a resumed run."""

import importlib.util
import struct

import numpy as np
import pytest

from minigen.errors import MissingPackageError
from minigen.training import Callback, Checkpoint, TensorBoard, fit
from tests.training.gans.players import QUIET, cloud, game
from tests.training.networks import Crash, Dies, examples, made

there = pytest.mark.skipif(importlib.util.find_spec("tensorboardX") is None, reason="tensorboardX is not installed")


def logged(folder):
    """name -> (step, value) of all that TensorBoard would show: of what is written twice the last, and nothing that is purged."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        content, at = path.read_bytes(), 0
        while at < len(content):  # its length, a checksum, the event, a checksum
            (length,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + length])
            at += length + 16
            if event.session_log.status == SessionLog.START:
                found = {name: [each for each in pairs if each[0] < event.step] for name, pairs in found.items()}
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def fitted(folder, *callbacks, epochs, **options):
    model, optimizer = made()
    callbacks = [TensorBoard(folder), *callbacks]
    return fit(model, examples(), validation=examples(5, 6), optimizer=optimizer, epochs=epochs, callbacks=callbacks,
               progress=False, **options)  # fmt: skip


def assert_logged(folder, history, clock):
    found = logged(folder)
    assert found.keys() == {name.replace(" ", "_") for name in history} - {clock}
    for name in history.keys() - {clock, "seconds"}:
        steps, values = zip(*found[name.replace(" ", "_")])
        assert list(steps) == history[clock]
        np.testing.assert_allclose(values, history[name], rtol=1e-6)


class Adds(Callback):
    """A column of its own, although it comes behind TensorBoard in the list."""

    def on_epoch_end(self, run):
        run.history.rows[-1]["own"] = 2.0


@there
def test_the_log_has_the_history(tmp_path):
    assert_logged(tmp_path, fitted(tmp_path, Adds(), epochs=2), "epoch")


@there
def test_the_log_of_a_game(tmp_path):
    history = game().fit(cloud(), steps=4, record_every=2, callbacks=TensorBoard(tmp_path), **QUIET)
    assert_logged(tmp_path, history, "step")


@there
def test_a_run_that_was_killed_goes_on_in_its_log(tmp_path):
    """It had logged two epochs more than its checkpoint has."""
    save = Checkpoint(tmp_path / "run", every=2)
    with pytest.raises(Crash):
        fitted(tmp_path / "log", save, Dies(3), epochs=5)
    history = fitted(tmp_path / "log", save, epochs=4, resume=tmp_path / "run")
    assert_logged(tmp_path / "log", history, "epoch")


def test_without_the_package_it_is_said_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="training.TensorBoard needs a package: pip install tensorboardX"):
        TensorBoard(tmp_path)
