"""The recipes of networks that can grow, Progressive GAN and StyleGAN, which make portraits."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Self

from minigen import losses, optim
from minigen.errors import RecipeError
from minigen.models.gans import progan, stylegan
from minigen.optim import schedules
from minigen.recipes import inputs
from minigen.recipes.gans import GanRecipe, Players, both
from minigen.recipes.recipe import InputSpec, option
from minigen.training import Growth, Progressive
from minigen.utils.checks import check_positive

LATENT = 64  # the size of z, and of StyleGAN's w


@dataclass(frozen=True)
class GrowingRecipe(GanRecipe):
    """Networks that grow from 4 x 4 pixels on, as a function of the images seen, or have their full size from the start."""

    view = staticmethod(inputs.square)
    data = "faces"
    phase: int = option(0, "images per phase of growth: a resolution fades in for one and is trained for another; 0: not grown")
    last: int = option(120_000, "images for which networks of full size are trained")

    @property
    def length(self) -> dict[str, int]:
        return {"batch_size": self.batch_size, "phase": self.phase, "last": self.last}

    def growth(self, resolution: int) -> Growth:
        """The schedule of networks that grow to a side of `resolution` pixels."""
        if self.phase == 0:
            return Growth(final=resolution, start=resolution, stable=1)  # fully grown from the first image on
        return Growth(final=resolution, stable=self.phase, fading=self.phase)

    def with_length(self, spec: InputSpec, n: int) -> Self:
        if self.last < 0:
            raise RecipeError(f"{self.name}'s last must be at least 0, got {self.last}")
        growth = self.growth(spec.shape[0])
        growing = growth.images if self.phase else 0
        recipe = super().with_length(spec, n)
        if recipe.steps is None:
            recipe = replace(recipe, steps=ceil((growing + self.last) / self.batch_size))
        if recipe.steps < max(shortest := ceil(growing / self.batch_size), 1):
            raise RecipeError(
                f"{self.name} needs {growing} images to grow to {growth.final} x {growth.final}, "
                f"{recipe.steps} steps of {self.batch_size} are too few: at least {shortest}, or a smaller phase"
                if growing
                else f"{self.name} is not grown, and trained for no images: choose a phase, or a last of at least 1"
            )
        return recipe


@dataclass(frozen=True)
class ProGan(GrowingRecipe):
    """Progressive GAN, sized for two cores; its networks do not grow, unless a phase is given."""

    name = "progan"
    lr: float = 1e-2
    batch_size: int = 32
    maps: int = option(96, "most feature maps of a resolution")
    gamma: float = option(2.0, "weight of R1")
    lazy: int = option(8, "R1 is part of every so many-th step, as many times as strong")
    hold: float = option(0.4, "share of the steps before the learning rates fall, to a fiftieth")
    half_life: float = option(6000.0, "images after which the generator's moving average has forgotten half")

    @property
    def ema(self) -> float:
        """The decay of the generator's moving average, per step."""
        check_positive(self.name, half_life=self.half_life)
        return 0.5 ** (self.batch_size / self.half_life)

    def feature_maps(self, resolution: int) -> list[int]:
        """From 4 x 4 pixels on: half as many for each doubling, at most `maps` and at least 12."""
        return [min(self.maps, max(512 // r, 12)) for r in (4 << s for s in range(9)) if r <= resolution]

    def networks(self, spec: InputSpec) -> Players:
        side, _, channels = spec.shape
        maps = self.feature_maps(side)
        return progan.Generator(side, LATENT, maps, channels), progan.Discriminator(side, maps, channels)

    def trainer(self, generator: Any, discriminator: Any) -> Progressive:
        rate = schedules.linear(self.lr, self.steps, constant=round(self.hold * self.steps), final=0.02 * self.lr)
        return Progressive(
            generator,
            discriminator,
            growth=self.growth(generator.resolutions[-1]),
            penalties=[losses.R1(self.gamma, resolution=32, every=self.lazy)],
            reuse_fakes=True,
            ema=self.ema,
            **both(optim.Adam, generator, discriminator, lr=rate, beta1=0.0, beta2=0.99),
        )


@dataclass(frozen=True)
class StyleGan(ProGan):
    """StyleGAN: a style for every layer, sized for two cores; its networks do not grow, unless a phase is given."""

    name = "stylegan"
    mixing: float = option(0.5, "share of batches in which styles are mixed")
    mapping_lr: float = option(0.1, "learning rate of the mapping network, relative to the others")
    noise_lr: float = option(1.0, "learning rate of the strength of noise, relative to the others")

    def networks(self, spec: InputSpec) -> Players:
        side, _, channels = spec.shape
        maps = self.feature_maps(side)
        generator = stylegan.Generator(
            side,
            feature_maps=maps,
            channels=channels,
            latent_dim=LATENT,
            style_dim=LATENT,
            mapping_layers=4,
            mapping_lr=self.mapping_lr,
            noise_lr=self.noise_lr,
            mixing=self.mixing,
        )
        return generator, progan.Discriminator(side, maps, channels)


@dataclass(frozen=True)
class PaperProGan(GrowingRecipe):
    """Progressive GAN with its paper's networks, loss and rates, for a GPU."""

    name = "progan-paper"
    lr: float = 1e-3
    batch_size: int = 32
    phase: int = option(600_000, "images per phase: a resolution fades in for one and is trained for another")
    last: int = option(600_000, "additional images once the networks are fully grown")
    ema = 0.999

    def networks(self, spec: InputSpec) -> Players:
        side, _, channels = spec.shape
        return progan.Generator(side, channels=channels), progan.Discriminator(side, channels=channels)

    def game(self, resolution: int) -> dict[str, Any]:
        """Loss and penalties."""
        penalties = [losses.GradientPenalty(10.0, resolution=resolution), losses.Drift()]
        return {"loss": losses.Wasserstein(), "penalties": penalties}

    def trainer(self, generator: Any, discriminator: Any) -> Progressive:
        resolution = generator.resolutions[-1]
        adams = both(optim.Adam, generator, discriminator, lr=self.lr, beta1=0.0, beta2=0.99)
        return Progressive(
            generator, discriminator, growth=self.growth(resolution), ema=self.ema, **self.game(resolution), **adams
        )


@dataclass(frozen=True)
class PaperStyleGan(PaperProGan):
    """StyleGAN with its paper's networks, penalty and rates, for a GPU."""

    name = "stylegan-paper"
    batch_size: int = 16

    def networks(self, spec: InputSpec) -> Players:
        side, _, channels = spec.shape
        return stylegan.Generator(side, channels=channels), stylegan.Discriminator(side, None, channels)

    def game(self, resolution: int) -> dict[str, Any]:
        return {"penalties": [losses.R1(gamma=10.0, resolution=resolution)]}


GROWING = (ProGan, PaperProGan, StyleGan, PaperStyleGan)
