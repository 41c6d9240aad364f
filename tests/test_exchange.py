"""Weights exchanged with PyTorch: networks of both compute the same outputs, whichever had the weights first; and wrong states."""

import re

import numpy as np
import pytest

import minigen as mg
from minigen import exchange, nn
from minigen.errors import StateError
from minigen.models.attribute_classifier import AttributeClassifier
from minigen.models.autoencoders import TiedAutoencoder, VariationalAutoencoder
from tests.docs.pages import PAGES

rng = np.random.default_rng(11)


def randomized(module: nn.Module) -> nn.Module:
    """The module with random weights, biases and statistics too."""
    for tensor in module.named_state().values():
        low = 0.5 if isinstance(tensor, nn.NonNegative) else -1.0
        tensor.assign(mg.asarray(rng.uniform(low, 1.0, tensor.shape).astype(tensor.dtype)))
    return module.eval()


def first(x):
    """(n, h, w, c) -> (n, c, h, w)."""
    return np.moveaxis(x, -1, 1)


# name -> minigen's network, PyTorch's, one example's shape, the names that differ
CASES = {
    "dense": (
        lambda: nn.Sequential(nn.Dense(5, 4, activation="relu"), nn.Dense(4, 3, bias=False), nn.Dense(3, 2)),
        lambda t: t.Sequential(t.Linear(5, 4), t.ReLU(), t.Linear(4, 3, bias=False), t.Linear(3, 2)),
        (5,),
        {"1": "2", "2": "3"},
    ),
    "tied": (lambda: tied(), lambda t: t.Sequential(t.Linear(5, 3), t.Tanh(), t.Linear(3, 5)), (5,), {}),
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.Conv2d(3, 4, (2, 3), stride=2, padding="valid"), nn.Conv2d(4, 1, 1, bias=False)
        ),
        lambda t: t.Sequential(t.Conv2d(2, 3, 3, padding=1), t.Conv2d(3, 4, (2, 3), stride=2), t.Conv2d(4, 1, 1, bias=False)),
        (6, 7, 2),
        {},
    ),
    "uneven padding": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 5, stride=2), nn.ConvTranspose2d(3, 1, 5, stride=2)),
        lambda t: t.Sequential(
            t.Sequential(t.ZeroPad2d((1, 2, 1, 2)), t.Conv2d(2, 3, 5, 2)),
            t.Sequential(t.ConvTranspose2d(3, 1, 5, 2, padding=1), t.ZeroPad2d((0, -1, 0, -1))),  # y[..., :-1, :-1]
        ),
        (6, 8, 2),
        {"0": "0.1", "1": "1.0"},
    ),
    "transposed convolution": (
        lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 4, stride=2), nn.ConvTranspose2d(3, 1, (3, 2), stride=2, padding="valid")),
        lambda t: t.Sequential(t.ConvTranspose2d(2, 3, 4, 2, padding=1), t.ConvTranspose2d(3, 1, (3, 2), 2)),
        (3, 4, 2),
        {},
    ),
    "batch normalization": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm(3), nn.ReLU()),
        lambda t: t.Sequential(t.Conv2d(1, 3, 3, padding=1), t.BatchNorm2d(3), t.ReLU()),
        (4, 4, 1),
        {},
    ),
    "instance normalization": (
        lambda: nn.Sequential(nn.InstanceNorm(2)),
        lambda t: t.Sequential(t.InstanceNorm2d(2, affine=True)),
        (4, 3, 2),
        {},
    ),
    "normalized rows": (
        lambda: nn.Sequential(nn.Dense(4, 3), nn.BatchNorm(3), nn.LayerNorm(3)),
        lambda t: t.Sequential(t.Linear(4, 3), t.BatchNorm1d(3), t.LayerNorm(3)),
        (4,),
        {},
    ),
    "LSTM": (lambda: nn.LSTM(3, 4, return_sequences=True), lambda t: t.LSTM(3, 4, batch_first=True), (5, 3), {}),
    "GRU": (lambda: nn.GRU(3, 4, return_sequences=True), lambda t: t.GRU(3, 4, batch_first=True), (5, 3), {}),
    "LSTM cell": (lambda: nn.LSTMCell(3, 4), lambda t: t.LSTMCell(3, 4), (3,), {}),
    "GRU cell": (lambda: nn.GRUCell(3, 4), lambda t: t.GRUCell(3, 4), (3,), {}),
}


