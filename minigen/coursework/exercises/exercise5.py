"""Exercise 5: a regularizer, and the model that it makes sparse."""

import math

import numpy as np

from minigen.coursework.examples import unit
from minigen.coursework.exercises.tools import Asked, Exercise, expect_close, pictures
from minigen.coursework.grading.remote import AsTensor, Remote, fetched, fit, loss_of, number, numbers
from minigen.coursework.grading.report import expect

TARGET = 0.1
exercise = Exercise(
    5,
    "A sparse autoencoder: the KL divergence that keeps units quiet",
    names=("kl_sparsity", "SparseAutoencoder"),
    checks=21,
    forbidden=("kl_sparsity", "l1_sparsity", "ActivityRegularization", "SparseAutoencoder"),
    seconds=120.0,
    examples=[  # the regularizer by its codes, the model by its parameters
        Asked("kl_sparsity", [(unit(6, 4), TARGET)]),
        Asked("SparseAutoencoder", [(unit(3, 14, 14, 1),)], "model", settings={"codes": 5}),
    ],
)


def divergence(p: float, target: float) -> float:
    """KL(Bernoulli(target) || Bernoulli(p))."""
    return target * math.log(target / p) + (1 - target) * math.log((1 - target) / (1 - p))


@exercise.requirement("values", of="kl_sparsity")
def values(file: Remote, rng: np.random.Generator) -> str:
    """The closed form: 0 if every unit is on as often as it should be."""
    on_target = np.full((4, 3), TARGET)
    expect_close("units that are on as often as they should be", file.kl_sparsity(AsTensor(on_target), TARGET), 0.0)
    codes = np.full((4, 3), 0.5)
    got = file.kl_sparsity(AsTensor(codes), TARGET)
    expect_close(
        "three units, each on half of the time",
        got,
        3 * divergence(0.5, TARGET),
        "a sum over the units",
        counts={3: "the units", 4: "the batch"},
    )
    codes = rng.uniform(0.1, 0.9, (5, 4))
    expected = sum(divergence(p, 0.2) for p in codes.mean(axis=0))
    expect_close(
        "kl_sparsity(codes, 0.2)",
        file.kl_sparsity(AsTensor(codes), 0.2),
        expected,
        "p_j is the mean of unit j over the batch: the mean comes first, then the logarithm",
    )
    return "a sum over units of the divergence of their means"


@exercise.requirement("the batch twice", on="kl_sparsity")
def twice(file: Remote, rng: np.random.Generator) -> str:
    """It depends on the batch only through the means."""
    codes = rng.uniform(0.1, 0.9, (5, 4))
    once = numbers("kl_sparsity", file.kl_sparsity(AsTensor(codes), TARGET))
    expect_close("the same batch twice over", file.kl_sparsity(AsTensor(np.concatenate([codes, codes])), TARGET), once)
    return "costs the same"


@exercise.requirement("a dead unit", on="kl_sparsity")
def dead(file: Remote, rng: np.random.Generator) -> str:
    """A unit that is off for a whole batch costs much, and is not NaN."""
    codes = np.full((4, 2), 0.3)
    codes[:, 1] = 0.0
    cost = number("kl_sparsity", file.kl_sparsity(AsTensor(codes), TARGET))
    expect(
        math.isfinite(cost) and cost > 1.0,
        f"a unit that is off for a whole batch costs {cost}, expected a number above 1",
        "" if math.isfinite(cost) else "log(0): keep p and 1 - p above a tiny number, minigen.clip(p, low=1e-6)",
    )
    return f"costs {cost:.2f}, not infinitely much"


@exercise.requirement("terms")
def terms(file: Remote, rng: np.random.Generator) -> str:
    """The total is reconstruction + weight * sparsity."""
    model = file.SparseAutoencoder(codes=8)
    x = rng.uniform(0.0, 1.0, (6, 14, 14, 1)).astype(np.float32)
    total, named = loss_of(model, x)
    expect(set(named) == {"reconstruction", "sparsity"}, f"expected the terms reconstruction and sparsity, got {sorted(named)}")
    codes = numbers("encode(x)", model.encode(x))
    target, weight = number("target", fetched(model.target)), number("weight", fetched(model.weight))
    expect_close("the term sparsity", named["sparsity"], file.kl_sparsity(AsTensor(codes), target), rtol=1e-4)
    expect_close(
        "the total",
        total,
        named["reconstruction"] + weight * named["sparsity"],
        "reconstruction + self.weight * sparsity",
        rtol=1e-4,
    )
    return "reconstruction + weight * sparsity"


@exercise.requirement("sparse once trained")
def sparse(file: Remote, rng: np.random.Generator) -> str:
    """After 300 steps the mean activation on training images is 0.1 +- 0.03, and held-out images are reconstructed."""
    train, test = pictures("017", 600, 200, rng)
    model = file.SparseAutoencoder()
    fit(model, train.images, epochs=30, lr=1e-2)
    activation = float(numbers("encode(x)", model.encode(train.images)).mean())
    logits = numbers("the model's result", model(test.images))
    expect(logits.shape == test.images.shape, f"images {test.images.shape} became logits {logits.shape}")
    rebuilt = 1.0 / (1.0 + np.exp(-logits))
    error, mean_image = np.mean((rebuilt - test.images) ** 2), np.mean((train.images.mean(axis=0) - test.images) ** 2)
    expect(
        abs(activation - TARGET) <= 0.03,
        f"the mean activation is {activation:.3f}, expected 0.1 +- 0.03",
        "too large: the penalty has no effect; near 0: its sign or its target is wrong",
    )
    ratio = error / mean_image
    expect(ratio <= 0.5, f"the squared error is {ratio:.2f} of that of the mean image, expected at most 0.5")
    return f"mean activation {activation:.3f}; squared error {ratio:.2f} of that of the mean image"
