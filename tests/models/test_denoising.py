"""Denoising autoencoders: what each corruption does, when it is done, and the linear network's closed form."""

import itertools
import math

import numpy as np
import pytest

import minigen as mg
from minigen import baselines, losses, nn, training
from minigen.errors import DtypeError, ShapeError
from minigen.models.autoencoders import DenoisingAutoencoder, LinearAutoencoder, LinearDenoisingAutoencoder, StackedAutoencoder
from minigen.models.autoencoders.denoising import CORRUPTIONS, Corruption

rng = np.random.default_rng(1)
N = 200_000


def small(corruption: str = "gaussian", amount: float = 0.4) -> DenoisingAutoencoder:
    """A network of few units."""
    return DenoisingAutoencoder(corruption, amount, hidden=4, latent_dim=3)


def images(n: int) -> np.ndarray:
    """Pictures of noise."""
    return rng.random((n, 28, 28, 1)).astype(np.float32)


# -- corruptions ---------------------------------------------------------------------------------------------------


def test_given_noise_corrupts_exactly(backend):
    x, normal, uniform = (
        mg.asarray(part.astype(np.float32))
        for part in (np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[0.0, 1.0, -2.0, 0.5]]), np.array([[0.0, 0.5, 0.49, 0.99]]))
    )
    expected = {
        "gaussian": (normal, [[1.0, 2.5, 2.0, 4.25]]),
        "masking": (uniform, [[0.0, 2.0, 0.0, 4.0]]),
        "dropout": (uniform, [[0.0, 4.0, 0.0, 8.0]]),
    }
    assert set(expected) == set(CORRUPTIONS)
    for name, (noise, result) in expected.items():
        damaged = Corruption(name, 0.5)(x, noise)
        assert damaged.dtype == np.float32
        np.testing.assert_array_equal(mg.to_numpy(damaged), result, err_msg=name)


