"""Folders of training.Checkpoint, opened: the networks, the averaged generator, the history; and what cannot be opened."""

import subprocess
import sys

import numpy as np
import pytest

import minigen as mg
from minigen import nn, optim, training
from minigen.errors import CheckpointError, CommandError
from minigen.models.autoencoders import SparseAutoencoder
from minigen.models.gans import points
from minigen.training import checkpoint
from minigen.training.gans.drawing import AnyGenerator

rng = np.random.default_rng(3)
ROWS = rng.standard_normal((32, 2)).astype(np.float32)


class Mine(nn.Module):
    """A reader's own network."""

    def __init__(self, width=3):
        self.net = nn.Sequential(nn.Dense(2, width, activation="tanh"), nn.Dense(width, 2))

    def forward(self, x):
        return self.net(x)


def fitted(model, folder, x=ROWS, loss="mse", epochs=2):
    """The history of a model that was trained for two epochs and kept in a folder."""
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    return training.fit(
        model, x, loss=loss, optimizer=optimizer, epochs=epochs, callbacks=training.Checkpoint(folder), progress=False
    )


def played(folder, generator=None, latent_dim=None, ema=0.9, steps=3):
    """A GAN of points that was trained for some steps and kept in a folder."""
    generator, discriminator = generator or points.Generator(hidden=4), points.Discriminator(hidden=4)
    rates = {
        "generator_optimizer": optim.SGD(generator.parameters(), lr=0.1),
        "discriminator_optimizer": optim.SGD(discriminator.parameters(), lr=0.1),
    }
    trainer = training.Adversarial(generator, discriminator, **rates, ema=ema, latent_dim=latent_dim)
    trainer.fit(ROWS, steps=steps, batch_size=8, record_every=1, callbacks=training.Checkpoint(folder), progress=False)
    return trainer


@pytest.mark.parametrize("at", ["run", "run/checkpoint.npz"])
def test_a_run_of_fit_is_opened_with_its_history(at, tmp_path):
    net = nn.Sequential(nn.Dense(2, 3, activation="selu"), nn.BatchNorm(3), nn.Dense(3, 2))
    history = fitted(net, tmp_path / "run")
    run = mg.load(tmp_path / at)
    assert list(run.networks) == ["model"] and run.network.fingerprint() == net.fingerprint() and not run.network.training
    assert run.history.rows == history.rows and len(run.history["loss"]) == 2
    np.testing.assert_array_equal(run.network(ROWS).numpy(), net.eval()(ROWS).numpy())


def test_the_best_of_a_run_is_opened_in_place_of_its_last(tmp_path):
    """Its loss rises, as the learning rate is far too large: the first epoch was best."""
    net = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 2))
    callbacks, optimizer = training.Checkpoint(tmp_path, best="loss"), optim.SGD(net.parameters(), lr=1.0)
    history = training.fit(net, ROWS, loss="mse", optimizer=optimizer, epochs=2, callbacks=callbacks, progress=False)
    assert history["loss"][1] > history["loss"][0]
    best, last = mg.load(tmp_path, best=True), mg.load(tmp_path)
    assert last.network.fingerprint() == net.fingerprint() != best.network.fingerprint()
    assert (len(best.history.rows), len(last.history.rows)) == (1, 2)
    other = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 2))
    assert mg.load(tmp_path, into=other, best=True).fingerprint() == best.network.fingerprint()


def test_a_best_that_is_not_there(tmp_path):
    fitted(nn.Sequential(nn.Dense(2, 2)), tmp_path)
    with pytest.raises(CommandError, match=r"has no best\.npz: training\.Checkpoint\(folder, best='validation loss'\) keeps one"):
        mg.load(tmp_path, best=True)
    for name in (tmp_path / "checkpoint.npz", "vae-mnist"):
        with pytest.raises(ValueError, match=f"best=True is for the folder of a run: {name} is none"):
            mg.load(name, best=True)


def test_settings_that_a_run_has_changed_are_those_of_its_checkpoint(tmp_path):
    class Stronger(training.Callback):
        def on_epoch_end(self, run):
            run.model.encoder[3].l1 = 0.5 + run.epoch

    model = SparseAutoencoder(latent_dim=4, l1=0.25, hidden=3)
    optimizer, images = optim.SGD(model.parameters(), lr=0.1), rng.random((8, 28, 28, 1), dtype=np.float32)
    callbacks = [Stronger(), training.Checkpoint(tmp_path)]
    training.fit(model, images, optimizer=optimizer, epochs=2, callbacks=callbacks, progress=False)
    assert mg.load(tmp_path).network.encoder[3].l1 == 2.5


def test_a_run_of_two_players_is_opened_with_its_average(tmp_path):
    trainer = played(tmp_path)
    run = mg.load(tmp_path)
    assert run.networks.keys() == {"generator", "discriminator", "average"}
    assert run.network is run.networks["average"] and run.network.fingerprint() == trainer.sampler.fingerprint()
    assert run.networks["generator"].fingerprint() == trainer.generator.fingerprint() != run.network.fingerprint()
    assert run.networks["discriminator"].fingerprint() == trainer.discriminator.fingerprint()
    assert run.history["step"] == [1, 2, 3]
    mg.seed(5)
    samples = run.network.sample(4)
    mg.seed(5)
    np.testing.assert_array_equal(samples, trainer.sample(4))


def test_without_an_average_it_is_the_generator_of_any_kind(tmp_path):
    trainer = played(tmp_path, nn.Sequential(nn.Dense(5, 2)), latent_dim=5, ema=None)
    run = mg.load(tmp_path)
    assert run.networks.keys() == {"generator", "discriminator"}
    assert run.network.fingerprint() == trainer.generator.fingerprint() and run.network.latent_dim == 5
    assert run.network.sample(3).shape == (3, 2)


