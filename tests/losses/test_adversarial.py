"""One table of all adversarial losses, and what must hold for each: values against loops and PyTorch, derivatives, errors; then
what the theory says of their best discriminators. A loss that is not in the table fails here."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import minigen as mg
from minigen import losses
from minigen.errors import DtypeError, ShapeError
from minigen.losses import AdversarialLoss, Hinge, LeastSquares, Minimax, NonSaturating, Wasserstein

REAL = np.array([[1.5], [-0.4], [0.3], [-2.2], [3.1]])
FAKE = np.array([[-1.7], [0.6], [2.4]])  # another number of them, so that a mean over both together would be seen


@dataclass(frozen=True)
class Formulas:
    """What one score costs each player, in plain Python."""

    real: Callable[[float], float]
    fake: Callable[[float], float]
    generator: Callable[[float], float]


def sigmoid(s: float) -> float:
    """Through the exponential, as in the definition; good for moderate scores only."""
    return 1.0 / (1.0 + math.exp(-s))


def minus_log(s: float) -> float:
    """-log D, for the logit of D."""
    return -math.log(sigmoid(s))


def minus_log_one_minus(s: float) -> float:
    """-log(1 - D), for the logit of D."""
    return -math.log(1.0 - sigmoid(s))


FORMULAS: dict[AdversarialLoss, Formulas] = {
    Minimax(): Formulas(minus_log, minus_log_one_minus, lambda s: math.log(1.0 - sigmoid(s))),
    NonSaturating(): Formulas(minus_log, minus_log_one_minus, minus_log),
    LeastSquares(): Formulas(lambda s: (s - 1) ** 2 / 2, lambda s: s**2 / 2, lambda s: (s - 1) ** 2 / 2),
    Hinge(): Formulas(lambda s: max(0.0, 1.0 - s), lambda s: max(0.0, 1.0 + s), lambda s: -s),
    Wasserstein(): Formulas(lambda s: -s, lambda s: s, lambda s: -s),
}
EVERY = pytest.mark.parametrize("loss", FORMULAS, ids=repr)
LABELED = pytest.mark.parametrize("loss", [Minimax(), NonSaturating(), LeastSquares()], ids=repr)
CROSS_ENTROPY = pytest.mark.parametrize("loss", [Minimax(), NonSaturating()], ids=repr)


def scores(values: np.ndarray, dtype: str = "float64") -> mg.Tensor:
    """Scores on the current backend, to be differentiated by."""
    return mg.Tensor(mg.asarray(np.asarray(values, dtype)), requires_grad=True)


def test_the_table_names_every_public_adversarial_loss():
    public = [getattr(losses, name) for name in losses.__all__]
    named = {loss for loss in public if isinstance(loss, type) and issubclass(loss, AdversarialLoss)}
    assert {type(loss) for loss in FORMULAS} == named - {AdversarialLoss}


# -- what holds for each -------------------------------------------------------------------------------------------


@EVERY
def test_values_equal_the_loop(loss, backend):
    formulas = FORMULAS[loss]
    total, terms = loss.discriminator(scores(REAL), scores(FAKE))
    on_real = sum(formulas.real(s) for s in REAL[:, 0]) / 5
    on_fake = sum(formulas.fake(s) for s in FAKE[:, 0]) / 3
    assert total.shape == ()
    np.testing.assert_allclose(total.item(), on_real + on_fake, rtol=1e-13)
    if isinstance(loss, Wasserstein):
        assert [term.item() for term in terms.values()] == [-total.item()]
    else:
        np.testing.assert_allclose([term.item() for term in terms.values()], [on_real, on_fake], rtol=1e-13)
    total, terms = loss.generator(scores(FAKE))
    np.testing.assert_allclose(total.item(), sum(formulas.generator(s) for s in FAKE[:, 0]) / 3, rtol=1e-13)
    assert [term.item() for term in terms.values()] == [total.item()]


@EVERY
def test_derivatives_of_both_objectives_to_order_2(loss, backend):
    mg.gradcheck(lambda real, fake: loss.discriminator(real, fake)[0], REAL, FAKE)
    mg.gradcheck(lambda fake: loss.generator(fake)[0], FAKE)


@EVERY
def test_values_and_gradients_are_those_of_torch(loss):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def cross_entropy(s, label):
        return functional.binary_cross_entropy_with_logits(s, torch.full_like(s, label))

    def half_square(s, label):
        return 0.5 * functional.mse_loss(s, torch.full_like(s, label))

    discriminators = {
        LeastSquares(): lambda real, fake: half_square(real, 1.0) + half_square(fake, 0.0),
        Hinge(): lambda real, fake: functional.relu(1 - real).mean() + functional.relu(1 + fake).mean(),
        Wasserstein(): lambda real, fake: fake.mean() - real.mean(),
    }
    generators = {
        Minimax(): lambda fake: -cross_entropy(fake, 0.0),
        NonSaturating(): lambda fake: cross_entropy(fake, 1.0),
        LeastSquares(): lambda fake: half_square(fake, 1.0),
    }
    for method, theirs, arrays in [
        (
            loss.discriminator,
            discriminators.get(loss, lambda real, fake: cross_entropy(real, 1.0) + cross_entropy(fake, 0.0)),
            (REAL, FAKE),
        ),
        (loss.generator, generators.get(loss, lambda fake: -fake.mean()), (FAKE,)),
    ]:
        tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
        expected = theirs(*tensors)
        expected.backward()
        ours = [scores(x) for x in arrays]
        value, _ = method(*ours)
        value.backward()
        np.testing.assert_allclose(value.item(), expected.item(), rtol=1e-12)
        for x, y in zip(ours, tensors):
            np.testing.assert_allclose(x.grad, y.grad.numpy(), rtol=1e-12, atol=1e-15)


@EVERY
def test_flat_scores_give_the_same(loss):
    total, _ = loss.discriminator(scores(REAL[:, 0]), scores(FAKE[:, 0]))
    assert total.item() == loss.discriminator(scores(REAL), scores(FAKE))[0].item()


@EVERY
def test_large_scores_stay_finite_in_float32_and_silent(loss, backend):
    real, fake = scores([[1e4], [-1e4]], "float32"), scores([[-1e4], [1e4]], "float32")
    with np.errstate(all="raise", under="ignore"):
        (total, _), (of_generator, _) = loss.discriminator(real, fake), loss.generator(fake)
        (total + of_generator).backward()
    assert total.dtype == of_generator.dtype == real.grad.dtype == np.float32
    assert math.isfinite(total.item()) and math.isfinite(of_generator.item())
    assert np.isfinite(mg.to_numpy(real.grad)).all() and np.isfinite(mg.to_numpy(fake.grad)).all()


@CROSS_ENTROPY
def test_cross_entropy_of_large_scores_is_exact(loss, backend):
    """A mistake of 10,000 costs 10,000 nats, which is half of a batch of two; a right answer costs nothing."""
    assert loss.discriminator(scores([[1e4], [-1e4]], "float32"), scores([[-1e4], [1e4]], "float32"))[0].item() == 1e4
    assert loss.discriminator(scores([[1e4]], "float32"), scores([[-1e4]], "float32"))[0].item() == 0.0


# -- the two forms of the generator's objective --------------------------------------------------------------------


def slope_for_the_generator(loss: AdversarialLoss, score: float) -> float:
    """d/dscore of what the generator minimizes."""
    fake = scores([[score]])
    loss.generator(fake)[0].backward()
    return fake.grad.item()


@pytest.mark.parametrize("score", [-10.0, -1.0, 0.0, 2.0])
def test_slopes_of_minimax_and_non_saturating(score):
    assert math.isclose(slope_for_the_generator(Minimax(), score), -sigmoid(score), rel_tol=1e-12)
    assert math.isclose(slope_for_the_generator(NonSaturating(), score), sigmoid(score) - 1.0, rel_tol=1e-12)


def test_a_recognized_fake_has_a_gradient_only_in_the_non_saturating_loss():
    """D(G(z)) = sigmoid(-10) = 5e-5: one slope has all but vanished, the other is all but 1."""
    assert abs(slope_for_the_generator(Minimax(), -10.0)) < 5e-5
    assert slope_for_the_generator(NonSaturating(), -10.0) < -0.9999


def test_minimax_is_the_zero_sum_game():
    """The generator's gradient is the discriminator's own, turned round."""
    fake = scores(FAKE)
    (Minimax().generator(fake)[0] + Minimax().discriminator(scores(REAL), fake)[0]).backward()
    np.testing.assert_array_equal(fake.grad, 0.0)


def test_the_non_saturating_loss_of_an_undecided_discriminator_is_log_2():
    assert math.isclose(NonSaturating().generator(scores(np.zeros((3, 1))))[0].item(), math.log(2.0), rel_tol=1e-15)


# -- targets -------------------------------------------------------------------------------------------------------


@LABELED
def test_values_with_smoothed_targets_equal_the_loop(loss, backend):
    def cost(s: float, target: float) -> float:
        if isinstance(loss, LeastSquares):
            return (s - target) ** 2 / 2
        return target * minus_log(s) + (1 - target) * minus_log_one_minus(s)

    total, _ = loss.discriminator(scores(REAL), scores(FAKE), 0.9, 0.1)
    expected = sum(cost(s, 0.9) for s in REAL[:, 0]) / 5 + sum(cost(s, 0.1) for s in FAKE[:, 0]) / 3
    np.testing.assert_allclose(total.item(), expected, rtol=1e-13)
    targets = np.array([[1.0], [0.0], [0.9], [0.7], [1.0]]), np.array([[0.0], [1.0], [0.2]])  # two of them flipped
    total, _ = loss.discriminator(scores(REAL), scores(FAKE), *map(mg.asarray, targets))
    expected = sum(map(cost, REAL[:, 0], targets[0][:, 0])) / 5 + sum(map(cost, FAKE[:, 0], targets[1][:, 0])) / 3
    np.testing.assert_allclose(total.item(), expected, rtol=1e-13)


@LABELED
def test_derivatives_with_targets_of_their_own_to_order_2(loss, backend):
    """By the targets too."""
    targets = [np.random.default_rng(0).random(x.shape) for x in (REAL, FAKE)]
    mg.gradcheck(lambda *scores_and_targets: loss.discriminator(*scores_and_targets)[0], REAL, FAKE, *targets)


@LABELED
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_numpy_scalar_is_a_target_like_a_python_number(loss, dtype):
    for kind in (np.float32, np.float64):
        total, _ = loss.discriminator(scores(REAL, dtype), scores(FAKE, dtype), kind(0.75), kind(0.25))
        expected, _ = loss.discriminator(scores(REAL, dtype), scores(FAKE, dtype), 0.75, 0.25)
        assert total.dtype == dtype and total.numpy() == expected.numpy()


@LABELED
def test_targets_of_another_shape_or_dtype_are_refused(loss):
    """(n, 1) against (n,) would broadcast to n * n pairs."""
    with pytest.raises(ShapeError, match=r"a target is a number or one per score, \(5, 1\), got \(5,\)"):
        loss.discriminator(scores(REAL), scores(FAKE), np.ones(5))
    with pytest.raises(ShapeError, match=r"one per score, \(3, 1\), got \(5, 1\)"):
        loss.discriminator(scores(REAL), scores(FAKE), 1.0, np.ones((5, 1)))
    with pytest.raises(DtypeError, match=r"scores are float32, their targets float64: .* x\.astype\('float32'\)"):
        loss.discriminator(scores(REAL, "float32"), scores(FAKE, "float32"), np.ones((5, 1)))


def test_thresholds_lie_between_the_labels():
    """A logit of 0 is a probability of 1/2; a regression is halfway from 0 to 1; a critic's value alone decides nothing."""
    assert {type(loss): (loss.labeled, loss.threshold) for loss in FORMULAS} == {
        Minimax: (True, 0.0),
        NonSaturating: (True, 0.0),
        LeastSquares: (True, 0.5),
        Hinge: (False, 0.0),
        Wasserstein: (False, None),
    }


