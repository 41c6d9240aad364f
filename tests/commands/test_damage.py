"""Run folders that were damaged by hand or by accident: one line says which file and field, and nothing has changed."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from minigen.errors import CommandError
from minigen.recipes.run_folder import RunFolder
from minigen.training import checkpoint


@pytest.fixture(scope="module")
def whole():
    """Of the runs that were made, their files."""
    return {}


@pytest.fixture
def run_of(whole, minigen_line):
    """Makes the folder "run" of a short run; each kind of run is made once."""

    def make(line):
        if line not in whole:
            assert minigen_line(f"train {line} --out run --silent")[0] == 0
            whole[line] = {name: Path("run", name).read_bytes() for name in ("config.json", "checkpoint.npz", "history.csv")}
        Path("run").mkdir(exist_ok=True)
        for name, content in whole[line].items():
            Path("run", name).write_bytes(content)
        return Path("run")

    return make


def refused(minigen_line, line, *messages):
    """A command fails in one line."""
    status, _, err = minigen_line(line)
    assert status == 1 and err.startswith("minigen: error: run/") and err.count("\n") == 1 and len(err) < 1500, err
    for message in messages:
        assert message in err, err


# -- config.json ---------------------------------------------------------------------------------------------------


WRONG = [None, True, -1, 0, 1.5, float("nan"), float("inf"), "text", "", [], [1], ["a"], {}, {"a": 1}, 10**30, [None], ["a", "a"]]
FITTING = {  # what is wrong somewhere else, and right here
    "images": [None], "seed": [0, 10**30], "minigen": ["text", ""], "classes": [["a"]], "settings.epochs": [10**30], "settings.lr": [1.5, 10**30],
    "settings.beta": [0, 1.5, 10**30], "settings.steps": [None], "settings.batch_size": [10**30], "distance": [True], "pictures": [None],
}  # fmt: skip


def fields(config, *path):
    """The paths to all that a config says."""
    for name, value in config.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from fields(value, *path, name)


def test_each_field_with_each_wrong_value(run_of):
    folder = RunFolder(run_of("vae --images 32 --epochs 1"))
    config = json.loads(folder.config_file.read_text())
    tried = 0
    for path in fields(config):
        for wrong in WRONG:
            if any(type(wrong) is type(right) and wrong == right for right in FITTING.get(".".join(path), [])):
                continue
            changed = json.loads(json.dumps(config))
            place = changed
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = wrong
            folder.config_file.write_text(json.dumps(changed))
            with pytest.raises(CommandError) as caught:
                folder.config()
                pytest.fail(f"accepted: {path} = {wrong!r}")
            message = str(caught.value)
            assert message.startswith("run/config.json is damaged, or of another version of minigen ("), message
            assert path[-1] in message or "lr" in path or "model" in path, f"{path} = {wrong!r}: {message}"
            tried += 1
    assert tried > 200


@pytest.mark.parametrize("change, message", [
    (lambda config: config.pop("seed"), "missing 1 required positional argument: 'seed'"),
    (lambda config: config["settings"].pop("steps"), "the settings of vae are lr, batch_size, epochs, steps, latent_dim, beta, reconstruction"),
    (lambda config: config["settings"].pop("lr"), "the settings of vae are lr"),
    (lambda config: config["settings"].pop("beta"), "the settings of vae are lr"),
    (lambda config: config.update(sead=3), "unexpected keyword argument 'sead'"),
    (lambda config: config["settings"].update(sead=3), "the settings of vae are lr"),
    (lambda config: config["settings"].update(gamma=3), "the settings of vae are lr"),
    (lambda config: config.update(images=31), "images is 31, and examples 32"),
    (lambda config: config.update(resolution=48), "resolution must be 4, 8, 16"),
    (lambda config: config.update(data="plane"), "vae takes images, got points of 3"),
    (lambda config: config.update(shape=[28, 28, 1]), "unexpected keyword argument 'shape'"),
    (lambda config: config.update(model="vea"), "unknown model 'vea': did you mean"),
    (lambda config: config.update(model="dcgan"), "the settings of dcgan are lr, batch_size, epochs, steps, got"),
    (lambda config: config["settings"].update(epochs=None, steps=5), "vae is trained in epochs alone"),
    (lambda config: config["settings"].update(steps=5), "vae is trained in epochs alone"),
    (lambda config: config["settings"].update(reconstruction="mce"), "unknown reconstruction 'mce': did you mean 'mse'?"),
    (lambda config: config["settings"].update(latent_dim=10.0), "latent_dim must be a whole number, such as 10, got 10.0"),
])  # fmt: skip
def test_fields_that_do_not_fit_together(change, message, run_of, minigen_line):
    folder = run_of("vae --images 32 --epochs 1")
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    for command in ("sample", "resume", "evaluate"):
        refused(minigen_line, f"{command} run", "config.json is damaged, or of another version of minigen (", message)


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"3", b"null", b'"text"', b"\xff\xfe{}", b"{}", b"[" * 100_000, b"[" * 5000 + b"]" * 5000, b"9" * 10_000,
    b'{"seed": 1, "seed": 1}', b" " * (2 << 20), b"\0" * 100,
], ids=lambda content: str(content[:12]))  # fmt: skip
def test_a_config_that_is_not_one(content, run_of, minigen_line):
    folder = run_of("vae --images 32 --epochs 1")
    (folder / "config.json").write_bytes(content)
    refused(minigen_line, "sample run", "config.json is damaged, or of another version of minigen (")


def test_data_that_are_not_those_of_the_config(run_of, minigen_line):
    """What only the data can say."""
    for name, wrong in (("classes", ["a", "b"]), ("examples", 31)):
        folder = run_of("vae --epochs 1")
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, name: wrong}))
        for line in ("resume run --epochs 2", "evaluate run", "interpolate run"):
            status, _, err = minigen_line(line)
            assert status == 1 and f"config.json says that {name} of glyphs is {wrong}, it is " in err


# -- checkpoint.npz ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line, group", [("vae --images 32 --epochs 1", "model"), ("gan --images 32 --steps 1", "average")])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite(line, group, number, run_of, minigen_line):
    """No noise is drawn from them, and nothing trained."""
    folder = run_of(line)
    arrays, header = checkpoint.load(folder / "checkpoint.npz")
    name = next(name for name in arrays[group] if name.endswith("weight"))
    arrays[group][name].flat[3] = number
    checkpoint.save(folder / "checkpoint.npz", arrays, header)
    before = (folder / "checkpoint.npz").read_bytes()
    for command in (
        "sample run",
        "evaluate run",
        "interpolate run",
        "resume run " + ("--epochs 2" if "vae" in line else "--steps 2"),
    ):
        refused(minigen_line, command, f"{group}/{name} holds NaN or infinity")
    assert (folder / "checkpoint.npz").read_bytes() == before and not list(folder.glob("*.png"))


@pytest.mark.parametrize("counted", [None, "1", -1, 1.5, True, [1]])
def test_a_checkpoint_that_counts_wrongly(counted, run_of, minigen_line):
    folder = run_of("vae --images 32 --epochs 1")
    arrays, header = checkpoint.load(folder / "checkpoint.npz")
    checkpoint.save(folder / "checkpoint.npz", arrays, {**header, "epoch": counted})
    refused(minigen_line, "resume run --epochs 2", "checkpoint.npz is not of the model in run/config.json: it counts no epochs")


def test_a_checkpoint_that_is_cut_or_changed(run_of, minigen_line):
    folder = run_of("vae --images 32 --epochs 1")
    whole = (folder / "checkpoint.npz").read_bytes()
    for content in (b"", whole[:1000], whole[:-1], whole + b"\0", whole[:5000] + b"\0\1\2" + whole[5003:]):
        (folder / "checkpoint.npz").write_bytes(content)
        for command in ("sample run", "resume run --epochs 2"):
            refused(minigen_line, command, "run/checkpoint.npz")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="of Linux")
def test_what_stands_in_place_of_a_file(run_of, minigen_line):
    """Nothing waits for it."""
    folder = run_of("vae --images 32 --epochs 1")
    for name in ("checkpoint.npz", "config.json"):
        path, content = folder / name, (folder / name).read_bytes()
        for make in (
            os.mkfifo,
            os.mkdir,
            lambda place: os.symlink("/dev/full", place),
            lambda place: os.symlink(place.name, place),
        ):
            path.unlink()
            make(path)
            assert minigen_line("sample run")[0] == 1
            path.rmdir() if path.is_dir() else path.unlink()
            path.write_bytes(content)
