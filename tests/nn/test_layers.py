"""One table of all public layers, and what must hold for each of them. A layer that is not in the table fails here."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import minigen as mg
from minigen import backend, gradcheck_module, nn
from tests.checks import apart

rng = np.random.default_rng(7)


@dataclass(frozen=True)
class Case:
    """How to make a layer, one example's input shape, and what forward takes besides x (noise, a mask)."""

    make: Callable[[], nn.Module]
    input_shape: tuple[int, ...]
    others: tuple[np.ndarray, ...] = ()

    def x(self, n: int = 5) -> np.ndarray:
        """A batch of float64."""
        return apart(n, *self.input_shape)


def tied() -> nn.Module:
    """A weight that is used twice."""
    dense = nn.Dense(4, 3, activation="tanh")
    return nn.Sequential(dense, nn.DenseTranspose(dense, activation="sigmoid"))


class StateOf(nn.Module):
    """A recurrent cell whose state is one array."""

    def __init__(self, cell: nn.Module):
        self.cell = cell

    def forward(self, x, *state):
        return mg.ops.concatenate(*self.cell(x, state or None), axis=1)


class Sampled(nn.Module):
    """Sampling, with a logvar and a noise that are made of x."""

    def __init__(self):
        self.sampling = nn.Sampling()

    def forward(self, x):
        return self.sampling(x, 0.5 * x, mg.ops.cos(x))


class Placed(nn.Module):
    """A learned constant, to which x is added, so that it depends on x."""

    def __init__(self):
        self.constant = nn.LearnedConstant((2, 3, 2))

    def forward(self, x):
        return x + self.constant(x)


class Styled(nn.Module):
    """AdaIN whose style is made of x."""

    def __init__(self):
        self.adain = nn.AdaIN(2, 8)

    def forward(self, x):
        return self.adain(x, mg.ops.reshape(x, shape=(-1, 24))[:, :8])


