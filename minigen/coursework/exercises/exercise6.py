"""Exercise 6: the two ideas of the variational autoencoder, and its loss in nats per image."""

import math

import numpy as np

from minigen.coursework.examples import normal, unit
from minigen.coursework.exercises.tools import Asked, Exercise, expect_bound, expect_close, pictures
from minigen.coursework.grading.remote import AsTensor, Remote, assign, called, fit, loss_of, number, parameters_of
from minigen.coursework.grading.report import expect

exercise = Exercise(
    6,
    "A variational autoencoder: reparameterization, KL divergence, bound",
    names=("reparameterize", "kl_divergence", "VariationalAutoencoder"),
    checks=28,
    forbidden=("reparameterize", "kl_normal", "kl_standard_normal", "Sampling", "VariationalAutoencoder"),
    seconds=120.0,
    examples=[  # both functions by mean and logvar, the model by its parameters with noise passed in
        Asked("reparameterize", [(normal(4, 3), normal(4, 3), normal(4, 3))]),
        Asked("kl_divergence", [(normal(4, 3), normal(4, 3))]),
        Asked(
            "VariationalAutoencoder",
            [(unit(3, 14, 14, 1),)],
            "model",
            options={"noise": normal(3, 2)},
            settings={"latent_dim": 2, "hidden": 4},
        ),
    ],
)


@exercise.requirement("reparameterization", of="reparameterize")
def reparameterization(file: Remote, rng: np.random.Generator) -> str:
    """mean + exp(logvar / 2) * noise: logvar is the logarithm of a variance, not of a standard deviation."""
    mean, logvar, noise = np.array([[1.0, 2.0]]), np.log([[4.0, 9.0]]), np.array([[1.0, -1.0]])
    got = file.reparameterize(AsTensor(mean), AsTensor(logvar), noise)
    expect_close("mean (1, 2), variances 4 and 9, noise (1, -1)", got, [[3.0, -1.0]], "the standard deviation is exp(logvar / 2)")
    mean, logvar, noise = rng.standard_normal((3, 5, 4))
    found = called(file.reparameterize, [AsTensor(mean), AsTensor(logvar), noise], by=[1], cotangent=np.ones((5, 4)))
    expect_close("another code", found["value"], mean + np.exp(logvar / 2) * noise)
    expect_close(
        "its derivative by logvar",
        found["gradients"][0],
        noise * np.exp(logvar / 2) / 2,
        "the gradient goes through the standard deviation: noise * exp(logvar / 2) / 2",
    )
    return "the gradient goes through mean and variance, the noise is a constant"


@exercise.requirement("KL divergence", of="kl_divergence")
def divergence(file: Remote, rng: np.random.Generator) -> str:
    """Against the closed form and against an average over 200,000 draws."""
    zeros = np.zeros((3, 4))
    expect_close("of the standard normal from itself", file.kl_divergence(AsTensor(zeros), AsTensor(zeros)), 0.0)
    got = file.kl_divergence(AsTensor(zeros + 1.0), AsTensor(zeros))
    expect_close(
        "mean 1 in each of 4 dimensions",
        got,
        2.0,
        "a sum over the latent variables, a mean over the batch",
        counts={4: "the latent variables", 3: "the batch"},
    )
    expect_close("variance e^2", file.kl_divergence(AsTensor(zeros), AsTensor(zeros + 2.0)), 4 * 0.5 * (math.e**2 - 3.0))
    means, logvars = rng.standard_normal((2, 6, 3))
    got = file.kl_divergence(AsTensor(means), AsTensor(logvars))
    expect_close("six codes of three numbers", got, 0.5 * (means**2 + np.exp(logvars) - 1.0 - logvars).sum() / 6)
    mean, logvar = np.array([[0.7, -0.3]]), np.array([[0.5, -1.0]])
    z = mean + np.exp(logvar / 2) * np.random.default_rng(7).standard_normal((200_000, 2))
    draws = 0.5 * (z**2 - (z - mean) ** 2 / np.exp(logvar) - logvar).sum(axis=1)
    got = number("kl_divergence", file.kl_divergence(AsTensor(mean), AsTensor(logvar)))
    error = 4.0 * draws.std() / math.sqrt(len(draws))
    expect(abs(got - draws.mean()) < error, f"log q(z) - log p(z) is {draws.mean():.4f} +- {error:.4f} on average, got {got:.4f}")
    return f"{got:.4f}; on average over draws {draws.mean():.4f}"


@exercise.requirement("nats per image")
def nats(file: Remote, rng: np.random.Generator) -> str:
    """A decoder that outputs 1/2 for each pixel costs 14 * 14 * log 2 nats; a batch costs the mean over its images."""
    model = file.VariationalAutoencoder(latent_dim=2)
    shapes = parameters_of(model, "VariationalAutoencoder")
    assign(model, {name: np.zeros(shape) for name, shape in shapes.items()})
    total, terms = loss_of(model, rng.uniform(0.0, 1.0, (5, 14, 14, 1)).astype(np.float32))
    expect(set(terms) == {"reconstruction", "kl"}, f"expected the terms reconstruction and kl, got {sorted(terms)}")
    got, right = terms["reconstruction"], 196 * math.log(2.0)
    hint = {"0.005": "that is the mean over pixels: a likelihood is a sum over them", "5": "that is a sum over the batch"}
    expect(
        math.isclose(got, right, rel_tol=1e-4),
        f"a decoder that says 1/2 everywhere costs {got:.4g} nats, expected 196 log 2 = {right:.4g}",
        hint.get(f"{got / right:.1g}", ""),
    )
    expect_close("the total", total, terms["reconstruction"] + terms["kl"], rtol=1e-4)
    return "196 log 2 where the decoder says 1/2 everywhere"


@exercise.requirement("bound once trained")
def bound(file: Remote, rng: np.random.Generator) -> str:
    """After 400 steps, at most 0.9 times what a model of independent pixels costs; and it uses its codes."""
    train, test = pictures("017", 600, 200, rng)
    model = file.VariationalAutoencoder()
    fit(model, train.images, epochs=40, lr=5e-3)
    total, share, _, terms = expect_bound(model, train, test, 60)
    expect(terms.get("kl", 0.0) >= 1.0, f"the codes carry {terms.get('kl', 0.0):.2f} nats: the decoder ignores them")
    return f"{total:.1f} nats, {share:.2f} of a model of independent pixels"
