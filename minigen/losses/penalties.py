"""What is asked of a network beside its task. Each is a number that does not change when the same batch comes twice over.

`nn.ActivityRegularization` adds the two sparsities to a model's loss; so their formulas stand in `ops`, which layers can
reach. The others make a critic smooth. Each is called with the `DiscriminatorBatch` of a step in progress, and returns its share
of the loss, a mean over the batch of one value for each score; or it changes the critic after the step, with `project`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from minigen import ops
from minigen.autograd import Tensor, grad
from minigen.backend import Array, array_module, random
from minigen.errors import ShapeError
from minigen.nn import Module
from minigen.ops import kl_sparsity, l1_sparsity
from minigen.utils.checks import check_nonnegative, check_positive, check_same_shape
from minigen.utils.settings import Settings, takes_settings

__all__ = [
    "Drift",
    "GradientPenalty",
    "DiscriminatorBatch",
    "Penalty",
    "R1",
    "WeightClipping",
    "gradient_norms",
    "kl_sparsity",
    "l1_sparsity",
    "score_gradients",
]


@dataclass
class DiscriminatorBatch:
    """Real and generated examples and what the critic says of them: what a penalty can look at.

    critic: examples (n, ...) -> scores (n, 1), or (n / m, 1) if it scores m examples together.  real, fake: (n, ...) Tensors.
    real_scores, fake_scores: the critic's, as part of the graph.
    """

    critic: Callable[[Tensor], Tensor]
    real: Tensor
    fake: Tensor
    real_scores: Tensor
    fake_scores: Tensor


class Penalty(Settings):
    """Base of the penalties. `name`: its column in a history. `differentiates_real`: whether it differentiates the scores of
    real examples by these, which must then require a gradient before they are scored."""

    name: ClassVar[str]
    needs_gradient: ClassVar[bool] = False  # whether it is about the critic's gradient, which a BatchNorm would mix up
    differentiates_real: ClassVar[bool] = False
    draws: ClassVar[bool] = False  # whether it takes noise as a second argument, which it draws if there is none

    def __call__(self, batch: DiscriminatorBatch) -> Tensor | None:
        """The penalty's share of the discriminator's loss, weight included; None for one that is not a term of a loss."""

    def project(self, critic: Module) -> None:
        """Change the critic after an update, if that is how the penalty works."""


@takes_settings
@dataclass(frozen=True)
class GradientPenalty(Penalty):
    """The critic's slope shall be `target` on the straight lines between real and generated examples.

        weight * E (||grad_x f(x^)||_2 - target)^2,    x^ = u x + (1 - u) G(z),   u ~ U[0, 1), one for each pair

    The norm is over all axes but the batch's, and its derivative at 0 is taken to be 0. A conditional critic scores x^ beside the
    label of the real example, also where experience replay has exchanged the generated one. Gulrajani et al. 2017, equation 3,
    with their weight of 10 (0.1 for their toys). `resolution`: as in `R1`.
    """

    name = "gradient penalty"
    needs_gradient = draws = True
    weight: float = 10.0
    target: float = 1.0
    resolution: int | None = None

    def __post_init__(self) -> None:
        check_positive("GradientPenalty", weight=self.weight)
        check_nonnegative("GradientPenalty", target=self.target)
        if self.resolution is not None:
            check_positive("GradientPenalty", resolution=self.resolution)

    def __call__(self, batch: DiscriminatorBatch, mix: Array | None = None) -> Tensor:
        """`mix`: the u, one for each score, (n, 1), if they are to be given rather than drawn."""
        n, groups = len(batch.real), len(batch.real_scores)
        check_same_shape("the gradient penalty joins examples pair by pair", real=batch.real, fake=batch.fake)
        if mix is None:
            mix = random.uniform((groups, 1), dtype=batch.real.dtype)
        if mix.shape != (groups, 1):
            raise ShapeError(f"the gradient penalty takes one mix for each score, {(groups, 1)}, got {tuple(mix.shape)}")
        mix = array_module(mix).repeat(mix, n // groups).reshape((n, *(1 for _ in batch.real.shape[1:])))
        between = batch.fake.data + mix * (batch.real.data - batch.fake.data)
        norms = gradient_norms(batch.critic, between) * resolution_scale(batch, self.resolution)
        return self.weight * ops.square(norms - self.target).mean()


@takes_settings
@dataclass(frozen=True)
class R1(Penalty):
    """The discriminator shall be flat at the real examples: gamma / 2 * E ||grad_x D(x)||^2 (Mescheder et al. 2018, equation 9).

    The square is summed over all axes but the batch's. gamma = 10 is their value for images. `resolution`: for networks that
    grow, the pixels a side that gamma is meant for. The gradient by an image of r pixels a side is then that by the same image
    enlarged to them by repeated pixels, r / resolution times as long, for what one pixel says is spread over several. (The
    official code of Progressive GAN and StyleGAN does so by enlarging the images.)
    """

    name = "R1"
    needs_gradient = differentiates_real = True
    gamma: float = 10.0
    resolution: int | None = None

    def __post_init__(self) -> None:
        check_positive("R1", gamma=self.gamma)
        if self.resolution is not None:
            check_positive("R1", resolution=self.resolution)

    def __call__(self, batch: DiscriminatorBatch) -> Tensor:
        gradients = score_gradients(batch.real_scores, batch.real)
        return (
            (0.5 * self.gamma * resolution_scale(batch, self.resolution) ** 2)
            * ops.square(gradients).sum()
            / float(len(gradients))
        )


@takes_settings
@dataclass(frozen=True)
class Drift(Penalty):
    """weight * E D(x)^2 over real examples: a critic that only compares may not drift away from 0 (Karras et al. 2018, A.1)."""

    name = "drift"
    weight: float = 1e-3

    def __post_init__(self) -> None:
        check_positive("Drift", weight=self.weight)

    def __call__(self, batch: DiscriminatorBatch) -> Tensor:
        return self.weight * ops.square(batch.real_scores).mean()


@takes_settings
@dataclass(frozen=True)
class WeightClipping(Penalty):
    """After each update every weight of the critic is brought back to [-limit, limit] (Arjovsky et al. 2017, algorithm 1).

    A crude way to bound its slope; biases are clipped as well.
    """

    name = "weight clipping"
    limit: float = 0.01

    def __post_init__(self) -> None:
        check_positive("WeightClipping", limit=self.limit)

    def project(self, critic: Module) -> None:
        for parameter in critic.parameters():
            parameter.assign(parameter.data.clip(-self.limit, self.limit))


def gradient_norms(critic: Callable[[Tensor], Tensor], x: Array) -> Tensor:
    """||grad_x f(x_i)||_2 of each example, over all its elements: x (n, ...) -> (n,), which can be differentiated by weights.

    `critic` gives one score per example, from that example alone; where it scores m together, the norm is that of the m.
    """
    x = Tensor(x, requires_grad=True)
    return ops.l2norm(score_gradients(critic(x), x), axis=1)


def score_gradients(scores: Tensor, x: Tensor) -> Tensor:
    """The gradient of each score by the examples it rates: scores (n, 1) of x (n, ...) -> (n, elements of an example), a Tensor.

    It comes from one backward pass, from the sum of the scores: so no score may depend on another's examples, as those of a
    critic with BatchNorm do. x is a constant from here on: only the weights are still to be differentiated by.
    """
    x.requires_grad = True  # again, if an earlier penalty has asked for the same examples
    (gradients,) = grad(scores.sum(), [x], create_graph=True)
    x.requires_grad = False  # the most expensive gradient of a network, which nobody will ask for
    return gradients.reshape((len(scores), -1))


def resolution_scale(batch: DiscriminatorBatch, resolution: int | None) -> float:
    """How long the gradient by these images is if they count as enlarged to `resolution` rows of pixels, beside what it is."""
    return 1.0 if resolution is None else batch.real.shape[1] / resolution
