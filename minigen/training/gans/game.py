"""The game of two networks (Goodfellow et al. 2014): the players, and what each minimizes."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigen.autograd import Tensor, no_grad
from minigen.backend import Array
from minigen.losses.adversarial import AdversarialLoss, NonSaturating
from minigen.losses.penalties import DiscriminatorBatch, Penalty
from minigen.nn import Module, Pack
from minigen.training.gans.players import Generator
from minigen.training.gans.remedies import Remedy

Terms = dict[str, Any]


class Game:
    """Generator, discriminator, loss, penalties and remedies: the objectives of both players, as the remedies change them."""

    step = 0  # completed steps

    def __init__(
        self,
        generator: Generator,
        discriminator: Module,
        loss: AdversarialLoss | None,
        penalties: Sequence[Penalty],
        remedies: Sequence[Remedy],
    ):
        self.generator: Any = generator  # a Generator and a Module: Python has no type for both
        self.discriminator = discriminator
        self.loss = loss or NonSaturating()
        self.penalties = list(penalties) if isinstance(penalties, Sequence) else [penalties]
        self.remedies = list(remedies) if isinstance(remedies, Sequence) else [remedies]
        self.frozen = {"generator": generator.frozen(), "discriminator": discriminator.frozen()}
        self.latest_real: tuple[Array, ...] = ()  # the last real batch, as the discriminator saw it

    # -- what the players minimize -------------------------------------------------------------------------------

    def discriminator_loss(self, real: tuple[Array, ...], fake: tuple[Array, ...], *noise: Any) -> tuple[Any, Terms]:
        """What D minimizes, penalties included, and its named terms: real and fake are examples (and their labels).

        `noise`: of the penalties that are due, one array each; by default drawn. On a step without it, a lazy penalty is 0 among
        the terms, so that a mean over steps is that of its shares of the loss.
        """
        real, fake = ((self.augment(examples), *labels) for examples, *labels in (real, fake))
        self.latest_real = real
        due = [penalty.due(self.discriminator_updates) for penalty in self.penalties]
        differentiable = any(penalty.differentiates_real for penalty in itertools.compress(self.penalties, due))
        images = Tensor(real[0], requires_grad=differentiable), Tensor(fake[0])
        batch = DiscriminatorBatch(
            lambda x: self.discriminator(x, *real[1:]),
            *images,
            self.discriminator(images[0], *real[1:]),
            self.discriminator(images[1], *fake[1:]),
        )
        loss, terms = self.loss.discriminator(batch.real_scores, batch.fake_scores, **self.targets(batch.real_scores))
        terms = {**terms, **score_metrics(batch.real_scores.data, batch.fake_scores.data, self.loss.threshold)}
        given = iter(noise)
        for penalty, now in zip(self.penalties, due):
            share = penalty(batch, *([next(given)] if noise and penalty.draws else [])) if now else 0.0
            if share is not None:
                loss = loss + share if now else loss
                terms[penalty.name] = terms[penalty.name] + share if penalty.name in terms else share
        return loss, {"discriminator loss": loss, **terms}

    def generate(self, *inputs: Array) -> Any:
        """The generator's examples for its inputs, latent vectors (and labels)."""
        z, *labels = inputs
        return self.generator(Tensor(z), *labels)

    def generator_loss(self, *inputs: Array, made: Any = None) -> tuple[Any, Terms]:
        """What G minimizes for its inputs, latent vectors (and labels), and its named terms. made: what G makes of them."""
        _, *labels = inputs
        loss, terms = self.generator_objective(self.generate(*inputs) if made is None else made, *labels)
        return loss, {"generator loss": loss, **{name: term for name, term in terms.items() if term is not loss}}

    def generator_objective(self, examples: Any, *labels: Array) -> tuple[Any, Terms]:
        """What G minimizes, from its examples: a remedy's objective, or else the loss of their scores."""
        fake = (self.augment(examples), *labels)
        for remedy in self.remedies:
            objective = remedy.generator_objective(self.discriminator, self.latest_real, fake)
            if objective is not None:
                return objective
        return self.loss.generator(self.discriminator(*fake))

    def fakes(self, *inputs: Array, made: Any = None) -> tuple[Array, ...]:
        """What D learns from: the generator's examples for these inputs, as arrays without a graph, and their labels.

        made: the examples, if the generator has made them already.
        """
        _, *labels = inputs
        if made is None:
            with self.frozen["generator"], no_grad():
                made = self.generate(*inputs)
        fake = (made.data, *labels)
        for remedy in self.remedies:
            fake = remedy.fakes(fake)
        return fake

    def augment(self, x: Any) -> Any:
        """Examples, real or generated, as the discriminator sees them."""
        for remedy in self.remedies:
            x = remedy.augment(x, self.step)
        return x

    def targets(self, scores: Any) -> dict[str, Any]:
        """The discriminator's targets, if its loss has any; scores: those of the real examples."""
        if not self.loss.labeled:
            return {}
        real, fake = 1.0, 0.0
        for remedy in self.remedies:
            real, fake = remedy.targets(real, fake, scores)
        return {"real_target": real, "fake_target": fake}

    # -- properties of the networks --------------------------------------------------------------------------------

    @property
    def conditional(self) -> bool:
        """Whether the networks are conditioned on labels."""
        return self.generator.classes is not None

    @property
    def packed(self) -> int:
        """How many examples share one score."""
        return math.prod(layer.batch_multiple for layer in self.discriminator.modules() if isinstance(layer, Pack))

    @property
    def batch_multiple(self) -> int:
        """How many examples the discriminator scores together: a batch is a multiple of it."""
        layers = (layer for layer in self.discriminator.modules() if not isinstance(layer, Pack))
        return self.packed * math.lcm(*(layer.batch_multiple for layer in layers if hasattr(layer, "batch_multiple")))

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of a real example: that of the generator's."""
        z = np.zeros((1, *self.generator.input_shape))
        return self.sampler.draw(z, *[0] * self.conditional).shape[1:]

    @property
    def discriminator_updates(self) -> int:
        """How often D has been updated: here it is not."""
        return 0

    @property
    def sampler(self) -> Generator:
        """The generator to draw from."""
        return self.generator


def score_metrics(real: Array, fake: Array, threshold: float | None) -> Terms:
    """Mean scores, and how often the discriminator is right, if scores above a threshold mean "real"."""
    terms = {"score of real": real.mean(), "score of fake": fake.mean()}
    if threshold is not None:
        right = {"accuracy on real": real > threshold, "accuracy on fake": fake <= threshold}
        terms |= {name: hits.mean(dtype=real.dtype) for name, hits in right.items()}
    return terms