@pytest.mark.parametrize(
    "name, mean, second_moment", [("gaussian", 2.0, 4.0 + 0.09), ("masking", 2.0 * 0.7, 4.0 * 0.7), ("dropout", 2.0, 4.0 / 0.7)]
)
def test_drawn_noise_has_the_moments_that_the_closed_form_uses(name, mean, second_moment, backend):
    x = mg.asarray(np.full((N // 100, 100), 2.0, dtype=np.float32))
    damaged = mg.to_numpy(Corruption(name, 0.3)(x)).astype(float)
    spread = math.sqrt(second_moment - mean**2)
    assert abs(damaged.mean() - mean) < 6 * spread / math.sqrt(N)
    assert abs(damaged.var() / spread**2 - 1) < 6 * math.sqrt(2 / N)


def test_dropout_is_masking_rescaled():
    x, noise = images(2), images(2)
    np.testing.assert_allclose(Corruption("dropout", 0.25)(x, noise), Corruption("masking", 0.25)(x, noise) / 0.75, rtol=1e-6)


def test_dropout_is_the_dropout_layer_and_gaussian_the_noise_layer():
    x, noise = images(2), images(2)
    np.testing.assert_array_equal(Corruption("dropout", 0.25)(x, noise), nn.Dropout(0.25)(x, keep=noise >= 0.25))
    np.testing.assert_array_equal(Corruption("gaussian", 0.25)(x, noise), nn.GaussianNoise(0.25)(x, noise=noise))


def test_gaussian_noise_is_not_clipped():
    damaged = Corruption("gaussian", 0.2)(images(4))
    assert damaged.min() < 0 and damaged.max() > 1


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_call_draws_again_a_seed_repeats_it_and_0_is_the_identity(name):
    x = images(2)
    mg.seed(1)
    first, second = Corruption(name, 0.3)(x), Corruption(name, 0.3)(x)
    mg.seed(1)
    np.testing.assert_array_equal(Corruption(name, 0.3)(x), first)
    assert (first != second).any()
    np.testing.assert_array_equal(Corruption(name, 0.0)(x), x)


# -- when it is done -----------------------------------------------------------------------------------------------


def test_the_network_is_the_stacked_one():
    assert DenoisingAutoencoder().parameter_count() == StackedAutoencoder().parameter_count() == 163_814
    assert LinearDenoisingAutoencoder(3, 2).parameter_count() == LinearAutoencoder().parameter_count() == 17


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_loss_compares_the_clean_image_with_the_reconstruction_of_the_corrupted_one(name, backend):
    model, x, noise = small(name), mg.asarray(images(3)), mg.asarray(images(3))
    total, terms = model.loss(x, noise)
    expected = losses.bce_with_logits(model(model.corrupt(x, noise)), x)
    assert total.item() == expected.item() == terms["bce"].item()
    assert total.item() != model.eval().loss(x)[0].item()


@pytest.mark.parametrize(
    "make, x, error",
    [(small, images(3), losses.bce_with_logits), (lambda: LinearDenoisingAutoencoder(5, 2), images(3)[:, 0, :5, 0], losses.mse)],
    ids=["stacked", "linear"],
)
def test_only_the_loss_corrupts_and_only_in_training(make, x, error):
    model = make()
    assert model.loss(x)[0].item() != model.loss(x)[0].item(), "noise is drawn at each call"
    for part in (model, model.encode, *([model.reconstruct] if hasattr(model, "reconstruct") else [])):
        np.testing.assert_array_equal(part(x).numpy(), part(x).numpy())
    model.eval()
    assert model.loss(x)[0].item() == error(model(x), x).item()
    before = mg.backend.random.state_dict()
    model.loss(x)
    assert mg.backend.random.state_dict() == before, "random numbers were drawn for nothing"


def test_in_evaluation_given_noise_is_used_and_corrupt_still_corrupts():
    model, x, noise = small(), images(3), images(3)
    assert model.loss(x, noise)[0].item() == model.eval().loss(x, noise)[0].item() != model.loss(x)[0].item()
    assert (model.corrupt(x) != x).any()


def test_the_linear_loss_is_the_squared_error_to_the_clean_examples():
    model, x, noise = (
        LinearDenoisingAutoencoder(5, 2, amount=0.5),
        *(rng.standard_normal((4, 5)).astype(np.float32) for _ in "12"),
    )
    rebuilt = model(x + np.float32(0.5) * noise).numpy()
    np.testing.assert_allclose(model.loss(x, noise)[0].item(), np.mean((rebuilt - x) ** 2), rtol=1e-6)


def test_training_denoises():
    """Points on a line in ten dimensions: of the noise, the one direction in ten along the line stays."""
    mg.seed(0)
    x = (rng.standard_normal((500, 1)) @ np.full((1, 10), 1.0)).astype(np.float32)
    model = LinearDenoisingAutoencoder(10, 1, amount=0.5)
    training.fit(model, x, optimizer=mg.optim.Adam(model.parameters(), lr=0.02), epochs=15, batch_size=50, progress=False)
    w1, b1, w2, b2 = (p.numpy().astype(float) for p in model.parameters())
    reached, best = baselines.denoising_error(x, 0.25, w1 @ w2, b1 @ w2 + b2), baselines.wiener_filter(x, 0.25).truncated(1).error
    assert best == pytest.approx(0.025, rel=0.1)
    assert best <= reached < 1.1 * best


# -- the closed form -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [1, 2, 4])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_wiener_filter_is_a_minimum_of_the_linear_network(name, rank):
    """The expectation over the noise is exact: squared error sees second moments only, and these are the same if each noise is
    -1 or 1, or if each pixel stays or goes. So the mean over all 16 combinations must have no gradient, and the filter's
    error."""
    amount, x = 0.5, rng.standard_normal((20, 4)) @ rng.standard_normal((4, 4)) + 1.0
    variance = amount**2 if name == "gaussian" else (x**2).mean(axis=0)  # p / (1 - p) = 1
    best = baselines.wiener_filter(x, variance).truncated(rank)
    model = LinearDenoisingAutoencoder(4, rank, name, amount).astype("float64")
    brightness = 1.0 - amount if name == "masking" else 1.0
    model.load_state_dict(
        {
            "encoder.0.weight": best.encoder / brightness,
            "encoder.0.bias": -best.mean @ best.encoder,
            "decoder.0.weight": best.decoder,
            "decoder.0.bias": best.mean,
        }
    )
    values = (-1.0, 1.0) if name == "gaussian" else (0.0, 1.0)
    noises = [np.broadcast_to(noise, x.shape) for noise in itertools.product(values, repeat=4)]
    loss = sum(model.loss(x, noise)[0] for noise in noises) / 16.0
    loss.backward()
    np.testing.assert_allclose(loss.item(), best.error, rtol=1e-12)
    for p in model.parameters():
        np.testing.assert_allclose(p.grad, 0.0, atol=1e-12, err_msg=p.name)


# -- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, message",
    [
        ("gausian", "did you mean 'gaussian'?"),
        ("mask", "did you mean 'masking'?"),
        ("salt", "expected one of gaussian, masking, dropout"),
        (None, "expected one of"),
    ],
)
def test_an_unknown_corruption_is_refused(name, message):
    for make in (lambda: DenoisingAutoencoder(name, 0.2), lambda: LinearDenoisingAutoencoder(3, 2, name, 0.2)):
        with pytest.raises(ValueError, match=f"unknown corruption {name!r}: {message}".replace("?", r"\?")):
            make()


@pytest.mark.parametrize("name, amount, meaning", [
    ("gaussian", -0.1, "standard deviation, at least 0 and finite"), ("gaussian", math.inf, "standard deviation"),
    ("gaussian", math.nan, "standard deviation"), ("masking", 1.0, "probability, 0 <= amount < 1"),
    ("dropout", 1.0, "probability, 0 <= amount < 1"), ("dropout", -0.5, "probability"), ("masking", math.nan, "probability"),
])  # fmt: skip
def test_an_amount_out_of_range_is_refused(name, amount, meaning):
    with pytest.raises(ValueError, match=f"the amount of {name} is a {meaning}.*, got {amount}"):
        DenoisingAutoencoder(name, amount)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_noise_of_another_shape_is_refused(name):
    """(3, 1) would be broadcast: the same noise for all pixels."""
    with pytest.raises(
        ShapeError, match=rf"Corruption\({name}, 0.4\) expects noise of the shape of x, \(3, 28, 28, 1\), got \(3, 1, 1, 1\)"
    ):
        small(name).loss(images(3), np.zeros((3, 1, 1, 1), dtype=np.float32))


def test_bytes_are_refused_with_the_conversion():
    with pytest.raises(DtypeError, match=r"takes floating-point numbers, got uint8: .*x\.astype\('float32'\) / 255"):
        small().loss(np.zeros((2, 28, 28, 1), dtype=np.uint8))
