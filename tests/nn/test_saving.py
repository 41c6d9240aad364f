"""Models saved and made again: every class, what was changed later, weights of classes that minigen does not have; and bad files."""

import copy
import json
import pickle
import re
import sys
import time
import tracemalloc

import numpy as np
import pytest

import minigen as mg
from minigen import nn
from minigen.errors import CheckpointError, MissingPackageError, StateError
from minigen.models import autoencoders
from minigen.models.applications import context_encoder, style_transfer, super_resolution
from minigen.models.attribute_classifier import AttributeClassifier
from minigen.models.classifier import Classifier, FeatureClassifier
from minigen.models.gans import conditional, dcgan, gan, points, progan, stylegan, wgan
from minigen.nn import saving
from minigen.utils import archive
from minigen.utils.rebuilding import CLASSES, name_of

ENDINGS = [".npz", ".safetensors"]


def tied() -> nn.Module:
    """Networks that share a layer and a weight."""
    inner, drop = nn.Dense(6, 3, activation="selu"), nn.Dropout(0.5)
    encoder = nn.Sequential(nn.Flatten(), drop, inner, drop)
    return nn.Sequential(encoder, nn.Sequential(nn.DenseTranspose(inner), nn.Reshape((2, 3))))


SMALL = {"resolution": 8, "feature_maps": [4, 2]}
MODELS = {
    "linear": lambda: autoencoders.LinearAutoencoder(5, latent_dim=2),
    "stacked": lambda: autoencoders.StackedAutoencoder(hidden=7, latent_dim=3),
    "tied": lambda: autoencoders.TiedAutoencoder(7, 3),
    "sparse": lambda: autoencoders.SparseAutoencoder(9, kl=0.5, target=0.2),
    "hashing": lambda: autoencoders.HashingAutoencoder(bits=4, noise_std=2.0),
    "denoising": lambda: autoencoders.DenoisingAutoencoder("masking", 0.5),
    "linear denoising": lambda: autoencoders.LinearDenoisingAutoencoder(5, 2, amount=0.7),
    "convolutional": lambda: autoencoders.ConvolutionalAutoencoder(latent_dim=5, feature_maps=(2, 3, 4)),
    "recurrent": lambda: autoencoders.RecurrentAutoencoder(hidden=5, latent_dim=2, shape=(4, 6, 1)),
    "vae": lambda: autoencoders.VariationalAutoencoder(np.int64(3), beta=np.float32(0.5), hidden=[9]),
    "linear vae": lambda: autoencoders.LinearVariationalAutoencoder(4, 2),
    "conditional vae": lambda: autoencoders.ConditionalVariationalAutoencoder(classes=3, hidden=(8,)),
    "convolutional vae": lambda: autoencoders.ConvolutionalVariationalAutoencoder(shape=(8, 8, 1), latent_dim=2, maps=2),
    "classifier": lambda: Classifier(nn.Sequential(nn.Flatten(), nn.Dense(784, 3)), classes=4),
    "feature classifier": lambda: FeatureClassifier(classes=3, feature_maps=(2, 3), features=5),
    "attributes": lambda: AttributeClassifier({"smile": None, "hair": 3}, resolution=8, feature_maps=(2, 2, 3)),
    "gan": lambda: gan.Generator(4),
    "gan discriminator": lambda: gan.Discriminator(dropout=0.3, pack=2, minibatch="discrimination"),
    "dcgan": lambda: dcgan.TinyGenerator(5, feature_maps=(4, 3), activation="selu"),
    "dcgan discriminator": lambda: nn.spectral_norm(dcgan.TinyDiscriminator(feature_maps=(3, 4), batch_norm=False)),
    "wgan": lambda: wgan.Critic(width=2),
    "points": lambda: points.Generator(hidden=5),
    "conditional gan": lambda: conditional.Generator(gan.Generator(14), classes=10),
    "conditional discriminator": lambda: conditional.Discriminator(gan.Discriminator(shape=(28, 28, 11))),
    "progan": lambda: progan.Generator(latent_dim=3, **SMALL),
    "progan discriminator": lambda: progan.Discriminator(group_size=2, **SMALL),
    "stylegan": lambda: stylegan.Generator(latent_dim=3, style_dim=4, mapping_layers=2, mixing=0.5, **SMALL),
    "stylegan discriminator": lambda: stylegan.Discriminator(**SMALL),
    "super-resolution": lambda: super_resolution.Generator(feature_maps=3, blocks=1),
    "inpainting": lambda: context_encoder.Generator(hole=3, feature_maps=(2, 3)),
    "textures": lambda: style_transfer.TextureAutoencoder(channels=1, feature_maps=(2, 3)),
    "style transfer": lambda: style_transfer.StyleTransfer(
        style_transfer.TextureAutoencoder(feature_maps=(2, 3)), brightness=np.full(3, 1 / 3)
    ),
    "layers": lambda: nn.Sequential(
        nn.Conv2d(1, 2, (3, 2), stride=2, padding=((1, 1), (0, 2)), weight_init=nn.init.he_normal),
        nn.BatchNorm(2, momentum=0.5),
        nn.LeakyReLU(0.1),
        nn.Sequential(nn.AvgPool2d(2), nn.UpSample2d((1, 2)), nn.ReLU()),
        nn.ActivityRegularization(l1=0.1),
    ),
    "shared layers": tied,
    "float64": lambda: nn.Sequential(nn.LSTM(3, 4, return_sequences=True), nn.GRU(4, 2)).astype("float64"),
}


