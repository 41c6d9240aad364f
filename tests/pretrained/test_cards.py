"""What is known of whatever can be opened: files, runs of both kinds, models that came with minigen; also of hostile ones."""

import json
from pathlib import Path

import numpy as np
import pytest

import minigen as mg
from minigen import nn, optim, pretrained, training
from minigen.commands import learning, main
from minigen.data import registry
from minigen.errors import CheckpointError, CommandError, RecipeError
from minigen.models.autoencoders import VariationalAutoencoder
from minigen.models.gans import points
from minigen.nn import saving
from minigen.pretrained import cards
from minigen.recipes import find
from minigen.recipes.config import Config
from minigen.synthetic import glyphs
from minigen.utils import archive

ROWS = np.random.default_rng(3).standard_normal((32, 2)).astype(np.float32)
CARD = {"about": "digits", "data": "glyphs", "epochs": 25, "metrics": {"squared error": 0.0123456, "examples": 2000}}


def lines(text):
    """Name -> value of the lines of a table."""
    return {name: value.strip() for name, _, value in (line.partition("  ") for line in str(text).splitlines() if line)}


# -- files -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_a_file_has_the_card_that_was_given_and_what_it_is_itself(ending, tmp_path):
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    model = VariationalAutoencoder(latent_dim=4, hidden=(8,))
    model.save(tmp_path / f"vae{ending}", card=CARD)
    card = mg.card(tmp_path / f"vae{ending}")
    assert {name: card[name] for name in CARD} == CARD and list(card)[:3] == ["about", "data", "epochs"]
    assert card["class"].endswith(".VariationalAutoencoder") and card["settings"]["hidden"] == [8]
    assert (card["values"], card["minigen"], len(card["weights"])) == (model.parameter_count(), mg.__version__, 64)
    assert len(card) == len(list(card)) == 9 and card == dict(card) and "metrics" in card
    said = lines(card)
    assert (said["about"], said["epochs"], said["squared error"], said["examples"]) == ("digits", "25", "0.01235", "2,000")
    assert said["settings"].startswith("latent_dim 4, beta 1, reconstruction bce, hidden [8], ")
    assert [path.name for path in tmp_path.iterdir()] == [f"vae{ending}"]


def test_words_are_what_it_is_about_and_layers_are_spelled_out(tmp_path):
    nn.Sequential(nn.Dense(2, 3, activation="selu"), nn.Dropout(0.5)).save(tmp_path / "net.npz", card="a small one")
    said = lines(mg.card(tmp_path / "net.npz"))
    assert said["about"] == "a small one"
    assert said["settings"] == "layers [Dense(in_features 2, out_features 3, activation selu, bias True), Dropout(rate 0.5)]"


def test_a_card_stands_in_for_nothing(tmp_path):
    nn.Dense(2, 3).save(tmp_path / "net.npz", card={"class": "digits", "values": 3, "weights": "other", "minigen": "9.9"})
    card = mg.card(tmp_path / "net.npz")
    assert card["class"] == "nn.dense.Dense" and card["values"] == 9 and card["weights"] != "other"
    assert card["minigen"] == mg.__version__


def test_without_a_card_there_is_what_the_file_is_and_of_a_class_of_ones_own_no_class(tmp_path):
    class Mine(nn.Module):
        def __init__(self):
            self.dense = nn.Dense(2, 3)

    nn.Dense(2, 3).save(tmp_path / "net.npz")
    Mine().save(tmp_path / "mine.npz", card={"about": "mine"})
    assert list(mg.card(tmp_path / "net.npz")) == ["class", "settings", "values", "weights", "minigen"]
    assert list(mg.card(tmp_path / "mine.npz")) == ["about", "values", "weights", "minigen"]


def test_a_strangers_card_does_nothing_to_a_terminal(tmp_path):
    deep = value = {}
    for _ in range(200):
        value["x"] = value = {}
    said = {
        "about": "red\x1b[31m\nnext\u202eline",
        "\x1b]0;title\x07": 1,
        "long": "x" * 5000,
        "deep": deep,
        "on": [True, None, 0.5],
    }
    nn.Dense(2, 3).save(tmp_path / "net.npz", card={**said, "metrics": {"a\x1b[31m": "b\x07", "": 1, ": ": 2, "c: d: e": 3}})
    text = str(mg.card(tmp_path / "net.npz"))
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert max(map(len, text.splitlines())) < 400 and lines(text)["about"] == "red [31m next line"
    assert lines(text)["on"] == "[True, None, 0.5]" and lines(text)["deep"].endswith("...")


