"""A run that is stopped and resumed ends bit for bit as if it had never stopped."""

import re
import signal
import threading

import numpy as np
import pytest

import minigen as mg
from minigen import optim
from minigen.training import Callback, Checkpoint, EarlyStopping, checkpoint, fit
from minigen.utils import progress
from tests.training.networks import BATCH, STEPS, Crash, Dies, Noisy, assert_same, at_step, examples, made, numbers

OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.05, clip_norm=0.1, weight_decay=0.01),
    "Nadam": lambda p: optim.Nadam(p, lr=optim.schedules.cosine(0.05, 20)),
}
EPOCHS = 4


def train(folder=None, seed=1, optimizer="Adam", step=None, action=None, callbacks=(), model=Noisy, **options):
    """A run with early stopping that never stops; returns everything it has changed."""
    mg.seed(seed)
    network = model()
    chosen = OPTIMIZERS[optimizer](network.parameters())
    hung = [EarlyStopping(50), *([Checkpoint(folder)] if folder else []), *callbacks]
    if step is not None:
        at_step(network, step, action)
    history = fit(
        network,
        examples(),
        validation=examples(5, 6),
        optimizer=chosen,
        callbacks=hung,
        **{"epochs": EPOCHS, "batch_size": BATCH, "progress": False, **options},
    )
    return numbers(network, chosen, history, hung)


def interrupt():
    signal.raise_signal(signal.SIGINT)


# -- stopped anywhere --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ctrl_c_in_the_middle_of_an_epoch(name, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, optimizer=name, step=2 * STEPS + 3, action=interrupt)
    _, header = checkpoint.load(tmp_path / "checkpoint.npz")
    assert (header["epoch"], header["seen"]) == (2, 3 * BATCH), "the step in progress was not finished and saved"
    assert_same(train(tmp_path, seed=99, optimizer=name, resume=tmp_path), train(optimizer=name))


@pytest.mark.parametrize("step", [1, 2, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS, EPOCHS * STEPS - 1, EPOCHS * STEPS])
def test_ctrl_c_at_any_step(step, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, step=step, action=interrupt)
    assert_same(train(tmp_path, seed=99, resume=tmp_path), train())


def test_ctrl_c_again_and_again(tmp_path):
    resume = None
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, seed=99 if resume else 1, step=4, action=interrupt, resume=resume)
        resume = tmp_path
    _, header = checkpoint.load(tmp_path / "checkpoint.npz")
    assert header["epoch"] * STEPS + header["seen"] // BATCH == 20
    assert_same(train(tmp_path, seed=99, resume=tmp_path), train())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_killed_at_the_end_of_an_epoch(name, tmp_path):
    with pytest.raises(Crash):
        train(tmp_path, optimizer=name, callbacks=[Dies(2)])
    assert_same(train(tmp_path, seed=99, optimizer=name, resume=tmp_path / "checkpoint.npz"), train(optimizer=name))


def test_killed_in_the_middle_goes_back_to_the_last_epoch(tmp_path):
    def crash():
        raise Crash

    with pytest.raises(Crash):
        train(tmp_path, step=2 * STEPS + 3, action=crash)
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["epoch"] == 2
    assert_same(train(tmp_path, seed=99, resume=tmp_path), train())


def test_a_finished_run_can_be_extended(tmp_path):
    train(tmp_path, epochs=1)
    train(tmp_path, seed=99, epochs=3, resume=tmp_path)
    assert_same(train(tmp_path, seed=98, resume=str(tmp_path)), train())