def changed(model: nn.Module) -> nn.Module:
    """The model with other weights, so that no start from a seed is the same."""
    for tensor in model.named_state().values():
        tensor.assign(mg.asarray(np.asarray(tensor.numpy() + 0.01, tensor.dtype)))
    return model


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_made_again(name, tmp_path):
    model = MODELS[name]()
    if not hasattr(model, "growth"):  # a buffer that says which layers are in use
        model = changed(model)
    before = mg.backend.random.state_dict()
    model.save(tmp_path / "model.npz")
    again = mg.load(tmp_path / "model.npz")
    assert mg.backend.random.state_dict() == before, "saving and loading draw no random numbers of the user"
    assert type(again) is type(model) and not again.training
    assert again.state_dict().keys() == model.state_dict().keys() and again.fingerprint() == model.fingerprint()
    assert saving.settings(again) == saving.settings(model)
    assert [p.requires_grad for p in again.parameters()] == [p.requires_grad for p in model.parameters()]


def test_all_models_are_in_that_table():
    """But bases, parts of others, and those whose settings are of the same kinds."""
    made = {name_of(type(make())) for make in MODELS.values()}
    missing = {name.split(".", 2)[-1] for name in CLASSES if name.startswith("models.")} - {
        name.split(".", 2)[-1] for name in made
    }
    bases = {name for name in missing if re.match(r"base\.|growing\.|restorer\.", name)}
    parts = {"stylegan.MappingNetwork", "stylegan.Block", "stylegan.StyledLayer", "style_transfer.Encoder", "denoising.Denoising"}
    parts |= {"denoising.Corruption"}
    alike = {"dcgan.Generator", "dcgan.Discriminator", "points.Discriminator", "wgan.Generator"}
    assert missing - bases - alike == parts | ({"super_resolution.Residual"} & missing)


@pytest.mark.parametrize("ending", ENDINGS)
def test_outputs_are_the_same_and_what_was_changed_later_is_kept(ending, tmp_path):
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    vae = changed(autoencoders.VariationalAutoencoder(latent_dim=3, hidden=(8,)))
    vae.beta, vae.label, vae.encoder[0].remark = 4.0, "best", ["a", 1]
    noisy = autoencoders.DenoisingAutoencoder(hidden=4, latent_dim=2)
    noisy.corrupt.amount = 0.9
    noisy.encoder[1].weight.requires_grad = False
    for model in (vae, noisy):
        model.save(tmp_path / f"model{ending}")
    vae.save(tmp_path / f"vae{ending}", card={"data": "glyphs", "epochs": np.int64(3)})
    again, quiet = mg.load(tmp_path / f"vae{ending}"), mg.load(str(tmp_path / f"model{ending}"))
    assert (again.beta, again.label, again.encoder[0].remark) == (4.0, "best", ("a", 1)) and quiet.corrupt.amount == 0.9
    assert [p.requires_grad for p in quiet.parameters()].count(False) == 1 and not quiet.encoder[1].weight.requires_grad
    x = np.random.default_rng(0).random((3, 28, 28, 1), dtype=np.float32)
    np.testing.assert_array_equal(again.reconstruct(x).numpy(), vae.eval().reconstruct(x).numpy())
    about = mg.card(tmp_path / f"vae{ending}")
    assert about["class"] == "models.autoencoders.variational.VariationalAutoencoder" and about["settings"]["hidden"] == [8]
    assert about["settings"]["reconstruction"] == "bce", "defaults, too: another version may have others"
    assert (about["data"], about["epochs"], about["minigen"]) == ("glyphs", 3, mg.__version__)
    assert about["values"] == vae.parameter_count()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"model{ending}", f"vae{ending}"], "nothing else is left"


