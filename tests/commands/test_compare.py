"""Runs side by side: the table of `minigen compare`, its curves, and what cannot be compared; and the best checkpoint of a run."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, optim
from minigen.commands import compare, evaluate
from minigen.training import Checkpoint, checkpoint, fit
from minigen.training.fitting import FitRun

EXAMPLES = np.random.default_rng(0).random((8, 6), dtype=np.float32)


def trained(folder, loss="mse", epochs=2, rate=0.1, seed=0):
    """A small run of Python's, with a checkpoint."""
    mg.seed(seed)
    model = nn.Sequential(nn.Dense(6, 3), nn.Dropout(rate), nn.Dense(3, 6))
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    return fit(
        model, EXAMPLES, loss=loss, optimizer=optimizer, epochs=epochs, callbacks=Checkpoint(folder), validation=EXAMPLES,
        progress=False
    )  # fmt: skip


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch):
    """A picture takes half a second: which runs are drawn is what counts here."""
    drawn = []
    drawing = SimpleNamespace(compared_curves=drawn.append, save_figure=lambda figure, path: path)
    monkeypatch.setattr(compare, "plot", drawing)
    return drawn


def cells(out):
    """The first cell of each row -> the others."""
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in out.splitlines()]
    return {first: others for first, *others in filter(None, rows)}


def test_runs_of_python_are_compared_with_their_settings(minigen_line, quick_pictures):
    a, b = trained("a"), trained("b", loss="mae", epochs=3, rate=0.25)
    status, out, err = minigen_line("compare a b --out curves.png")
    assert (status, err) == (0, "")
    found = cells(out)
    assert out.splitlines()[0].split() == ["a", "b"]
    assert found["loss"] == ["mse", "mae"] and found["model.1.rate"] == ["0.1", "0.25"] and found["epochs"] == ["2", "3"]
    assert found["validation loss, last"] == [f"{history['validation loss'][-1]:.5g}" for history in (a, b)]
    lowest = min(b["loss"])
    assert found["loss, lowest"][1] == f"{lowest:.5g} (epoch {b['loss'].index(lowest) + 1})"
    assert found["seconds"] == [f"{sum(history['seconds']):.1f}" for history in (a, b)]
    assert not {"model", "optimizer", "model.0.activation", "data", "Fréchet distance"} & found.keys(), "the same in both"
    assert list(found)[-1] == "wrote curves.png"
    (histories,) = quick_pictures
    assert histories["b"]["validation loss"] == b["validation loss"] and "seconds" not in histories["a"]


class Counting:
    """A loss that counts its calls, which is no setting."""

    def __init__(self):
        self.calls, self.power = 0, 2

    def __call__(self, outputs, targets):
        self.calls += 1
        return losses.mse(outputs, targets)


def test_only_settings_are_compared(minigen_line):
    """Not what training has changed; nor which parameters an optimizer has, which follows from the layers."""
    trained("a", loss=Counting(), epochs=1)
    trained("b", loss=Counting(), epochs=2)
    model = nn.Sequential(nn.Dense(6, 6))
    fit(model, EXAMPLES, loss="mse", optimizer=optim.SGD(model.parameters(), lr=0.01), epochs=1, callbacks=Checkpoint("c"),
        progress=False)  # fmt: skip
    assert "loss.calls" not in minigen_line("compare a b")[1]
    out = minigen_line("compare a c")[1]
    assert "\nmodel.1 " in out and "optimizer.parameters" not in out


def test_other_data_are_said_in_words(minigen_line):
    trained("a")
    checkpointed, header = checkpoint.load("a/checkpoint.npz")
    header["settings"]["data checksum"] ^= 1
    checkpoint.save("b/checkpoint.npz", checkpointed, header)
    status, out, _ = minigen_line("compare a b")
    row = next(line for line in out.splitlines() if line.startswith("data "))
    assert status == 0 and row.count("8 examples of (6,) float32, ") == 2 and "data checksum" not in out


def test_runs_of_the_command_line_and_their_figures(minigen_line, quick_pictures):
    for name, latent_dim in (("wide", 30), ("narrow", 2)):
        assert minigen_line(f"train stacked --epochs 1 --images 32 --latent-dim {latent_dim} --out {name} --silent")[0] == 0
    assert minigen_line("train gan --steps 1 --images 32 --out gan --silent")[0] == 0
    figures = {"squared error": 0.25, "samples: precision": 0.5, "mean image: precision": 0.0, "class 1: relative frequency": 1.0}
    Path("wide/evaluation.json").write_text(json.dumps({"epochs": 1, "figures": figures}))
    status, out, err = minigen_line("compare wide/ narrow gan")
    assert (status, err) == (0, "")
    found = cells(out)
    assert found["model"] == ["stacked", "stacked", "gan"] and found["latent_dim"] == ["30", "2", "-"] and "seed" not in found
    assert found["epochs"] == ["1", "1", "-"] and found["steps"] == ["-", "-", "1"]
    assert found["evaluated at"] == ["epoch 1", "-", "-"]
    assert found["squared error"] == ["0.25", "-", "-"] and found["precision"] == ["0.5", "-", "-"]
    assert "relative frequency" not in out and "mean image" not in out
    assert "generator loss, last" in found and "generator loss, lowest" not in found, "a game has no best loss"
    assert quick_pictures[0]["gan"].keys() == {"step", *(name for names in compare.GAME.values() for name in names)}