def test_nothing_is_left_to_do(tmp_path):
    expected = train(tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    assert_same(train(tmp_path, seed=99, resume=tmp_path), expected)
    assert_same(train(tmp_path, seed=99, resume=tmp_path, epochs=2), expected)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_random_seed_argument_does_not_matter_on_resume(tmp_path):
    train(tmp_path, epochs=2, callbacks=[])
    expected = train()
    assert_same(train(tmp_path, resume=tmp_path), expected)
    train(tmp_path, epochs=2)
    assert_same(train(tmp_path, resume=tmp_path, seed=5), expected)


def test_a_run_resumes_on_every_backend(backend, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, step=STEPS + 2, action=interrupt)
    resumed = train(tmp_path, seed=99, resume=tmp_path)
    if backend == "cupy":  # saving restarts the GPU's noise, so the run that is compared with must save as well
        return
    assert_same(resumed, train())


def test_a_checkpoint_of_the_host_resumes_on_the_pretend_device(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, step=STEPS + 2, action=interrupt)
    mg.use("strict")
    resumed = train(tmp_path, seed=99, resume=tmp_path)
    mg.use("numpy")
    assert_same(resumed, train())


# -- early stopping ----------------------------------------------------------------------------------------------


def stopping(folder=None, seed=1, behind=False, callbacks=(), **options):
    """A run that early stopping ends: its learning rate is too large to improve for long. Everything it has changed."""
    model, optimizer = made(seed, lr=0.8)
    early = EarlyStopping(patience=3)
    saves = [Checkpoint(folder)] if folder else []
    hung = [*saves, early, *callbacks] if behind else [early, *saves, *callbacks]
    history = fit(
        model,
        examples(),
        validation=examples(5, 6),
        optimizer=optimizer,
        callbacks=hung,
        **{"epochs": 30, "batch_size": BATCH, "progress": False, **options},
    )
    return numbers(model, optimizer, history, hung)


@pytest.mark.parametrize("behind", [False, True], ids=["before Checkpoint", "behind Checkpoint"])
def test_early_stopping_goes_on_where_it_was(behind, tmp_path):
    expected = stopping()
    stopped = len(expected["history/epoch"])
    assert 5 <= stopped < 30, "this run does not show what it should"
    best = int(np.argmin(expected["history/validation loss"])) + 1
    assert 1 < best == stopped - 3
    for epoch in range(1, stopped + 1):
        with pytest.raises(Crash):
            stopping(tmp_path, behind=behind, callbacks=[Dies(epoch)])
        assert_same(stopping(tmp_path, seed=99, behind=behind, resume=tmp_path), expected)


@pytest.mark.parametrize("behind", [False, True], ids=["before Checkpoint", "behind Checkpoint"])
def test_early_stopping_and_more_epochs_later(behind, tmp_path):
    expected = stopping()
    stopped = len(expected["history/epoch"])
    stopping(tmp_path, behind=behind, epochs=stopped - 1)
    assert_same(stopping(tmp_path, seed=99, behind=behind, resume=tmp_path), expected)


@pytest.mark.parametrize("behind", [False, True], ids=["before Checkpoint", "behind Checkpoint"])
def test_a_run_that_was_stopped_early_stays_stopped(behind, tmp_path):
    expected = stopping(tmp_path, behind=behind)
    assert_same(stopping(tmp_path, seed=99, behind=behind, resume=tmp_path), expected)


# -- Ctrl-C itself -----------------------------------------------------------------------------------------------


def test_the_handler_of_ctrl_c_is_put_back(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    train(epochs=1)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        train(step=3, action=interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(Crash):
        train(callbacks=[Dies(1)])
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_interrupts_at_once(tmp_path):
    steps = []

    def impatient():
        interrupt()
        steps.append("asked")
        interrupt()
        steps.append("not reached")

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, step=3, action=impatient)
    assert steps == ["asked"]
    assert not list(tmp_path.iterdir()), "the second Ctrl-C must not wait for a checkpoint"


def test_ctrl_c_says_where_it_stopped_and_how_to_go_on(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, step=STEPS + 3, action=interrupt, progress=True)
    err = capsys.readouterr().err
    assert "stopped in epoch 2 after 12 of 22 examples" in err
    assert f"saved to {tmp_path}; continue with fit(..., resume='{tmp_path}')" in err


def test_the_progress_bar_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "watched", lambda: True)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, step=STEPS + 3, action=interrupt)
    train(tmp_path, resume=tmp_path, progress=True)
    bars = re.findall(r"epoch 2/4: .*?(\d+)/22 ", capsys.readouterr().err)
    assert bars[0] == "12"


def test_ctrl_c_without_a_checkpoint_still_stops():
    with pytest.raises(KeyboardInterrupt):
        train(step=3, action=interrupt)


class Presses(Callback):
    """Ctrl-C while the callbacks are at work."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, run):
        if run.epoch == self.epoch:
            interrupt()


@pytest.mark.parametrize("epoch", [1, EPOCHS])
def test_ctrl_c_between_epochs_is_not_swallowed(epoch, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, callbacks=[Presses(epoch)])
    assert_same(train(tmp_path, seed=99, resume=tmp_path), train())


def test_callbacks_are_notified_of_an_interrupt():
    told = []

    class Listener(Callback):
        def on_interrupt(self, run):
            told.append((run.epoch, run.seen))

    with pytest.raises(KeyboardInterrupt):
        train(step=STEPS + 2, action=interrupt, callbacks=[Listener()])
    assert told == [(1, 2 * BATCH)]


def test_a_run_in_another_thread_leaves_ctrl_c_alone():
    before = signal.getsignal(signal.SIGINT)
    handlers = []
    thread = threading.Thread(
        target=train, kwargs={"epochs": 1, "step": 3, "action": lambda: handlers.append(signal.getsignal(signal.SIGINT))}
    )
    thread.start()
    thread.join()
    assert handlers == [before]