def test_the_names_of_the_terms():
    """The columns of a history."""
    assert {
        type(loss): (*loss.discriminator(scores(REAL), scores(FAKE))[1], *loss.generator(scores(FAKE))[1]) for loss in FORMULAS
    } == {
        Minimax: ("on real", "on fake", "minimax"),
        NonSaturating: ("on real", "on fake", "non-saturating"),
        LeastSquares: ("on real", "on fake", "least squares"),
        Hinge: ("on real", "on fake", "hinge"),
        Wasserstein: ("distance", "critic"),
    }


# -- the best discriminators: batches that have the distributions p and q exactly ------------------------------------

P, Q = np.array([1, 2, 5, 0, 8]) / 16, np.array([4, 2, 1, 8, 1]) / 16  # over five points, one of which is never real


def batch(logits: np.ndarray, distribution: np.ndarray) -> mg.Tensor:
    """The scores of 16 examples that are distributed exactly as they should be."""
    return scores(np.repeat(logits, np.round(16 * distribution).astype(int))[:, None])


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p || q) in nats."""
    return sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist()) if a)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """JSD(p, q) in nats."""
    return (divergence(p, (p + q) / 2) + divergence(q, (p + q) / 2)) / 2


def slopes_by_point(loss: AdversarialLoss, values: np.ndarray, *targets: float) -> np.ndarray:
    """The derivative of the discriminator's objective by its score at each point."""
    at_points = scores(values)
    everyone = [at_points[np.repeat(np.arange(5), np.round(16 * d).astype(int))] for d in (P, Q)]
    loss.discriminator(*everyone, *targets)[0].backward()
    return at_points.grad


