"""Penalties that make a critic smooth. Each is a scalar that does not change when the batch is repeated.

Each is called with the `DiscriminatorBatch` of a step in progress, and returns its share of the loss, a mean over the batch of
one value per score; or it changes the critic after the step, with `project`. (The penalties of sparse codes are in `ops`, which
layers can import: `nn.ActivityRegularization` adds them to a model's loss.)

A penalty that differentiates twice costs more than the rest of the critic's step. It can be *lazy*, as in StyleGAN2 (Karras et
al. 2020, section 3.1): with `every=k` it is part of the first of each k updates of the critic only, and k times as strong. The
mean of the gradients of k updates stays the same. Their variance grows, and Adam, which divides by root mean squares, takes
somewhat smaller steps. (The authors' code makes an update of its own of the penalty, k + 1 in place of k updates, and for them
adapts Adam's rate and decays by k / (k + 1). Here it is added to the loss of an update: there is nothing to adapt.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from minigen import ops
from minigen.autograd import Tensor, grad
from minigen.backend import Array, array_module, random
from minigen.errors import ShapeError
from minigen.nn import Module
from minigen.utils.checks import check_nonnegative, check_positive, check_same_shape, is_whole
from minigen.utils.settings import Settings, takes_settings


@dataclass
class DiscriminatorBatch:
    """Real and generated examples and their scores: the input of a penalty.

    critic: examples (n, ...) -> scores (n, 1), or (n / m, 1) if it scores m examples together.  real, fake: (n, ...) Tensors.
    real_scores, fake_scores: the critic's, as part of the graph.
    """

    critic: Callable[[Tensor], Tensor]
    real: Tensor
    fake: Tensor
    real_scores: Tensor
    fake_scores: Tensor


class Penalty(Settings):
    """Base of the penalties. `name`: its column in a history. `differentiates_real`: whether it differentiates the scores of real
    examples with respect to the examples, which must then require a gradient before they are scored. `every`: of how many updates
    of the critic it is part of the first, `every` times as strong."""

    name: ClassVar[str]
    needs_gradient: ClassVar[bool] = False  # whether it uses the gradients of single examples, which a BatchNorm would mix
    differentiates_real: ClassVar[bool] = False
    draws: ClassVar[bool] = False  # whether it takes noise as a second argument, by default drawn
    every: int = 1

    def due(self, updates: int) -> bool:
        """Whether it is part of the critic's next update, after so many."""
        return updates % self.every == 0

    def __call__(self, batch: DiscriminatorBatch) -> Tensor | None:
        """The penalty's share of the discriminator's loss, weight and `every` included; None if it is not a term of a loss."""

    def project(self, critic: Module) -> None:
        """Change the critic after an update, if the penalty works that way."""