def test_a_copy_and_a_pickle_remember_too(tmp_path):
    model = MODELS["layers"]()
    for copied in (copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model))):
        copied.save(tmp_path / "copy.npz")
        assert mg.load(tmp_path / "copy.npz").fingerprint() == model.fingerprint()
    average = mg.optim.ExponentialMovingAverage(MODELS["sparse"]()).average
    average.save(tmp_path / "average.npz")
    assert mg.load(tmp_path / "average.npz").fingerprint() == average.fingerprint()


def test_a_property_is_no_setting(tmp_path):
    progan.Generator(latent_dim=3, **SMALL).save(tmp_path / "model.npz")
    header, state = saving.read(tmp_path / "model.npz")
    with pytest.raises(CheckpointError, match="'resolution' of Generator is no setting"):
        saving.build({**header, "changed": {"": {"resolution": 4}}}, state, "a file")


CHANGED = [
    (lambda: nn.BatchNorm(3), "", "momentum", -0.5, "BatchNorm's momentum must be at least 0 and below 1, got -0.5"),
    (lambda: nn.BatchNorm(3), "", "eps", "x", "BatchNorm's eps must be a number, got 'x'"),
    (
        lambda: nn.BatchNorm(3),
        "",
        "features",
        4,
        r"BatchNorm with features 4 has weight a Parameter of \(4,\), not a Parameter of \(3,\)",
    ),
    (lambda: nn.Sequential(nn.Conv2d(1, 2, 3)), "0", "stride", [2, "x"], r"stride is \(2, 'x'\), expected an int or"),
    (lambda: nn.Dense(2, 3, bias=False), "", "bias", 0, "Dense with bias 0 has bias None, not 0"),
    (lambda: nn.Dense(2, 3), "", "bias", 0, "'bias' of Dense is no setting"),
    (lambda: nn.Dense(2, 3), "", "output_axis", 0, "'output_axis' of Dense is no setting"),
    (lambda: nn.EqualizedDense(2, 3), "reparametrization", "c", "x", "Scaled's c must be a number, got 'x'"),
    (lambda: nn.LeakyReLU(), "", "slope", None, "LeakyReLU's slope must be a number, got None"),
    (lambda: nn.ActivityRegularization(), "", "target", [], r"ActivityRegularization's target must be a number, got \(\)"),
    (lambda: nn.ActivityRegularization(), "", "penalty", 1.0, "'penalty' of ActivityRegularization is no setting"),
    (lambda: nn.LSTM(2, 3), "", "return_sequences", "x", "LSTM's return_sequences must be True or False, got 'x'"),
    (lambda: nn.MinibatchStdDev(), "", "batch_multiple", 3, "batch_multiple of MinibatchStdDev was changed, which is no setting"),
    (lambda: nn.Pack(3), "", "m", 2, "Pack with m 2 has batch_multiple 2, not 3"),
    (MODELS["vae"], "", "latent_dim", 5, "VariationalAutoencoder with latent_dim 5 has other arrays"),
    (MODELS["vae"], "", "beta", "x", "VariationalAutoencoder's beta must be a number, got 'x'"),
    (MODELS["denoising"], "corrupt", "amount", -1, "the amount of masking is a probability"),
    (MODELS["denoising"], "corrupt", "name", {}, "unknown corruption {}"),
    (MODELS["conditional gan"], "", "classes", 9, "Generator with classes 9 has latent_dim 5, not 4"),
    (MODELS["conditional discriminator"], "", "classes", "x", "classes counts the classes, .* got 'x'"),
    (MODELS["stylegan"], "", "mixing", "x", "Generator's mixing must be a number"),
    (MODELS["style transfer"], "", "style_weight", None, "StyleTransfer's style_weight must be a number"),
]


@pytest.mark.parametrize(("make", "path", "name", "value", "message"), CHANGED)
def test_settings_that_were_changed_pass_the_checks_of_constructors(make, path, name, value, message, tmp_path):
    model = make()
    model.save(tmp_path / "model.npz")
    header, state = saving.read(tmp_path / "model.npz")
    with pytest.raises(CheckpointError, match=message):
        saving.build({**header, "changed": {path: {name: value}}}, state, "a file")


def test_what_could_not_be_opened_is_said_when_it_is_saved(tmp_path):
    """The weights are saved all the same, as those of a class of one's own."""
    wrong, mixed = nn.Sequential(nn.BatchNorm(2)), nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 1))
    wrong[0].momentum = -1.0
    mixed[1].astype("float64")
    for model, reason in [
        (wrong, "BatchNorm's momentum must be at least 0 and below 1, got -1.0"),
        (mixed, r"1\.weight is float64 and 0\.weight float32, but a model computes in one dtype: model\.astype\('float32'\)"),
    ]:
        model.save(tmp_path / "model.npz")
        with pytest.raises(CheckpointError, match=f"has weights, but no model that minigen could make: .*{reason}"):
            mg.load(tmp_path / "model.npz")
        mg.load(tmp_path / "model.npz", into=model)


