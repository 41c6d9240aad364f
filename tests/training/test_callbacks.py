"""Early stopping, checkpoints in their folder, and when callbacks are called."""

import os
from pathlib import Path

import numpy as np
import pytest

import minigen as mg
from minigen import optim
from minigen.errors import BusyError, CheckpointError, NonFiniteError, StateError
from minigen.training import Callback, Checkpoint, EarlyStopping, checkpoint, fit
from minigen.utils.files import locked
from tests.training.networks import Countdown, assert_same, examples, made, numbers


def countdown(script, *callbacks, epochs=None, **options):
    """A run whose validation losses are the script; (history, number of the epoch whose weights the model has)."""
    model = Countdown(script)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    x = examples(2)
    history = fit(
        model, x, validation=x, optimizer=optimizer, epochs=epochs or len(script), callbacks=callbacks, progress=False, **options
    )
    return history, -round(model.value.item())


# -- early stopping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script, patience, minimum, epochs, best", [
    pytest.param([5, 4, 3, 3.5, 3.2, 2], 2, 0.0, 5, 3, id="stops, and misses the later improvement"),
    pytest.param([5, 4, 3, 3.5, 3.2, 2], 3, 0.0, 6, 6, id="a longer patience sees it"),
    pytest.param([5, 4, 3, 2], 1, 0.0, 4, 4, id="always better: no stop"),
    pytest.param([5, 6, 7, 8], 1, 0.0, 2, 1, id="never better"),
    pytest.param([5, 5, 5, 5], 2, 0.0, 3, 1, id="equal is not better"),
    pytest.param([5, 4, 6, 6], 9, 0.0, 4, 2, id="epochs are over before patience: best weights nevertheless"),
    pytest.param([4, 3.75, 3.5, 1], 2, 0.5, 3, 1, id="falls by the minimum, not by more"),
    pytest.param([4, 3.75, 3.25, 3.125, 1], 2, 0.5, 5, 5,
                 id="falls by more than the minimum within the patience"),
    pytest.param([-1, -2, -1, -1], 2, 0.0, 4, 2, id="negative losses"),
    pytest.param([5, 4, 3], 9, np.inf, 3, 3, id="nothing falls by so much: the last weights stay"),
])  # fmt: skip
def test_early_stopping_waits_for_its_patience_and_restores_the_best(script, patience, minimum, epochs, best):
    history, weights = countdown(script, EarlyStopping(patience, minimum=minimum))
    assert history["epoch"] == list(range(1, epochs + 1))
    assert weights == best, "the best weights were not restored"


def test_monitor_is_any_column():
    model, optimizer = made()
    early = EarlyStopping(1, monitor="mse")
    history = fit(model, examples(), optimizer=optimizer, epochs=3, callbacks=[early], progress=False)
    assert early.best == min(history["mse"])


def test_unknown_monitor_names_the_columns():
    with pytest.raises(KeyError, match="no column 'accuracy': expected one of epoch, loss, validation loss, seconds"):
        countdown([1.0], EarlyStopping(monitor="accuracy"))


def test_early_stopping_without_validation_is_refused_before_the_first_step():
    model, optimizer = made()
    with pytest.raises(ValueError, match="watches 'validation loss', but there is no validation data: pass validation="):
        fit(model, examples(), optimizer=optimizer, epochs=1, callbacks=[EarlyStopping()], progress=False)


@pytest.mark.parametrize("patience", [0, -1])
def test_patience_is_at_least_one(patience):
    with pytest.raises(ValueError, match=f"patience is a number of epochs, at least 1, got {patience}"):
        EarlyStopping(patience)


def test_early_stopping_says_what_it_restored(capsys):
    model, optimizer = Countdown([5, 4, 6, 7]), None
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    fit(model, examples(2), validation=examples(2), optimizer=optimizer, epochs=4, callbacks=[EarlyStopping(2)])
    assert "best validation loss 4 was in epoch 2; its weights are restored" in capsys.readouterr().err


