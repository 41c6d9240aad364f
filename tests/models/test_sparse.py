"""The sparse autoencoder: the chapter's network, its loss, and that the penalties make codes sparse."""

import numpy as np
import pytest

import minigen as mg
from minigen import losses, optim
from minigen.models.autoencoders import SparseAutoencoder

rng = np.random.default_rng(2)


def images(n: int) -> np.ndarray:
    """Pictures of noise."""
    return rng.random((n, 28, 28, 1)).astype(np.float32)


def test_it_is_the_chapters_network():
    model = SparseAutoencoder(l1=1e-3)
    assert model.encoder.parameter_count() == 108_800 and model.decoder.parameter_count() == 109_284
    assert model.parameter_count() == 218_084
    codes = model.encode(images(3)).numpy()
    assert codes.shape == (3, 300) and codes.min() > 0 and codes.max() < 1


@pytest.mark.parametrize("settings", [{}, {"l1": 0.01}, {"kl": 0.02}, {"l1": 0.01, "kl": 0.02, "target": 0.3}], ids=str)
@pytest.mark.parametrize("mode", [True, False], ids=["training", "evaluation"])
def test_the_loss_is_its_docstring(settings, mode, backend):
    model, x = SparseAutoencoder(latent_dim=6, hidden=5, **settings).train(mode), mg.asarray(images(4))
    total, terms = model.loss(x)
    codes = model.encode(x)
    penalty = 0.0
    if "l1" in settings:
        penalty = penalty + 0.01 * losses.l1_sparsity(codes)
    if "kl" in settings:
        penalty = penalty + 0.02 * losses.kl_sparsity(codes, settings.get("target", 0.1))
    assert list(terms) == ["bce", "penalty"]
    np.testing.assert_allclose(float(terms["penalty"]), float(penalty), rtol=1e-6)
    np.testing.assert_allclose(float(terms["bce"]), losses.bce_with_logits(model(x), x).item(), rtol=1e-6)
    np.testing.assert_allclose(float(total), float(terms["bce"]) + float(penalty), rtol=1e-6)


def test_the_loss_and_the_step_do_not_depend_on_the_batch_size():
    """The trap of the chapter's l1 = 1e-3: as a sum over the batch it is 32 times as strong at 32 images as at one."""
    model, x = SparseAutoencoder(latent_dim=6, hidden=5, l1=0.01, kl=0.02).astype("float64"), images(4).astype(np.float64)
    results = []
    for batch in (x, np.concatenate([x] * 8)):
        model.zero_grad()
        loss, _ = model.loss(batch)
        loss.backward()
        results.append([loss.item(), *(p.grad.copy() for p in model.parameters())])
    for one, eight in zip(*results):
        np.testing.assert_allclose(eight, one, rtol=1e-9, atol=1e-15)


def test_encoding_before_the_loss_does_not_add_to_the_penalty():
    model, x = SparseAutoencoder(latent_dim=6, hidden=5, l1=1.0), images(4)
    before = model.loss(x)[0].item()
    model.encode(images(9))
    assert model.loss(x)[0].item() == before


def trained_means(**settings: float) -> np.ndarray:
    """Each code's mean activation after training with a penalty so strong that it decides."""
    model, x = SparseAutoencoder(latent_dim=20, hidden=10, **settings), images(16)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    assert 0.3 < model.encode(x).numpy().mean() < 0.7
    for _ in range(100):
        optimizer.zero_grad()
        model.loss(x)[0].backward()
        optimizer.step()
    return model.encode(x).numpy().mean(axis=0)


def test_l1_deactivates_most_codes():
    """Not all: one that is needed all the time saturates at 1, where its sigmoid is flat."""
    assert np.median(trained_means(l1=0.1)) < 0.001


def test_kl_brings_every_code_to_the_target():
    np.testing.assert_allclose(trained_means(kl=0.1, target=0.2), 0.2, atol=0.01)