def test_networks_of_ones_own_are_put_into_a_model(tmp_path):
    model = Mine()
    fitted(model, tmp_path / "fit")
    with pytest.raises(CheckpointError, match=r"checkpoint\.npz, model has weights, .*Mine is a class of your own.*into=model"):
        mg.load(tmp_path / "fit")
    assert mg.load(tmp_path / "fit", into=(other := Mine())) is other and other.fingerprint() == model.fingerprint()
    with pytest.raises(CheckpointError, match=r"expected float32\[4\]"):
        mg.load(tmp_path / "fit", into=Mine(4))
    trainer = played(tmp_path / "gan", Mine(), latent_dim=2)
    with pytest.raises(CheckpointError, match="average has weights, .*Mine is a class of your own"):
        mg.load(tmp_path / "gan")
    into = mg.load(tmp_path / "gan", into=AnyGenerator(Mine(), latent_dim=2))
    assert into.fingerprint() == trainer.sampler.fingerprint()


def test_a_network_that_is_omitted_is_named(tmp_path):
    """Whoever opens a generator may have no class of its discriminator."""
    generator, discriminator = points.Generator(hidden=4), nn.Sequential(nn.Dense(2, 4), Mine(), nn.Dense(2, 1))
    discriminator[1].net = nn.Sequential(nn.Dense(4, 2))
    rates = {f"{name}_optimizer": optim.SGD(net.parameters(), lr=0.1) for name, net in
             (("generator", generator), ("discriminator", discriminator))}  # fmt: skip
    trainer = training.Adversarial(generator, discriminator, **rates, ema=0.9)
    trainer.fit(ROWS, steps=1, batch_size=8, record_every=1, callbacks=training.Checkpoint(tmp_path), progress=False)
    run = mg.load(tmp_path)
    assert run.networks.keys() == {"generator", "average"} and "discriminator" not in run.networks
    assert run.omitted == {"discriminator": "Mine is a class of your own"}
    with pytest.raises(CheckpointError, match="'discriminator' was saved, but cannot be made again: Mine is a class of your own"):
        run.networks["discriminator"]
    with pytest.raises(KeyError, match="there is no 'critic', only 'average', 'generator'"):
        run.networks["critic"]
    assert mg.load(tmp_path).network.fingerprint() == trainer.sampler.fingerprint()


def test_a_checkpoint_of_before_says_what_to_do(tmp_path):
    net = nn.Sequential(nn.Dense(2, 2))
    fitted(net, tmp_path)
    arrays, header = checkpoint.load(tmp_path / "checkpoint.npz")
    header.pop("models")
    checkpoint.save(tmp_path / "checkpoint.npz", arrays, header)
    with pytest.raises(CheckpointError, match=r"says nothing of the class and the settings of its model: .*into=model"):
        mg.load(tmp_path)
    assert mg.load(tmp_path, into=nn.Sequential(nn.Dense(2, 2))).fingerprint() == net.fingerprint()
    other, optimizer = nn.Sequential(nn.Dense(2, 2)), None
    optimizer = optim.SGD(other.parameters(), lr=0.1)
    training.fit(other, ROWS, loss="mse", optimizer=optimizer, epochs=3, resume=tmp_path, progress=False)  # goes on all the same


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (3, "says nothing of the class"),
        ({"model": {"model": 3}}, "says nothing of the class"),
        ({"model": {"model": {"class": "os.system", "settings": {}}}}, "is not the name of one of minigen's classes"),
    ],
)
def test_a_hostile_checkpoint_makes_nothing(models, message, tmp_path):
    fitted(nn.Sequential(nn.Dense(2, 2)), tmp_path)
    arrays, header = checkpoint.load(tmp_path / "checkpoint.npz")
    if isinstance(models, dict) and isinstance(models["model"]["model"], dict):
        models = {"model": {**header["models"]["model"], **models["model"]}}
    checkpoint.save(tmp_path / "checkpoint.npz", arrays, {**header, "models": models})
    with pytest.raises(CheckpointError, match=message):
        mg.load(tmp_path)


def test_damaged_and_foreign_folders_are_refused(tmp_path):
    fitted(nn.Sequential(nn.Dense(2, 2)), tmp_path / "run")
    file = tmp_path / "run/checkpoint.npz"
    arrays, header = checkpoint.load(file)
    checkpoint.save(file, arrays, {**header, "history": [{"loss": 1.0}]})
    with pytest.raises(CheckpointError, match=r"checkpoint\.npz is damaged: history: row 0 begins with 'loss'"):
        mg.load(tmp_path / "run")
    checkpoint.save(file, {"others": arrays["model"]}, header)
    with pytest.raises(CheckpointError, match="has none of average, generator, model, only others"):
        mg.load(tmp_path / "run")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match=r"checkpoint\.npz is not a readable checkpoint"):
        mg.load(tmp_path / "run")
    file.unlink()
    with pytest.raises(CommandError, match="is not a run folder"):
        mg.load(tmp_path / "run")


def test_every_class_is_known_to_whoever_opens_a_file():
    """In a process that has imported nothing else."""
    code = """
import importlib, pkgutil, minigen.pretrained
from minigen.utils.rebuilding import CLASSES
before = set(CLASSES)
for room in ("minigen.nn", "minigen.models", "minigen.training"):
    for part in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
        importlib.import_module(part.name)
print(*sorted(set(CLASSES) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
