"""Exercise 7, solved."""

import minigen as mg

EXERCISE = 7


def discriminator_loss(real, fake):
    """What the discriminator minimizes, a mean over each kind. real: scores (n, 1), fake: scores (m, 1) -> one number, in
    nats."""
    return mg.softplus(-real).mean() + mg.softplus(fake).mean()


def generator_loss(fake):
    """What the generator minimizes, a mean over its examples. fake: scores (m, 1) -> one number, in nats."""
    return mg.softplus(-fake).mean()


def r1_penalty(discriminator, real, gamma):
    """The penalty, a mean over the examples. discriminator: examples -> scores (n, 1); real: a Tensor (n, ...) -> one number."""
    x = mg.Tensor(real.data, requires_grad=True)
    (slopes,) = mg.grad(discriminator(x).sum(), [x], create_graph=True)
    return 0.5 * gamma * (slopes * slopes).sum() / float(len(real))
