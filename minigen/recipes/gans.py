"""The recipes of all GANs, with the networks, rates and penalties of the demos that measured them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from minigen import losses, optim
from minigen.data import Dataset
from minigen.errors import RecipeError
from minigen.models.gans import base, conditional, dcgan, gan, progan, stylegan
from minigen.models.latent import great_circle
from minigen.optim import ExponentialMovingAverage, schedules
from minigen.recipes import subjects
from minigen.recipes.recipe import Learner, Option, Plan, Recipe, Subject, check_untruncated
from minigen.training import Adversarial, Callback, Growth, History, Progressive, remedies
from minigen.training.checkpoint import Saved

Players = tuple[base.Generator, Any]

ROWS = 50  # of a history
CRITIC_STEPS = 3
LAST = 3  # phases that a network which is fully grown is trained for


@dataclass(frozen=True)
class GanRecipe(Recipe):
    """Two networks and their game. build: (subject, **options) -> (generator, discriminator).

    game: (generator, discriminator, plan, ema) -> the trainer.  ema: the decay of the generator's moving average.  critic_steps:
    how many batches the discriminator sees in a step.
    """

    view: Callable[[np.ndarray], np.ndarray] = subjects.sized
    game: Callable[[base.Generator, Any, Plan, float], Adversarial] | None = None
    ema: float = 0.995
    critic_steps: int = 1

    def timed(self, plan: Plan, subject: Subject, n: int) -> Plan:
        if plan.batch_size > n:
            raise RecipeError(f"{self.name} needs whole batches: take at most {n}, the number of examples, for batch_size")
        batches = n // plan.batch_size
        steps = plan.steps or (plan.epochs * batches // self.critic_steps if plan.epochs else self.steps)
        if steps == 0:
            raise RecipeError(
                f"{self.name} needs {self.critic_steps} batches for a step, an epoch has {batches}: take more "
                "epochs, or a smaller batch_size"
            )
        return replace(plan, epochs=None, steps=steps)

    def made(self, subject: Subject, plan: Plan) -> "GanLearner":
        return GanLearner(self, subject, plan)


class GrowingRecipe(GanRecipe):
    """Networks that grow: an option `phase` says how many images each resolution is grown for, and kept for."""

    def timed(self, plan: Plan, subject: Subject, n: int) -> Plan:
        growth = growth_of(subject.shape[0], plan)
        shortest = ceil(growth.images / plan.batch_size)
        plan = super().timed(plan, subject, n)
        if plan.steps is None:
            return replace(plan, steps=ceil((growth.images + LAST * growth.stable) / plan.batch_size))
        if plan.steps < shortest:
            raise RecipeError(
                f"{self.name} needs {growth.images} images to grow to {growth.final} x {growth.final}, "
                f"{plan.steps} steps of {plan.batch_size} are too few: at least {shortest}, or a smaller phase"
            )
        return plan


class GanLearner(Learner):
    """Two networks and their game; `generator` is the averaged one once it is loaded."""

    def __init__(self, recipe: GanRecipe, subject: Subject, plan: Plan):
        super().__init__(recipe, subject, plan)
        self.generator, self.discriminator = recipe.build(subject, **plan.options)

    def fit(
        self,
        train: Dataset,
        test: Dataset,
        callbacks: Sequence[Callback] = (),
        resume: str | Path | None = None,
        progress: bool = True,
    ) -> History:
        trainer = self.recipe.game(self.generator, self.discriminator, self.plan, self.recipe.ema)
        history = trainer.fit(
            self.recipe.examples(train),
            steps=self.plan.steps,
            batch_size=self.plan.batch_size,
            record_every=max(self.plan.steps // ROWS, 1),
            callbacks=callbacks,
            resume=resume,
            progress=progress,
        )
        self.generator = trainer.sampler
        return history

    def load(self, saved: Saved) -> None:
        average = ExponentialMovingAverage(self.generator, self.recipe.ema)
        average.load_state_dict(saved.fitting("average", average))
        self.generator = average.average

    # -- use -----------------------------------------------------------------------------------------------------

    def sample(self, n: int, label: int | None = None, psi: float = 1.0) -> np.ndarray:
        labels = self.labels(n, label)
        if isinstance(self.generator, stylegan.Generator):
            return self.generator.sample(n, psi=psi)
        check_untruncated(self.recipe, psi)
        return self.generator.sample(n, labels) if self.conditional else self.generator.sample(n)

    def between(self, pairs: int, steps: int, rng: np.random.Generator, held_out: Dataset) -> np.ndarray:
        """Along great circles between two latent vectors."""
        ends = rng.standard_normal((2, pairs, self.generator.latent_dim))
        labels = [np.repeat(self.labels(pairs, None), steps)] if self.conditional else []
        made = self.generator.draw(great_circle(*ends, steps).reshape(pairs * steps, -1), *labels)
        return made.reshape(pairs, steps, *made.shape[1:])


# -- games: what stands around the networks ---------------------------------------------------------------------


def dense_game(generator: Any, discriminator: Any, plan: Plan, ema: float) -> Adversarial:
    """RMSprop, a quarter of the rate for the discriminator."""
    return Adversarial(
        generator,
        discriminator,
        ema=ema,
        generator_optimizer=optim.RMSprop(generator.parameters(), lr=schedules.cosine(plan.lr, plan.steps)),
        discriminator_optimizer=optim.RMSprop(discriminator.parameters(), lr=schedules.cosine(plan.lr / 4, plan.steps)),
    )


def r1_game(generator: Any, discriminator: Any, plan: Plan, ema: float, **options: Any) -> Adversarial:
    """Adam along a cosine, beta1 = 1/2, and a gradient penalty on real images."""
    adams = [
        optim.Adam(player.parameters(), lr=schedules.cosine(plan.lr, plan.steps), beta1=0.5)
        for player in (generator, discriminator)
    ]
    return Adversarial(
        generator,
        discriminator,
        ema=ema,
        penalties=[losses.R1(gamma=1.0)],
        generator_optimizer=adams[0],
        discriminator_optimizer=adams[1],
        **options,
    )


def replay_game(generator: Any, discriminator: Any, plan: Plan, ema: float) -> Adversarial:
    """The same with experience replay."""
    return r1_game(generator, discriminator, plan, ema, remedies=[remedies.ExperienceReplay(capacity=1000)])


def critic_game(generator: Any, critic: Any, plan: Plan, ema: float) -> Adversarial:
    """Wasserstein's distance with a gradient penalty, three steps of the critic to one of the generator."""
    adams = [optim.Adam(player.parameters(), lr=plan.lr, beta1=0.0, beta2=0.9) for player in (generator, critic)]
    return Adversarial(
        generator,
        critic,
        ema=ema,
        loss=losses.Wasserstein(),
        penalties=[losses.GradientPenalty(10.0)],
        discriminator_steps=CRITIC_STEPS,
        generator_optimizer=adams[0],
        discriminator_optimizer=adams[1],
    )