def test_a_stopped_run_says_of_how_many(minigen_line):
    assert minigen_line("train stacked --epochs 1 --images 32 --out a --silent")[0] == 0
    shutil.copytree("a", "b")
    config = json.loads(Path("b/config.json").read_text())
    config["settings"]["epochs"] = 3
    Path("b/config.json").write_text(json.dumps(config))
    assert cells(minigen_line("compare a b")[1])["epochs"] == ["1", "1 of 3"]


def test_runs_that_differ_in_very_many_settings_show_the_first(minigen_line):
    trained("a")
    mg.seed(0)
    model = nn.Sequential(*(nn.Dense(6, 6) for _ in range(compare.MOST + 5)))
    fit(model, EXAMPLES, loss="mse", optimizer=optim.SGD(model.parameters(), lr=0.01), epochs=1, callbacks=Checkpoint("b"),
        progress=False)  # fmt: skip
    out = minigen_line("compare a b")[1]
    assert " more settings differ" in out and out.count("model.") <= compare.MOST


def test_runs_that_have_nothing_in_common_have_no_curves(minigen_line, quick_pictures):
    trained("a")
    arrays, header = checkpoint.load("a/checkpoint.npz")
    header["history"] = [{"step": 10, "generator loss": 2.0, "seconds": 1.0}]
    checkpoint.save("b/checkpoint.npz", arrays, header)
    status, out, _ = minigen_line("compare a b")
    assert status == 0 and out.endswith("no curves: no two of these runs have measured the same\n") and not quick_pictures


# -- what cannot be compared ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, status, message",
    [
        ("compare", 2, "the following arguments are required: RUN"),
        ("compare a", 2, "there is nothing to compare a with: name at least two runs, such as runs/*"),
        ("compare a a/", 2, "a is named twice"),
        ("compare a nowhere", 1, "nowhere does not exist"),
        ("compare a empty", 1, "empty is not a run folder: it has no checkpoint.npz, which minigen train and Checkpoint write"),
        ("compare a begun", 1, "begun has no history yet: its first epoch, or row, is not complete"),
        ("compare a a/checkpoint.npz", 1, "a/checkpoint.npz is not a run folder: "),
        (
            "compare a judged",
            1,
            "judged/evaluation.json is damaged (figures is 3, expected names with numbers): minigen evaluate judged writes",
        ),
        ("compare a lost", 1, "lost/checkpoint.npz is damaged: history: row 0 is 3, expected names and numbers"),
        ("compare a empty --out a", 2, "a is a folder: expected the name of a picture"),
    ],
)
def test_what_cannot_be_compared(line, status, message, minigen_line, quick_pictures):
    trained("a", epochs=1)
    Path("empty").mkdir()
    arrays, header = checkpoint.load("a/checkpoint.npz")
    checkpoint.save("begun/checkpoint.npz", arrays, {**header, "history": []})
    checkpoint.save("lost/checkpoint.npz", arrays, {**header, "history": [3]})
    shutil.copytree("a", "judged")
    Path("judged/evaluation.json").write_text('{"figures": 3}')
    found, out, err = minigen_line(line)
    assert (found, out) == (status, "") and message in err and err.count("\n") == 1
    assert not quick_pictures


# -- the best checkpoint -------------------------------------------------------------------------------------------


def test_a_run_keeps_its_best_checkpoint_and_commands_take_it(monkeypatch, minigen_line):
    """Here the first of two epochs was better on held-out images."""
    monkeypatch.setattr(FitRun, "validate", lambda run, held_out: {"validation loss": 1.0 + run.epoch})
    assert minigen_line("train vae --epochs 2 --batch-size 48 --images 96 --out run --silent")[0] == 0
    last, best = mg.load("run"), mg.load("run", best=True)
    assert best.history.rows == last.history.rows[:1] and best.network.fingerprint() != last.network.fingerprint()
    for name, option in {"last": "", "best": "--best"}.items():
        assert minigen_line(f"sample run -n 4 --out {name}.png {option}")[0] == 0
    assert Path("last.png").read_bytes() != Path("best.png").read_bytes()
    monkeypatch.setattr(evaluate, "generated", lambda *arguments: {})
    assert minigen_line("evaluate run -n 8 --quiet --best")[0] == 0
    assert json.loads(Path("run/evaluation.json").read_text())["epochs"] == 1


def test_a_best_checkpoint_that_there_is_none_of(minigen_line):
    assert minigen_line("train gan --steps 2 --images 32 --out gan --silent")[0] == 0
    status, out, err = minigen_line("sample gan --best")
    assert (status, out) == (1, "") and "gan has no best checkpoint, best.npz: a GAN keeps one with --distance" in err
    status, out, err = minigen_line("sample vae-mnist --best")
    assert (status, out) == (1, "") and "vae-mnist came trained, with one checkpoint: only run folders also keep" in err


def test_what_cannot_be_compared_is_named_and_left_out_where_two_others_can(minigen_line, quick_pictures):
    trained("a", epochs=1)
    trained("b", epochs=2)
    Path("notes.txt").write_text("mine")
    status, out, err = minigen_line("compare a notes.txt b")
    assert status == 0 and cells(out)["epochs"] == ["1", "2"]
    assert err == "left out: notes.txt is not a run folder: it has no checkpoint.npz, which minigen train and Checkpoint write\n"


def test_a_strangers_run_does_nothing_to_a_terminal(minigen_line, quick_pictures):
    trained("a")
    arrays, header = checkpoint.load("a/checkpoint.npz")
    header["settings"]["data"] = "\x1b[31m" + "long " * 1000
    header["settings"]["data checksum"] ^= 1
    checkpoint.save("b/checkpoint.npz", arrays, header)
    out = minigen_line("compare a b")[1]
    assert "\x1b" not in out and max(map(len, out.splitlines())) < 500
