"""One table of all autoencoders and their objectives. A model that is not in the table fails here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, nn, optim
from minigen.errors import ShapeError
from minigen.models import autoencoders
from minigen.models.autoencoders import (
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    HashingAutoencoder,
    LinearAutoencoder,
    LinearDenoisingAutoencoder,
    RecurrentAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TiedAutoencoder,
    VariationalAutoencoder,
)
from minigen.models.autoencoders.base import Autoencoder

rng = np.random.default_rng(0)


@dataclass(frozen=True)
class Case:
    """How to make a model, at a size that suits a check; a batch of float64 examples; the shape of one example's codes; and what
    else the loss is given, where it would otherwise draw noise."""

    make: Callable[[], Autoencoder]
    batch: np.ndarray
    codes: tuple[int, ...]
    noise: tuple[np.ndarray, ...] = ()

    def x(self) -> mg.Tensor:
        """The batch in float32 on the current backend."""
        return mg.asarray(self.batch.astype(np.float32))

    def loss(self, model: Autoencoder) -> tuple[mg.Tensor, dict]:
        """The objective on the batch, without chance."""
        return model.loss(self.x(), *(mg.asarray(noise.astype(np.float32)) for noise in self.noise))


def images(n: int, *shape: int) -> np.ndarray:
    """Pictures of noise, of (28, 28, 1) or of another shape."""
    return rng.random((n, *(shape or (28, 28, 1))))


MODELS: dict[str, list[Case]] = {
    "ConvolutionalAutoencoder": [
        Case(lambda: ConvolutionalAutoencoder(feature_maps=(2, 3, 4)), rng.random((2, 12, 12, 1)), (1, 1, 4)),
        Case(lambda: ConvolutionalAutoencoder(latent_dim=3, feature_maps=(1, 2, 2)), images(1), (3,)),
        Case(lambda: ConvolutionalAutoencoder(None, (2, 3, 2), (20, 12, 3)), images(1, 20, 12, 3), (2, 1, 2)),
        Case(lambda: ConvolutionalAutoencoder(3, (1, 2, 2), (9, 14, 2)), images(2, 9, 14, 2), (3,)),
    ],
    "DenoisingAutoencoder": [
        Case(DenoisingAutoencoder, images(2), (30,), (rng.standard_normal((2, 28, 28, 1)),)),
        *(
            Case(
                lambda name=name: DenoisingAutoencoder(name, 0.4, hidden=4, latent_dim=3),
                images(3),
                (3,),
                (rng.random((3, 28, 28, 1)),),
            )
            for name in ("masking", "dropout")
        ),
        Case(
            lambda: DenoisingAutoencoder(hidden=4, latent_dim=3, shape=(5, 3, 2)),
            images(3, 5, 3, 2),
            (3,),
            (rng.standard_normal((3, 5, 3, 2)),),
        ),
    ],
    "HashingAutoencoder": [
        Case(lambda: HashingAutoencoder(bits=3, hidden=4), images(3), (3,), (rng.standard_normal((3, 4)),)),
        Case(
            lambda: HashingAutoencoder(bits=3, hidden=4, shape=(5, 3, 2)),
            images(3, 5, 3, 2),
            (3,),
            (0.1 * rng.standard_normal((3, 4)),),
        ),
    ],
    "LinearAutoencoder": [
        Case(LinearAutoencoder, rng.standard_normal((6, 3)), (2,)),
        Case(lambda: LinearAutoencoder(features=5, latent_dim=3), rng.standard_normal((4, 5)), (3,)),
    ],
    "LinearDenoisingAutoencoder": [
        Case(lambda: LinearDenoisingAutoencoder(5, 3), rng.standard_normal((4, 5)), (3,), (rng.standard_normal((4, 5)),)),
        Case(lambda: LinearDenoisingAutoencoder(4, 2, "dropout", 0.5), rng.standard_normal((6, 4)), (2,), (rng.random((6, 4)),)),
    ],
    "RecurrentAutoencoder": [
        Case(lambda: RecurrentAutoencoder(hidden=3, latent_dim=2, shape=(4, 5, 1)), images(2, 4, 5, 1), (2,)),
        Case(lambda: RecurrentAutoencoder(hidden=3, latent_dim=2, shape=(3, 2, 3)), images(2, 3, 2, 3), (2,)),
    ],
    "SparseAutoencoder": [
        Case(lambda: SparseAutoencoder(latent_dim=5, hidden=4), images(3), (5,)),
        Case(lambda: SparseAutoencoder(latent_dim=5, hidden=4, l1=0.1), images(3), (5,)),
        Case(lambda: SparseAutoencoder(latent_dim=5, hidden=4, l1=0.02, kl=0.3, target=0.2), images(3), (5,)),
        Case(lambda: SparseAutoencoder(latent_dim=5, hidden=4, l1=0.1, shape=(5, 3, 2)), images(3, 5, 3, 2), (5,)),
    ],
    "StackedAutoencoder": [
        Case(StackedAutoencoder, images(2), (30,)),
        Case(lambda: StackedAutoencoder(hidden=4, latent_dim=3), images(3), (3,)),
        Case(lambda: StackedAutoencoder(hidden=4, latent_dim=3, shape=(5, 3, 2)), images(3, 5, 3, 2), (3,)),
    ],
    "TiedAutoencoder": [
        Case(TiedAutoencoder, images(2), (30,)),
        Case(lambda: TiedAutoencoder(hidden=4, latent_dim=3), images(3), (3,)),
        Case(lambda: TiedAutoencoder(hidden=4, latent_dim=3, shape=(5, 3, 2)), images(3, 5, 3, 2), (3,)),
    ],
}
CASES = [pytest.param(case, id=f"{name}-{i}") for name, cases in MODELS.items() for i, case in enumerate(cases)]


def test_the_table_names_every_public_model():
    """The variational ones have a table of their own, in test_variational.py."""
    variational = {name for name in autoencoders.__all__ if issubclass(getattr(autoencoders, name), VariationalAutoencoder)}
    assert set(MODELS) == set(autoencoders.__all__) - variational


# -- what holds for each -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_derivatives_of_the_objective_by_all_parameters_to_order_2(case, backend):
    model = case.make()
    noise = [mg.asarray(noise) for noise in case.noise]
    gradcheck_module(model, lambda x: model.loss(x, *noise)[0], case.batch)


@pytest.mark.parametrize("case", CASES)
def test_shapes_and_dtypes_of_codes_reconstructions_and_loss(case, backend):
    model, x = case.make(), case.x()
    codes = model.eval().encode(x)
    assert codes.shape == (len(x), *case.codes) and codes.dtype == np.float32
    assert model.decode(codes).shape == model(x).shape == x.shape and model(x).dtype == np.float32
    assert model.output_shape(x.shape[1:]) == x.shape[1:]
    loss, terms = case.loss(model.train())
    assert loss.shape == () and loss.dtype == np.float32
    np.testing.assert_allclose(sum(float(term) for term in terms.values()), float(loss), rtol=1e-6, err_msg="terms, their total")


@pytest.mark.parametrize("case", CASES)
def test_forward_is_decode_of_encode(case):
    model, x = case.make().eval(), case.x()
    np.testing.assert_array_equal(model(x).numpy(), model.decode(model.encode(x)).numpy())


@pytest.mark.parametrize("case", CASES)
def test_a_device_computes_the_same_loss_and_gradients(case, device):
    results = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(0)
        model = case.make()
        loss, _ = case.loss(model)
        loss.backward()
        results.append([np.array(float(loss)), *(mg.to_numpy(p.grad) for p in model.parameters())])
    for there, on_numpy in zip(*results):
        np.testing.assert_allclose(there, on_numpy, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_a_state_dict_carries_the_model_over(case):
    first, second, x = case.make().eval(), case.make().eval(), case.x()
    assert (first(x).numpy() != second(x).numpy()).any()
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(first(x).numpy(), second(x).numpy())


@pytest.mark.parametrize("case", CASES)
def test_steps_of_gradient_descent_lower_the_loss(case):
    model = case.make()
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    before = float(case.loss(model)[0])
    for _ in range(5):
        optimizer.zero_grad()
        case.loss(model)[0].backward()
        optimizer.step()
    assert float(case.loss(model)[0]) < before


@pytest.mark.parametrize("case", CASES)
def test_an_empty_batch_is_refused(case):
    with pytest.raises(ShapeError, match="an empty batch"):
        case.make().loss(case.batch[:0].astype(np.float32))


# -- what holds for one --------------------------------------------------------------------------------------------


def test_the_linear_autoencoder_is_the_chapters_network():
    model = LinearAutoencoder()
    assert {name: p.shape for name, p in model.named_parameters().items()} == {
        "encoder.0.weight": (3, 2),
        "encoder.0.bias": (2,),
        "decoder.0.weight": (2, 3),
        "decoder.0.bias": (3,),
    }
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
    model.load_state_dict(
        {
            "encoder.0.weight": vectors[:, 1:],
            "encoder.0.bias": np.zeros(2),
            "decoder.0.weight": vectors[:, 1:].T,
            "decoder.0.bias": np.zeros(3),
        }
    )
    loss, _ = model.loss(x)
    loss.backward()
    np.testing.assert_allclose(loss.item(), eigenvalues[0] / 3, rtol=1e-12)
    for p in model.parameters():
        np.testing.assert_allclose(p.grad, 0.0, atol=1e-12, err_msg=p.name)


def test_the_stacked_autoencoder_is_the_chapters_network():
    model = StackedAutoencoder()
    assert model.parameter_count() == 163_814
    assert [p.shape for p in model.parameters()] == [(784, 100), (100,), (100, 30), (30,), (30, 100), (100,), (100, 784), (784,)]


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


def test_the_recurrent_autoencoder_is_the_books_network():
    model = RecurrentAutoencoder()
    assert (model.encoder.parameter_count(), model.decoder.parameter_count()) == (67_320, 55_228)
    assert model.parameter_count() == 122_548


def test_the_recurrent_autoencoder_reads_an_image_row_by_row():
    """Changing the last row leaves the first layer's outputs at all rows before it; every row reaches the codes."""
    model, x = RecurrentAutoencoder(hidden=4, latent_dim=3), rng.random((1, 28, 28, 1)).astype(np.float32)
    changed = x.copy()
    changed[:, 27] = 1 - changed[:, 27]
    reader = nn.Sequential(*list(model.encoder)[:2])
    same = np.isclose(reader(x).numpy(), reader(changed).numpy(), rtol=1e-6)
    assert same[:, :27].all() and not same[:, 27].any()
    image = mg.Tensor(x, requires_grad=True)
    model.encode(image).sum().backward()
    assert (abs(image.grad).sum(axis=(0, 2, 3)) > 0).all()


