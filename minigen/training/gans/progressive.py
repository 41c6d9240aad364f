"""The loop that grows two networks while they train (Karras et al. 2018, section 2)."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from minigen.backend import Array
from minigen.nn import Module
from minigen.optim.optimizer import Optimizer
from minigen.training.examples import Examples
from minigen.training.gans.adversarial import Adversarial
from minigen.training.gans.players import Generator, Growing
from minigen.training.gans.remedies import Remedy
from minigen.training.history import History
from minigen.utils.checks import doublings, is_whole
from minigen.utils.settings import Configured, takes_settings


class GrowthState(NamedTuple):
    """How far the networks have grown: pixels along a side, and the weight of the newest layers."""

    resolution: int
    alpha: float


@takes_settings
@dataclass(frozen=True)
class Growth(Configured):
    """When the networks grow: a function of the number of real images seen.

    `start` x `start` for `stable` images; then, until `final`, each resolution for `fading` images while alpha rises linearly
    from 0 to 1, and for `stable` more images. `images` is the sum. The paper has 800,000 images each, its code 600,000.
    """

    final: int
    start: int = 4
    stable: int = 600_000
    fading: int = 600_000

    def __post_init__(self) -> None:
        if doublings(self.start) > doublings(self.final):
            raise ValueError(f"growth from {self.start} to {self.final} pixels: expected start <= final")
        if not all(is_whole(count) for count in (self.stable, self.fading)):
            raise TypeError(f"stable and fading count images, whole numbers, got {self.stable!r} and {self.fading!r}")
        if self.stable < 0 or self.fading < 0 or self.images < 1:
            raise ValueError(
                "stable and fading count images, expected at least 0 each, and at least one image in total, got "
                f"stable={self.stable} and fading={self.fading} from {self.start} to {self.final} pixels"
            )

    def __call__(self, images: int) -> GrowthState:
        """The stage after `images` images."""
        if images < self.stable or self.start == self.final:
            return GrowthState(self.start, 1.0)
        if images >= self.images - self.stable:  # the last fade is over
            return GrowthState(self.final, 1.0)
        faded, within = divmod(images - self.stable, self.fading + self.stable)
        return GrowthState(self.start << (faded + 1), min(within / self.fading, 1.0) if self.fading else 1.0)

    @property
    def images(self) -> int:
        """How many images it takes until the networks are fully grown and their last stage is over."""
        return self.stable + (doublings(self.final) - doublings(self.start)) * (self.fading + self.stable)


class Progressive(Adversarial):
    """`Adversarial` for networks that grow: `models.gans.progan` and `models.gans.stylegan`.

    Before each step the networks are set to the stage that `growth` gives for the images seen, and real images are processed like
    the generator's: averaged over blocks, and faded. At each new resolution, both optimizers reset their moments, which belong to
    other layers (the official code does so again when the fade is over), and remedies drop their fakes, which have another size.
    The history also has "images", "resolution" and "alpha".

    growth: a `Growth`.  All other arguments: see `Adversarial`. The paper uses `losses.Wasserstein()` with
    `losses.GradientPenalty(resolution=final)` and `losses.Drift()`, StyleGAN the default loss with
    `losses.R1(resolution=final)`; both Adam with beta1=0, beta2=0.99.

    Raises TypeError for networks that cannot grow, ValueError for a growth past their last stage, and what `Adversarial` raises.
    """

    progress_fields = (*Adversarial.progress_fields, "images_seen")
    discriminator: Any  # a Module that is Growing

    def __init__(self, generator: Generator, discriminator: Module, *, growth: Growth, **options: Any):
        if not isinstance(growth, Growth):
            raise TypeError(f"growth: expected such as training.Growth(final=32), got {growth!r}")
        networks: dict[str, Any] = {"generator": generator, "discriminator": discriminator}
        for name, network in networks.items():
            if not isinstance(network, Growing):
                raise TypeError(
                    f"the {name} cannot grow: expected one of models.gans.progan or models.gans.stylegan, got a "
                    f"{type(network).__name__}"
                )
        self.growth, self.images_seen = growth, 0  # real images that the discriminator has seen
        before = [(network.resolution, network.alpha) for network in networks.values()]
        try:
            for network in networks.values():
                network.grow_to(growth.final)  # or an error: there is no such stage
                network.grow_to(*growth(0))
            super().__init__(generator, discriminator, **options)
        except Exception:
            for network, stage in zip(networks.values(), before):
                network.grow_to(*stage)
            raise

    @property
    def scheduled(self) -> GrowthState:
        """The stage of the networks, or of the next step."""
        return self.growth(self.images_seen)

    def train_step(self) -> None:
        self.grow()
        super().train_step()
        self.images_seen += self.discriminator_steps * self.batches.batch_size

    def grow(self) -> None:
        """Set both networks, and the generator's average, to the stage; at a new resolution, restart both optimizers."""
        if self.generator.resolution != self.scheduled.resolution:
            forgetful: list[Optimizer | Remedy] = [self.generator_optimizer, self.discriminator_optimizer, *self.remedies]
            for each in forgetful:
                each.restart()
        networks: list[Any] = [self.generator, self.discriminator, self.sampler]
        for network in networks:
            network.grow_to(*self.scheduled)

    def preprocess_real(self, real: tuple[Array, ...]) -> tuple[Array, ...]:
        images, *labels = real  # by the networks' own stage: in a callback, `scheduled` may already be the next step's
        return (self.generator.at_stage(images), *labels)

    def fit(self, examples: Any, *, steps: int | None = None, batch_size: int = 32, **options: Any) -> History:
        """`Adversarial.fit`, by default for as many steps as the growth takes. examples: images of its final resolution."""
        if batch_size < 1:
            raise ValueError(f"Progressive.fit: got batch_size {batch_size}, expected at least 1")
        if steps is None:
            left = self.growth.images - self.images_seen
            steps = self.step + math.ceil(left / (batch_size * self.discriminator_steps))
        return super().fit(examples, steps=steps, batch_size=batch_size, **options)

    def open(self, data: Examples, *options: Any) -> None:
        super().open(data, *options)
        self.grow()

    def record(self, row: dict[str, float]) -> None:
        generator = self.generator
        super().record({**row, "images": self.images_seen, "resolution": generator.resolution, "alpha": generator.alpha})

    @property
    def phase(self) -> str:
        return f"{self.generator.resolution}x{self.generator.resolution}, alpha {self.generator.alpha:.2f}"

    @property
    def example_shape(self) -> tuple[int, ...]:
        return (self.growth.final, self.growth.final, super().example_shape[2])

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "growth": repr(self.growth)}