def test_early_stopping_saves_and_loads_its_state():
    early = EarlyStopping(2)
    countdown([5, 4, 6], early)
    copy = EarlyStopping(2)
    copy.load_state_dict(early.state_dict())
    assert_same(copy.state_dict(), early.state_dict())
    assert copy.state_dict()["weights/value"] == -2
    fresh = EarlyStopping(2)
    copy.load_state_dict(fresh.state_dict())
    assert_same(copy.state_dict(), fresh.state_dict())
    with pytest.raises(StateError, match="got a state with .*, expected best and best_epoch"):
        copy.load_state_dict({"best": np.array(1.0)})


def test_best_weights_are_a_copy():
    early = EarlyStopping(9)
    countdown([5, 6, 7], early)
    assert early.weights["value"] == -1


# -- checkpoints in their folder ---------------------------------------------------------------------------------


class Counted(Checkpoint):
    """Remembers the epochs after which it saved."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.saved = []

    def save(self, run):
        super().save(run)
        self.saved.append(run.epoch)


@pytest.mark.parametrize("every, saved", [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (5, [5]), (9, [5])])
def test_a_checkpoint_is_saved_every_so_many_epochs_and_at_the_end(every, saved, tmp_path):
    save = Counted(tmp_path, every=every)
    countdown([5, 4, 3, 2, 1], save)
    assert save.saved == saved
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["epoch"] == 5


@pytest.mark.parametrize("behind", [False, True], ids=["before EarlyStopping", "behind EarlyStopping"])
def test_the_epoch_that_stops_early_is_saved(behind, tmp_path):
    save, early = Counted(tmp_path, every=2), EarlyStopping(2)
    countdown([5, 6, 7, 8], *([early, save] if behind else [save, early]))
    assert save.saved == [2, 3]


def test_a_folder_holds_the_checkpoint_and_the_history(tmp_path):
    folder = tmp_path / "runs" / "countdown"
    history, _ = countdown([5, 4, 3], Checkpoint(str(folder)))
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint.npz", "history.csv"]
    lines = (folder / "history.csv").read_text().split()
    assert lines[0] == "epoch,loss,validation" and len(lines[1:]) == 4
    assert [line.split(",")[:3] for line in lines[2:]] == [
        [str(epoch), str(loss), str(float(validation))]
        for epoch, loss, validation in zip(history["epoch"], history["loss"], history["validation loss"])
    ]


def test_a_checkpoint_is_plain_npz(tmp_path):
    model, optimizer = made()
    fit(model, examples(), optimizer=optimizer, epochs=1, callbacks=[Checkpoint(tmp_path)], progress=False)
    with np.load(tmp_path / "checkpoint.npz", allow_pickle=False) as file:
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(file[f"model/{name}"], value)


@pytest.mark.parametrize("every", [0, -1])
def test_every_is_at_least_one(every):
    with pytest.raises(ValueError, match=f"every {every} epochs .* at least 1"):
        Checkpoint("folder", every=every)


def test_a_run_overwrites_the_checkpoint_of_an_older_one(tmp_path):
    countdown([5, 4, 3], Checkpoint(tmp_path))
    countdown([5], Checkpoint(tmp_path))
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["epoch"] == 1
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 2


def test_a_second_run_in_a_folder_is_refused(tmp_path):
    """The second is refused, and may come when the first has ended, however it has."""

    class Intrudes(Callback):
        def on_epoch_end(self, run):
            with pytest.raises(BusyError, match=f"{tmp_path} is in use by process {os.getpid()} on "):
                countdown([5, 4], Checkpoint(tmp_path))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        countdown([5, 4, 3], Checkpoint(tmp_path), Intrudes())
    assert not list(tmp_path.iterdir())
    countdown([5, 4, 3], Checkpoint(tmp_path), epochs=2)
    with locked(tmp_path), pytest.raises(BusyError):
        countdown([5, 4, 3], Checkpoint(tmp_path), resume=tmp_path)
    countdown([5, 4, 3], Checkpoint(tmp_path), resume=tmp_path)
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["epoch"] == 3


def test_a_history_that_lacks_the_row_of_its_checkpoint_is_written_again(tmp_path):
    """As after a kill between the two; also where no epoch is left."""
    countdown([5, 4], Checkpoint(tmp_path))
    path = tmp_path / "history.csv"
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    (tmp_path / ".history.csv.1.tmp").touch()
    countdown([5, 4], Checkpoint(tmp_path), resume=tmp_path)
    assert path.read_text() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "history.csv"]


def test_a_folder_is_where_it_was_when_it_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save = Checkpoint("run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    countdown([5, 4], save)
    assert (tmp_path / "run" / "checkpoint.npz").exists() and not list(Path().iterdir())


# -- callbacks of your own --------------------------------------------------------------------------------------


def test_callbacks_are_called_in_order_and_checkpoint_after_all_others(tmp_path):
    calls = []

    class Listener(Callback):
        def __init__(self, name):
            self.name = name

        def on_epoch_end(self, run):
            calls.append((self.name, run.epoch))

        def on_train_end(self, run):
            calls.append((self.name, "end"))

    class Save(Checkpoint):
        def on_epoch_end(self, run):
            calls.append(("save", run.epoch))

    countdown([5, 4], Save(tmp_path), Listener("a"), Listener("b"))
    assert calls == [("a", 1), ("b", 1), ("save", 1), ("a", 2), ("b", 2), ("save", 2), ("a", "end"), ("b", "end")]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, r"callbacks is a list, got None: write callbacks=\[Checkpoint\(folder\)\], or callbacks=\[\] for none"),
        ((each for each in [EarlyStopping(3)]), "callbacks is a list, got <generator"),
        ([Checkpoint], r"callbacks are objects, got the class Checkpoint: write Checkpoint\(\.\.\.\)"),
        ([print], "got <built-in function print> as a callback: derive a class of yours from training.Callback"),
        (["run"], "got 'run' as a callback"),
    ],
    ids=["None", "generator", "class", "function", "text"],
)
def test_what_is_no_list_of_callbacks_is_refused_before_the_first_step(given, words):
    model, optimizer = made()
    before = numbers(model, optimizer)
    with pytest.raises(TypeError, match=words):
        fit(model, examples(), optimizer=optimizer, epochs=1, callbacks=given, progress=False)
    assert_same(numbers(model, optimizer), before)


def test_a_callback_may_stop_the_run():
    class Enough(Callback):
        def should_stop(self, run):
            return run.history.rows != [] and run.history["validation loss"][-1] < 3.5

    assert countdown([5, 4, 3, 2], Enough())[0]["epoch"] == [1, 2, 3]


def test_what_a_callback_remembers_travels_with_the_checkpoint(tmp_path):
    class Counter(Callback):
        def __init__(self):
            self.count = 0

        def on_epoch_end(self, run):
            self.count += 1

        def state_dict(self):
            return {"count": np.array(self.count)}

        def load_state_dict(self, state):
            self.count = int(state["count"])

    countdown([5, 4, 3], Checkpoint(tmp_path), Counter(), epochs=2)
    counter = Counter()
    countdown([5, 4, 3], counter, Checkpoint(tmp_path), epochs=3, resume=tmp_path)
    assert counter.count == 3


def test_the_run_is_there_to_look_at():
    seen = []

    class Look(Callback):
        def on_epoch_end(self, run):
            seen.append(
                (run.epoch, run.epochs, run.finished, list(run.history["epoch"]), run.optimizer.steps, run.model.training)
            )

    countdown([5, 4], Look())
    assert seen == [(1, 2, False, [1], 1, True), (2, 2, True, [1, 2], 2, True)]


def test_callbacks_do_not_disturb_the_run(tmp_path):
    results = []
    for callbacks in ([], [Checkpoint(tmp_path), EarlyStopping(50)]):
        model, optimizer = made()
        history = fit(
            model, examples(), validation=examples(5, 6), optimizer=optimizer, epochs=2, callbacks=callbacks, progress=False
        )
        results.append(numbers(model, optimizer, history))
    assert results[0]["history/validation loss"][1] < results[0]["history/validation loss"][0], "the last epoch is to be the best"
    assert_same(results[1], results[0])
    assert mg.backend.current().name == "numpy"


# -- the best of the checkpoints -----------------------------------------------------------------------------------


def best_of(folder):
    """The epoch of best.npz, after its weights were found to be of that epoch."""
    arrays, header = checkpoint.load(folder / "best.npz")
    assert header["epoch"] == -arrays["model"]["value"] == len(header["history"])
    return header["epoch"]


@pytest.mark.parametrize("script, every, best", [
    pytest.param([5, 4, 3, 3.5, 6], 1, 3, id="it got worse"),
    pytest.param([5, 4, 3, 2], 1, 4, id="always better"),
    pytest.param([5, 6, 7], 1, 1, id="never better"),
    pytest.param([5, 3, 3, 4], 1, 2, id="equal is not better"),
    pytest.param([5, 4, 1, 3, 6], 2, 4, id="only of those that are saved"),
    pytest.param([5, 4, 3, 4, 2], 2, 5, id="the last one is saved, too"),
])  # fmt: skip
def test_the_best_checkpoint_stays(script, every, best, tmp_path):
    countdown(script, Checkpoint(tmp_path, every, best="validation loss"))
    assert best_of(tmp_path) == best
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["epoch"] == len(script)


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_a_resumed_run_knows_its_best(stop, tmp_path):
    script = [5, 3, 4, 3.5, 6]
    countdown(script, Checkpoint(tmp_path, best="validation loss"), epochs=stop)
    countdown(script, Checkpoint(tmp_path, best="validation loss"), resume=tmp_path)
    assert best_of(tmp_path) == 2


def test_a_run_killed_between_its_two_checkpoints_has_the_best_when_it_is_resumed(tmp_path):
    script, save = [5, 4, 6], Checkpoint(tmp_path, best="validation loss")
    countdown(script, save, epochs=1)
    before = save.best_file.read_bytes()
    countdown(script, save, epochs=2, resume=tmp_path)
    save.best_file.write_bytes(before)
    countdown(script, save, resume=tmp_path)
    assert best_of(tmp_path) == 2


@pytest.mark.parametrize("best", [None, "validation loss"])
def test_the_best_of_an_older_run_in_the_folder_does_not_stay(best, tmp_path):
    countdown([2, 1, 3], Checkpoint(tmp_path, best="validation loss"))
    countdown([5, 6], Checkpoint(tmp_path, best=best))
    assert best_of(tmp_path) == 1 if best else not (tmp_path / "best.npz").exists()
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["history"][0]["validation loss"] == 5


def test_a_run_that_goes_on_in_the_folder_of_another_begins_with_its_own_best(tmp_path):
    script = [5, 4, 6]
    countdown([2, 1], Checkpoint(tmp_path / "another", best="validation loss"))
    countdown(script, Checkpoint(tmp_path / "first"), epochs=2)
    countdown(script, Checkpoint(tmp_path / "another", best="validation loss"), resume=tmp_path / "first")
    assert best_of(tmp_path / "another") == 2
    assert [row["validation loss"] for row in checkpoint.load(tmp_path / "another/best.npz")[1]["history"]] == [5, 4]
    assert mg.load(tmp_path / "another", best=True, into=Countdown(script)).value.item() == -2


def test_a_run_that_goes_on_without_asking_for_the_best_keeps_it(tmp_path):
    script = [5, 4, 6]
    countdown(script, Checkpoint(tmp_path, best="validation loss"), epochs=2)
    countdown(script, Checkpoint(tmp_path), resume=tmp_path)
    assert best_of(tmp_path) == 2


def test_columns_that_a_callback_adds_later_do_not_make_it_another_run(tmp_path):
    class Adds(Callback):
        def on_step_end(self, run):
            for row in run.history.rows:
                row["later"] = 1.0

    script, save = [5, 4, 6, 4.5, 4.25], Checkpoint(tmp_path, best="validation loss")
    countdown(script, save, epochs=3)
    countdown(script, save, Adds(), epochs=4, resume=tmp_path)
    countdown(script, save, resume=tmp_path)
    assert best_of(tmp_path) == 2


def test_the_best_by_another_column_which_not_every_row_has(tmp_path):
    class Measures(Callback):
        def on_epoch_end(self, run):
            if run.epoch in (1, 4):
                run.history.rows[-1]["distance"] = 10.0 - run.epoch

    countdown([1, 2, 3, 4, 5], Checkpoint(tmp_path, best="distance"), Measures())
    assert best_of(tmp_path) == 4


def test_a_best_that_cannot_be_is_refused_before_the_first_step(tmp_path):
    model, optimizer = made()
    refused = r"Checkpoint\(best=\.\.\.\) watches 'validation loss', but there is no validation data: pass validation=\.\.\., or"
    with pytest.raises(ValueError, match=refused):
        fit(model, examples(), optimizer=optimizer, epochs=1, callbacks=Checkpoint(tmp_path, best="validation loss"))
    assert not list(tmp_path.iterdir()) and optimizer.steps == 0
    with pytest.raises(KeyError, match="no column 'los': did you mean 'loss'?"):
        countdown([5, 4], Checkpoint(tmp_path, best="los"))
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["epoch"] == 1
    with pytest.raises(TypeError, match='best is a column of the history, such as "validation loss", got True'):
        Checkpoint(tmp_path, best=True)


def test_a_damaged_best_is_refused_and_not_replaced(tmp_path):
    (tmp_path / "best.npz").write_bytes(b"a stranger's")
    with pytest.raises(CheckpointError, match=r"best\.npz"):
        countdown([5, 4], Checkpoint(tmp_path, best="validation loss"))
    assert (tmp_path / "best.npz").read_bytes() == b"a stranger's"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "high", True, {}])
def test_a_column_that_could_not_be_read_again_is_refused_before_it_is_saved(value, tmp_path):
    class Scored(Callback):
        def on_epoch_end(self, run):
            run.history.rows[-1]["score"] = 1.0 if run.epoch == 1 else value

    model, optimizer = made()
    message = r"Scored gave the history 'score' = .* after epoch 2, expected a finite number: a row may lack the column"
    with pytest.raises(NonFiniteError, match=message):
        fit(model, examples(), optimizer=optimizer, epochs=3, callbacks=[Checkpoint(tmp_path), Scored()])
    assert [row["score"] for row in checkpoint.load(tmp_path / "checkpoint.npz")[1]["history"]] == [1.0]


def test_numbers_of_numpy_in_the_history_are_numbers(tmp_path):
    class Scored(Callback):
        def on_epoch_end(self, run):
            run.history.rows[-1]["score"] = np.float32(0.5)

    model, optimizer = made()
    fit(model, examples(), optimizer=optimizer, epochs=1, callbacks=[Checkpoint(tmp_path), Scored()])
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["history"][0]["score"] == 0.5


def test_a_damaged_best_matters_only_to_who_asks_for_it(tmp_path):
    (tmp_path / "best.npz").write_bytes(b"nothing")
    countdown([2, 1], Checkpoint(tmp_path))
    with pytest.raises(CheckpointError, match=r"best\.npz.*; delete best\.npz, or choose another folder"):
        countdown([2, 1], Checkpoint(tmp_path, best="validation loss"))
