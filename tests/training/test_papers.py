"""The papers' algorithms in plain NumPy, their gradients derived by hand, beside the trainer: a linear game, every update of it.

G(z) = z W + b,   D(x) = x v + c
"""

import numpy as np
import pytest

from minigen import losses, optim
from minigen.models.gans import points
from minigen.training.gans.remedies import LabelSmoothing
from tests.training.gans.players import QUIET, game

RATE, BATCH, STEPS = 0.1, 4, 3


def sigmoid(s):
    return 1.0 / (1.0 + np.exp(-s))


# loss -> (what D's loss changes with the score of a real example, with that of a fake; what G's loss changes with that of a fake)
SLOPES = {
    losses.Minimax(): (lambda s: sigmoid(s) - 1.0, lambda s: sigmoid(s), lambda s: -sigmoid(s)),  # Goodfellow et al. 2014
    losses.NonSaturating(): (lambda s: sigmoid(s) - 1.0, lambda s: sigmoid(s), lambda s: sigmoid(s) - 1.0),
    losses.LeastSquares(): (lambda s: s - 1.0, lambda s: s, lambda s: s - 1.0),  # Mao et al. 2017, eq. 9
    losses.Hinge(): (
        lambda s: -1.0 * (s < 1),
        lambda s: 1.0 * (s > -1),
        lambda s: -np.ones_like(s),
    ),  # Miyato et al. 2018, eq. 16
    losses.Wasserstein(): (lambda s: -np.ones_like(s), lambda s: np.ones_like(s), lambda s: -np.ones_like(s)),
}


def played(start, real, latent, slopes, discriminator_steps=1, generator_steps=1, penalty=None, limit=None, decay=None):
    """W, b, v, c after the game, and the moving averages of W and b.

    penalty(v, scores of real) -> what it adds to the gradients by v and by these scores.
    """
    W, b, v, c = start
    average, updates = [W, b], 0
    for _ in range(STEPS):
        for _ in range(discriminator_steps):
            fake = next(latent) @ W + b
            by_real, by_fake = slopes[0](real @ v + c) / BATCH, slopes[1](fake @ v + c) / BATCH
            by_v = 0.0
            if penalty is not None:
                by_v, further = penalty(v, real @ v + c)
                by_real = by_real + further / BATCH
            v, c = v - RATE * (real.T @ by_real + fake.T @ by_fake + by_v), c - RATE * (by_real.sum() + by_fake.sum())
            if limit is not None:
                v, c = np.clip(v, -limit, limit), np.clip(c, -limit, limit)
        for _ in range(generator_steps):
            z = next(latent)
            by_fake = slopes[2]((z @ W + b) @ v + c) / BATCH @ v.T
            W, b = W - RATE * z.T @ by_fake, b - RATE * by_fake.sum(axis=0)
            if decay is not None:
                d = min(decay, (1 + updates) / (10 + updates))
                average, updates = [d * a + (1 - d) * w for a, w in zip(average, (W, b))], updates + 1
    return W, b, v, c, *average


def both(loss, slopes=None, penalty=None, limit=None, **options):
    """What the trainer ends with, and what the algorithm does: the same start, the same latent vectors in the same order."""
    made = []

    class Generator(points.Generator):
        def latent(self, n):
            made.append(super().latent(n))
            return made[-1]

    networks = Generator(2, hidden=2, layers=0).astype("float64"), points.Discriminator(hidden=2, layers=0).astype("float64")
    trainer = game(networks, optimizer=lambda parameters: optim.SGD(parameters, lr=RATE), loss=loss, **options)
    start = [p.data.copy() for network in networks for p in network.parameters()]
    real = np.random.default_rng(3).standard_normal((BATCH, 2)) + 1.0  # one batch is all of them: whatever their order
    made.clear()
    trainer.fit(real, steps=STEPS, **QUIET)
    arguments = {name: options[name] for name in ("discriminator_steps", "generator_steps") if name in options}
    expected = played(
        start, real, iter(made), slopes or SLOPES[loss], penalty=penalty, limit=limit, decay=options.get("ema"), **arguments
    )
    networks = (trainer.generator, trainer.discriminator, *((trainer.average.average,) if trainer.average else ()))
    assert len(made) == STEPS * (options.get("discriminator_steps", 1) + options.get("generator_steps", 1))
    return [p.data for network in networks for p in network.parameters()], expected


def assert_near(ours, theirs):
    """Up to rounding."""
    for actual, expected in zip(ours, theirs):
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("discriminator_steps", "generator_steps"), [(1, 1), (3, 1), (1, 2)])
@pytest.mark.parametrize("loss", SLOPES, ids=lambda loss: type(loss).__name__)
def test_algorithm_1_of_the_first_paper_with_every_loss(loss, discriminator_steps, generator_steps):
    """Goodfellow et al. 2014: k steps of D, each with new fakes, then G's by the D that came of them."""
    assert_near(*both(loss, discriminator_steps=discriminator_steps, generator_steps=generator_steps))


def test_wgan_clips_after_each_of_five_steps_of_the_critic():
    """Arjovsky et al. 2017, algorithm 1 (with plain gradient descent)."""
    assert_near(*both(losses.Wasserstein(), limit=0.05, penalties=[losses.WeightClipping(0.05)], discriminator_steps=5))


def test_wgan_gp_with_drift_is_the_papers_algorithm():
    """Gulrajani et al. 2017, algorithm 1; Karras et al. 2018, A.1: 10 (|v| - 1)^2, whatever x^ is, and 0.001 E D(x)^2."""

    def penalty(v, scores):
        return 20.0 * (np.linalg.norm(v) - 1.0) * v / np.linalg.norm(v), 0.002 * scores

    assert_near(
        *both(losses.Wasserstein(), penalty=penalty, penalties=[losses.GradientPenalty(), losses.Drift()], discriminator_steps=2)
    )


def test_r1_is_of_real_examples():
    """Mescheder et al. 2018, equation 9: gamma / 2 |v|^2 of a linear discriminator."""
    assert_near(*both(losses.NonSaturating(), penalty=lambda v, scores: (3.0 * v, 0.0), penalties=[losses.R1(3.0)]))


def test_smoothing_is_one_sided():
    """Salimans et al. 2016, section 3.4: 0.9 for real examples, 0 for fakes, and G's loss as it was."""
    slopes = (lambda s: sigmoid(s) - 0.9, *SLOPES[losses.NonSaturating()][1:])
    assert_near(*both(losses.NonSaturating(), slopes, remedies=[LabelSmoothing()]))


def test_the_average_follows_every_step_of_the_generator():
    """Karras et al. 2018, section 6, with the warm-up of the decay that minigen has."""
    ours, theirs = both(losses.NonSaturating(), ema=0.15, generator_steps=2)
    assert len(ours) == len(theirs) == 6
    assert_near(ours, theirs)