def test_the_hashing_autoencoder_is_the_books_network():
    model = HashingAutoencoder()
    assert (model.encoder.parameter_count(), model.decoder.parameter_count()) == (80_116, 80_884)
    assert [type(layer).__name__ for layer in model.encoder] == ["Flatten", "Dense", "GaussianNoise", "Dense"]
    assert model.encoder[2].std == 15.0


def test_the_noise_of_the_hashing_autoencoder_is_added_before_the_sigmoids():
    model, x, noise = HashingAutoencoder(bits=3, hidden=4), rng.random((5, 28, 28, 1)), rng.standard_normal((5, 4))
    model.astype("float64")
    w1, b1, w2, b2 = (p.numpy() for p in model.encoder.parameters())
    a = x.reshape(5, 784) @ w1 + b1
    a = 1.0507009873554805 * np.where(a > 0, a, 1.6732632423543772 * (np.exp(a) - 1))
    codes = 1 / (1 + np.exp(-((a + 15 * noise) @ w2 + b2)))
    np.testing.assert_allclose(model.encode(x, noise).numpy(), codes, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model(x, noise).numpy(), model.decode(codes).numpy(), rtol=1e-10)


def test_a_hash_is_the_rounded_code_without_noise_in_any_mode(backend):
    model, x = HashingAutoencoder(), mg.asarray(rng.random((20, 28, 28, 1)).astype(np.float32))
    bits = mg.to_numpy(model.hash(x))
    assert bits.shape == (20, 16) and bits.dtype == bool
    np.testing.assert_array_equal(bits, mg.to_numpy(model.eval().hash(x)))
    np.testing.assert_array_equal(bits, model.encode(x).numpy() > 0.5)


