"""The recipe of demos 28 and 29: a network that restores images, trained on the content loss alone, and with a discriminator."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from minigen import losses, nn, optim, training
from minigen.models.applications.restorer import Restorer
from minigen.models.gans import dcgan
from minigen.optim import schedules
from minigen.recipes.recipe import Recipe, option
from minigen.training.gans.restoration import ADVERSARIAL_WEIGHT


@dataclass(frozen=True)
class RestorationRecipe(Recipe):
    """Restoration: content loss first; then two copies continue for as many updates, one as before, one with a discriminator.

    In the game, Adam's beta1 is the context encoder's 0.5; SRGAN has 0.9.
    """

    name = "restoration"
    lr: float = 2e-3
    batch_size: int = 32
    epochs: int | None = 3
    steps: int | None = 300
    later_lr = 5e-4  # the network's, once it has learned the content
    discriminator_lr: float = option(5e-4, "the discriminator's learning rate")
    weight: float = option(ADVERSARIAL_WEIGHT, "weight of the adversarial term beside the content")

    def fit_content(self, network: nn.Module, images: np.ndarray) -> training.History:
        """Train a network on its own loss, without a discriminator."""
        rate = schedules.cosine(self.lr, self.epochs * ceil(len(images) / self.batch_size))
        adam = optim.Adam(network.parameters(), lr=rate)
        return training.fit(network, images, optimizer=adam, epochs=self.epochs, batch_size=self.batch_size)

    def continue_content(self, network: nn.Module, images: np.ndarray) -> training.History:
        """The same, for as many additional updates as the game has steps."""
        epochs = ceil(self.steps * self.batch_size / len(images))
        return self.with_settings(lr=self.later_lr, epochs=epochs).fit_content(network, images)

    def trainer(self, network: Restorer) -> training.Restoration:
        """The game of a network trained on the content loss, and a new discriminator."""
        discriminator = dcgan.TinyDiscriminator(batch_norm=False)
        of_network, of_discriminator = (schedules.cosine(rate, self.steps) for rate in (self.later_lr, self.discriminator_lr))
        return training.Restoration(
            network,
            discriminator,
            weight=self.weight,
            penalties=[losses.R1(gamma=1.0)],
            generator_optimizer=optim.Adam(network.parameters(), lr=of_network, beta1=0.5),
            discriminator_optimizer=optim.Adam(discriminator.parameters(), lr=of_discriminator, beta1=0.5),
        )

    def fit(self, trainer: training.Restoration, images: np.ndarray) -> training.History:
        """Play the game."""
        rows = max(self.steps // 20, 1)
        return trainer.fit(images, steps=self.steps, batch_size=self.batch_size, record_every=rows)
