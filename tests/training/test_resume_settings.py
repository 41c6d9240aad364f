"""What a resumed run compares: every plain setting of models, layers, losses, penalties and optimizers, by name."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, optim
from minigen.errors import CheckpointError
from minigen.losses.adversarial import NonSaturating
from minigen.losses.penalties import Penalty
from minigen.models.applications import super_resolution
from minigen.models.autoencoders import DenoisingAutoencoder, SparseAutoencoder, VariationalAutoencoder
from minigen.models.autoencoders.base import Autoencoder
from minigen.models.gans import progan
from minigen.training import Checkpoint, EarlyStopping, Growth, Progressive, Restoration, SampleGrid, fit, remedies
from minigen.training.resume_settings import described, differences
from tests.training.gans.players import QUIET, cloud, game, picture_discriminator
from tests.training.networks import examples

IMAGES = np.random.default_rng(0).random((8, 28, 28, 1), dtype=np.float32)


def sgd(parameters):
    return optim.SGD(parameters, lr=1e-3)


def fitted(model, x, folder, optimizer=sgd, callbacks=(), epochs=1, **options):
    mg.seed(0)
    network = model()
    fit(
        network,
        x,
        optimizer=optimizer(network.parameters()),
        epochs=epochs,
        batch_size=4,
        progress=False,
        callbacks=[*callbacks, Checkpoint(folder)],
        **options,
    )
    return network


# -- models of the chapter -----------------------------------------------------------------------------------------


CHANGED = {
    "beta, reconstruction": (
        VariationalAutoencoder,
        {"beta": 1},
        {"beta": 100, "reconstruction": "mse"},
        r"model\.beta was 1, is 100; model\.reconstruction was 'bce', is 'mse'",
    ),
    "corruption": (DenoisingAutoencoder, {}, {"corruption": "masking"}, r"model\.corrupt\.name was 'gaussian', is 'masking'"),
    "amount": (DenoisingAutoencoder, {}, {"amount": 0.3}, r"model\.corrupt\.amount was 0\.2, is 0\.3"),
    "sparsity": (SparseAutoencoder, {}, {"kl": 0.5}, r"model\.encoder\.3\.kl was 0\.0, is 0\.5"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_model_with_another_setting(name, tmp_path):
    kind, before, after, message = CHANGED[name]
    fitted(lambda: kind(**before), IMAGES, tmp_path)
    with pytest.raises(CheckpointError, match=rf"checkpoint\.npz does not fit this run, it belongs to another run: {message}$"):
        fitted(lambda: kind(**after), IMAGES, tmp_path / "other", epochs=2, resume=tmp_path)
    fitted(lambda: kind(**before), IMAGES, tmp_path, epochs=2, resume=tmp_path)


# -- anything of a learner's -------------------------------------------------------------------------------------


@dataclass
class Weighing:
    """A learner's settings, one inside another."""

    weight: float = 1.0
    powers: tuple = (1, 2)


class Blur:
    """A learner's object that is not a module, with one of its own inside."""

    def __init__(self, width=3, kind="box"):
        self.width, self._weighing = width, Weighing()
        self.names = {"kind": kind}


def noise(std):
    return lambda x: x + std


def double(x):
    return 2 * x


class Own(Autoencoder):
    """A learner's model with a bit of everything, which does nothing to be compared."""

    scale = 1.0
    classes = ("a", "b")

    def __init__(self, **changes):
        self.encoder, self.decoder = nn.Sequential(nn.Dense(6, 3, "tanh"), nn.Dropout(0.1)), nn.Sequential(nn.Dense(3, 6))
        self.blur, self._hidden, self.noise, self.function, self.step = Blur(), Weighing(), noise(0.1), double, lambda x: 3 * x
        self.partial, self.nothing, self.flag, self.sizes = functools.partial(noise, std=0.5), None, True, [1, 2, 3]
        self.table, self.target, self.losses = {"mse": 1.0, 2: "two"}, np.arange(3.0), [losses.mse, Weighing()]
        self.calls, self.latest = 0, None
        for path, value in changes.items():
            *owners, name = path.split("__")
            setattr(functools.reduce(getattr, owners, self), name, value)

    def loss(self, x):
        self.calls += 1
        self.latest = self.encode(x)
        error = losses.mse(self(x), x)
        return error, {"mse": error}