def tied() -> nn.Module:
    """A weight that is used twice."""
    dense = nn.Dense(5, 3)
    return nn.Sequential(dense, nn.Tanh(), nn.DenseTranspose(dense))


def attributes() -> nn.Module:
    """A network with scalars among its buffers."""
    return AttributeClassifier({"smile": None, "hair": 3}, resolution=8, feature_maps=(2, 2, 3))


def outputs(net, theirs, shape, torch):
    """(minigen's outputs, PyTorch's) for the same examples, in the layout of each."""
    x = rng.standard_normal((3, *shape)).astype(np.float32)
    mine = net(x)
    with torch.no_grad():
        there = theirs.eval()(torch.from_numpy(first(x).copy() if len(shape) == 3 else x))
    mine, there = (y[0] if isinstance(y, tuple) else y for y in (mine, there))
    return first(mine.numpy()) if len(shape) == 3 else mine.numpy(), there.numpy()


@pytest.mark.parametrize("name", CASES)
def test_the_same_outputs_in_both_directions(name):
    torch = pytest.importorskip("torch")
    make, make_theirs, shape, names = CASES[name]
    net, theirs = randomized(make()), make_theirs(torch.nn)
    state = exchange.to_torch(net, names=names)
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()})  # strict: all names and shapes
    mine, there = outputs(net, theirs, shape, torch)
    np.testing.assert_allclose(mine, there, rtol=1e-4, atol=1e-5)

    if name != "tied":
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter.copy_(torch.rand_like(parameter) - 0.5)
    other = randomized(make())
    exchange.from_torch(other, theirs.state_dict(), names=names)
    mine, there = outputs(other, theirs, shape, torch)
    np.testing.assert_allclose(mine, there, rtol=1e-4, atol=1e-5)


TABLE = re.findall(
    r"^\| `((?:Conv|ConvTranspose)2d)\(a, b, (\d).*?` \| (.*) \| (.*) \|$", PAGES["docs/guide/saving.md"], re.MULTILINE
)


@pytest.mark.parametrize("side", [8, 7])
@pytest.mark.parametrize("kind, kernel, even, odd", TABLE, ids=lambda text: text[:30])
def test_paddings_are_as_the_guide_says(kind, kernel, even, odd, side):
    """Each row of its table, of both kinds of sides."""
    torch = pytest.importorskip("torch")
    said = even if side % 2 == 0 or odd == "the same" else odd
    calls = re.findall(r"(?:ZeroPad2d|Conv2d|ConvTranspose2d)\([^`]*\)", said)
    theirs = torch.nn.Sequential(*(eval(f"nn.{call}", {"nn": torch.nn, "a": 2, "b": 3}) for call in calls))
    strided = "stride=2" in said
    net = getattr(nn, kind)(2, 3, int(kernel), stride=2 if strided else 1)
    state = {f"{len(theirs) - 1}.{name}": torch.from_numpy(array) for name, array in exchange.to_torch(randomized(net)).items()}
    theirs.load_state_dict(state)
    x = rng.standard_normal((2, side, side, 2)).astype(np.float32)
    with torch.no_grad():
        there = theirs(torch.from_numpy(first(x).copy())).numpy()
    there = there[..., :-1, :-1] if ":-1" in said else there
    np.testing.assert_allclose(first(net(x).numpy()), there, rtol=1e-4, atol=1e-5)


def test_the_guide_has_that_table():
    assert len(TABLE) == 7


