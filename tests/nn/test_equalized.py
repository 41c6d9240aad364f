"""Layers whose weights are N(0, 1) and scaled when used: the same start as He's, and the same relative step in every layer."""

import copy
import math

import numpy as np
import pytest

import minigen as mg
from minigen import nn, optim
from minigen.backend import asarray, to_numpy
from minigen.errors import DtypeError, ShapeError, StateError
from minigen.nn import init

rng = np.random.default_rng(3)

# layer, its fan-in, its gain, lr_multiplier
LAYERS = {
    "dense": (lambda: nn.EqualizedDense(300, 400, "leaky_relu"), 300, math.sqrt(2.0), 1.0),
    "dense, gain": (lambda: nn.EqualizedDense(300, 400, gain=0.5), 300, 0.5, 1.0),
    "dense, learning slowly": (lambda: nn.EqualizedDense(300, 400, lr_multiplier=0.01), 300, math.sqrt(2.0), 0.01),
    "3x3": (lambda: nn.EqualizedConv2d(100, 130, 3, "leaky_relu"), 900, math.sqrt(2.0), 1.0),
    "3x2": (lambda: nn.EqualizedConv2d(150, 130, (3, 2)), 900, math.sqrt(2.0), 1.0),
    "1x1, gain": (lambda: nn.EqualizedConv2d(300, 400, 1, gain=1.0), 300, 1.0, 1.0),
}
EVERY = pytest.mark.parametrize(("make", "fan_in", "gain", "multiplier"), LAYERS.values(), ids=LAYERS)


def effective(layer):
    """The weight that the layer computes with, on the host."""
    return to_numpy(layer.effective_weight().data)


# -- the start -----------------------------------------------------------------------------------------------------


@EVERY
def test_the_weight_in_use_starts_with_a_deviation_of_gain_by_root_of_fan_in(make, fan_in, gain, multiplier):
    """Of n numbers drawn the deviation is known to 1 / sqrt(2 n) of itself; five times that must do."""
    weight = effective(make()).astype(np.float64)
    expected = gain / math.sqrt(fan_in)
    assert abs(weight.std() / expected - 1.0) < 5.0 / math.sqrt(2.0 * weight.size)
    assert abs(weight.mean()) < 5.0 * expected / math.sqrt(weight.size)


@EVERY
def test_the_parameter_is_drawn_from_n_0_1_by_the_multiplier(make, fan_in, gain, multiplier, backend):
    mg.seed(4)
    layer = make()
    mg.seed(4)
    np.testing.assert_array_equal(to_numpy(layer.weight.data), to_numpy(init.normal(layer.weight.shape, 1.0 / multiplier)))
    np.testing.assert_array_equal(effective(layer), to_numpy(layer.weight.data * (multiplier * gain / math.sqrt(fan_in))))
    assert layer.weight.dtype == np.float32 and not to_numpy(layer.bias.data).any()


def test_the_multiplier_changes_nothing_at_the_start(backend):
    x, outputs = asarray(rng.standard_normal((5, 7)).astype(np.float32)), []
    for multiplier in (1.0, 0.01, 8.0):
        mg.seed(2)
        outputs.append(to_numpy(nn.EqualizedDense(7, 6, "leaky_relu", lr_multiplier=multiplier)(x)))
    for output in outputs[1:]:
        np.testing.assert_allclose(output, outputs[0], rtol=1e-5, atol=1e-6)