EACH = {
    "on the object": ({"flag": False}, "model.flag was True, is False"),
    "None": ({"nothing": 3}, "model.nothing was None, is 3"),
    "gone": ({"flag": None}, "model.flag was True, is None"),
    "on the class": ({"scale": 2.0}, "model.scale was 1.0, is 2.0"),
    "a tuple on the class": ({"classes": ("a", "c")}, "model.classes was ['a', 'b'], is ['a', 'c']"),
    "a list": ({"sizes": [1, 2, 4]}, "model.sizes was [1, 2, 3], is [1, 2, 4]"),
    "a dict": ({"table": {"mse": 2.0, 2: "two"}}, "model.table.mse was 1.0, is 2.0"),
    "an array": ({"target": np.arange(3.0) + 1}, "model.target was 'float64[3] "),
    "of an object": ({"blur__width": 4}, "model.blur.width was 3, is 4"),
    "a dict of an object": ({"blur__names": {"kind": "gauss"}}, "model.blur.names.kind was 'box', is 'gauss'"),
    "of a private object in an object": ({"blur___weighing": Weighing(2.0)}, "model.blur._weighing.weight was 1.0, is 2.0"),
    "of a private object": ({"_hidden": Weighing(powers=(1, 3))}, "model._hidden.powers was [1, 2], is [1, 3]"),
    "another object": ({"blur": Weighing()}, "model.blur was 'Blur', is 'Weighing'"),
    "of a layer": ({"encoder__layers": [nn.Dense(6, 3, "tanh"), nn.Dropout(0.2)]}, "model.encoder.1.rate was 0.1, is 0.2"),
    "another activation": (
        {"encoder__layers": [nn.Dense(6, 3, "relu"), nn.Dropout(0.1)]},
        "model.encoder.0.activation was 'tanh', is 'relu'",
    ),
    "a function": ({"function": noise}, "model.function was 'double', is 'noise'"),
    "a function in a list": ({"losses": [losses.mae, Weighing()]}, "model.losses.0 was 'minigen.losses.reconstruction.mse'"),
    "an object in a list": ({"losses": [losses.mse, Weighing(3.0)]}, "model.losses.1.weight was 1.0, is 3.0"),
    "a lambda": ({"step": lambda x: 4 * x}, "model.step was "),
    "what a function holds": ({"noise": noise(0.2)}, "model.noise.std was 0.1, is 0.2"),
    "what a partial holds": ({"partial": functools.partial(noise, std=0.6)}, "model.partial.arguments.std was 0.5, is 0.6"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    mg.use("numpy")
    folder = tmp_path_factory.mktemp("own")
    fitted(Own, examples(), folder)
    return folder


@pytest.mark.parametrize("where", EACH)
def test_a_changed_setting_of_each_kind_is_named(where, saved, tmp_path):
    changes, message = EACH[where]
    with pytest.raises(CheckpointError) as caught:
        fitted(lambda: Own(**changes), examples(), tmp_path, epochs=2, resume=saved)
    assert f"it belongs to another run: {message}" in str(caught.value) and ";" not in str(caught.value)


def test_what_training_changes_is_not_a_setting(saved, tmp_path):
    """A counter, and activations that are kept."""
    model = fitted(Own, examples(), tmp_path, epochs=2, resume=saved)
    assert model.calls == 6 and model.latest is not None
    fitted(Own, examples(), tmp_path, epochs=3, resume=tmp_path)


def test_methods_that_are_watched_are_no_settings(saved, tmp_path):
    class Watched(Own):
        pass

    Watched.__name__ = "Own"

    def made():
        model = Watched()
        whole = model.loss
        model.loss = lambda x: whole(x)
        return model

    fitted(made, examples(), tmp_path, epochs=2, resume=saved)


def test_numbers_of_numpys_are_those_of_python(saved, tmp_path):
    changes = {
        "flag": np.True_,
        "sizes": np.array([1, 2, 3]).tolist(),
        "table": {"mse": np.float32(1), 2: np.str_("two")},
        "blur__width": np.int64(3),
        "scale": np.float64(1),
    }
    fitted(lambda: Own(**changes), examples(), tmp_path, epochs=2, resume=saved)
    assert not differences(described("m", [np.float32(0.1), np.int8(3)]), described("m", [0.1, 3]), set())


def test_a_walk_in_circles_ends():
    model = Own()
    model.blur.owner, model.blur.twin = model, model.blur
    model.blur.names["names"] = [model.blur.names]
    model.noise = lambda x: model.noise(x)
    found = described("model", model)
    assert found["model"] == "Own" and found["model.blur.twin"] == "Blur" and "model.blur.owner" not in found


def test_what_is_of_other_libraries_is_its_class():
    assert described("x", np.random.default_rng(0)) == {"x": "Generator"}
    assert described("x", [np.clip, np.exp, len]) == {"x.0": "numpy.clip", "x.1": "numpy.exp", "x.2": "builtins.len"}


def test_parameters_outside_the_state_are_settings():
    """Those of a frozen network that hangs on a loss: a resumed run would have others."""
    first, second = (SimpleHolder(nn.Dense(2, 2)) for _ in range(2))
    assert differences(described("loss", first), described("loss", second), set())[0].startswith(
        "loss.network.weight was 'float32[2, 2] "
    )


class SimpleHolder:
    def __init__(self, network):
        self.network = network


# -- optimizers, data, callbacks -----------------------------------------------------------------------------------


class Signs(optim.SGD):
    """A learner's optimizer, with settings that are not numbers."""

    def __init__(self, parameters, lr, kind="sign", betas=(0.9, 0.99)):
        super().__init__(parameters, lr)
        self.kind, self.betas = kind, betas


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"kind": "soft"}, r"optimizer\.kind was 'sign', is 'soft'"),
        ({"betas": (0.9, 0.9)}, r"optimizer\.betas was \[0\.9, 0\.99\], is \[0\.9, 0\.9\]"),
    ],
)
def test_an_optimizer_of_ones_own(changes, message, tmp_path):
    fitted(Own, examples(), tmp_path, lambda parameters: Signs(parameters, 0.1))
    with pytest.raises(CheckpointError, match=message):
        fitted(Own, examples(), tmp_path, lambda parameters: Signs(parameters, 0.1, **changes), epochs=2, resume=tmp_path)


