"""Every model of the catalog goes through all commands: trained, resumed, sampled from, interpolated, evaluated."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minigen.recipes import RECIPES
from minigen.recipes.inputs import load_examples
from minigen.recipes.run_folder import RunFolder
from minigen.training import checkpoint

SMALL = {
    "linear": "--epochs 2",
    "linear-vae": "--epochs 2",
    "convolutional": "--epochs 1 --batch-size 48",
    "recurrent": "--epochs 1 --batch-size 96",
    "conv-vae": "--epochs 1 --images 48 --resolution 16",
    "progan": "--images 48 --resolution 8 --batch-size 8 --steps 4 --distance",
    "stylegan": "--images 48 --resolution 8 --phase 8 --batch-size 8 --steps 4",
}
POINTS = ("linear", "linear-vae")  # whose default data are points, not images


@pytest.mark.parametrize(
    "line, shape",
    [
        ("linear --data glyphs --latent-dim 5 --epochs 1", (28, 28, 1)),
        ("linear-vae --data glyphs --epochs 1", (28, 28, 1)),
        ("progan --data glyphs --phase 8 --batch-size 8 --steps 7", (32, 32, 1)),
    ],
)
def test_data_that_are_brought_to_another_shape(line, shape, minigen_line):
    """Images as flat rows become images again; networks with sides that are powers of two are evaluated without their borders."""
    for command in (f"train {line} --out run --quiet", "interpolate run --rows 2 --steps 3", "evaluate run -n 24 --quiet"):
        status, _, err = minigen_line(command)
        assert status == 0, err
    config = RunFolder("run").config()
    assert config.shape == (28, 28, 1)
    trained = config.recipe.build(config.input_spec)
    walks = trained.interpolate(*trained.ends(1, np.random.default_rng(0), load_examples("glyphs")[1])[:2], steps=3)
    assert config.as_images(walks[0]).shape == (3, *shape)
    assert not_blank("run/interpolation.png")


@pytest.mark.parametrize(
    "name", [name for name in RECIPES if not name.endswith("-paper")]
)  # these are too large, see test_recipes
def test_a_model_through_all_commands(name, minigen_line):
    recipe, samples = RECIPES[name], is_gan(name) or "vae" in name
    counted = "step" if is_gan(name) else "epoch"
    arguments = SMALL.get(name, "--steps 2 --batch-size 16" if is_gan(name) else "--epochs 1")
    status, out, err = minigen_line(f"train {name} {arguments} --out run --quiet")
    assert status == 0, err
    assert out.startswith(f"{name} on {recipe.data}: {counted} ")

    folder = RunFolder.opened("run")
    config = folder.config()
    assert (config.model, config.data, config.seed) == (name, recipe.data, 0)
    done = checkpoint.load(folder.checkpoint)[1][counted]
    assert config.settings[f"{counted}s"] == done == last_row(folder)[counted]
    drawn = {path.name for path in folder.pictures.iterdir()}
    assert drawn >= {"training.png", "plane.png" if name in POINTS else "samples.png" if samples else "epoch_0001.png"}

    status, out, err = minigen_line(f"resume run --{counted}s {done + 1} --quiet")
    assert status == 0, err
    assert checkpoint.load(folder.checkpoint)[1][counted] == done + 1 == last_row(folder)[counted]
    assert folder.config().settings[f"{counted}s"] == done + 1
    assert ("Fréchet distance" in last_row(folder)) == ("--distance" in arguments)

    status, out, err = minigen_line("sample run -n 4 --out drawn/four.png")
    if samples:
        assert (status, out) == (0, "wrote drawn/four.png\n"), err
        assert not_blank("drawn/four.png")
    else:
        assert status == 2 and f"{name} cannot sample" in err and "vae and the GANs sample" in err

    status, out, err = minigen_line("interpolate run --rows 2 --steps 3")
    if name in POINTS:
        assert status == 2 and "plane are points, not images" in err
    else:
        assert (status, out) == (0, "wrote run/interpolation.png\n"), err
        assert not_blank("run/interpolation.png")

    status, out, err = minigen_line("evaluate run -n 24 --quiet")
    assert status == 0, err
    figures = json.loads(Path("run/evaluation.json").read_text())["figures"]
    assert len(figures) >= 4 and all(part in out for figure in figures for part in figure.rsplit(": ", 1))
    assert ("samples: distance in floors" in figures) == (samples and name not in POINTS)
    assert all(np.isfinite(value) for value in figures.values() if not isinstance(value, str))


def is_gan(name):
    return RECIPES[name].epochs is None and name not in POINTS


def last_row(folder):
    """Of history.csv, as numbers."""
    with open(folder.history, newline="") as file:
        return {name: float(value) for name, value in list(csv.DictReader(file))[-1].items()}


def not_blank(path):
    """Whether a picture shows anything."""
    return np.asarray(Image.open(path).convert("L")).std() > 5