LAYERS: dict[str, list[Case]] = {
    "Conv2d": [
        Case(lambda: nn.Conv2d(2, 3, 3), (4, 3, 2)),
        Case(lambda: nn.Conv2d(1, 2, (2, 3), stride=2, bias=False, activation="tanh"), (5, 4, 1)),
        Case(lambda: nn.Conv2d(4, 2, 3, padding="valid"), (3, 4, 4)),
        Case(lambda: nn.Conv2d(2, 2, 4, stride=(2, 1), padding=((1, 1), (2, 0))), (4, 3, 2)),
    ],
    "ConvTranspose2d": [
        Case(lambda: nn.ConvTranspose2d(2, 3, 3, stride=2), (2, 3, 2)),
        Case(lambda: nn.ConvTranspose2d(2, 4, 3, stride=2, padding="valid", activation="tanh"), (2, 2, 2)),
        Case(lambda: nn.ConvTranspose2d(3, 4, (3, 4), stride=2, padding=1, output_size=(4, 4), bias=False), (2, 2, 3)),
    ],
    "Dense": [
        Case(lambda: nn.Dense(4, 3), (4,)),
        Case(lambda: nn.Dense(4, 3), (2, 4)),
        Case(lambda: nn.Dense(4, 3, bias=False), (4,)),
        Case(lambda: nn.Dense(4, 3, bias=False), (2, 4)),
        *(Case(lambda name=name: nn.Dense(4, 3, activation=name), (4,)) for name in nn.activations.ACTIVATIONS),
    ],
    "DenseTranspose": [
        Case(lambda: nn.DenseTranspose(nn.Dense(4, 3)), (3,)),
        Case(lambda: nn.DenseTranspose(nn.Dense(4, 3), activation="selu"), (2, 3)),
        Case(tied, (4,)),
    ],
    "EqualizedDense": [
        Case(lambda: nn.EqualizedDense(4, 3, "leaky_relu"), (4,)),
        Case(lambda: nn.EqualizedDense(4, 3, gain=1.0, lr_multiplier=0.5), (2, 4)),
        Case(lambda: nn.EqualizedDense(4, 3, bias=False, lr_multiplier=0.5), (4,)),
    ],
    "EqualizedConv2d": [
        Case(lambda: nn.EqualizedConv2d(2, 3, 3, "tanh"), (4, 3, 2)),
        Case(lambda: nn.EqualizedConv2d(3, 2, 1, bias=False, gain=1.0), (2, 3, 3)),
    ],
    "PixelNorm": [Case(nn.PixelNorm, (4,)), Case(nn.PixelNorm, (2, 3, 2))],
    "Bias": [Case(lambda: nn.Bias(3), (3,)), Case(lambda: nn.Bias(2), (2, 3, 2))],
    "Blur2d": [Case(nn.Blur2d, (3, 4, 2)), Case(nn.Blur2d, (1, 2, 1))],
    "NoiseInjection": [
        Case(lambda: nn.NoiseInjection(2, 3, 4, lr_multiplier=0.5), (3, 4, 2), (rng.standard_normal((5, 3, 4, 1)),)),
        Case(lambda: nn.NoiseInjection(2, 3, 4), (3, 4, 2), (rng.standard_normal((1, 3, 4, 1)),)),
        Case(lambda: nn.NoiseInjection(2, 3, 4).eval(), (3, 4, 2)),
    ],
    "LearnedConstant": [Case(Placed, (2, 3, 2))],
    "AdaIN": [Case(Styled, (3, 4, 2))],
    "Dropout": [Case(lambda: nn.Dropout(0.4), (4, 2), (rng.random((5, 4, 2)) >= 0.4,)), Case(lambda: nn.Dropout(0.0), (4,))],
    "ActivityRegularization": [
        Case(lambda: nn.ActivityRegularization(l1=0.5), (4, 2)),
        Case(lambda: nn.Sequential(nn.Sigmoid(), nn.ActivityRegularization(0.5, 0.3, target=0.2)), (4,)),
    ],
    "GaussianNoise": [Case(lambda: nn.GaussianNoise(0.5), (4,), (rng.standard_normal((5, 4)),))],
    "MaxPool2d": [
        Case(lambda: nn.MaxPool2d(), (4, 5, 2)),
        Case(lambda: nn.MaxPool2d((3, 2), stride=1, padding="same"), (4, 3, 2)),
    ],
    "AvgPool2d": [Case(lambda: nn.AvgPool2d(), (4, 5, 2)), Case(lambda: nn.AvgPool2d(3, stride=(2, 1), padding=1), (4, 3, 2))],
    "UpSample2d": [Case(nn.UpSample2d, (2, 3, 2)), Case(lambda: nn.UpSample2d((1, 3)), (2, 3, 2))],
    "BatchNorm": [
        Case(lambda: nn.BatchNorm(3), (3,)),
        Case(lambda: nn.BatchNorm(2), (3, 4, 2)),
        Case(lambda: nn.BatchNorm(3).eval(), (2, 3)),
    ],
    "LayerNorm": [Case(lambda: nn.LayerNorm(3), (3,)), Case(lambda: nn.LayerNorm(4), (2, 3, 4))],
    "InstanceNorm": [Case(lambda: nn.InstanceNorm(2), (3, 4, 2))],
    "SpectralNorm": [
        Case(lambda: nn.spectral_norm(nn.Dense(4, 3)).eval(), (4,)),  # in training u moves: see test_spectral.py
        Case(lambda: nn.spectral_norm(nn.Conv2d(2, 3, 3, bias=False)).eval(), (3, 4, 2)),
        Case(lambda: nn.spectral_norm(nn.ConvTranspose2d(2, 3, 3, stride=2)).eval(), (2, 3, 2)),
    ],
    "MinibatchDiscrimination": [Case(lambda: nn.MinibatchDiscrimination(4, kernels=3, dim=2), (4,))],
    "MinibatchStdDev": [Case(lambda: nn.MinibatchStdDev(5), (2, 3, 2)), Case(lambda: nn.MinibatchStdDev(5), (4,))],
    "Pack": [Case(lambda: nn.Pack(5), (2, 3, 2)), Case(lambda: nn.Pack(1), (4,))],
    "Flatten": [Case(nn.Flatten, (2, 3, 1)), Case(nn.Flatten, (4,)), Case(nn.Flatten, ())],
    "Reshape": [
        Case(lambda: nn.Reshape((2, 3, 1)), (6,)),
        Case(lambda: nn.Reshape((6,)), (3, 2)),
        Case(lambda: nn.Reshape(()), (1,)),
    ],
    "Sampling": [Case(Sampled, (4,)), Case(Sampled, (2, 3))],
    "Sequential": [
        Case(lambda: nn.Sequential(nn.Dense(4, 3), nn.SELU(), nn.Sequential(nn.Dense(3, 2), nn.Tanh())), (4,)),
        Case(nn.Sequential, (4,)),
    ],
    **{
        name: [Case(lambda make=make: make(3, 2), (4, 3)), Case(lambda make=make: make(3, 2, return_sequences=True), (4, 3))]
        for name, make in (("LSTM", nn.LSTM), ("GRU", nn.GRU))
    },
    "LSTMCell": [
        Case(lambda: StateOf(nn.LSTMCell(3, 2)), (3,)),
        Case(lambda: StateOf(nn.LSTMCell(3, 2)), (3,), (rng.standard_normal((5, 2)), rng.standard_normal((5, 2)))),
    ],
    "GRUCell": [
        Case(lambda: StateOf(nn.GRUCell(3, 2)), (3,)),
        Case(lambda: StateOf(nn.GRUCell(3, 2)), (3,), (rng.standard_normal((5, 2)),)),
    ],
    "RepeatVector": [Case(lambda: nn.RepeatVector(3), (4,))],
    "LeakyReLU": [Case(nn.LeakyReLU, (4,)), Case(lambda: nn.LeakyReLU(slope=0.01), (2, 3))],
    **{name: [Case(getattr(nn, name), (2, 3))] for name in ("ReLU", "ELU", "SELU", "Tanh", "Sigmoid", "Softplus", "Softmax")},
}