def test_an_optimizer_of_other_parameters(tmp_path):
    """As many values, whose moments would be another's."""
    fitted(Own, examples(), tmp_path, lambda parameters: optim.Adam(parameters, lr=0.1))
    with pytest.raises(CheckpointError, match=r"optimizer\.parameters\.0 was 'encoder\.0\.weight', is 'decoder\.0\.bias'"):
        fitted(Own, examples(), tmp_path, lambda parameters: optim.Adam(parameters[::-1], lr=0.1), epochs=2, resume=tmp_path)


def test_other_validation_data_are_noticed(tmp_path):
    fitted(Own, examples(), tmp_path, validation=examples(5, 6))
    with pytest.raises(CheckpointError, match=r"the validation data have changed \(now as then 5 examples .*, but other values"):
        fitted(Own, examples(), tmp_path, epochs=2, resume=tmp_path, validation=examples(5, 7))
    with pytest.raises(CheckpointError, match=r"the validation data have changed \(5 examples of .* then, none now\)"):
        fitted(Own, examples(), tmp_path, epochs=2, resume=tmp_path)


def test_early_stopping_that_watches_another_column(tmp_path):
    fitted(Own, examples(), tmp_path, validation=examples(5, 6), callbacks=[EarlyStopping(3)])
    with pytest.raises(CheckpointError, match="EarlyStopping: monitor was 'validation loss', is 'loss'"):
        fitted(
            Own, examples(), tmp_path, validation=examples(5, 6), callbacks=[EarlyStopping(3, "loss")], epochs=2, resume=tmp_path
        )
    fitted(Own, examples(), tmp_path, validation=examples(5, 6), callbacks=[EarlyStopping(4)], epochs=2, resume=tmp_path)


# -- games -------------------------------------------------------------------------------------------------------


class Weighted(NonSaturating):
    """A learner's loss: a tuple, an object and a function among its settings."""

    def __init__(self, weights=(1, 2), weighing=None, function=double):
        vars(self).update(weights=weights, weighing=weighing or Weighing(), function=function)


class Shaped(Penalty):
    """A learner's penalty."""

    name = "own"

    def __init__(self, shape=(1, 2)):
        self.shape = shape


