"""Models that came trained: kept in half precision, found by name, refused when damaged; and run folders opened."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import minigen
from minigen import pretrained
from minigen.commands import main
from minigen.errors import CheckpointError, CommandError, RecipeError
from minigen.pretrained import cards, weights
from minigen.pretrained.__main__ import main as put
from minigen.recipes import find
from minigen.recipes.config import Config

FACTS = {
    "about": "a network for tests",
    "command": "minigen train vae --seed 0",
    "images_seen": 60_000,
    "hours": "1.5 hours on two cores",
    "license": "none needed",
    "metrics": {"Fréchet distance": 1.23456},
}


def built(model):
    """(a model as it is initialized, its config)."""
    config = Config("0.2.0", model, "glyphs", None, 16, 6000, list("0123456789"), 0, "numpy", find(model).settings)
    return config.recipe.build(config.input_spec), config


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """Two models as if they had come with minigen; returns them by name."""
    (tmp_path / "shipped").mkdir()
    monkeypatch.setattr(cards, "FOLDER", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    made = {}
    for model in ("gan", "vae"):
        made[f"{model}-glyphs-28"], config = built(model)
        pretrained.pack(made[f"{model}-glyphs-28"], config, f"{model}-glyphs-28", **FACTS)
    return made


@pytest.mark.parametrize("name", ["gan-glyphs-28", "vae-glyphs-28"])
def test_a_model_comes_back_with_its_weights_to_half_precision(name, models):
    trained = minigen.load(name)
    assert not trained.network.training
    for path, array in trained.network.state_dict().items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, models[name].network.state_dict()[path].astype(np.float16))
    minigen.seed(0)
    samples = trained.sample(4)
    minigen.seed(0)
    np.testing.assert_allclose(samples, models[name].sample(4), atol=5e-3)


def test_cards_say_what_a_model_is_and_how_good(capsys):
    assert pretrained.names() == ["gan-glyphs-28", "vae-glyphs-28"]
    assert main(["models", "vae-glyphs-28"]) == 0
    said = capsys.readouterr().out
    card = pretrained.shipped("vae-glyphs-28")
    for text in (
        "a network for tests",
        "minigen train vae --seed 0",
        "60,000",
        "28 x 28",
        "1.235",
        card.sha256,
        f"{card.parameters:,}",
    ):
        assert text in said
    assert card.parameters == minigen.load("vae-glyphs-28").network.parameter_count()
    assert main(["models"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["name", "gan-glyphs-28", "vae-glyphs-28"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vae-glyphs-64", "vae-glyphs-64 is neither a run folder, .* nor one of `minigen models`: there are vae-glyphs-28"),
        ("vea-glyphs-28", "did you mean 'vae-glyphs-28'"),
        ("style", "style is neither a run folder, .*: expected one of gan-glyphs-28, vae-glyphs-28"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, message, capsys):
    with pytest.raises(RecipeError, match=message):
        minigen.load(name)
    assert main(["sample", name]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged: its SHA-256"),
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), "is damaged: its SHA-256"),
        (lambda path: path.unlink(), "is missing"),
    ],
)
def test_damaged_weights_are_refused_by_their_hash(spoil, message, tmp_path):
    spoil(tmp_path / "shipped" / "vae-glyphs-28.npz")
    with pytest.raises(CheckpointError, match=f"vae-glyphs-28.npz {message}"):
        minigen.load("vae-glyphs-28")
    minigen.load("gan-glyphs-28")  # the other one is whole


def test_a_damaged_card_and_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "shipped" / "vae-glyphs-28.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | {"config": said["config"] | {"settings": said["config"]["settings"] | {"latent_dim": 3}}}))
    with pytest.raises(CheckpointError, match="of another version of its network"):
        minigen.load("vae-glyphs-28")
    for text in ("{", "[]", json.dumps({"name": "vae-glyphs-28"})):
        path.write_text(text)
        with pytest.raises(CheckpointError, match="vae-glyphs-28.json is damaged"):
            minigen.load("vae-glyphs-28")


def test_a_network_too_large_to_be_shipped_is_refused(monkeypatch):
    monkeypatch.setattr(weights, "LARGEST", 1000)
    with pytest.raises(ValueError, match="in half precision: at most 1,000 are shipped"):
        pretrained.pack(*built("vae"), "vae-glyphs-28", **FACTS)


def test_a_run_folder_is_opened_like_a_name(tmp_path, capsys):
    assert main("train gan --steps 2 --batch-size 16 --out runs/gan --quiet".split()) == 0
    trained = minigen.load("runs/gan")
    minigen.seed(3)
    samples = trained.sample(2)
    assert samples.shape == (2, 28, 28, 1)
    assert trained.history["step"][-1] == 2
    assert minigen.load("runs/gan/checkpoint.npz").network.fingerprint() == trained.network.fingerprint()
    trained.network.save("generator.npz")
    into = minigen.load("runs/gan", into=minigen.load("generator.npz"))
    assert into.fingerprint() == trained.network.fingerprint() != built("gan")[0].network.fingerprint()
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match="is not a run folder"):
        minigen.load("empty")
    with pytest.raises(CommandError, match="runs/nothing does not exist"):
        minigen.load("runs/nothing")
    (tmp_path / "vae-glyphs-28").mkdir()  # a folder comes before a name
    with pytest.raises(CommandError, match="is not a run folder"):
        minigen.load("vae-glyphs-28")


@pytest.mark.parametrize("line", ["sample vae-glyphs-28 -n 4", "interpolate gan-glyphs-28 --rows 1 --steps 3"])
def test_commands_take_names_and_write_beside_the_caller(line, tmp_path, capsys):
    assert main(line.split()) == 0, capsys.readouterr().err
    name = line.split()[1]
    made = [path.name for path in tmp_path.glob("*.png")]
    assert made == [f"{name}-samples.png" if line.startswith("sample") else f"{name}-interpolation.png"]


def test_a_run_is_put_among_them_with_its_command(capsys):
    """The command on the card trains with the settings of the run."""
    line = "train gan --steps 3 --batch-size 16 --images 64 --lr 0.0005 --seed 5"
    assert main([*line.split(), "--out", "runs/gan", "--quiet"]) == 0
    with pytest.raises(CommandError, match="was not evaluated yet: minigen evaluate runs/gan"):
        put(["runs/gan", "gan-glyphs-7", "--about", "a small GAN"])
    Path("runs/gan/evaluation.json").write_text(json.dumps({"steps": 3, "figures": {"Fréchet distance": 12.5}}))
    assert put(["runs/gan", "gan-glyphs-7", "--about", "a small GAN"]) == 0
    card = pretrained.shipped("gan-glyphs-7")
    assert (card.about, card.images_seen, card.metrics) == ("a small GAN", 48, {"Fréchet distance": 12.5})
    assert card.check.keys() == {"Fréchet distance", "precision", "recall"}
    assert main([*card.command.split()[1:], "--out", "again", "--quiet"]) == 0
    again = Path("again/config.json").read_text()
    assert again == Path("runs/gan/config.json").read_text()
    one, other = (minigen.load(name).network.state_dict() for name in ("again", "gan-glyphs-7"))
    for path, array in one.items():
        np.testing.assert_array_equal(array.astype(np.float16), other[path])


# -- what is really shipped -------------------------------------------------------------------------------------------


def test_all_that_is_shipped_is_small_and_whole(monkeypatch):
    monkeypatch.undo()
    sizes = []
    for name in pretrained.names():
        assert minigen.load(name).sample(1).min() >= 0.0
        sizes.append(pretrained.shipped(name).weights.stat().st_size)
    assert all(size <= 3 << 20 for size in sizes)
    assert sum(sizes) <= 12 << 20