def test_a_damaged_file_has_no_card(tmp_path):
    nn.Dense(2, 3).save(tmp_path / "net.npz", card=CARD)
    header, state = saving.read(tmp_path / "net.npz")
    weights = {f"weights/{name}": array for name, array in state.items()}
    for card in (None, 3, {"metrics": 3}, {"metrics": {"a": []}}):
        archive.save(tmp_path / "net.npz", weights, {**header, "card": card})
        for use in (mg.card, mg.load):
            with pytest.raises(CheckpointError, match="has a damaged header"):
                use(tmp_path / "net.npz")
    (tmp_path / "net.npz").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"net\.npz is not a readable"):
        mg.card(tmp_path / "net.npz")


# -- runs --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["run", "run/checkpoint.npz"])
def test_a_checkpoint_of_fit_says_how_far_it_is(at, tmp_path):
    model = nn.Sequential(nn.Dense(2, 3, activation="selu"), nn.Dense(3, 2))
    optimizer, checkpoint = optim.SGD(model.parameters(), lr=0.1), training.Checkpoint(tmp_path / "run")
    history = training.fit(
        model, ROWS, loss="mse", optimizer=optimizer, epochs=2, validation=ROWS[:8], callbacks=checkpoint, progress=False
    )
    card = mg.card(tmp_path / at)
    assert card["data"] == "32 examples of (2,) float32" and card["epochs"] == 2 and card["time"].endswith(" seconds")
    assert card["losses"] == {name: history[name][-1] for name in ("loss", "validation loss")}
    assert card["class"] == "nn.containers.Sequential" and card["values"] == model.parameter_count() == 17
    assert f"loss {history['loss'][-1]:.4g}, validation loss" in lines(card)["losses"]


def test_the_best_checkpoint_has_a_card_of_its_own(tmp_path):
    model = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 2))
    optimizer = optim.SGD(model.parameters(), lr=lambda step: 0.1 if step < 1 else -0.1)  # the loss falls, and then rises
    kept = training.Checkpoint(tmp_path, best="loss")
    training.fit(model, ROWS, loss="mse", optimizer=optimizer, epochs=4, batch_size=32, callbacks=kept, progress=False)
    last, best = mg.card(tmp_path), mg.card(tmp_path, best=True)
    assert (best["epochs"], last["epochs"]) == (2, 4) and best["losses"]["loss"] < last["losses"]["loss"]
    with pytest.raises(ValueError, match="best=True is for the folder of a run: .* is none"):
        mg.card(tmp_path / "checkpoint.npz", best=True)


def test_a_checkpoint_of_two_players_is_about_the_averaged_generator(tmp_path):
    generator, discriminator = points.Generator(hidden=4), points.Discriminator(hidden=5)
    rates = {f"{name}_optimizer": optim.SGD(each.parameters(), lr=0.1) for name, each in
             (("generator", generator), ("discriminator", discriminator))}  # fmt: skip
    trainer = training.Adversarial(generator, discriminator, **rates, ema=0.9)
    trainer.fit(ROWS, steps=3, batch_size=8, record_every=1, callbacks=training.Checkpoint(tmp_path), progress=False)
    card = mg.card(tmp_path)
    assert card["steps"] == 3 and set(card["losses"]) == {"discriminator loss", "generator loss"}
    assert card["class"].endswith("points.Generator") and card["values"] == generator.parameter_count()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The folder of a small run, on few glyphs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(registry.LOADERS, "glyphs", lambda **sizes: glyphs.load(**{"train_size": 60, "test_size": 24} | sizes))
    monkeypatch.setattr(learning, "save_curves", lambda history, path: None)
    assert main("train stacked --epochs 1 --images 40 --lr 0.5 --out runs/small --silent".split()) == 0
    return Path("runs/small")