def test_reconstruct_gives_pixels_outside_any_graph(backend):
    model, x = StackedAutoencoder(), mg.asarray(rng.random((2, 28, 28, 1)).astype(np.float32))
    pixels = model.reconstruct(x)
    assert not pixels.requires_grad and pixels.shape == (2, 28, 28, 1)
    np.testing.assert_allclose(pixels.numpy(), 1 / (1 + np.exp(-model(x).numpy())), rtol=1e-5)


def test_weights_start_from_the_initializer_for_the_activation():
    """LeCun normal before SELU, Glorot uniform before the logits; biases zero."""
    model = StackedAutoencoder()
    mg.seed(0)
    expected = [
        nn.init.lecun_normal((784, 100)),
        nn.init.lecun_normal((100, 30)),
        nn.init.lecun_normal((30, 100)),
        nn.init.glorot_uniform((100, 784)),
    ]
    mg.seed(0)
    model = StackedAutoencoder()
    for p, weight in zip(model.parameters()[::2], expected):
        np.testing.assert_array_equal(p.numpy(), weight, err_msg=p.name)
    assert not any(p.numpy().any() for p in model.parameters()[1::2])


def test_kernels_start_from_the_initializer_for_the_activation_after_the_pooling():
    """LeCun normal, as those of the layers whose activation follows at once."""
    mg.seed(0)
    expected = [nn.init.lecun_normal(shape) for shape in ((3, 3, 1, 16), (3, 3, 16, 32), (3, 3, 32, 64))]
    mg.seed(0)
    for p, weight in zip(ConvolutionalAutoencoder().encoder.parameters()[::2], expected):
        np.testing.assert_array_equal(p.numpy(), weight, err_msg=p.name)