def test_any_setting_that_a_constructor_takes_may_change(tmp_path):
    """And remarks of any name."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm(2), nn.Dropout(0.5), nn.EqualizedDense(2, 3))
    net[0].padding, net[0].stride, net[1].momentum, net[2].rate, net[3].gain = ((1, 1), (0, 2)), (2, 1), 0.0, 0.0, 3.0
    setattr(net, "my remark", [1, "a.b"])
    setattr(net[0], "a.b", None)
    net.save(tmp_path / "net.npz")
    again = mg.load(tmp_path / "net.npz")
    assert saving.settings(again) == saving.settings(net) and getattr(again, "my remark") == (1, "a.b")
    assert again[0].padding == ((1, 1), (0, 2))


def test_layers_exchanged_in_a_sequence_are_kept(tmp_path):
    net = nn.Sequential(nn.Dense(3, 4), nn.ReLU())
    net.layers[1] = nn.Tanh()
    net.layers.append(nn.Dense(4, 1))
    net.save(tmp_path / "net.npz")
    assert [type(layer) for layer in mg.load(tmp_path / "net.npz")] == [nn.Dense, nn.Tanh, nn.Dense]


# -- classes that minigen does not have -----------------------------------------------------------------------------------


class Mine(nn.Module):
    """A reader's own network."""

    def __init__(self, width: int = 3):
        self.first, self.second = nn.Dense(2, width), nn.Dense(width, 1)

    def forward(self, x):
        return self.second(mg.tanh(self.first(x)))


class Wider(autoencoders.StackedAutoencoder):
    """A model of minigen with something of a reader's own."""


@pytest.mark.parametrize("make", [Mine, Wider, lambda: nn.Sequential(Mine())], ids=["own", "derived", "inside"])
def test_weights_of_a_class_of_ones_own_go_into_a_model(make, tmp_path):
    model = changed(make())
    model.save(tmp_path / "mine.npz")
    with pytest.raises(CheckpointError, match=r"mine\.npz has weights, .* is a class of your own.*load\(path, into=model\)"):
        mg.load(tmp_path / "mine.npz")
    other = make()
    assert mg.load(tmp_path / "mine.npz", into=other) is other and other.fingerprint() == model.fingerprint()
    assert not any(module.training for module in other.modules())


def test_what_constructors_do_not_make_is_said(tmp_path):
    replaced, bare, reshaped, forgotten = MODELS["stacked"](), nn.Dense(2, 3), nn.Dense(2, 3), nn.Dense(2, 3)
    reshaped.weight = mg.Parameter(np.ones((2, 4), np.float32))
    del forgotten._arguments
    replaced.encoder = nn.Sequential(nn.Flatten(), nn.Dense(784, 3))
    bare.bias = None
    called = MODELS["stacked"]()
    called.error = lambda y, x: (0, {})
    for model, reason in [
        (replaced, "encoder.2 is nothing, where its constructor makes a Dense"),
        (bare, "bias is None, which was set from outside"),
        (reshaped, r"weight is a Parameter of \(2, 4\), which was set from outside"),
        (forgotten, "Dense does not know what it was made of"),
        (called, "error is a function, which was set from outside"),
    ]:
        model.save(tmp_path / "model.npz")
        with pytest.raises(CheckpointError, match=reason):
            mg.load(tmp_path / "model.npz")
    mg.load(tmp_path / "model.npz", into=MODELS["stacked"]())


@pytest.mark.parametrize(
    ("into", "message"),
    [(lambda: Mine(4), r"first.bias is float32\[3\], expected float32\[4\]"), (lambda: nn.Dense(2, 3), "unexpected first.bias")],
)
def test_weights_of_another_shape_change_nothing(into, message, tmp_path):
    Mine().save(tmp_path / "mine.npz")
    model = into()
    before = model.fingerprint()
    with pytest.raises(CheckpointError, match=rf"mine\.npz: this state does not fit .*{message}"):
        mg.load(tmp_path / "mine.npz", into=model)
    assert model.fingerprint() == before


# -- bad input ----------------------------------------------------------------------------------------------------------


