"""Dense and DenseTranspose against plain NumPy, and tied weights against separate ones."""

import numpy as np
import pytest

from minigen import nn, optim
from tests.checks import apart


def float32(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(5, 4), (4,), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_dense_is_x_w_plus_b(shape, bias):
    layer = nn.Dense(4, 3, bias=bias)
    x = float32(*shape)
    expected = x @ layer.weight.numpy()
    if bias:
        layer.bias.assign(float32(3, seed=1))
        expected = expected + layer.bias.numpy()
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_weights_are_in_by_out_and_biases_start_at_zero():
    layer = nn.Dense(4, 3)
    assert layer.weight.shape == (4, 3) and layer.bias.shape == (3,) and not layer.bias.numpy().any()
    assert nn.Dense(4, 3, bias=False).bias is None


@pytest.mark.parametrize("name", nn.activations.ACTIVATIONS)
def test_an_activation_by_name_equals_the_layer_after_it(name):
    """Bit by bit: Dense(activation="selu") is Dense, then SELU()."""
    layers = {
        "relu": nn.ReLU,
        "leaky_relu": nn.LeakyReLU,
        "elu": nn.ELU,
        "selu": nn.SELU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        "softplus": nn.Softplus,
        "softmax": nn.Softmax,
    }
    with_name, without = nn.Dense(4, 3, activation=name), nn.Dense(4, 3)
    without.load_state_dict(with_name.state_dict())
    x = float32(5, 4)
    np.testing.assert_array_equal(with_name(x).numpy(), layers[name]()(without(x)).numpy())


def test_a_custom_weight_init_is_called_with_the_shape():
    asked = []

    def halves(shape):
        asked.append(shape)
        return np.full(shape, 0.5, dtype=np.float32)

    assert (nn.Dense(4, 3, weight_init=halves).weight.numpy() == 0.5).all() and asked == [(4, 3)]


@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 2, 3)])
def test_dense_transpose_is_x_w_transposed_plus_its_own_bias(shape):
    dense = nn.Dense(4, 3)
    layer = nn.DenseTranspose(dense)
    layer.bias.assign(float32(4, seed=1))
    x = float32(*shape)
    np.testing.assert_allclose(layer(x).numpy(), x @ dense.weight.numpy().T + layer.bias.numpy(), rtol=1e-5, atol=1e-6)


def test_dense_transpose_owns_the_shared_weight_and_its_bias_only():
    """Not the other layer's bias, which it does not use."""
    dense = nn.Dense(4, 3)
    layer = nn.DenseTranspose(dense)
    assert list(layer.named_parameters()) == ["weight", "bias"]
    assert layer.weight is dense.weight and layer.bias is not dense.bias


def test_the_gradient_of_a_tied_weight_is_the_sum_of_both_uses():
    dense = nn.Dense(4, 3, activation="tanh")
    tied = nn.Sequential(dense, nn.DenseTranspose(dense)).astype("float64")
    separate = nn.Sequential(nn.Dense(4, 3, activation="tanh"), nn.Dense(3, 4)).astype("float64")
    separate[0].weight.assign(dense.weight.numpy())
    separate[1].weight.assign(dense.weight.numpy().T)
    x = apart(5, 4)
    for net in (tied, separate):
        (net(x) - x).square().sum().backward()
    encoder, decoder = separate[0].weight.grad, separate[1].weight.grad.T
    assert np.abs(encoder).min() > 1e-3 and np.abs(decoder).min() > 1e-3, "a use without a gradient proves nothing"
    np.testing.assert_allclose(dense.weight.grad, encoder + decoder, rtol=1e-12)
    np.testing.assert_allclose(tied[1].bias.grad, separate[1].bias.grad, rtol=1e-12)


def test_tied_weights_stay_tied_under_an_optimizer():
    dense = nn.Dense(4, 3)
    net = nn.Sequential(dense, nn.DenseTranspose(dense))
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    x = float32(5, 4)
    before = dense.weight.numpy().copy()
    (net(x) - x).square().sum().backward()
    optimizer.step()
    assert (dense.weight.numpy() != before).all()
    expected = net[0](x).numpy() @ dense.weight.numpy().T + net[1].bias.numpy()
    np.testing.assert_allclose(net(x).numpy(), expected, rtol=1e-5, atol=1e-6)