@CROSS_ENTROPY
def test_the_best_discriminator_measures_the_jensen_shannon_divergence(loss):
    """D* = p / (p + q) reaches log 4 - 2 JSD(p, q); a logit of -40 stands for the 0 at the point that is never real."""
    with np.errstate(divide="ignore"):
        best = np.maximum(np.log(P / Q), -40.0)
    total, _ = loss.discriminator(batch(best, P), batch(best, Q))
    np.testing.assert_allclose(total.item(), math.log(4) - 2 * jensen_shannon(P, Q), rtol=1e-14)
    np.testing.assert_allclose(slopes_by_point(loss, best), 0.0, atol=1e-16)


@CROSS_ENTROPY
def test_if_generated_examples_are_like_real_ones_the_best_discriminator_pays_2_log_2(loss):
    total, _ = loss.discriminator(batch(np.zeros(5), P), batch(np.zeros(5), P))
    assert math.isclose(total.item(), 2 * math.log(2), rel_tol=1e-15)


@CROSS_ENTROPY
@pytest.mark.parametrize(("mean", "std"), [(1.5, 1.0), (0.7, 2.0)])
def test_the_best_discriminator_of_two_gaussians_by_quadrature(loss, mean, std):
    """N(0, 1) against N(mean, std^2); where the variances are equal, the best logit is the line mean^2 / 2 - mean x."""
    x = np.linspace(-16.0, 16.0, 321)
    log_p, log_q = -(x**2) / 2, -(((x - mean) / std) ** 2) / 2 - math.log(std)
    if std == 1.0:
        np.testing.assert_allclose(log_p - log_q, mean**2 / 2 - mean * x, atol=1e-12)
    p, q = (np.exp(log) * (x[1] - x[0]) / math.sqrt(2 * math.pi) for log in (log_p, log_q))
    np.testing.assert_allclose([p.sum(), q.sum()], 1.0, rtol=1e-12)
    value = 0.0
    for logit, weight, other in zip(log_p - log_q, p, q):  # the loss of a single score, weighted with how often it comes
        _, terms = loss.discriminator(scores([[logit]]), scores([[logit]]))
        value += weight * terms["on real"].item() + other * terms["on fake"].item()
    assert math.isclose(value, math.log(4) - 2 * jensen_shannon(p, q), abs_tol=1e-12)