CASES = [pytest.param(case, id=f"{name}-{i}") for name, cases in LAYERS.items() for i, case in enumerate(cases)]


def run(case: Case) -> tuple[nn.Module, mg.Tensor, mg.Tensor]:
    """A fresh float32 layer, an input that requires a gradient, and the output, on the current backend; backward is done."""
    mg.seed(3)
    layer = case.make()
    x = mg.Tensor(case.x().astype(np.float32), requires_grad=True)
    others = [backend.asarray(other.astype(np.float32) if other.dtype.kind == "f" else other) for other in case.others]
    y = layer(x, *others)
    y.backward(backend.asarray(np.random.default_rng(4).standard_normal(y.shape).astype(np.float32)))
    return layer, x, y


def test_the_table_names_every_public_layer():
    public = {name: getattr(nn, name) for name in nn.__all__}
    layers = {name for name, value in public.items() if isinstance(value, type) and issubclass(value, nn.Module)}
    missing = layers - {"Module"} - set(LAYERS)
    assert not missing, f"{missing}: enter how they are made, and for which inputs, in LAYERS"
    assert set(LAYERS) < layers, "layers that do not exist"


@pytest.mark.parametrize("name", LAYERS)
def test_the_cases_of_a_layer_contain_it(name):
    for case in LAYERS[name]:
        assert any(type(module) is getattr(nn, name) for module in case.make().modules())


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_input_and_parameters_to_order_2(case, backend):
    layer = case.make()
    gradcheck_module(layer, layer, case.x(), *case.others)


@pytest.mark.parametrize("case", CASES)
def test_output_shape_is_that_of_forward(case):
    layer, _, y = run(case)
    assert layer.output_shape(case.input_shape) == y.shape[1:]
    assert isinstance(layer.output_shape(case.input_shape), tuple)


@pytest.mark.parametrize("case", CASES)
def test_float32_stays_float32_forward_and_backward(case):
    layer, x, y = run(case)
    dtypes = {"x": x.grad.dtype, "y": y.dtype}
    for name, parameter in layer.named_parameters().items():
        dtypes[name] = parameter.dtype
        if parameter.grad is not None:
            dtypes[f"gradient of {name}"] = parameter.grad.dtype
    assert set(dtypes.values()) == {np.dtype(np.float32)}, dtypes