def test_numbers_of_numpy_on_a_card_are_numbers_and_what_is_no_json_is_named(tmp_path):
    net, metrics = nn.Dense(2, 2), {"float32": np.float32(0.5), "longdouble": np.longdouble(0.25), "int64": np.int64(3)}
    net.save(tmp_path / "net.npz", card={"metrics": metrics})
    assert mg.card(tmp_path / "net.npz")["metrics"] == {"float32": 0.5, "longdouble": 0.25, "int64": 3}
    with pytest.raises(TypeError, match="is a set, not words, a number, a list or a dict"):
        net.save(tmp_path / "other.npz", card={"where": {"here"}})
    deep: dict = {}
    for _ in range(5000):
        deep = {"deeper": deep}
    with pytest.raises(TypeError, match="a card is words, .* got <dict too long to print>"):
        net.save(tmp_path / "other.npz", card=deep)
    assert not (tmp_path / "other.npz").exists()


def test_bad_calls_are_answered(tmp_path, monkeypatch):
    model = nn.Dense(2, 3)
    with pytest.raises(ValueError, match=r"ends in \.npz or \.safetensors, got '.*model': did you mean '.*model\.npz'"):
        model.save(tmp_path / "model")
    for card in ({"when": object()}, {"loss": float("nan")}, 3):
        with pytest.raises(TypeError, match=r"a card is words, or names with JSON values, such as \{'data': 'glyphs', .*, got "):
            model.save(tmp_path / "model.npz", card=card)
    for metrics in ([0.5], {"accuracy": [0.5]}, {"accuracy": None}):
        with pytest.raises(TypeError, match=r"the metrics of a card are names with numbers, such as \{'accuracy': 0.9\}, got "):
            model.save(tmp_path / "model.npz", card={"metrics": metrics})
    with pytest.raises(TypeError, match="into is a model, such as"):
        mg.load(tmp_path / "model.npz", into=nn.Dense)
    with pytest.raises(FileNotFoundError, match=r"model\.npz"):
        mg.load(tmp_path / "model.npz")
    model.weight.assign(mg.asarray(np.full((2, 3), np.nan, np.float32)))
    with pytest.raises(StateError, match="weight holds NaN or infinity"):
        model.save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(saving.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install safetensors"):
        nn.Dense(2, 3).save(tmp_path / "model.safetensors")


@pytest.mark.parametrize("model", [nn.Dense(2, 3), progan.Generator(latent_dim=3, **SMALL)], ids=["layer", "growing"])
def test_a_path_is_no_state(model, tmp_path):
    with pytest.raises(
        TypeError, match=r"load_state_dict takes a state dict, got the path 'a\.npz': minigen\.load\('a\.npz', into="
    ):
        model.load_state_dict("a.npz")
    with pytest.raises(TypeError, match=r"got the path '.*x': minigen\.load"):
        model.load_state_dict(tmp_path / "x")
    with pytest.raises(TypeError, match="names with arrays, got 3"):
        model.load_state_dict(3)


def test_near_misses_of_a_path_are_answered(tmp_path):
    nn.Dense(2, 3).save(tmp_path / "model.npz")
    with pytest.raises(FileNotFoundError, match=r"model does not exist: did you mean .*model\.npz\?"):
        mg.load(tmp_path / "model")
    (tmp_path / "net.pt").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"net\.pt is not a file of minigen, .*exchange\.from_torch"):
        mg.load(tmp_path / "net.pt")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    nn.Dense(2, 3).save(tmp_path / "model.npz")
    before = (tmp_path / "model.npz").read_bytes()
    monkeypatch.setattr(archive, "seal", lambda file: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        nn.Dense(2, 4).save(tmp_path / "model.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"] and (tmp_path / "model.npz").read_bytes() == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_damage_is_found(ending, tmp_path):
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"model{ending}"
    nn.Sequential(nn.Dense(4, 3), nn.BatchNorm(3)).save(path)
    whole = path.read_bytes()
    weight = whole.index(mg.load(path)[0].weight.numpy().tobytes())
    one_bit = bytearray(whole)
    one_bit[weight + 3] ^= 1
    for spoiled in (whole[:-1], whole[: len(whole) // 2], b"", whole + b"x", bytes(len(whole)), bytes(one_bit)):
        path.write_bytes(spoiled)
        with pytest.raises(CheckpointError, match=rf"model\{ending} (is not a readable|was damaged)"):
            mg.load(path)
    if ending == ".safetensors":  # whose header has no checksum but ours
        path.write_bytes(whole.replace(b'momentum\\": 0.9', b'momentum\\": 0.8'))
        assert path.read_bytes() != whole
        with pytest.raises(CheckpointError, match="was damaged, .*: its header is not the one that was saved"):
            mg.load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(Exception, match="is not a run folder"):
        mg.load(path)


DENSE = {"class": "nn.dense.Dense", "settings": {"in_features": 2, "out_features": 3}}
IMAGES = {"class": "models.autoencoders.convolutional.ConvolutionalAutoencoder", "settings": {"feature_maps": [1, 1, 1]}}
HOSTILE = {
    "a module's path": ({"class": "os.system", "settings": {}}, r"'os\.system' is not the name of one of minigen's classes"),
    "a file": ({"class": "../../evil.py", "settings": {}}, "is not the name of one of minigen's classes"),
    "a near miss": ({"class": "nn.dense.Dens", "settings": {}}, r"did you mean nn\.dense\.Dense\?"),
    "a function": ({"class": "nn.spectral.spectral_norm", "settings": {}}, "is not the name of one of minigen's classes"),
    "no class": ({"class": ["nn.dense.Dense"], "settings": {}}, "is not the name of one of minigen's classes"),
    "a list": ([], r"has no named_modules|is not the model|'tuple'"),
    "a number": (5, r"'int'"),
    "no settings": ({"class": "nn.dense.Dense"}, "describes nothing: expected a class and its settings"),
    "a wrong setting": ({**DENSE, "settings": {**DENSE["settings"], "units": 3}}, "Dense has no setting 'units'"),
    "a missing setting": ({**DENSE, "settings": {"in_features": 2}}, "missing 1 required positional argument"),
    "another type": ({**DENSE, "settings": {**DENSE["settings"], "in_features": "2"}}, "must be a whole number, got '2'"),
    "a huge layer": ({**DENSE, "settings": {"in_features": 1 << 21, "out_features": 1 << 21}}, "ask for a weight of"),
    "a huge image": (
        {"class": "models.classifier.Classifier", "settings": {"encoder": IMAGES, "input_shape": [1 << 14, 1 << 14, 1]}},
        "ask for a weight of",
    ),
    "a huge number": ({**DENSE, "settings": {"in_features": 1 << 60, "out_features": 3}}, "no network of minigen is as large"),
    "itself": ({"class": "nn.containers.Sequential", "settings": {"layers": [{"same as": 0}]}}, "got None"),
    "nothing": ({"same as": 7}, "describes nothing"),
    "code": ({**DENSE, "settings": {**DENSE["settings"], "activation": "__import__('os')"}}, "unknown activation"),
    "another network": ({**DENSE, "settings": {"in_features": 3, "out_features": 2}}, r"weight is float32\[2, 3\], expected"),
}


def forged(path, **said):
    """A file of a Dense(2, 3) whose header says something else, with the checksums that belong to it."""
    nn.Dense(2, 3).save(path)
    header, state = saving.read(path)
    archive.save(path, {f"weights/{name}": array for name, array in state.items()}, {**header, **said})
    return path


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_description_makes_nothing(name, tmp_path):
    description, message = HOSTILE[name]
    path = forged(tmp_path / "model.npz", model=description)
    modules = set(sys.modules)
    with pytest.raises(CheckpointError, match=message) as caught:
        mg.load(path)
    assert "model.npz" in str(caught.value) and len(str(caught.value)) < 700
    assert set(sys.modules) == modules, "nothing was imported"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"changed": {"": {"forward": 3}}}, "'forward' of Dense is no setting"),
        ({"changed": {"": {"__class__": "x"}}}, "'__class__' of Dense is no setting"),
        ({"changed": {"": {"_activate": 3}}}, "'_activate' of Dense is no setting"),
        ({"changed": {"": {"weight": 3}}}, "'weight' of Dense is no setting"),
        ({"changed": {"nowhere": {"x": 3}}}, "it has no ''|'nowhere'|cannot be made"),
        ({"changed": {"": 3}}, "cannot be made a model"),
        ({"changed": 3}, "has a damaged header: 'changed' is 3"),
        ({"spectral norm": ["0"]}, "it has no '0'"),
        ({"frozen": ["x"]}, "it has no 'x'"),
        ({"minigen": None}, "has a damaged header"),
        ({"card": []}, "has a damaged header"),
        ({"card": {"metrics": [3]}}, r"has a damaged header: the metrics of its card are \[3\]"),
        ({"weights": "0" * 64}, "its weights are not those that were saved"),
    ],
)
def test_a_hostile_header_is_refused(said, message, tmp_path):
    with pytest.raises(CheckpointError, match=message):
        mg.load(forged(tmp_path / "model.npz", **said))


