"""Exercise 7: the objectives of a GAN, and a penalty on a gradient, whose training differentiates twice."""

import math

import numpy as np

from minigen.coursework.examples import normal
from minigen.coursework.exercises.tools import Asked, Exercise, expect_close
from minigen.coursework.grading.remote import AsTensor, Network, Remote, assign, gradients, network
from minigen.coursework.grading.report import expect

exercise = Exercise(
    7,
    "A GAN: what both players minimize, and the R1 penalty",
    names=("discriminator_loss", "generator_loss", "r1_penalty"),
    checks=25,
    forbidden=("NonSaturating", "Minimax", "CrossEntropyLoss", "R1", "GradientPenalty", "score_gradients", "gradient_norms"),
    examples=[  # the losses by the scores, the penalty by the critic's parameters
        Asked("discriminator_loss", [(normal(6, 1), normal(4, 1))]),
        Asked("generator_loss", [(normal(6, 1),)]),
        Asked("r1_penalty", [(Network("Critic"), normal(5, 2), 10.0)]),
    ],
)


def scores(*values: float) -> AsTensor:
    """Scores (n, 1), as a Tensor."""
    return AsTensor(np.array(values, dtype=np.float64)[:, None])


@exercise.requirement("discriminator's loss", of="discriminator_loss")
def discriminator(file: Remote, rng: np.random.Generator) -> str:
    """2 log 2 where it cannot tell; the closed form elsewhere; finite where it is sure and wrong."""
    got = file.discriminator_loss(scores(0, 0), scores(0, 0, 0))
    expect_close("all scores 0", got, 2 * math.log(2.0), "the means over real and over generated examples are added")
    real, fake = 2 * rng.standard_normal(4), 2 * rng.standard_normal(3)
    for a, b, said in (([2.0, -1.0], [0.5], "real scores 2 and -1, generated 0.5"), (real, fake, "four and three other scores")):
        expected = np.mean(np.log1p(np.exp(-np.array(a)))) + np.mean(np.log1p(np.exp(b)))
        got = file.discriminator_loss(scores(*a), scores(*b))
        expect_close(said, got, expected, "real: softplus(-score), generated: softplus(score)")
    got = file.discriminator_loss(scores(-1000), scores(1000))
    expect_close("sure and wrong", got, 2000.0, "log(sigmoid(score)) is log(0): softplus is the same, without it")
    return "2 log 2 where all scores are 0"


@exercise.requirement("generator's loss", of="generator_loss")
def generator(file: Remote, rng: np.random.Generator) -> str:
    """log 2 at 0, and a gradient that does not vanish for a recognized fake."""
    expect_close("all scores 0", file.generator_loss(scores(0, 0)), math.log(2.0))
    fake = 2 * rng.standard_normal(5)
    expect_close("five other scores", file.generator_loss(scores(*fake)), np.mean(np.log1p(np.exp(-fake))))
    expect_close("seen through", file.generator_loss(scores(-1000)), 1000.0, "the non-saturating form: -log D(G(z))")
    (g,) = gradients(file.generator_loss, [scores(-20.0)], by=[0])
    expect_close("its derivative where a fake is seen through", g, [[-1.0]], "log(1 - D) saturates there: its derivative is 0")
    return "-log D(G(z)), whose gradient does not die"


@exercise.requirement("R1", of="r1_penalty")
def r1(file: Remote, rng: np.random.Generator) -> str:
    """gamma / 2 times the squared slope; a mean over the examples; differentiable by the critic."""
    line = network(file, "Line", 3.0)
    got = file.r1_penalty(line, scores(1, 2), 10.0)
    expect_close("score = 3 x, gamma = 10", got, 45.0, "gamma / 2 * mean over examples of ||gradient||^2")
    got = file.r1_penalty(line, scores(1, 2, 3, 4), 10.0)
    expect_close(
        "for four examples in place of two",
        got,
        45.0,
        "a mean over the examples, not a sum",
        counts={2: "the examples", 4: "the examples"},
    )
    (by_slope,) = gradients(file.r1_penalty, [line, scores(1, 2), 10.0], by=[line.slope])
    expect_close("its derivative by the slope", by_slope, [[30.0]], "mg.grad(..., create_graph=True)")
    square = network(file, "Square", 1.0)
    squares = file.r1_penalty(square, AsTensor(np.array([[1.0, 2.0], [0.0, 3.0]])), 2.0)
    expect_close(
        "score = |x|^2 at (1, 2) and (0, 3), gamma = 2",
        squares,
        (20.0 + 36.0) / 2,
        "the square is summed over all of an example's numbers",
    )
    x, scale, gamma = rng.standard_normal((4, 3)), float(rng.uniform(0.5, 2.0)), float(rng.uniform(0.5, 2.0))
    got = file.r1_penalty(network(file, "Square", scale), AsTensor(x), gamma)
    expect_close("score = c |x|^2 at four other points", got, gamma / 2 * (4 * scale**2 * (x * x).sum(axis=1)).mean())
    return "gamma / 2 * mean of the squared slope"


def played(file: Remote, gamma: float) -> np.ndarray:
    """Mescheder's smallest GAN: real data is 0, the generator makes the number theta, the critic says slope * x. Its distance
    from the equilibrium (0, 0), step by step, both players descending by turns."""
    theta, slope, line = 1.0, 1.0, network(file, "Line", 1.0)
    distances = []
    for _ in range(400):
        _, by_fake = gradients(file.discriminator_loss, [scores(0.0), scores(slope * theta)], by=[0, 1])
        by_slope = theta * by_fake.sum()
        if gamma:
            assign(line, {"slope": np.array([[slope]])})
            (by_line,) = gradients(file.r1_penalty, [line, scores(0.0), gamma], by=[line.slope])
            by_slope += by_line.sum()
        slope -= 0.1 * float(by_slope)
        (by_fake,) = gradients(file.generator_loss, [scores(slope * theta)], by=[0])
        theta -= 0.1 * slope * float(by_fake.sum())
        distances.append(math.hypot(theta, slope))
    return np.array(distances)


@exercise.requirement("the Dirac GAN")
def dirac(file: Remote, rng: np.random.Generator) -> str:
    """With the penalty the smallest GAN finds its equilibrium; without it, it runs in circles that hardly shrink (Mescheder et
    al. 2018): the losses' own pull toward it is of fourth order."""
    circling, damped = played(file, 0.0), played(file, 1.0)
    expect(
        circling[-100:].mean() > 0.2,
        "without the penalty the players should still circle after 400 steps; they are "
        f"{circling[-100:].mean():.3g} from the equilibrium",
    )
    expect(damped[-1] < 0.01, f"with the penalty the players should meet; after 400 steps they are {damped[-1]:.3g} away")
    return f"after 400 steps {damped[-1]:.1g} from the equilibrium; without the penalty {circling[-100:].mean():.2g}, in circles"