@takes_settings
@dataclass(frozen=True)
class GradientPenalty(Penalty):
    """Pushes the critic's slope to `target` on the straight lines between real and generated examples.

        weight * E (||grad_x f(x^)||_2 - target)^2,    x^ = u x + (1 - u) G(z),   u ~ U[0, 1), one for each pair

    The norm is over all axes but the batch's, and its derivative at 0 is taken to be 0. A conditional critic scores x^ with the
    label of the real example, even if experience replay has replaced the generated one. Gulrajani et al. 2017, equation 3, with
    their weight of 10 (0.1 for their toys). `resolution`: as in `R1`. `every`: lazy if above 1, see this module.
    """

    name = "gradient penalty"
    needs_gradient = draws = True
    weight: float = 10.0
    target: float = 1.0
    resolution: int | None = None
    every: int = 1

    def __post_init__(self) -> None:
        check_every(self)
        check_positive("GradientPenalty", weight=self.weight)
        check_nonnegative("GradientPenalty", target=self.target)
        if self.resolution is not None:
            check_positive("GradientPenalty", resolution=self.resolution)

    def __call__(self, batch: DiscriminatorBatch, mix: Array | None = None) -> Tensor:
        """`mix`: the u, one per score, (n, 1); by default drawn."""
        n, groups = len(batch.real), len(batch.real_scores)
        check_same_shape("the gradient penalty joins examples pair by pair", real=batch.real, fake=batch.fake)
        if mix is None:
            mix = random.uniform((groups, 1), dtype=batch.real.dtype)
        if mix.shape != (groups, 1):
            raise ShapeError(f"the gradient penalty takes one mix per score, {(groups, 1)}, got {tuple(mix.shape)}")
        mix = array_module(mix).repeat(mix, n // groups).reshape((n, *(1 for _ in batch.real.shape[1:])))
        between = batch.fake.data + mix * (batch.real.data - batch.fake.data)
        norms = gradient_norms(batch.critic, between) * resolution_scale(batch, self.resolution)
        return (self.every * self.weight) * ops.square(norms - self.target).mean()


@takes_settings
@dataclass(frozen=True)
class R1(Penalty):
    """Pushes the discriminator's slope to 0 at the real examples: gamma / 2 * E ||grad_x D(x)||^2 (Mescheder et al. 2018,
    equation 9).

    The square is summed over all axes but the batch's. gamma = 10 is their value for images. `resolution`: for growing networks,
    the side in pixels that gamma is meant for. The gradient with respect to an image with a side of r pixels is then that with
    respect to the image enlarged to `resolution` by repeating pixels, r / resolution times as long, because the gradient of one
    pixel is spread over several. (The official code of Progressive GAN and StyleGAN does so by enlarging the images.)

    `every`: lazy if above 1, see this module. StyleGAN2 has 16.
    """

    name = "R1"
    needs_gradient = differentiates_real = True
    gamma: float = 10.0
    resolution: int | None = None
    every: int = 1

    def __post_init__(self) -> None:
        check_every(self)
        check_positive("R1", gamma=self.gamma)
        if self.resolution is not None:
            check_positive("R1", resolution=self.resolution)

    def __call__(self, batch: DiscriminatorBatch) -> Tensor:
        gradients = score_gradients(batch.real_scores, batch.real)
        return (
            (0.5 * self.every * self.gamma * resolution_scale(batch, self.resolution) ** 2)
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
    """Clips every weight of the critic to [-limit, limit] after each update (Arjovsky et al. 2017, algorithm 1).

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
    """||grad_x f(x_i)||_2 of each example, over all its elements: x (n, ...) -> (n,), which can be differentiated with respect to
    the weights.

    `critic` gives one score per example, from that example alone; if it scores m together, the norm is that of the m.
    """
    x = Tensor(x, requires_grad=True)
    return ops.l2norm(score_gradients(critic(x), x), axis=1)


def score_gradients(scores: Tensor, x: Tensor) -> Tensor:
    """The gradient of each score with respect to its examples: scores (n, 1) of x (n, ...) -> (n, elements of an example), a
    Tensor.

    It takes one backward pass, from the sum of the scores: so no score may depend on another's examples, as with BatchNorm in the
    critic. x is a constant from here on: only derivatives with respect to the weights follow.
    """
    x.requires_grad = True  # again, if an earlier penalty has used the same examples
    (gradients,) = grad(scores.sum(), [x], create_graph=True)
    x.requires_grad = False  # the most expensive gradient of a network, which is not needed
    return gradients.reshape((len(scores), -1))


def check_every(penalty: Penalty) -> None:
    """Raise ValueError unless the penalty's `every` is a count."""
    if not is_whole(penalty.every) or penalty.every < 1:
        raise ValueError(
            f"{type(penalty).__name__}'s every counts updates of the critic, a whole number of at least 1, got {penalty.every!r}"
        )


def resolution_scale(batch: DiscriminatorBatch, resolution: int | None) -> float:
    """The factor by which gradients with respect to these images shrink if the images count as enlarged to `resolution` rows of
    pixels."""
    return 1.0 if resolution is None else batch.real.shape[1] / resolution