def growing_game(gamma: float) -> Callable[..., Progressive]:
    """Networks that grow, with a penalty on real images of this weight."""

    def game(generator: Any, discriminator: Any, plan: Plan, ema: float) -> Progressive:
        final = generator.resolutions[-1]
        adams = [
            optim.Adam(player.parameters(), lr=schedules.cosine(plan.lr, plan.steps), beta1=0.0, beta2=0.99)
            for player in (generator, discriminator)
        ]
        return Progressive(
            generator,
            discriminator,
            growth=growth_of(final, plan),
            ema=ema,
            penalties=[losses.R1(gamma=gamma, resolution=32)],
            generator_optimizer=adams[0],
            discriminator_optimizer=adams[1],
        )

    return game


def growth_of(final: int, plan: Plan) -> Growth:
    """When the networks of a plan grow."""
    return Growth(final=final, stable=plan.options["phase"], fading=plan.options["phase"])


# -- networks ---------------------------------------------------------------------------------------------------


def dcgan_players(subject: Subject, networks: str) -> Players:
    """Those of the demo, which keep all rules at a size for two cores, or the book's."""
    channels = subject.shape[2]
    if networks == "book":
        return dcgan.Generator(channels=channels), dcgan.Discriminator(channels)
    return dcgan.TinyGenerator(channels=channels), dcgan.TinyDiscriminator(channels, batch_norm=False)


