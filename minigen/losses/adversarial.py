"""The losses of generator and discriminator.

Each loss has two methods, one per player. Scores (n, 1) are logits for the losses with labels, a critic's values for the others:
apply no sigmoid before. Every expectation is a mean over the batch; the discriminator's two, over real and over generated
examples, are added (Keras's mean over both halves together is half of that). Both players minimize; each method returns the total
and a dict of its named terms.
"""

from dataclasses import dataclass

import numpy as np

from minigen import ops
from minigen.autograd import TensorLike
from minigen.errors import DtypeError, ShapeError, conversion
from minigen.utils.settings import Settings, takes_settings

Terms = tuple[TensorLike, dict[str, TensorLike]]


class AdversarialLoss(Settings):
    """Base of the losses of two players. `labeled`: whether the discriminator's objective has labels, 1 for real and 0 for
    generated examples, which smoothing and noise may change; its decision is then the closer label."""

    labeled = False
    threshold: float | None = 0.0  # scores above it mean "real"; None if single scores have no meaning

    def discriminator(self, real: TensorLike, fake: TensorLike) -> Terms:
        """What the discriminator minimizes: scores of real examples (n, 1) and of generated ones (m, 1)."""
        raise NotImplementedError(f"{type(self).__name__} has no discriminator()")

    def generator(self, fake: TensorLike) -> Terms:
        """What the generator minimizes: from the scores (n, 1) of its samples."""
        raise NotImplementedError(f"{type(self).__name__} has no generator()")


