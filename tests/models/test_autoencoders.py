"""One table of all autoencoders and their objectives. A model that is not in the table fails here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import minigen as mg
from minigen import nn, optim
from minigen.errors import ShapeError
from minigen.models import autoencoders
from minigen.models.autoencoders import LinearAutoencoder, StackedAutoencoder
from minigen.models.autoencoders.base import Autoencoder
from tests.checks import gradcheck_module

rng = np.random.default_rng(0)


@dataclass(frozen=True)
class Case:
    """How to make a model, at a size that suits a check, and a batch of float64 examples."""

    make: Callable[[], Autoencoder]
    batch: np.ndarray
    latent_dim: int


MODELS: dict[str, list[Case]] = {
    "LinearAutoencoder": [Case(LinearAutoencoder, rng.standard_normal((6, 3)), 2),
                          Case(lambda: LinearAutoencoder(features=5, latent_dim=3), rng.standard_normal((4, 5)), 3)],
    "StackedAutoencoder": [Case(StackedAutoencoder, rng.random((2, 28, 28, 1)), 30),
                           Case(lambda: StackedAutoencoder(hidden=4, latent_dim=3), rng.random((3, 28, 28, 1)), 3)],
}
CASES = [pytest.param(case, id=f"{name}-{i}") for name, cases in MODELS.items() for i, case in enumerate(cases)]


def test_the_table_names_every_public_model():
    assert set(MODELS) == set(autoencoders.__all__)


# -- what holds for each -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_derivatives_of_the_objective_by_all_parameters_to_order_2(case, backend):
    model = case.make()
    gradcheck_module(model, lambda x: model.loss(x)[0], case.batch)


@pytest.mark.parametrize("case", CASES)
def test_shapes_and_dtypes_of_codes_reconstructions_and_loss(case, backend):
    model, x = case.make(), mg.asarray(case.batch.astype(np.float32))
    codes = model.encode(x)
    assert codes.shape == (len(x), case.latent_dim) and codes.dtype == np.float32
    assert model.decode(codes).shape == model(x).shape == x.shape and model(x).dtype == np.float32
    assert model.output_shape(x.shape[1:]) == x.shape[1:]
    loss, terms = model.loss(x)
    assert loss.shape == () and loss.dtype == np.float32
    assert sum(float(term) for term in terms.values()) == float(loss), "the terms do not add up to the total"


@pytest.mark.parametrize("case", CASES)
def test_forward_is_decode_of_encode(case):
    model, x = case.make(), case.batch.astype(np.float32)
    np.testing.assert_array_equal(model(x).numpy(), model.decode(model.encode(x)).numpy())


@pytest.mark.parametrize("case", CASES)
def test_a_device_computes_the_same_loss_and_gradients(case, device):
    results = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(0)
        model = case.make()
        loss, _ = model.loss(mg.asarray(case.batch.astype(np.float32)))
        loss.backward()
        results.append([np.array(float(loss)), *(mg.to_numpy(p.grad) for p in model.parameters())])
    for there, on_numpy in zip(*results):
        np.testing.assert_allclose(there, on_numpy, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_a_state_dict_carries_the_model_over(case):
    first, second, x = case.make(), case.make(), case.batch.astype(np.float32)
    assert (first(x).numpy() != second(x).numpy()).any()
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(first(x).numpy(), second(x).numpy())


@pytest.mark.parametrize("case", CASES)
def test_steps_of_gradient_descent_lower_the_loss(case):
    model, x = case.make(), case.batch.astype(np.float32)
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    before = float(model.loss(x)[0])
    for _ in range(5):
        optimizer.zero_grad()
        model.loss(x)[0].backward()
        optimizer.step()
    assert float(model.loss(x)[0]) < before


@pytest.mark.parametrize("case", CASES)
def test_an_empty_batch_is_refused(case):
    with pytest.raises(ShapeError, match="an empty batch"):
        case.make().loss(case.batch[:0].astype(np.float32))


# -- what holds for one --------------------------------------------------------------------------------------------


def test_the_linear_autoencoder_is_the_chapters_network():
    model = LinearAutoencoder()
    assert {name: p.shape for name, p in model.named_parameters().items()} == {
        "encoder.0.weight": (3, 2), "encoder.0.bias": (2,), "decoder.0.weight": (2, 3), "decoder.0.bias": (3,)}
    assert model.parameter_count() == 17


def test_the_linear_autoencoder_computes_its_docstring():
    model, x = LinearAutoencoder().astype("float64"), rng.standard_normal((6, 3))
    w1, b1, w2, b2 = (p.numpy() + 0.1 for p in model.parameters())
    for p, value in zip(model.parameters(), (w1, b1, w2, b2)):
        p.assign(value)
    reconstruction = (x @ w1 + b1) @ w2 + b2
    np.testing.assert_allclose(model(x).numpy(), reconstruction, rtol=1e-12)
    total, terms = model.loss(x)
    np.testing.assert_allclose(total.item(), np.mean((reconstruction - x) ** 2), rtol=1e-12)
    assert list(terms) == ["mse"]


def test_principal_components_are_a_minimum_of_the_linear_autoencoder():
    """With the first two components as weights every gradient is zero, and the loss is the discarded eigenvalue / 3."""
    x = rng.standard_normal((50, 3)) * [3.0, 2.0, 0.5]
    x -= x.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(x.T @ x / len(x))
    model = LinearAutoencoder().astype("float64")
    model.load_state_dict({"encoder.0.weight": vectors[:, 1:], "encoder.0.bias": np.zeros(2),
                           "decoder.0.weight": vectors[:, 1:].T, "decoder.0.bias": np.zeros(3)})
    loss, _ = model.loss(x)
    loss.backward()
    np.testing.assert_allclose(loss.item(), eigenvalues[0] / 3, rtol=1e-12)
    for p in model.parameters():
        np.testing.assert_allclose(p.grad, 0.0, atol=1e-12, err_msg=p.name)


def test_the_stacked_autoencoder_is_the_chapters_network():
    model = StackedAutoencoder()
    assert model.parameter_count() == 163_814
    assert [p.shape for p in model.parameters()] == [
        (784, 100), (100,), (100, 30), (30,), (30, 100), (100,), (100, 784), (784,)]


def test_the_stacked_autoencoder_computes_its_docstring():
    model, x = StackedAutoencoder(hidden=4, latent_dim=3).astype("float64"), rng.random((2, 28, 28, 1))
    w1, b1, w2, b2, w3, b3, w4, b4 = (p.numpy() for p in model.parameters())

    def selu(a: np.ndarray) -> np.ndarray:
        return 1.0507009873554805 * np.where(a > 0, a, 1.6732632423543772 * (np.exp(a) - 1))

    codes = selu(selu(x.reshape(2, 784) @ w1 + b1) @ w2 + b2)
    logits = (selu(codes @ w3 + b3) @ w4 + b4).reshape(x.shape)
    np.testing.assert_allclose(model.encode(x).numpy(), codes, rtol=1e-10)
    np.testing.assert_allclose(model(x).numpy(), logits, rtol=1e-10)
    p = 1 / (1 + np.exp(-logits))
    total, terms = model.loss(x)
    np.testing.assert_allclose(total.item(), -np.mean(x * np.log(p) + (1 - x) * np.log(1 - p)), rtol=1e-10)
    assert list(terms) == ["bce"]


def test_reconstruct_gives_pixels_outside_any_graph(backend):
    model, x = StackedAutoencoder(), mg.asarray(rng.random((2, 28, 28, 1)).astype(np.float32))
    pixels = model.reconstruct(x)
    assert not pixels.requires_grad and pixels.shape == (2, 28, 28, 1)
    np.testing.assert_allclose(pixels.numpy(), 1 / (1 + np.exp(-model(x).numpy())), rtol=1e-5)


def test_weights_start_from_what_suits_the_activation():
    """LeCun normal in front of SELU, Glorot uniform in front of the logits; biases zero."""
    model = StackedAutoencoder()
    mg.seed(0)
    expected = [nn.init.lecun_normal((784, 100)), nn.init.lecun_normal((100, 30)), nn.init.lecun_normal((30, 100)),
                nn.init.glorot_uniform((100, 784))]
    mg.seed(0)
    model = StackedAutoencoder()
    for p, weight in zip(model.parameters()[::2], expected):
        np.testing.assert_array_equal(p.numpy(), weight, err_msg=p.name)
    assert not any(p.numpy().any() for p in model.parameters()[1::2])


def test_a_picture_of_the_wrong_size_is_refused_with_the_layer():
    with pytest.raises(ShapeError, match=r"encoder\.1: Dense\(784 -> 100, selu\) expects shape \(\.\.\., 784\), got \(5, 1024\)"):
        StackedAutoencoder().loss(np.zeros((5, 32, 32, 1), dtype=np.float32))


def test_a_model_without_a_loss_says_so():
    class Unfinished(Autoencoder):
        pass

    with pytest.raises(NotImplementedError, match=r"Unfinished has no loss\(\)"):
        Unfinished().loss(np.zeros((1, 3)))