def critic_players(subject: Subject) -> Players:
    channels = subject.shape[2]
    return (
        dcgan.TinyGenerator(channels=channels, feature_maps=(32, 16)),
        dcgan.TinyDiscriminator(channels, feature_maps=(16, 32), batch_norm=False),
    )


def conditional_players(subject: Subject) -> Players:
    """Both are told the class."""
    channels, classes = subject.shape[2], subject.classes
    return (
        conditional.Generator(dcgan.TinyGenerator(latent_dim=54 + classes, channels=channels), classes),
        conditional.Discriminator(dcgan.TinyDiscriminator(channels + classes, batch_norm=False), classes),
    )


def small_maps(resolution: int) -> list[int]:
    """For two CPU cores, from 4 x 4 on: 32 up to 16 x 16, then half as many for each doubling, at least 4."""
    return [max(min(32, 512 // r), 4) for r in (4 << s for s in range(9)) if r <= resolution]


def progan_players(subject: Subject, phase: int) -> Players:
    side, _, channels = subject.shape
    maps = small_maps(side)
    return progan.Generator(side, 32, maps, channels), progan.Discriminator(side, maps, channels)


def stylegan_players(subject: Subject, phase: int, mixing: float) -> Players:
    side, _, channels = subject.shape
    maps = small_maps(side)
    generator = stylegan.Generator(
        side,
        feature_maps=maps,
        channels=channels,
        latent_dim=32,
        style_dim=32,
        mapping_layers=4,
        mapping_lr=0.1,
        noise_lr=0.02,
        mixing=mixing,
    )
    return generator, progan.Discriminator(side, maps, channels)


GROWING = {"phase": Option(6000, "images for each phase: a resolution grows for one and is kept for one")}

GANS = [
    GanRecipe(
        "gan",
        "the first GAN, with dense networks",
        lambda subject: (gan.Generator(channels=subject.shape[2]), gan.Discriminator(channels=subject.shape[2])),
        lr=1e-3,
        batch_size=32,
        steps=20_000,
        ema=0.999,
        game=dense_game,
    ),
    GanRecipe(
        "dcgan",
        "deep convolutional GAN",
        dcgan_players,
        lr=4e-3,
        batch_size=32,
        steps=3000,
        game=r1_game,
        options={"networks": Option("tiny", "sized for two cores, or the book's", ("tiny", "book"))},
    ),
    GanRecipe(
        "wgan-gp",
        "Wasserstein GAN with a gradient penalty",
        critic_players,
        lr=4e-4,
        batch_size=64,
        steps=600,
        ema=0.99,
        game=critic_game,
        critic_steps=CRITIC_STEPS,
    ),
    GanRecipe(
        "conditional-dcgan",
        "DCGAN that is told the class, with experience replay",
        conditional_players,
        lr=4e-3,
        batch_size=32,
        steps=2000,
        game=replay_game,
        labeled=True,
    ),
    GrowingRecipe(
        "progan",
        "Progressive GAN: networks that grow from 4 x 4 pixels on",
        progan_players,
        lr=1e-2,
        batch_size=32,
        game=growing_game(2.0),
        options=GROWING,
        view=subjects.square,
        data="faces",
    ),
    GrowingRecipe(
        "stylegan",
        "StyleGAN: a style for every layer, grown from 4 x 4 pixels on",
        stylegan_players,
        lr=2e-2,
        batch_size=16,
        game=growing_game(8.0),
        view=subjects.square,
        data="faces",
        options={**GROWING, "mixing": Option(0.5, "share of batches in which styles are mixed")},
    ),
]