class LabeledLoss(AdversarialLoss):
    """Base of the losses whose discriminator predicts labels."""

    labeled = True

    def distance(self, scores: TensorLike, target: TensorLike | float) -> TensorLike:
        """How far scores (n, 1) are from their target, a mean over the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no distance()")

    def discriminator(
        self, real: TensorLike, fake: TensorLike, real_target: TensorLike | float = 1.0, fake_target: TensorLike | float = 0.0
    ) -> Terms:
        """distance(D(x), real_target) + distance(D(G(z)), fake_target); a target is a scalar or one per score (n, 1)."""
        check_scores(real, fake)
        real_target, fake_target = checked_target(real, real_target), checked_target(fake, fake_target)
        on_real, on_fake = self.distance(real, real_target), self.distance(fake, fake_target)
        return on_real + on_fake, {"on real": on_real, "on fake": on_fake}


class CrossEntropyLoss(LabeledLoss):
    """Base of the two losses whose discriminator is a logistic regression.

    With targets 1 and 0 it minimizes -E log D(x) - E log(1 - D(G(z))), in nats: at the best discriminator log 4 - 2 JSD(p, q),
    which is 2 log 2 = 1.386 if generated and real examples cannot be distinguished (Goodfellow et al. 2014, equation 6).
    """

    def distance(self, scores: TensorLike, target: TensorLike | float) -> TensorLike:
        """E BCE(scores, target), in nats."""
        return ops.sigmoid_cross_entropy(scores, target).mean()


@takes_settings
@dataclass(frozen=True)
class Minimax(CrossEntropyLoss):
    """The zero-sum game of the first paper: min over G, max over D of E log D(x) + E log(1 - D(G(z))).

        G minimizes  E log(1 - D(G(z))) = -E softplus(score)

    Its gradient vanishes where the discriminator is confident: d/dscore = -sigmoid(score), which is 0 for a fake that is
    recognized. Shares only its fixed point with maximizing E log D(G(z)), `NonSaturating`. Goodfellow et al. 2014, equation 1.
    """

    def generator(self, fake: TensorLike) -> Terms:
        """E log(1 - D(G(z))), at most 0."""
        check_scores(fake)
        loss = -ops.softplus(fake).mean()
        return loss, {"minimax": loss}


@takes_settings
@dataclass(frozen=True)
class NonSaturating(CrossEntropyLoss):
    """The same discriminator; the generator maximizes E log D(G(z)) (Goodfellow et al. 2014, section 3; the chapter's form).

        G minimizes  -E log D(G(z)) = E softplus(-score)

    d/dscore = sigmoid(score) - 1: strongest for a fake that is recognized.
    """

    def generator(self, fake: TensorLike) -> Terms:
        """-E log D(G(z)); log 2 = 0.693 for D = 1/2."""
        check_scores(fake)
        loss = ops.softplus(-fake).mean()
        return loss, {"non-saturating": loss}


@takes_settings
@dataclass(frozen=True)
class LeastSquares(LabeledLoss):
    """Regression on the labels instead of classification (Mao et al. 2017, equation 9, with a = 0, b = c = 1).

    D minimizes  1/2 E (D(x) - 1)^2 + 1/2 E D(G(z))^2,    G minimizes  1/2 E (D(G(z)) - 1)^2
    """

    threshold = 0.5

    def distance(self, scores: TensorLike, target: TensorLike | float) -> TensorLike:
        """Half the mean squared distance."""
        return 0.5 * ops.square(scores - target).mean()

    def generator(self, fake: TensorLike) -> Terms:
        check_scores(fake)
        loss = self.distance(fake, 1.0)
        return loss, {"least squares": loss}


@takes_settings
@dataclass(frozen=True)
class Hinge(AdversarialLoss):
    """A margin on both sides, beyond which the discriminator gets no gradient (Lim & Ye 2017; Miyato et al. 2018, eq. 16, 17).

    D minimizes  E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))),    G minimizes  -E D(G(z))
    """

    def discriminator(self, real: TensorLike, fake: TensorLike) -> Terms:
        check_scores(real, fake)
        on_real, on_fake = ops.relu(1.0 - real).mean(), ops.relu(1.0 + fake).mean()
        return on_real + on_fake, {"on real": on_real, "on fake": on_fake}

    def generator(self, fake: TensorLike) -> Terms:
        check_scores(fake)
        loss = -fake.mean()
        return loss, {"hinge": loss}


@takes_settings
@dataclass(frozen=True)
class Wasserstein(AdversarialLoss):
    """The earth mover's distance, by a critic f that must be 1-Lipschitz (Arjovsky et al. 2017, equation 3).

        f minimizes  E f(G(z)) - E f(x),    G minimizes  -E f(G(z))

    The Lipschitz constraint is not part of the loss: see `WeightClipping`, `GradientPenalty` and `nn.spectral_norm`. The term
    "distance" is E f(x) - E f(G(z)), the estimate of the Wasserstein distance, which falls as the generator learns.
    """

    threshold = None

    def discriminator(self, real: TensorLike, fake: TensorLike) -> Terms:
        check_scores(real, fake)
        loss = fake.mean() - real.mean()
        return loss, {"distance": -loss}

    def generator(self, fake: TensorLike) -> Terms:
        check_scores(fake)
        loss = -fake.mean()
        return loss, {"critic": loss}


def check_scores(*scores: TensorLike) -> None:
    """Raise ShapeError unless these are scores (n, 1) or (n,) of at least one example each."""
    for score in scores:
        shape = tuple(score.shape)
        if len(shape) not in (1, 2) or shape[1:] not in ((), (1,)) or shape[0] < 1:
            raise ShapeError(f"a discriminator gives one score per example, (n, 1) with n at least 1, got {shape}")


def checked_target(score: TensorLike, target: TensorLike | float) -> TensorLike | float:
    """A target that is a scalar, or an array of the shape and dtype of its scores, else an error: (n, 1) against (n,) would
    broadcast to n * n pairs."""
    if isinstance(target, (int, float, np.generic)):
        return float(target)  # a NumPy scalar would change the dtype
    if tuple(target.shape) not in ((), tuple(score.shape)):
        raise ShapeError(f"a target is a number or one per score, {tuple(score.shape)}, got {tuple(target.shape)}")
    if target.dtype != score.dtype:
        raise DtypeError(
            f"scores are {score.dtype}, their targets {target.dtype}: convert the targets with "
            f"{conversion(target.dtype, score.dtype)}"
        )
    return target
