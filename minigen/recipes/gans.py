"""The recipes of GANs for small images: networks, game, optimizers, penalties, rates and length, as measured by the demos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from minigen import losses, optim
from minigen.data import Dataset
from minigen.errors import RecipeError
from minigen.models.gans import base, conditional, dcgan, gan
from minigen.models.sizes import feature_maps_of
from minigen.optim import schedules
from minigen.optim.optimizer import Optimizer
from minigen.recipes import inputs
from minigen.recipes.recipe import InputSpec, Recipe, option
from minigen.recipes.trained import TrainedGan
from minigen.training import Adversarial, Callback, History, remedies
from minigen.utils.progress import Progress

Players = tuple[base.Generator, Any]

ROWS = 50  # of a history


@dataclass(frozen=True)
class GanRecipe(Recipe):
    """Two networks and their game. Subclasses define `networks` and `trainer`. ema: decay of the generator's moving average."""

    view = staticmethod(inputs.with_sides(*dcgan.SIDES))
    ema: ClassVar[float]

    def networks(self, spec: InputSpec) -> Players:
        """A new (generator, discriminator)."""
        raise NotImplementedError

    def trainer(self, generator: base.Generator, discriminator: Any) -> Adversarial:
        """The game of these two networks."""
        raise NotImplementedError

    def fit(
        self,
        trainer: Adversarial,
        train: Dataset,
        record_every: int | None = None,
        callbacks: Sequence[Callback] = (),
        resume: str | Path | None = None,
        progress: Progress = True,
    ) -> History:
        """Play the game by this recipe; see `Adversarial.fit`. record_every: by default the history has about 50 rows."""
        return trainer.fit(
            self.examples(train),
            steps=self.steps,
            batch_size=self.batch_size,
            record_every=record_every or max(self.steps // ROWS, 1),
            callbacks=callbacks,
            resume=resume,
            progress=progress,
        )

    def with_length(self, spec: InputSpec, n: int) -> Self:
        if self.batch_size > n:
            raise RecipeError(f"{self.name} needs full batches: choose a batch_size of at most {n}, the number of examples")
        in_step, batches = getattr(self, "critic_steps", 1), n // self.batch_size
        if in_step < 1:
            raise RecipeError(f"{self.name}'s critic_steps must be at least 1, got {in_step}")
        steps = self.epochs * batches // in_step if self.epochs else self.steps
        if steps == 0:
            raise RecipeError(
                f"{self.name} needs {in_step} batches for a step, an epoch has {batches}: choose more epochs, or a "
                "smaller batch_size"
            )
        return replace(self, epochs=None, steps=steps)

    def check(self, spec: InputSpec) -> None:
        self.trainer(*self.networks(spec))

    def build(self, spec: InputSpec) -> TrainedGan:
        """New networks, with the methods of a trained generator."""
        return TrainedGan(self, spec)


def both(optimizer: Callable[..., Optimizer], generator: Any, discriminator: Any, **settings: Any) -> dict[str, Optimizer]:
    """The same optimizer for each of the players, as arguments of their game."""
    players = {"generator_optimizer": generator, "discriminator_optimizer": discriminator}
    return {name: optimizer(player.parameters(), **settings) for name, player in players.items()}


@dataclass(frozen=True)
class Gan(GanRecipe):
    """The first GAN, with dense networks."""

    name = "gan"
    view = staticmethod(inputs.any_images)
    lr: float = 1e-3
    batch_size: int = 32
    steps: int | None = 20_000
    ema = 0.999

    @property
    def rates(self) -> tuple[float, float]:
        """Learning rates of generator and discriminator, where they begin."""
        return self.lr, self.lr / 4

    def networks(self, spec: InputSpec) -> Players:
        return gan.Generator(shape=spec.shape), gan.Discriminator(spec.shape)

    def trainer(self, generator: base.Generator, discriminator: Any) -> Adversarial:
        rates = [schedules.cosine(rate, self.steps) for rate in self.rates]
        return Adversarial(
            generator,
            discriminator,
            ema=self.ema,
            generator_optimizer=optim.RMSprop(generator.parameters(), lr=rates[0]),
            discriminator_optimizer=optim.RMSprop(discriminator.parameters(), lr=rates[1]),
        )


@dataclass(frozen=True)
class Dcgan(GanRecipe):
    """Deep convolutional GAN, sized for two cores."""

    name = "dcgan"
    lr: float = 4e-3
    batch_size: int = 32
    steps: int | None = 3000
    ema = 0.995

    def networks(self, spec: InputSpec) -> Players:
        return dcgan.TinyGenerator(shape=spec.shape), dcgan.TinyDiscriminator(spec.shape, batch_norm=False)

    def trainer(self, generator: base.Generator, discriminator: Any, **options: Any) -> Adversarial:
        adams = both(optim.Adam, generator, discriminator, lr=schedules.cosine(self.lr, self.steps), beta1=0.5)
        return Adversarial(generator, discriminator, penalties=[losses.R1(gamma=1.0)], ema=self.ema, **adams, **options)


@dataclass(frozen=True)
class BookDcgan(GanRecipe):
    """Deep convolutional GAN, the chapter's: larger, and with all of the rules."""

    name = "dcgan-book"
    lr: float = 2e-4
    batch_size: int = 32
    steps: int | None = 3000
    ema = 0.995

    def networks(self, spec: InputSpec) -> Players:
        return dcgan.Generator(shape=spec.shape), dcgan.Discriminator(spec.shape)

    def trainer(self, generator: base.Generator, discriminator: Any) -> Adversarial:
        adams = both(optim.Adam, generator, discriminator, lr=self.lr, beta1=0.5)
        return Adversarial(generator, discriminator, ema=self.ema, **adams)


@dataclass(frozen=True)
class ConditionalDcgan(Dcgan):
    """DCGAN conditioned on the class, with experience replay."""

    name = "conditional-dcgan"
    conditional = True
    steps: int | None = 2000
    replay: int = option(1000, "generated images kept for experience replay; 0: none")

    def networks(self, spec: InputSpec) -> Players:
        (*size, channels), classes = spec.shape, spec.classes
        labeled = (*size, channels + classes)
        return (
            conditional.Generator(dcgan.TinyGenerator(latent_dim=54 + classes, shape=spec.shape), classes),
            conditional.Discriminator(dcgan.TinyDiscriminator(labeled, batch_norm=False), classes),
        )

    def trainer(self, generator: base.Generator, discriminator: Any) -> Adversarial:
        replayed = [remedies.ExperienceReplay(capacity=self.replay)] if self.replay else []
        return super().trainer(generator, discriminator, remedies=replayed)


@dataclass(frozen=True)
class WganGp(GanRecipe):
    """Wasserstein GAN with a gradient penalty."""

    name = "wgan-gp"
    lr: float = 4e-4
    batch_size: int = 64
    steps: int | None = 600
    critic_steps: int = option(3, "critic steps per generator step")
    ema = 0.99

    def networks(self, spec: InputSpec) -> Players:
        maps = feature_maps_of(spec.shape, 16, dcgan.COARSEST)
        return (
            dcgan.TinyGenerator(shape=spec.shape, feature_maps=maps[::-1]),
            dcgan.TinyDiscriminator(spec.shape, feature_maps=maps, batch_norm=False),
        )

    def trainer(self, generator: base.Generator, critic: Any) -> Adversarial:
        adams = both(optim.Adam, generator, critic, lr=self.lr, beta1=0.0, beta2=0.9)
        return self.game(generator, critic, penalties=[losses.GradientPenalty(10.0)], **adams)

    def game(self, generator: base.Generator, critic: Any, **options: Any) -> Adversarial:
        """The critic measures a distance, and is updated more often than the generator."""
        loss = losses.Wasserstein()
        return Adversarial(generator, critic, loss=loss, discriminator_steps=self.critic_steps, ema=self.ema, **options)


@dataclass(frozen=True)
class Wgan(WganGp):
    """Wasserstein GAN that clips the weights of its critic."""

    name = "wgan"
    lr: float = 2e-4
    clip = 0.01

    def trainer(self, generator: base.Generator, critic: Any) -> Adversarial:
        rmsprops = both(optim.RMSprop, generator, critic, lr=self.lr)
        return self.game(generator, critic, penalties=[losses.WeightClipping(self.clip)], **rmsprops)


GANS = (Gan, Dcgan, BookDcgan, ConditionalDcgan, Wgan, WganGp)
