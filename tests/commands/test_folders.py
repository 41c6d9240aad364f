"""The command line on a folder of pictures: from training to evaluation, and what happens when the folder changes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minigen.evaluators import pictures

GAN = "train progan --data holidays --resolution 8 --last 64 --batch-size 16 --quiet --out run"
VAE = "train vae --data holidays --resolution 28 --gray --epochs 1 --batch-size 16 --quiet --out run"


@pytest.fixture(autouse=True)
def folder(small_data, monkeypatch):
    """holidays/, in which cats/ and dogs/ have 24 pictures each, of different sizes; evaluators are not trained for long."""
    monkeypatch.setattr(pictures, "STEPS", 4)
    rng = np.random.default_rng(0)
    for number in range(48):
        path = Path("holidays", ("cats", "dogs")[number % 2], f"{number:02}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 20 + number % 7, 3), np.uint8)).save(path)
    return Path("holidays")


def ok(done):
    status, out, err = done
    assert status == 0, err
    return out + err


def test_a_gan_from_training_to_evaluation(minigen_line, monkeypatch, tmp_path):
    assert f"progan on {tmp_path}/holidays: step 4" in ok(minigen_line(GAN))
    config = json.loads(Path("run/config.json").read_text())
    assert (config["data"], config["resolution"], config["classes"]) == (f"{tmp_path}/holidays", 8, ["cats", "dogs"])
    assert config["pictures"].items() >= {"fit": "crop", "gray": False, "background": "white", "classes": None}.items()
    monkeypatch.chdir("run")  # the path is kept whole
    ok(minigen_line("resume . --steps 6 --quiet"))
    ok(minigen_line("sample . -n 4 --out samples.png"))
    ok(minigen_line("interpolate . --out walk.png"))
    said = ok(minigen_line("evaluate . --quiet"))
    assert "class cats" in said and "seen as unspoiled" in said


def test_an_autoencoder_from_training_to_evaluation(minigen_line):
    ok(minigen_line(VAE))
    ok(minigen_line("resume run --epochs 2 --quiet"))
    ok(minigen_line("interpolate run --rows 1"))
    assert "squared error" in ok(minigen_line("evaluate run --quiet"))


@pytest.mark.parametrize("model", ["denoising --epochs 1", "conditional-vae --epochs 1", "dcgan --steps 2"])
def test_pictures_in_color_of_an_odd_size_from_training_to_evaluation(minigen_line, model):
    ok(minigen_line(f"train {model} --data holidays --resolution 21 --batch-size 16 --quiet --out run"))
    if "denoising" not in model:
        ok(minigen_line("sample run -n 4"))
        assert Path("run/samples.png").exists()
    ok(minigen_line("interpolate run --rows 1 --steps 3 --gif"))
    assert Path("run/interpolation.gif").exists()
    said = ok(minigen_line("evaluate run --quiet"))
    assert ("squared error of what is made of them" if "denoising" in model else "seen as unspoiled") in said


def test_an_autoencoder_of_faces(minigen_line):
    """Whose shape is not the one that the model has by default."""
    ok(minigen_line("train hashing --data faces --resolution 8 --images 32 --epochs 1 --quiet --out run"))
    ok(minigen_line("interpolate run --rows 1 --steps 3"))
    assert "share of codes outside" in ok(minigen_line("evaluate run --quiet"))


def test_a_class_is_asked_for_by_its_folder(minigen_line):
    line = "train conditional-dcgan --data holidays --resolution 28 --steps 2 --batch-size 16 --quiet --out run"
    ok(minigen_line(line))
    ok(minigen_line("sample run -n 4 --label dogs"))
    assert "unknown class 'birds': expected one of cats, dogs" in minigen_line("sample run --label birds")[2]
    assert "asked for class dogs" in ok(minigen_line("evaluate run --quiet"))


def test_the_distance_of_pictures(minigen_line):
    ok(minigen_line(f"{GAN} --distance"))
    assert "distance" in Path("run/history.csv").read_text().splitlines()[0]


def test_options_of_pictures_are_kept(minigen_line):
    ok(minigen_line(f"{GAN} --fit pad --background black --no-classes --images 20"))
    config = json.loads(Path("run/config.json").read_text())
    assert config["pictures"].items() >= {"fit": "pad", "background": "black", "classes": False}.items()
    assert (config["classes"], config["examples"]) == (["holidays"], 20)
    ok(minigen_line("resume run --steps 6 --quiet"))


@pytest.mark.parametrize("command", ["resume run --epochs 2 --quiet", "evaluate run --quiet", "interpolate run --rows 1"])
@pytest.mark.parametrize("change", ["added", "removed", "painted over", "moved to another class"])
def test_a_changed_folder_is_noticed(minigen_line, folder, command, change):
    ok(minigen_line(VAE))
    trained_on = folder / "cats" / "00.png"
    image = Image.open(trained_on)
    if change == "added":
        for number in range(8):  # of which at least one is to train on
            image.save(folder / "dogs" / f"new{number}.png")
    elif change == "removed":
        trained_on.unlink()
    elif change == "painted over":
        image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(trained_on)
    else:
        trained_on.rename(folder / "dogs" / "00.png")
    config = Path("run/config.json").read_bytes()
    status, _, err = minigen_line(command)
    assert status == 1 and err.count("\n") == 1
    assert "holidays are no longer those that the run was trained on" in err and "bring them back, or train anew" in err
    assert Path("run/config.json").read_bytes() == config


def test_a_folder_that_was_only_touched_is_the_same(minigen_line, folder):
    ok(minigen_line(VAE))
    for path in folder.rglob("*.png"):
        path.touch()
    ok(minigen_line("resume run --epochs 2 --quiet"))


def test_a_folder_that_is_gone(minigen_line, folder):
    ok(minigen_line(VAE))
    folder.rename("elsewhere")
    status, _, err = minigen_line("resume run --epochs 2")
    assert status == 1 and "there is no folder" in err
    ok(minigen_line("sample run -n 4"))  # which needs no pictures


@pytest.mark.parametrize(
    "line, status, complaint",
    [
        (
            "train dcgan --data holidays --resolution 256",
            2,
            "dcgan takes images with sides of 8 to 128 pixels, got images of 256 x 256 x 3: --resolution N takes squares of N x N",
        ),
        (
            "train progan --data holidays --resolution 48",
            2,
            "progan takes square images with a side of 4, 8, 16 ... 1024 pixels, or of 28, got images of 48 x 48 x 3: --resolution N",
        ),
        ("train progan --data holidays --resolution 4000", 2, "resolution must be a whole number from 4 to 2048"),
        ("train progan --data holidays --fit corp", 2, "argument --fit: unknown fit 'corp': did you mean 'crop'?"),
        ("train progan --data holidays --background wite", 2, "background must be a color, such as"),
        ("train progan --data holidys/", 1, "there is no folder"),
        (
            "train progan --data holidys",
            2,
            "argument --data: 'holidys' is no data set, and no folder of pictures: expected one of",
        ),
        ("train progan --data holidays/cats/00.png", 1, "00.png is a file: expected the folder that pictures are in"),
        ("train progan --data holidays --images 1000", 2, "training examples, not 1000"),
        ("train vae --gray", 2, "--gray is for the pictures in a folder: glyphs is a data set"),
        ("train progan --no-classes", 2, "--classes is for the pictures in a folder: faces is a data set"),
    ],
)
def test_what_cannot_be_done(minigen_line, line, status, complaint):
    got, _, err = minigen_line(f"{line} --out run --quiet")
    assert got == status and complaint in err and err.count("\n") == 1
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"data": "holidays"}, "data must be the absolute path of a folder of pictures, got 'holidays'"),
        ({"pictures": None}, "unknown data"),
        ({"pictures": {"fit": "crop"}}, "pictures must have fit, gray, background, classes and checksum, got"),
        ({"resolution": 2.5}, "resolution must be a whole number from 4 to 2048"),
        ({"pictures": {"checksum": -1}}, "checksum must be a whole number of at least 0"),
        ({"pictures": {"classes": 7}}, "classes must be true, false or null, got 7"),
        ({"pictures": {"gray": 1}}, "gray must be True or False, got 1"),
        ({"pictures": {"fit": ["crop"]}}, "unknown fit"),
    ],
)
def test_a_config_that_was_damaged_by_hand(minigen_line, change, complaint):
    ok(minigen_line(GAN))
    config = json.loads(Path("run/config.json").read_text())
    for name, value in change.items():
        whole = not isinstance(value, dict) or value == {"fit": "crop"}
        config[name] = value if whole else config[name] | value
    Path("run/config.json").write_text(json.dumps(config))
    for command in ("resume", "sample"):
        status, _, err = minigen_line(f"{command} run")
        assert status == 1 and "config.json is damaged, or of another version of minigen (" in err and complaint in err