class Turning(remedies.Remedy):
    """A learner's remedy, which counts."""

    def __init__(self, angle=(0.1, 0.2)):
        self.angle, self.turned = angle, 0

    def augment(self, x, step):
        self.turned += 1
        return x


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"loss": lambda: Weighted((1, 3))}, r"loss\.weights was \[1, 2\], is \[1, 3\]"),
        ({"loss": lambda: Weighted(weighing=Weighing(2.0))}, r"loss\.weighing\.weight was 1\.0, is 2\.0"),
        ({"loss": lambda: Weighted(function=noise)}, r"loss\.function was 'double', is 'noise'"),
        ({"penalties": lambda: [Shaped((2, 2))]}, r"penalties\.0\.shape was \[1, 2\], is \[2, 2\]"),
        ({"remedies": lambda: [Turning((0.1, 0.3))]}, r"remedies\.0\.angle was \[0\.1, 0\.2\], is \[0\.1, 0\.3\]"),
    ],
)
def test_a_game_of_ones_own(changes, message, tmp_path):
    def trainer(loss=Weighted, penalties=lambda: [Shaped()], remedies=lambda: [Turning()]):
        return game(loss=loss(), penalties=penalties(), remedies=remedies())

    played = trainer()
    played.fit(cloud(), steps=2, callbacks=[Checkpoint(tmp_path)], **QUIET)
    with pytest.raises(CheckpointError, match=f"it belongs to another run: {message}$"):
        trainer(**changes).fit(cloud(), steps=4, resume=tmp_path, **QUIET)
    trainer().fit(cloud(), steps=4, resume=tmp_path, **QUIET)
    played.fit(cloud(), steps=4, resume=tmp_path, **QUIET)  # its remedy has counted


def test_networks_that_are_set_otherwise(tmp_path):
    game().fit(cloud(), steps=2, callbacks=[Checkpoint(tmp_path)], **QUIET)
    other = game()
    other.discriminator.temperature = 2.0
    with pytest.raises(CheckpointError, match=r"it belongs to another run: discriminator\.temperature was None, is 2\.0$"):
        other.fit(cloud(), steps=4, resume=tmp_path, **QUIET)


def test_changed_settings_of_a_growing_game_are_named(tmp_path):
    def trainer(**changes):
        mg.seed(0)
        players = progan.Generator(8, 4, [4, 4], 1), progan.Discriminator(8, [4, 4], 1)
        growth = Growth(**{"final": 8, "stable": 4, "fading": 4, **changes})
        return Progressive(
            *players,
            growth=growth,
            generator_optimizer=sgd(players[0].parameters()),
            discriminator_optimizer=sgd(players[1].parameters()),
        )

    x = np.random.default_rng(0).random((8, 8, 8, 1), dtype=np.float32)
    trainer().fit(x, steps=1, callbacks=[Checkpoint(tmp_path)], **QUIET)
    with pytest.raises(CheckpointError, match=r"growth was 'Growth\(.*fading=4\)', is 'Growth\(.*fading=8\)'"):
        trainer(fading=8).fit(x, steps=3, resume=tmp_path, **QUIET)
    trainer().fit(x, steps=3, resume=tmp_path, **QUIET)


def test_changed_settings_of_a_restoration_are_named(tmp_path):
    def trainer(weight=1e-3, maps=2):
        mg.seed(0)
        players = super_resolution.Generator(2, 8, 1, maps, 1), picture_discriminator(16)
        return Restoration(
            *players,
            weight=weight,
            generator_optimizer=sgd(players[0].parameters()),
            discriminator_optimizer=sgd(players[1].parameters()),
        )

    x = np.random.default_rng(0).random((8, 8, 8, 1), dtype=np.float32)
    trainer().fit(x, steps=1, callbacks=[Checkpoint(tmp_path)], **QUIET)
    with pytest.raises(CheckpointError, match=r"it belongs to another run: weight was 0\.001, is 0\.01$"):
        trainer(weight=1e-2).fit(x, steps=2, resume=tmp_path, **QUIET)
    with pytest.raises(CheckpointError, match=r"generator\.net\.0 was 'Conv2d\(1 -> 2, "):
        trainer(maps=3).fit(x, steps=2, resume=tmp_path, **QUIET)
    trainer().fit(x, steps=2, resume=tmp_path, **QUIET)


def test_a_grid_of_other_samples(tmp_path):
    game().fit(cloud(), steps=2, callbacks=[Checkpoint(tmp_path), SampleGrid(tmp_path, n=4)], **QUIET)
    with pytest.raises(CheckpointError, match="SampleGrid: n was 4, is 9"):
        game().fit(cloud(), steps=4, callbacks=[SampleGrid(tmp_path, n=9)], resume=tmp_path, **QUIET)