def test_a_run_folder_has_a_card_by_itself(run, capsys):
    history = mg.load(run).history
    card = mg.card(run)
    assert card["data"] == "40 images of glyphs, 28 x 28 x 1" and card["epochs"] == 1 and "metrics" not in card
    assert card["losses"] == {"loss": history["loss"][-1], "validation loss": history["validation loss"][-1]}
    assert card["trained by"] == "minigen train stacked --data glyphs --seed 0 --images 40 --lr 0.5 --epochs 1"
    assert (card["class"], card["values"]) == ("models.autoencoders.stacked.StackedAutoencoder", 163_814)
    capsys.readouterr()
    assert main(["models", "runs/small"]) == 0
    out = capsys.readouterr().out
    assert str(card) in out and out.endswith("\nnot evaluated as it is now: minigen evaluate runs/small\n")


def test_its_metrics_are_those_of_the_model_as_it_is_now(run, capsys):
    assert main("evaluate runs/small -n 20 --quiet".split()) == 0
    figures = json.loads((run / "evaluation.json").read_text())["figures"]
    assert mg.card(run)["metrics"] == figures and "squared error" in figures
    capsys.readouterr()
    assert main(["models", "runs/small"]) == 0
    assert f"squared error                            {figures['squared error']:.4g}" in (out := capsys.readouterr().out)
    assert "not evaluated" not in out
    assert main("resume runs/small --epochs 2 --silent".split()) == 0
    assert "metrics" not in mg.card(run) and mg.card(run)["epochs"] == 2


def test_a_runs_card_goes_into_a_file_with_its_model(run):
    assert main("evaluate runs/small -n 20 --quiet".split()) == 0
    known = mg.card(run)
    mg.load(run).network.save("small.npz", card=known)
    card = mg.card("small.npz")
    assert {name: card[name] for name in known} == dict(known) and card["weights"]


@pytest.mark.parametrize("content", ["{", "[]", '{"epochs": 1}', '{"epochs": 1, "figures": 3}', '{"figures": {"a": []}}'])
def test_a_damaged_evaluation_is_said(content, run, capsys):
    (run / "evaluation.json").write_text(content)
    with pytest.raises(CommandError, match=r"evaluation\.json is damaged .*: minigen evaluate runs/small writes it again"):
        mg.card(run)
    assert main(["models", "runs/small"]) == 1


def test_a_command_on_a_card_names_no_folder_above_the_pictures():
    pictures = {"fit": "pad", "gray": True, "background": "white", "classes": False, "checksum": 3}
    config = Config(
        "0.2.0",
        "stacked",
        "/home/ann/my holidays",
        None,
        48,
        300,
        ["pictures"],
        7,
        "numpy",
        find("stacked").settings,
        False,
        pictures,
    )
    assert config.examples_in_words == "300 images of my holidays/, 48 x 48 x 1"
    assert config.command == (
        "minigen train stacked --data 'my holidays/' --seed 7 --resolution 48 --fit pad --background white --gray --no-classes"
    )


# -- names, and what is none -------------------------------------------------------------------------------------------------


def test_a_shipped_card_is_a_card():
    name = "vae-mnist"
    card = mg.card(name)
    assert isinstance(card, pretrained.ShippedCard) and isinstance(card, pretrained.Card)
    assert list(card)[0] == "model" and card["images seen"] == "9,000,000" and card["metrics"] == card.metrics
    assert len(card) == len(card.facts) + 1 and repr(card).startswith("ShippedCard(name='vae-mnist'")


def test_what_has_no_card_is_answered_as_load_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nn.Dense(2, 3).save("net.npz")
    Path("net.pt").write_bytes(b"PK")
    Path("empty").mkdir()
    for use in (mg.card, mg.load):
        for name, error, message in [
            ("vea-mnist", RecipeError, "did you mean 'vae-mnist'"),
            ("net", FileNotFoundError, r"net does not exist: did you mean net\.npz\?"),
            ("net.pt", CheckpointError, r"net\.pt is not a file of minigen"),
            ("other.npz", FileNotFoundError, r"other\.npz"),
            ("empty", CommandError, "is not a run folder"),
            ("runs/no", CommandError, "runs/no does not exist"),
        ]:
            with pytest.raises(error, match=message):
                use(name)


def test_durations_are_in_words():
    assert [pretrained.describing.duration(each) for each in (0.04, 59.9, 90, 5400)] == [
        "0.0 seconds", "59.9 seconds", "1.5 minutes", "1.5 hours",
    ]  # fmt: skip


def test_a_list_of_names_is_as_before(capsys):
    assert main(["models"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == cards.names()