@pytest.mark.parametrize("path", ["__class__", "cell.__class__", "cell_type", "cell.weight_ih", "forward"])
def test_a_header_reaches_no_class(path, tmp_path):
    """Nor anything else that is no part of the model: what a file says changes nothing for other models."""
    nn.LSTM(2, 3).save(tmp_path / "model.npz")
    header, state = saving.read(tmp_path / "model.npz")
    weights = {f"weights/{name}": array for name, array in state.items()}
    archive.save(tmp_path / "model.npz", weights, {**header, "changed": {path: {"gates": 7, "output_axis": 0}}})
    before = [dict(vars(kind)) for kind in (nn.LSTM, nn.LSTMCell, nn.Module)]
    with pytest.raises(CheckpointError, match="cannot be made"):
        mg.load(tmp_path / "model.npz")
    assert [dict(vars(kind)) for kind in (nn.LSTM, nn.LSTMCell, nn.Module)] == before


def test_a_header_of_many_paths_is_refused(tmp_path):
    """Each level uses the one below twice: 40 of them have 2^40 paths."""
    deep, depth = DENSE, 20
    for level in reversed(range(depth)):
        deep = {"class": "nn.containers.Sequential", "settings": {"layers": [deep, {"same as": level + 1}]}}
    with pytest.raises(CheckpointError, match="it describes more than 16,384 objects"):
        mg.load(forged(tmp_path / "model.npz", model=deep))


