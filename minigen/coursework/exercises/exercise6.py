"""Exercise 6: the two ideas of the variational autoencoder, and its loss in nats per image."""

import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from minigen.autograd import Tensor, grad, no_grad
from minigen.coursework.examples import normal, unit
from minigen.coursework.exercises import expect, expect_close, learn, numbers, pictures, pixelwise_nats, requirement

TITLE = "A variational autoencoder: reparameterization, KL divergence, bound"
SECONDS = 120.0
NAMES = ("reparameterize", "kl_divergence", "VariationalAutoencoder")
FORBIDDEN = ("reparameterize", "kl_normal", "kl_standard_normal", "Sampling")


def examples(file: ModuleType) -> Iterator[Any]:
    """Both functions by mean and logvar, the model by its parameters with noise passed in."""
    yield file.reparameterize, (normal(4, 3), normal(4, 3), normal(4, 3))
    yield file.kl_divergence, (normal(4, 3), normal(4, 3))
    yield file.VariationalAutoencoder(latent_dim=2, hidden=4), (unit(3, 14, 14, 1),), {"noise": normal(3, 2)}


@requirement("reparameterization")
def reparameterization(file: ModuleType) -> str:
    """mean + exp(logvar / 2) * noise: logvar is the logarithm of a variance, not of a standard deviation."""
    mean, logvar, noise = np.array([[1.0, 2.0]]), np.log([[4.0, 9.0]]), np.array([[1.0, -1.0]])
    expect_close("mean (1, 2), variances 4 and 9, noise (1, -1)", file.reparameterize(Tensor(mean), Tensor(logvar), noise),
                 [[3.0, -1.0]], "the standard deviation is exp(logvar / 2)")
    leaf = Tensor(logvar, requires_grad=True)
    z = file.reparameterize(Tensor(mean), leaf, noise)
    expect_close("its derivative by logvar", grad(z.sum(), [leaf])[0], [[1.0, -1.5]],
                 "the gradient goes through the standard deviation: noise * exp(logvar / 2) / 2")
    return "the gradient goes through mean and variance, the noise is a constant"


@requirement("KL divergence")
def divergence(file: ModuleType) -> str:
    """Against the closed form and against an average over 200,000 draws."""
    zeros = np.zeros((3, 4))
    expect_close("of the standard normal from itself", file.kl_divergence(Tensor(zeros), Tensor(zeros)), 0.0)
    expect_close("mean 1 in each of 4 dimensions", file.kl_divergence(Tensor(zeros + 1.0), Tensor(zeros)), 2.0,
                 "a sum over the latent variables, a mean over the batch")
    expect_close("variance e^2", file.kl_divergence(Tensor(zeros), Tensor(zeros + 2.0)), 4 * 0.5 * (math.e**2 - 3.0))
    mean, logvar = np.array([[0.7, -0.3]]), np.array([[0.5, -1.0]])
    z = mean + np.exp(logvar / 2) * np.random.default_rng(7).standard_normal((200_000, 2))
    draws = 0.5 * (z**2 - (z - mean) ** 2 / np.exp(logvar) - logvar).sum(axis=1)
    got = float(numbers(file.kl_divergence(Tensor(mean), Tensor(logvar))))
    error = 4.0 * draws.std() / math.sqrt(len(draws))
    expect(abs(got - draws.mean()) < error, f"log q(z) - log p(z) is {draws.mean():.4f} +- {error:.4f} on average, got {got:.4f}")
    return f"{got:.4f}; on average over draws {draws.mean():.4f}"


@requirement("nats per image")
def nats(file: ModuleType) -> str:
    """A decoder that says 1/2 of each pixel costs 14 * 14 * log 2 nats; a batch costs what its mean image does."""
    model = file.VariationalAutoencoder(latent_dim=2)
    for parameter in model.parameters():
        parameter.assign(np.zeros(parameter.shape, dtype=np.float32))
    x = np.random.default_rng(8).uniform(0.0, 1.0, (5, 14, 14, 1)).astype(np.float32)
    total, terms = model.loss(x)
    expect(set(terms) == {"reconstruction", "kl"}, f"expected the terms reconstruction and kl, got {sorted(terms)}")
    got, right = float(terms["reconstruction"]), 196 * math.log(2.0)
    hint = {"0.005": "that is the mean over pixels: a likelihood is a sum over them", "5": "that is a sum over the batch"}
    expect(math.isclose(got, right, rel_tol=1e-4), f"a decoder that says 1/2 everywhere costs {got:.4g} nats, expected 196 log 2 "
           f"= {right:.4g}", hint.get(f"{got / right:.1g}", ""))
    expect_close("the total", total, float(terms["reconstruction"]) + float(terms["kl"]), rtol=1e-4)
    return "196 log 2 where the decoder says 1/2 everywhere"


@requirement("bound once trained")
def bound(file: ModuleType) -> str:
    """After 400 steps, at most 0.9 times what a model of independent pixels costs; and it uses its codes."""
    train, test = pictures("017", 600, 200)
    model = file.VariationalAutoencoder()
    learn(model, train.images, epochs=40, lr=5e-3)
    with no_grad():
        total, terms = model.loss(test.images)
    independent = pixelwise_nats(train.images, test.images)
    expect(float(total) <= 0.9 * independent, f"{float(total):.1f} nats on held-out images, expected at most 0.9 times the "
           f"{independent:.1f} of a model of independent pixels")
    expect(float(terms["kl"]) >= 1.0, f"the codes carry {float(terms['kl']):.2f} nats: the decoder ignores them")
    made = numbers(model.sample(60))
    expect(made.shape == (60, 14, 14, 1) and made.min() >= 0.0 and made.max() <= 1.0,
           f"sample(60) gave shape {made.shape}, from {made.min():.3g} to {made.max():.3g}; expected images in [0, 1]")
    various = made.std(axis=0).mean() / train.images.std(axis=0).mean()
    expect(various >= 0.5, f"samples differ {various:.2f} times as much as images do, expected at least 0.5",
           "does sample draw its codes from N(0, I), anew for each image?")
    return f"{float(total):.1f} nats, {float(total) / independent:.2f} of a model of independent pixels"
