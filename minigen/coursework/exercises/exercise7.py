"""Exercise 7: the objectives of a GAN, and a penalty on a gradient, whose training differentiates twice."""

import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

import minigen as mg
from minigen import nn
from minigen.autograd import Parameter, Tensor, grad
from minigen.backend import seed
from minigen.coursework.examples import normal
from minigen.coursework.exercises import expect, expect_close, numbers, requirement

TITLE = "A GAN: what both players minimize, and the R1 penalty"
SECONDS = 60.0
NAMES = ("discriminator_loss", "generator_loss", "r1_penalty")
FORBIDDEN = ("NonSaturating", "Minimax", "R1", "score_gradients", "gradient_norms")


class Critic(nn.Module):
    """Points (n, 2) -> scores (n, 1)."""

    def __init__(self) -> None:
        seed(3)
        self.hidden, self.out = nn.Dense(2, 5, activation="tanh"), nn.Dense(5, 1)

    def forward(self, x: Any) -> Any:
        return self.out(self.hidden(x))


class Line(nn.Module):
    """score = slope * x, of points on a line (n, 1)."""

    def __init__(self, slope: float):
        self.slope = Parameter(np.array([[slope]]))

    def forward(self, x: Any) -> Any:
        return x @ self.slope


def examples(file: ModuleType) -> Iterator[Any]:
    """The losses by the scores, the penalty by the critic's parameters."""
    yield file.discriminator_loss, (normal(6, 1), normal(4, 1))
    yield file.generator_loss, (normal(6, 1),)
    yield file.r1_penalty, (Critic(), normal(5, 2), 10.0)


def scores(*values: float) -> Tensor:
    """Scores (n, 1)."""
    return Tensor(np.array(values, dtype=np.float64)[:, None])


@requirement("discriminator's loss")
def discriminator(file: ModuleType) -> str:
    """2 log 2 where it cannot tell; the closed form elsewhere; finite where it is sure and wrong."""
    expect_close("all scores 0", file.discriminator_loss(scores(0, 0), scores(0, 0, 0)), 2 * math.log(2.0),
                 "the means over real and over generated examples are added")
    expected = np.mean(np.log1p(np.exp([-2.0, 1.0]))) + np.log1p(np.exp(0.5))
    expect_close("real scores 2 and -1, generated 0.5", file.discriminator_loss(scores(2, -1), scores(0.5)), expected,
                 "real: softplus(-score), generated: softplus(score)")
    expect_close("sure and wrong", file.discriminator_loss(scores(-1000), scores(1000)), 2000.0,
                 "log(sigmoid(score)) is log(0): softplus is the same, without it")
    return "2 log 2 where all scores are 0"


@requirement("generator's loss")
def generator(file: ModuleType) -> str:
    """log 2 at 0, and a gradient that does not die where the fake is seen through."""
    expect_close("all scores 0", file.generator_loss(scores(0, 0)), math.log(2.0))
    expect_close("seen through", file.generator_loss(scores(-1000)), 1000.0, "the non-saturating form: -log D(G(z))")
    fake = Tensor(np.array([[-20.0]]), requires_grad=True)
    (g,) = grad(file.generator_loss(fake), [fake])
    expect_close("its derivative where a fake is seen through", g, [[-1.0]], "log(1 - D) saturates there: its derivative is 0")
    return "-log D(G(z)), whose gradient does not die"


@requirement("R1")
def r1(file: ModuleType) -> str:
    """gamma / 2 times the squared slope; a mean over the examples; differentiable by the critic."""
    line = Line(3.0)
    expect_close("score = 3 x, gamma = 10", file.r1_penalty(line, scores(1, 2), 10.0), 45.0,
                 "gamma / 2 * mean over examples of ||gradient||^2")
    expect_close("for four examples in place of two", file.r1_penalty(line, scores(1, 2, 3, 4), 10.0), 45.0,
                 "a mean over the examples, not a sum")
    (by_slope,) = grad(file.r1_penalty(line, scores(1, 2), 10.0), [line.slope])
    expect_close("its derivative by the slope", by_slope, [[30.0]], "mg.grad(..., create_graph=True)")
    squares = file.r1_penalty(lambda x: (x * x).sum(axis=1, keepdims=True), Tensor(np.array([[1.0, 2.0], [0.0, 3.0]])), 2.0)
    expect_close("score = |x|^2 at (1, 2) and (0, 3), gamma = 2", squares, (20.0 + 36.0) / 2,
                 "the square is summed over all of an example's numbers")
    return "gamma / 2 * mean of the squared slope"


def played(file: ModuleType, gamma: float) -> np.ndarray:
    """Mescheder's smallest GAN: real data is 0, the generator makes the number theta, the critic says slope * x. Its distance
    from the equilibrium (0, 0), step by step, both players descending by turns."""
    theta, line = Parameter(np.array([[1.0]])), Line(1.0)
    distances = []
    for _ in range(400):
        real = Tensor(np.zeros((1, 1)))
        loss = file.discriminator_loss(line(real), line(theta.detach()))
        if gamma:
            loss = loss + file.r1_penalty(line, real, gamma)
        line.slope.assign(line.slope.data - 0.1 * grad(loss, [line.slope])[0].data)
        theta.assign(theta.data - 0.1 * grad(file.generator_loss(line(theta)), [theta])[0].data)
        distances.append(math.hypot(float(numbers(theta).item()), float(numbers(line.slope).item())))
    return np.array(distances)


@requirement("the Dirac GAN")
def dirac(file: ModuleType) -> str:
    """With the penalty the smallest GAN finds its equilibrium; without it, it runs in circles that hardly shrink (Mescheder et
    al. 2018): the losses' own pull towards it is of fourth order."""
    mg.use("numpy")
    circling, damped = played(file, 0.0), played(file, 1.0)
    expect(circling[-100:].mean() > 0.2, "without the penalty the players should still circle after 400 steps; they are "
           f"{circling[-100:].mean():.3g} from the equilibrium")
    expect(damped[-1] < 0.01, f"with the penalty the players should meet; after 400 steps they are {damped[-1]:.3g} away")
    return f"after 400 steps {damped[-1]:.1g} from the equilibrium; without the penalty {circling[-100:].mean():.2g}, in circles"