@CROSS_ENTROPY
@pytest.mark.parametrize(("alpha", "beta"), [(0.9, 0.0), (0.9, 0.1)])
def test_the_best_discriminator_of_smoothed_labels(loss, alpha, beta):
    """(alpha p + beta q) / (p + q): with beta above 0 it says "perhaps" where nothing real is, at the fourth point."""
    best = (alpha * P + beta * Q) / (P + Q)
    logits = np.log(np.maximum(best, 1e-18)) - np.log1p(-best)
    np.testing.assert_allclose(slopes_by_point(loss, logits, alpha, beta), 0.0, atol=1e-16)
    assert math.isclose(best[3], beta)


@pytest.mark.parametrize(("b", "a"), [(1.0, 0.0), (0.9, 0.1), (1.0, -1.0)])
def test_the_best_discriminator_of_least_squares(b, a):
    """(b p + a q) / (p + q), with the label b of real and a of generated examples (Mao et al. 2017, equation 5)."""
    np.testing.assert_allclose(slopes_by_point(LeastSquares(), (b * P + a * Q) / (P + Q), b, a), 0.0, atol=1e-16)


def test_hinge_has_no_gradient_beyond_its_margin():
    real, fake = scores([[1.2], [0.8], [-3.0]]), scores([[-1.2], [-0.8], [3.0]])
    Hinge().discriminator(real, fake)[0].backward()
    np.testing.assert_allclose(real.grad[:, 0], [0, -1 / 3, -1 / 3], rtol=1e-15)
    np.testing.assert_allclose(fake.grad[:, 0], [0, 1 / 3, 1 / 3], rtol=1e-15)


def test_the_critic_f_of_x_equal_x_measures_the_distance_of_two_points():
    """f(x) = x is 1-Lipschitz, and the distance of two point masses at 3 and at 1 is 2."""
    _, terms = Wasserstein().discriminator(scores([[3.0]]), scores([[1.0]]))
    assert terms["distance"].item() == 2.0


# -- errors ----------------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("shape", [(4, 2), (0, 1), (), (2, 1, 1)])
def test_anything_but_one_score_per_example_is_refused(loss, shape):
    wrong = mg.Tensor(np.zeros(shape, np.float32))
    right = mg.Tensor(np.zeros((4, 1), np.float32))
    for call in (
        lambda: loss.discriminator(wrong, right),
        lambda: loss.discriminator(right, wrong),
        lambda: loss.generator(wrong),
    ):
        with pytest.raises(ShapeError) as caught:
            call()
        assert str(caught.value) == f"a discriminator gives one score per example, (n, 1) with n at least 1, got {shape}"


def test_a_loss_without_objectives_says_so():
    class Unfinished(AdversarialLoss):
        pass

    with pytest.raises(NotImplementedError, match=r"Unfinished has no discriminator\(\)"):
        Unfinished().discriminator(scores(REAL), scores(FAKE))
    with pytest.raises(NotImplementedError, match=r"Unfinished has no generator\(\)"):
        Unfinished().generator(scores(FAKE))