def test_feature_maps_are_flattened_channels_last():
    """As the guide says."""
    torch = pytest.importorskip("torch")

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.dense = torch.nn.Conv2d(1, 3, 3, padding=1), torch.nn.Linear(4 * 5 * 3, 2)

        def forward(self, x):
            return self.dense(self.conv(x).permute(0, 2, 3, 1).flatten(1))

    class Flattening(nn.Module):
        def __init__(self):
            self.conv, self.dense = nn.Conv2d(1, 3, 3), nn.Dense(4 * 5 * 3, 2)

        def forward(self, x):
            return self.dense(mg.flatten(self.conv(x), 1))

    net, theirs = randomized(Flattening()), Theirs()
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in exchange.to_torch(net).items()})
    x = rng.standard_normal((2, 4, 5, 1)).astype(np.float32)
    np.testing.assert_allclose(net(x).numpy(), theirs(torch.from_numpy(first(x).copy())).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_the_guide_s_networks_compute_the_same(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    page = PAGES["docs/guide/saving.md"]
    here = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "to_torch" in block)
    (there,) = re.findall(r"```py\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    mine, theirs = {"nn": nn}, {}
    exec(here, mine)
    exec(there, theirs)
    x = rng.random((2, 28, 28, 1), dtype=np.float32)
    expected = theirs["net"](torch.from_numpy(first(x).copy())).detach().numpy()
    np.testing.assert_allclose(mine["net"].eval()(x).numpy(), expected, rtol=1e-4, atol=1e-5)
    exchange.from_torch(other := randomized(mine["net"]), mine["load_file"]("models/back.safetensors"))
    np.testing.assert_allclose(other(x).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_values_take_the_dtype_of_the_module():
    torch = pytest.importorskip("torch")
    net = nn.Dense(2, 3)
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        exchange.from_torch(net, {"weight": torch.full((3, 2), 0.5, dtype=dtype, requires_grad=True), "bias": torch.ones(3)})
        assert net.weight.dtype == np.float32 and (net.weight.numpy() == 0.5).all()


def test_layouts_without_pytorch():
    """What the table of minigen.exchange says, where PyTorch is not installed."""
    net = nn.Sequential(nn.Dense(2, 3), nn.Conv2d(4, 5, (2, 3)), nn.ConvTranspose2d(4, 5, (2, 3)), nn.BatchNorm(3), nn.LSTM(2, 3))
    shapes = {name: array.shape for name, array in exchange.to_torch(net).items()}
    assert shapes == {
        "0.weight": (3, 2), "0.bias": (3,), "1.weight": (5, 4, 2, 3), "1.bias": (5,), "2.weight": (4, 5, 2, 3), "2.bias": (5,),
        "3.weight": (3,), "3.bias": (3,), "3.running_mean": (3,), "3.running_var": (3,), "3.num_batches_tracked": (),
        "4.weight_ih_l0": (12, 2), "4.weight_hh_l0": (12, 3), "4.bias_ih_l0": (12,), "4.bias_hh_l0": (12,),
    }  # fmt: skip


def test_models_of_known_layers_come_back_bit_by_bit():
    for make in (lambda: VariationalAutoencoder(latent_dim=3, hidden=(8,)), lambda: TiedAutoencoder(6, 3), tied, attributes):
        model, other = randomized(make()), randomized(make())
        assert model.fingerprint() != other.fingerprint()
        exchange.from_torch(other, exchange.to_torch(model))
        assert model.fingerprint() == other.fingerprint()


def test_two_biases_of_an_lstm_are_added():
    net, state = nn.LSTM(2, 3), exchange.to_torch(randomized(nn.LSTM(2, 3)))
    state["bias_hh_l0"] = np.arange(12, dtype=np.float32)
    exchange.from_torch(net, state)
    np.testing.assert_array_equal(net.cell.bias.numpy(), state["bias_ih_l0"] + state["bias_hh_l0"])
    state |= {name: np.full(12, 3e38, np.float32) for name in ("bias_ih_l0", "bias_hh_l0")}
    with pytest.raises(StateError, match="bias_ih_l0 and bias_hh_l0, which are added, are infinite together"):
        exchange.from_torch(net, state)


# -- what does not fit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("1.weight"), r"missing 1\.weight \(2, 3\)"),
        (lambda state: state.update({"2.weight": np.ones(3, np.float32)}), r"unexpected 2\.weight"),
        (
            lambda state: state.update({"0.weight": state["0.weight"].T}),
            r"0\.weight is float32\[4, 3\], expected float32\[3, 4\]",
        ),
        (lambda state: state.update({"0.bias": "ones"}), r"0\.bias is 'ones', expected a tensor of PyTorch or an array"),
        (lambda state: state.update({"0.bias": np.ones(3, np.int64)}), r"0\.bias is int64\[3\], expected float32\[3\]"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    net = nn.Sequential(nn.Dense(4, 3), nn.Dense(3, 2))
    state, before = exchange.to_torch(net), net.fingerprint()
    state["0.bias"] = np.ones(3, np.float32)
    change(state)
    with pytest.raises(StateError, match=message):
        exchange.from_torch(net, state)
    assert net.fingerprint() == before


def test_a_tied_weight_has_one_value():
    net = tied()
    state, before = exchange.to_torch(net), net.fingerprint()
    state["2.weight"] = state["2.weight"] + 1
    with pytest.raises(StateError, match=r"0\.weight and 2\.weight are one weight in Sequential, 0\.weight, but have two values"):
        exchange.from_torch(net, state)
    assert net.fingerprint() == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Sequential(nn.EqualizedDense(2, 3)), r"0, EqualizedDense\(.*\), makes its weight of a parameter each time"),
        (lambda: nn.spectral_norm(nn.Dense(2, 3)), "the module, Dense.*makes its weight of a parameter each time"),
        (lambda: nn.Sequential(nn.MinibatchDiscrimination(4, 3, 2)), r"0, .* has weight \(4, 6\), which no layer of PyTorch has"),
    ],
)
def test_layers_that_pytorch_does_not_have_are_named(make, message):
    with pytest.raises(StateError, match=message):
        exchange.to_torch(make())


class Mine(nn.Dense):
    """A layer of a reader's own."""


class MyNorm(nn.BatchNorm):
    """Another."""


class MyGru(nn.GRU):
    """And one with a cell."""


def test_layers_derived_from_minigen_s_have_their_weights():
    for own, base in ((Mine(2, 3), nn.Dense(2, 3)), (MyNorm(3), nn.BatchNorm(3)), (MyGru(2, 3), nn.GRU(2, 3))):
        state = exchange.to_torch(randomized(own))
        assert {name: array.shape for name, array in state.items()} == {
            name: array.shape for name, array in exchange.to_torch(base).items()
        }
        exchange.from_torch(base, state)
        assert base.fingerprint() == own.fingerprint()


def weights(**changed):
    """PyTorch's state of a Dense(2, 3), in float64, with one value changed."""
    state = {name: array.astype(np.float64) for name, array in exchange.to_torch(nn.Dense(2, 3)).items()}
    for name, value in changed.items():
        state[name].flat[0] = value
    return state


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("state", "message"),
    [
        (weights(weight=np.nan), "weight holds NaN or infinity, expected finite values"),
        (weights(bias=-np.inf), "bias holds NaN or infinity"),
        (weights(bias=-1e300), r"bias has values up to 1e\+300, which are infinite in float32: module\.astype\('float64'\)"),
        (
            {f"module.{name}": array for name, array in weights().items()},
            r"all names begin with 'module\.', as nn\.DataParallel .* write them: from_torch\(module, \{name\.removeprefix\('module\.'\)",
        ),
        (
            {"epoch": 3, "optimizer": {"state": {}, "param_groups": []}, "state_dict": weights()},
            r"this is a checkpoint, with \['epoch', 'optimizer', 'state_dict'\], expected .*: from_torch\(module, state\['state_dict'\]\)",
        ),
        ({"body.weight": np.ones((3, 2))}, r"all names begin with 'body\.'"),
        ({"a.weights": np.ones((3, 2))}, r"missing weight \(3, 2\); unexpected a.weights"),
        ({}, r"missing bias \(3,\)"),
    ],
)  # fmt: skip
def test_the_usual_mistakes_are_answered_with_what_to_write(state, message):
    net = nn.Dense(2, 3)
    before = net.fingerprint()
    with pytest.raises(StateError, match=message):
        exchange.from_torch(net, state)
    assert net.fingerprint() == before


def test_bad_calls_are_answered():
    net = nn.Sequential(nn.Dense(4, 3), nn.Dense(3, 2))
    with pytest.raises(TypeError, match=r"from_torch takes a state dict, names with tensors, got 'net\.pt'"):
        exchange.from_torch(net, "net.pt")
    with pytest.raises(StateError, match="names: Sequential has no part '5': expected one of 0, 1"):
        exchange.to_torch(net, names={"5": "6"})
    with pytest.raises(StateError, match=r"names: two weights would be 1\.weight in PyTorch"):
        exchange.to_torch(net, names={"0": "1"})