CLASSIFIER = {"class": "models.classifier.Classifier", "settings": {"classes": 1, "input_shape": [3000, 3000, 1]}}
WIDE = {"class": IMAGES["class"], "settings": {"feature_maps": [1, 1, 1], "shape": [3000, 3000, 1]}}
LONG = {
    "class": "models.autoencoders.recurrent.RecurrentAutoencoder",
    "settings": {"hidden": 1, "latent_dim": 1, "shape": [1 << 20, 1, 1]},
}
GREEDY = {
    "a pass of a large image": ({**CLASSIFIER, "settings": {**CLASSIFIER["settings"], "encoder": WIDE}}, "ask for a weight of"),
    "a pass of a long sequence": (
        {**CLASSIFIER, "settings": {"classes": 1, "input_shape": [1 << 20, 1, 1], "encoder": LONG}},
        "ask for more layers than its weights are for|ask for a weight of",
    ),
    "a number of layers": (
        {"class": "models.gans.points.Generator", "settings": {"hidden": 1, "layers": 1 << 20, "latent_dim": 1}},
        "ask for more layers than its weights are for|ask for a weight of",
    ),
}


@pytest.mark.parametrize("name", GREEDY)
def test_a_small_file_takes_neither_much_memory_nor_long(name, tmp_path):
    description, message = GREEDY[name]
    path = forged(tmp_path / "model.npz", model=description)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(CheckpointError, match=message):
        mg.load(path)
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20 and seconds < 15


def test_a_model_whose_shapes_are_traced_is_opened(tmp_path):
    """With no examples, which take no memory: the shapes are those of one."""
    for encoder in (style_transfer.Encoder(1, (2, 3)), MODELS["recurrent"](), MODELS["attributes"]().encoder):
        shape = {style_transfer.Encoder: (12, 8, 1), autoencoders.RecurrentAutoencoder: (4, 6, 1)}.get(type(encoder), (8, 8, 3))
        model = Classifier(encoder, classes=3, input_shape=shape)
        model.save(tmp_path / "model.npz")
        assert mg.load(tmp_path / "model.npz").fingerprint() == model.fingerprint()


def test_layers_are_normalized_once(tmp_path):
    for layers in (["", ""], ["", "", ""]):
        with pytest.raises(CheckpointError, match="is reparametrized already"):
            mg.load(forged(tmp_path / "model.npz", **{"spectral norm": layers}))


def test_two_parts_of_one_path_are_no_model(tmp_path):
    """Of a class of one's own, whose weights are refused, too, and of a Corruption beside a module."""

    class Twice(nn.Module):
        def __init__(self):
            self.layers = {1: nn.Dense(2, 3), "1": nn.Dense(2, 4)}

    for use in (lambda model: model.parameters(), lambda model: model.state_dict(), lambda model: model.save(tmp_path / "a.npz")):
        with pytest.raises(
            StateError, match=r"Twice has two arrays at 'layers\.1\.weight', \(2, 3\) and \(2, 4\): give one of them"
        ):
            use(Twice())
    model = nn.Sequential(nn.ReLU(), nn.Dense(2, 3))
    setattr(model, "0", nn.Tanh())
    model.save(tmp_path / "model.npz")
    with pytest.raises(CheckpointError, match="two parts with one path, 0: give one of them another name"):
        mg.load(tmp_path / "model.npz")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_not_opened(value, tmp_path):
    nn.Dense(2, 3).save(tmp_path / "model.npz")
    header, state = saving.read(tmp_path / "model.npz")
    state["bias"][1] = value
    weights = {f"weights/{name}": array for name, array in state.items()}
    archive.save(tmp_path / "model.npz", weights, {**header, "weights": saving.digest(state)})
    for into in (None, nn.Dense(2, 3)):
        with pytest.raises(CheckpointError, match=r"model\.npz: bias holds NaN or infinity: no model computes anything with it"):
            mg.load(tmp_path / "model.npz", into=into)