@pytest.mark.parametrize("case", CASES)
def test_a_device_computes_the_same(case, device):
    def results() -> dict[str, np.ndarray]:
        layer, x, y = run(case)
        assert mg.backend.backend_of(y.data) is mg.backend.current(), "the result is on another device than the input"
        gradients = {name: parameter.grad for name, parameter in layer.named_parameters().items()}
        return {
            "y": mg.to_numpy(y.data),
            "x.grad": mg.to_numpy(x.grad),
            **{name: mg.to_numpy(g) for name, g in gradients.items() if g is not None},
        }

    on_numpy = results()
    mg.use(device)
    there = results()
    assert there.keys() == on_numpy.keys()
    for name, value in there.items():
        np.testing.assert_allclose(value, on_numpy[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_a_state_dict_carries_the_layer_over(case):
    first, _, y = run(case)
    second = case.make().eval()
    second.load_state_dict(first.state_dict())
    x = case.x().astype(np.float32)
    np.testing.assert_array_equal(mg.to_numpy(second(x)), mg.to_numpy(first.eval()(x)))
    assert first.state_dict().keys() == second.state_dict().keys()


@pytest.mark.parametrize("case", CASES)
def test_the_representation_names_the_class(case):
    layer = case.make()
    assert repr(layer).startswith(f"{type(layer).__name__}(")


REPRESENTATIONS = {
    "Conv2d(2 -> 3, 1x1)": lambda: nn.Conv2d(2, 3, 1),
    "Conv2d(2 -> 3, 4x5, stride 2, tanh)": lambda: nn.Conv2d(2, 3, (4, 5), 2, activation="tanh"),
    "Conv2d(2 -> 3, 3x3, stride (2, 1), valid)": lambda: nn.Conv2d(2, 3, 3, (2, 1), "valid"),
    "Conv2d(2 -> 3, 3x3, stride (1, 2), padding 1)": lambda: nn.Conv2d(2, 3, 3, (1, 2), 1),
    "Conv2d(2 -> 3, 3x3, padding ((0, 1), (2, 3)))": lambda: nn.Conv2d(2, 3, 3, padding=((0, 1), (2, 3))),
    "ConvTranspose2d(2 -> 3, 4x4, stride 2)": lambda: nn.ConvTranspose2d(2, 3, 4, 2),
    "ConvTranspose2d(2 -> 3, 4x4, stride 2, relu, to 5x8)": lambda: nn.ConvTranspose2d(2, 3, 4, 2, "same", (5, 8), "relu"),
    "Dense(2 -> 3)": lambda: nn.Dense(2, 3),
    "Dense(2 -> 3, relu)": lambda: nn.Dense(2, 3, "relu"),
    "DenseTranspose(3 -> 2, tied)": lambda: nn.DenseTranspose(nn.Dense(2, 3)),
    "DenseTranspose(3 -> 2, tied, relu)": lambda: nn.DenseTranspose(nn.Dense(2, 3), "relu"),
    "EqualizedDense(2 -> 3, gain 1.41)": lambda: nn.EqualizedDense(2, 3),
    "EqualizedDense(2 -> 3, elu, gain 1, lr_multiplier=0.01)": lambda: nn.EqualizedDense(2, 3, "elu", gain=1, lr_multiplier=0.01),
    "EqualizedConv2d(2 -> 3, 3x3, elu, gain 1)": lambda: nn.EqualizedConv2d(2, 3, 3, "elu", gain=1),
    "Bias(3)": lambda: nn.Bias(3),
    "LearnedConstant(4x4x3)": lambda: nn.LearnedConstant((4, 4, 3)),
    "NoiseInjection(3, 4x5)": lambda: nn.NoiseInjection(3, 4, 5),
    "NoiseInjection(3, 4x5, lr_multiplier=0.1)": lambda: nn.NoiseInjection(3, 4, 5, 0.1),
    "AdaIN(3, styles of 7)": lambda: nn.AdaIN(3, 7),
    "BatchNorm(3)": lambda: nn.BatchNorm(3),
    "LayerNorm(3)": lambda: nn.LayerNorm(3),
    "InstanceNorm(3)": lambda: nn.InstanceNorm(3),
    "SpectralNorm(3)": lambda: nn.SpectralNorm(nn.Dense(2, 3).weight),
    "Dropout(rate=0.5)": lambda: nn.Dropout(0.5),
    "GaussianNoise(std=0.5)": lambda: nn.GaussianNoise(0.5),
    "LeakyReLU(slope=0.2)": nn.LeakyReLU,
    "ActivityRegularization()": nn.ActivityRegularization,
    "ActivityRegularization(l1=0.5)": lambda: nn.ActivityRegularization(0.5),
    "ActivityRegularization(kl=0.5, target=0.1)": lambda: nn.ActivityRegularization(kl=0.5),
    "ActivityRegularization(l1=0.5, kl=2.0, target=0.3)": lambda: nn.ActivityRegularization(0.5, 2.0, 0.3),
    "MinibatchDiscrimination(2 -> 5, 3 kernels of 4)": lambda: nn.MinibatchDiscrimination(2, 3, 4),
    "MinibatchStdDev(group_size=4)": nn.MinibatchStdDev,
    "Pack(2)": lambda: nn.Pack(2),
    "RepeatVector(2)": lambda: nn.RepeatVector(2),
    "LSTM(2 -> 3)": lambda: nn.LSTM(2, 3),
    "LSTMCell(2 -> 3)": lambda: nn.LSTMCell(2, 3),
    "GRUCell(2 -> 3)": lambda: nn.GRUCell(2, 3),
    "GRU(2 -> 3, sequences)": lambda: nn.GRU(2, 3, return_sequences=True),
    "MaxPool2d(2x3, stride 1x2, padding 1)": lambda: nn.MaxPool2d((2, 3), (1, 2), 1),
    "AvgPool2d(2x2)": nn.AvgPool2d,
    "UpSample2d(1x3)": lambda: nn.UpSample2d((1, 3)),
    "Reshape((2, 3))": lambda: nn.Reshape((2, 3)),
    "Sequential(Flatten(), Tanh())": lambda: nn.Sequential(nn.Flatten(), nn.Tanh()),
}


def test_the_representation_of_every_layer_with_settings_is_looked_at():
    shown = {type(make()).__name__ for make in REPRESENTATIONS.values()}
    missing = {name for name in LAYERS if inspect.signature(getattr(nn, name)).parameters} - shown
    assert not missing, f"{missing}: enter in REPRESENTATIONS how they show their settings"


@pytest.mark.parametrize("text", REPRESENTATIONS)
def test_the_representation_shows_the_settings(text):
    assert repr(REPRESENTATIONS[text]()) == text


DEFAULTS = {  # those of Keras, or of the paper that the docstring names
    "BatchNorm": {"momentum": 0.9, "eps": 1e-5},
    "LayerNorm": {"eps": 1e-5},
    "InstanceNorm": {"eps": 1e-5},
    "LeakyReLU": {"slope": 0.2},
    "Conv2d": {"stride": 1, "bias": True},
    "ConvTranspose2d": {"stride": 1, "bias": True},
    "Dense": {"bias": True},
    "EqualizedDense": {"bias": True, "gain": 2**0.5, "lr_multiplier": 1.0},
    "EqualizedConv2d": {"bias": True, "gain": 2**0.5},
    "NoiseInjection": {"lr_multiplier": 1.0},
    "ActivityRegularization": {"l1": 0.0, "kl": 0.0, "target": 0.1},
    "MinibatchDiscrimination": {"kernels": 100, "dim": 5},
    "MinibatchStdDev": {"group_size": 4},
    "SpectralNorm": {"output_axis": -1},
    "LSTM": {"return_sequences": False},
    "GRU": {"return_sequences": False},
    "MaxPool2d": {"pool_size": 2},
    "AvgPool2d": {"pool_size": 2},
    "UpSample2d": {"factor": 2},
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_default_settings(name):
    defaults = {parameter.name: parameter.default for parameter in inspect.signature(getattr(nn, name)).parameters.values()}
    given = {key: value for key, value in defaults.items() if isinstance(value, (bool, int, float))}
    assert given == DEFAULTS.get(name, {}), f"the defaults of {name} are not those in DEFAULTS"


@pytest.mark.parametrize(
    "make",
    [
        nn.Dense,
        nn.EqualizedDense,
        *(
            lambda *sizes, make=make, **options: make(*sizes, 3, **options)
            for make in (nn.Conv2d, nn.ConvTranspose2d, nn.EqualizedConv2d)
        ),
    ],
    ids=["Dense", "EqualizedDense", "Conv2d", "ConvTranspose2d", "EqualizedConv2d"],
)
def test_a_layer_has_a_bias_of_zeros_or_none_at_all(make):
    assert list(make(2, 3).named_parameters()) == ["weight", "bias"] and make(2, 3).bias.numpy().tolist() == [0.0] * 3
    assert list(make(2, 3, bias=False).named_parameters()) == ["weight"] and make(2, 3, bias=False).bias is None


@pytest.mark.parametrize("name", nn.activations.ACTIVATIONS)
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda **options: nn.Conv2d(2, 3, 3, **options), (4, 4, 2)),
        (lambda **options: nn.ConvTranspose2d(2, 3, 3, **options), (4, 4, 2)),
        (lambda **options: nn.DenseTranspose(nn.Dense(3, 2), **options), (2,)),
        (lambda **options: nn.EqualizedDense(2, 3, **options), (2,)),
        (lambda **options: nn.EqualizedConv2d(2, 3, 3, **options), (4, 4, 2)),
    ],
    ids=["Conv2d", "ConvTranspose2d", "DenseTranspose", "EqualizedDense", "EqualizedConv2d"],
)
def test_an_activation_by_name_equals_the_layer_after_it(make, shape, name):
    """Bit by bit, as of Dense."""
    layer, plain = make(activation=name), make()
    plain.load_state_dict(layer.state_dict())
    x = apart(3, *shape).astype(np.float32)
    np.testing.assert_array_equal(layer(x).numpy(), nn.activations.activation(name)(plain(x)).numpy())
    assert (layer(x).numpy() != plain(x).numpy()).any()


@pytest.mark.parametrize("case", [case for case in CASES if not case.id.startswith("Minibatch")])
def test_an_empty_batch_passes_through_a_layer(case):
    """Losses refuse it; a layer has no reason to, unless it compares examples."""
    layer = case.make().eval()
    assert layer(np.zeros((0, *case.input_shape), dtype=np.float32)).shape == (0, *layer.output_shape(case.input_shape))