# -- forward -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"activation": "leaky_relu"}, {"bias": False}, {"gain": 0.3}, {"lr_multiplier": 0.25}])
@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4)])
def test_dense_is_a_plain_layer_with_scaled_weights(shape, options, backend):
    layer = nn.EqualizedDense(4, 3, **options).astype("float64")
    if layer.bias is not None:
        layer.bias.assign(asarray(rng.standard_normal(3)))
    plain = nn.Dense(4, 3, layer.activation, layer.bias is not None).astype("float64")
    m = options.get("lr_multiplier", 1.0)
    plain.weight.assign(layer.weight.data * (m * options.get("gain", math.sqrt(2.0)) / 2.0))
    if layer.bias is not None:
        plain.bias.assign(layer.bias.data * m)
    x = asarray(rng.standard_normal(shape))
    np.testing.assert_allclose(to_numpy(layer(x)), to_numpy(plain(x)), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("options", [{}, {"activation": "leaky_relu"}, {"bias": False}, {"gain": 0.3}])
@pytest.mark.parametrize("kernel", [1, 3, (3, 2)])
def test_convolution_is_a_plain_layer_with_scaled_weights(kernel, options, backend):
    layer = nn.EqualizedConv2d(2, 3, kernel, **options).astype("float64")
    plain = nn.Conv2d(2, 3, kernel, activation=layer.activation, bias=layer.bias is not None).astype("float64")
    height, width = layer.kernel_size
    plain.weight.assign(layer.weight.data * (options.get("gain", math.sqrt(2.0)) / math.sqrt(height * width * 2)))
    if layer.bias is not None:
        layer.bias.assign(asarray(rng.standard_normal(3)))
        plain.bias.assign(layer.bias.data)
    x = asarray(rng.standard_normal((2, 5, 4, 2)))
    np.testing.assert_array_equal(to_numpy(layer(x)), to_numpy(plain(x)))


# -- learning ------------------------------------------------------------------------------------------------------


def moved(layer, x, optimizer):
    """By how much one step changes the weight and the bias that the layer computes with."""
    layer.astype("float64")
    m = getattr(layer, "lr_multiplier", 1.0)
    before, bias = effective(layer), m * to_numpy(layer.bias.data)
    chosen = optimizer(layer.parameters())
    (layer(asarray(x)) * asarray(np.random.default_rng(1).standard_normal(layer(asarray(x)).shape))).sum().backward()
    chosen.step()
    return effective(layer) - before, m * to_numpy(layer.bias.data) - bias


def adam(parameters):
    """Whose first step is the learning rate for each number, whatever the gradient."""
    return optim.Adam(parameters, lr=0.001, eps=1e-30)


def test_adams_first_step_has_the_same_relative_size_in_layers_of_any_fan_in(backend):
    """Every number of W moves by lr times its deviation: by lr gain / sqrt(fan_in)."""
    for fan_in in (3, 40, 500):
        dense, _ = moved(nn.EqualizedDense(fan_in, 4), rng.standard_normal((6, fan_in)), adam)
        np.testing.assert_allclose(abs(dense), 0.001 * math.sqrt(2.0 / fan_in), rtol=1e-9)
    for kernel, channels in ((1, 3), (3, 2), (3, 30)):
        x = rng.standard_normal((2, 4, 4, channels))
        conv, _ = moved(nn.EqualizedConv2d(channels, 4, kernel), x, adam)
        np.testing.assert_allclose(abs(conv), 0.001 * math.sqrt(2.0 / (kernel**2 * channels)), rtol=1e-9)


def test_in_he_layers_adams_first_step_grows_relative_to_the_weights_with_the_fan_in():
    """What equalized layers are there to mend."""
    sizes = [
        abs(moved(nn.Dense(n, 4, weight_init=init.he_normal), rng.standard_normal((6, n)), adam)[0]) / math.sqrt(2.0 / n)
        for n in (5, 500)
    ]
    np.testing.assert_allclose(sizes[1].mean() / sizes[0].mean(), 10.0, rtol=1e-9)


@pytest.mark.parametrize("multiplier", [0.01, 0.5, 2.0])
@pytest.mark.parametrize(("optimizer", "power"), [(adam, 1), (lambda p: optim.SGD(p, lr=0.1), 2)], ids=["Adam", "SGD"])
def test_a_step_changes_what_the_layer_computes_by_the_multiplier(optimizer, power, multiplier, backend):
    """Of Adam m times as much. Of plain gradient descent m^2 times, for the gradient is m times as large itself."""
    x, steps = rng.standard_normal((6, 5)), []
    for m in (1.0, multiplier):
        mg.seed(2)
        steps.append(moved(nn.EqualizedDense(5, 4, lr_multiplier=m), x, optimizer))
    for reference, step in zip(*steps):
        np.testing.assert_allclose(step, multiplier**power * reference, rtol=1e-6, atol=1e-15)


# -- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (lambda: nn.EqualizedDense(4, 3), "EqualizedDense(4 -> 3, gain 1.41)"),
        (
            lambda: nn.EqualizedDense(4, 3, "leaky_relu", gain=1.0, lr_multiplier=0.01),
            "EqualizedDense(4 -> 3, leaky_relu, gain 1, lr_multiplier=0.01)",
        ),
        (lambda: nn.EqualizedConv2d(2, 3, 3, "leaky_relu"), "EqualizedConv2d(2 -> 3, 3x3, leaky_relu, gain 1.41)"),
        (lambda: nn.EqualizedConv2d(2, 3, (1, 2), gain=0.25), "EqualizedConv2d(2 -> 3, 1x2, gain 0.25)"),
        (lambda: nn.EqualizedDense(8, 3, gain=1.0).reparametrization, "Scaled(0.353553)"),
    ],
)
def test_the_representation_shows_gain_and_multiplier(layer, text):
    assert repr(layer()) == text