def test_a_picture_of_the_wrong_size_is_refused_with_the_layer():
    with pytest.raises(ShapeError, match=r"encoder\.1: Dense\(784 -> 100, selu\) expects shape \(\.\.\., 784\), got \(5, 1024\)"):
        StackedAutoencoder().loss(np.zeros((5, 32, 32, 1), dtype=np.float32))


def test_a_model_that_defines_no_error_says_so():
    class Unfinished(Autoencoder):
        encoder = decoder = nn.Sequential()

    with pytest.raises(NotImplementedError, match=r"Unfinished has no error\(\)"):
        Unfinished().loss(np.zeros((1, 3)))


@pytest.mark.parametrize(("latent_dim", "encoder", "decoder"), [(None, 23_296, 23_233), (30, 40_606, 13_873)])
def test_the_convolutional_autoencoder_has_the_published_parameters(latent_dim, encoder, decoder):
    """The chapter's encoder with the book's decoder, and as many as the third edition's with 30 codes."""
    model = ConvolutionalAutoencoder(latent_dim)
    assert (model.encoder.parameter_count(), model.decoder.parameter_count()) == (encoder, decoder)
    assert model.output_shape((28, 28, 1)) == (28, 28, 1)
    assert model.encoder.output_shape((28, 28, 1)) == ((3, 3, 64) if latent_dim is None else (30,))


def test_channels_first_is_recognized():
    with pytest.raises(ShapeError, match=r"expects images \(n, height, width, 1\), got \(4, 1, 28, 28\): channels first\?"):
        ConvolutionalAutoencoder().loss(np.zeros((4, 1, 28, 28), np.float32))