def test_one_layer_of_another_dtype_is_named(tmp_path):
    net = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 1))
    net.save(tmp_path / "model.npz")
    header, state = saving.read(tmp_path / "model.npz")
    state["1.bias"] = state["1.bias"].astype(np.float64)
    with pytest.raises(CheckpointError, match=r"1\.bias is float64 and 0\.weight float32, but a model computes in one dtype"):
        saving.build(header, state, "a file")


def test_a_tie_that_was_made_later_is_no_setting(tmp_path):
    """The file says that its weights are all it has, and loads no model that computes something else."""
    net = nn.Sequential(first := nn.Dense(3, 3), nn.Dense(3, 3), nn.DenseTranspose(first))
    net[2].weight = net[1].weight
    net.save(tmp_path / "model.npz")
    with pytest.raises(CheckpointError, match="2.weight is that of 1.weight, where its constructor makes that of 0.weight"):
        mg.load(tmp_path / "model.npz")


def test_what_cannot_be_described_is_saved_all_the_same(tmp_path):
    model = autoencoders.StackedAutoencoder(latent_dim=3)
    model.encoder.layers.insert(0, nn.MaxPool2d(2))  # its constructor never makes such a one
    model.save(tmp_path / "model.npz")
    with pytest.raises(CheckpointError, match="has weights"):
        mg.load(tmp_path / "model.npz")


def test_what_was_trainable_is_trainable_again(tmp_path):
    model = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 1))
    for parameter in model.parameters():
        parameter.requires_grad = False
    model[0].bias.requires_grad = True
    model.save(tmp_path / "model.npz")
    opened = mg.load(tmp_path / "model.npz")
    assert [name for name, each in opened.named_parameters().items() if each.requires_grad] == ["0.bias"]


def test_of_a_function_only_that_it_was_one_is_remembered(tmp_path):
    layer = nn.Dense(2, 3, weight_init=lambda shape: np.ones(shape, dtype=np.float32))
    twin = pickle.loads(pickle.dumps(layer))
    twin.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(mg.load(tmp_path / "model.npz").weight.numpy(), np.ones((2, 3)))


def test_a_header_nested_too_deeply_is_refused(tmp_path):
    deep = DENSE
    for _ in range(300):
        deep = {"class": "nn.containers.Sequential", "settings": {"layers": [deep]}}
    with pytest.raises(CheckpointError, match="cannot be made|does not fit|nested too deeply"):
        mg.load(forged(tmp_path / "model.npz", model=deep))


def test_files_of_others_are_named(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(CheckpointError, match="was not written by minigen"):
        mg.load(tmp_path / "other.npz")
    archive.save(tmp_path / "cache.npz", {"a": np.ones(3)}, {"name": "cache"})
    with pytest.raises(CheckpointError, match="is no file of a model, as model.save writes it"):
        mg.load(tmp_path / "cache.npz")
    archive.save(tmp_path / "old.npz", {"weights/a": np.ones(3)}, {"minigen": "0.3.0", "format": 4})
    with pytest.raises(CheckpointError, match="has format 4, this version of minigen reads format 3"):
        mg.load(tmp_path / "old.npz")


def test_safetensors_of_others_are_named(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({"a": np.ones(3, np.float32)}, tmp_path / "theirs.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"theirs.safetensors was not written by minigen: .*exchange\.from_torch"):
        mg.load(tmp_path / "theirs.safetensors")
    nn.Dense(2, 3).save(tmp_path / "mine.safetensors")
    arrays = safetensors.load_file(tmp_path / "mine.safetensors")
    assert {name: array.shape for name, array in arrays.items()} == {"weight": (2, 3), "bias": (3,)}
    (tmp_path / "huge.safetensors").write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    with pytest.raises(CheckpointError, match="is not a readable file of safetensors: .*header too large"):
        mg.load(tmp_path / "huge.safetensors")
    said = {"model": DENSE, "more": "x" * 200}
    safetensors.save_file(arrays, tmp_path / "edited.safetensors", metadata={"minigen": json.dumps(said)})
    with pytest.raises(CheckpointError, match="its header is not the one that was saved"):
        mg.load(tmp_path / "edited.safetensors")
