"""The loop that trains a network to restore images until a discriminator takes them for originals."""

import math
from typing import Any

from minigen.autograd import Tensor
from minigen.backend import Array
from minigen.nn import Module
from minigen.training.gans.adversarial import Adversarial
from minigen.training.gans.game import Terms
from minigen.training.gans.players import Restorer

ADVERSARIAL_WEIGHT = 1e-3 / 4  # the papers', for pixels in [0, 1]: see Restoration


class Restoration(Adversarial):
    """`Adversarial` for a generator of degraded images, which also minimizes the distance to the originals.

        G minimizes  content + weight * (`loss` of the scores of restored images)

    Originals are the discriminator's real examples; restored images come from other originals. The history also has "content" and
    "adversarial", the two without the weight.

    generator: one of `models.applications`.  weight: of the adversarial term beside the squared error of pixels in [0, 1]. Both
    papers' pixels are in [-1, 1], where squared errors are 4 times as large. So 1e-3, for super-resolution (SRGAN), is 2.5e-4
    here, and so is, but for 0.1 %, 0.001 beside 0.999 of the content, for inpainting (context encoder): to Adam only the ratio
    counts.  All other arguments: see `Adversarial`.

    Raises TypeError for a generator that restores nothing, ValueError for a weight that is not positive and finite.
    """

    kind = "Restoration"

    def __init__(self, generator: Restorer, discriminator: Module, *, weight: float = ADVERSARIAL_WEIGHT, **options: Any):
        if not isinstance(generator, Restorer):
            raise TypeError(
                "Restoration needs a generator that takes degraded images, such as one of models.applications, got "
                f"a {type(generator).__name__}: training.Adversarial trains those that take noise"
            )
        if not 0.0 < weight < math.inf:
            raise ValueError(
                f"weight: of the adversarial loss, expected a positive number, got {weight}; without a "
                "discriminator, training.fit minimizes the content alone"
            )
        self.weight = float(weight)
        super().__init__(generator, discriminator, **options)

    def generator_input(self, n: int, *labels: Array) -> tuple[Array, ...]:
        """A new batch of images, degraded and original."""
        (x,) = next(self.stream)
        return self.generator.degrade(x), x

    def fakes(self, *inputs: Array, made: Any = None) -> tuple[Array, ...]:
        degraded, _ = inputs
        return super().fakes(degraded, made=made)

    def generate(self, *inputs: Array) -> Any:
        """Restored images, of degraded ones."""
        return self.generator(Tensor(inputs[0]))

    def generator_loss(self, *inputs: Array, made: Any = None) -> tuple[Any, Terms]:
        """What G minimizes for degraded images and the originals, and its named terms. made: the restored images."""
        _, x = inputs
        restored = self.generate(*inputs) if made is None else made
        content = self.generator.content_loss(restored, x)
        adversarial, terms = self.generator_objective(restored)
        loss = content + self.weight * adversarial
        return loss, {"generator loss": loss, "content": content, "adversarial": adversarial}

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "weight": self.weight}