def test_a_state_dict_holds_the_unscaled_weights():
    first, second = (nn.EqualizedDense(4, 3, lr_multiplier=0.1) for _ in range(2))
    assert list(first.state_dict()) == ["weight", "bias"]
    np.testing.assert_array_equal(first.state_dict()["weight"], first.weight.numpy())
    second.load_state_dict(first.state_dict())
    x = rng.standard_normal((2, 4)).astype(np.float32)
    np.testing.assert_array_equal(first(x).numpy(), second(x).numpy())
    with pytest.raises(StateError, match="unexpected bias"):
        nn.EqualizedDense(4, 3, bias=False).load_state_dict(first.state_dict())


def test_a_copy_scales_its_own_weight():
    layer = nn.EqualizedDense(4, 3)
    twin = copy.deepcopy(layer)
    twin.weight.assign(2.0 * twin.weight.data)
    np.testing.assert_array_equal(effective(twin), 2.0 * effective(layer))


X = np.zeros((2, 5, 5, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.EqualizedDense(4, 3, gain=0.0), ValueError, "EqualizedDense's gain must be above 0 and finite, got 0.0"),
        (lambda: nn.EqualizedDense(4, 3, gain=math.nan), ValueError, "EqualizedDense's gain .* got nan"),
        (lambda: nn.EqualizedDense(4, 3, lr_multiplier=-0.01), ValueError, "EqualizedDense's lr_multiplier .* got -0.01"),
        (lambda: nn.EqualizedDense(4, 3, lr_multiplier=math.inf), ValueError, "EqualizedDense's lr_multiplier .* got inf"),
        (
            lambda: nn.EqualizedConv2d(4, 3, 3, gain=-1.0),
            ValueError,
            "EqualizedConv2d's gain must be above 0 and finite, got -1.0",
        ),
        (lambda: nn.EqualizedDense(0, 3), ShapeError, "EqualizedDense's in_features must be at least 1, got 0"),
        (lambda: nn.EqualizedConv2d(2, 0, 3), ShapeError, "EqualizedConv2d's out_channels must be at least 1, got 0"),
        (lambda: nn.EqualizedDense(4, 3)(X[:, 0, 0]), ShapeError, r"expects shape \(..., 4\), got \(2, 3\)"),
        (lambda: nn.EqualizedDense(3, 3)(X[:, 0, 0].astype(float)), DtypeError, "computes in float32, got float64"),
        (lambda: nn.EqualizedConv2d(2, 3, 3)(X), ShapeError, r"expects images \(n, height, width, 2\), got \(2, 5, 5, 3\)"),
        (lambda: nn.EqualizedConv2d(3, 3, 3)(X.astype(float)), DtypeError, "computes in float32, got float64"),
        (lambda: nn.EqualizedDense(4, 3).output_shape((3,)), ShapeError, r"expects shape \(..., 4\), got \(3,\)"),
        (
            lambda: nn.spectral_norm(nn.EqualizedDense(4, 3)),
            ValueError,
            r"EqualizedDense\(4 -> 3, gain 1.41\), is reparametrized already, by Scaled\(0.707107\): apply it once",
        ),
        (
            lambda: nn.spectral_norm(nn.Sequential(nn.Dense(2, 2), nn.EqualizedConv2d(2, 3, 3))),
            ValueError,
            r"spectral_norm: 1, EqualizedConv2d.* is reparametrized already",
        ),
    ],
)
def test_wrong_settings_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_refused_spectral_norm_leaves_the_other_layers_as_they_were():
    net = nn.Sequential(nn.Dense(2, 2), nn.EqualizedConv2d(2, 3, 3))
    with pytest.raises(ValueError):
        nn.spectral_norm(net)
    assert next(net.children())[1].reparametrization is None
