"""The recipes of all autoencoders: network, optimizer, rates, batch size and length, as measured by the demos."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any, Self

from minigen import nn, optim, training
from minigen.data import Dataset
from minigen.models import autoencoders
from minigen.models.autoencoders import convolutional, convolutional_variational
from minigen.models.autoencoders.denoising import CORRUPTIONS
from minigen.models.autoencoders.variational import LIKELIHOODS
from minigen.optim import schedules
from minigen.optim.optimizer import Optimizer
from minigen.recipes import inputs
from minigen.recipes.recipe import InputSpec, Recipe, option
from minigen.recipes.trained import TrainedAutoencoder
from minigen.training import Callback, History
from minigen.utils.progress import Progress


@dataclass(frozen=True)
class AutoencoderRecipe(Recipe):
    """A network with a loss of its own, trained by `training.fit`. Subclasses define `network` and `optimizer`."""

    def network(self, spec: InputSpec) -> nn.Module:
        """A new network."""
        raise NotImplementedError

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        """The optimizer of these parameters for `steps` steps."""
        raise NotImplementedError

    def fit(
        self,
        model: nn.Module,
        train: Dataset,
        test: Dataset | None = None,
        callbacks: Sequence[Callback] = (),
        resume: str | Path | None = None,
        progress: Progress = True,
    ) -> History:
        """Train a network by this recipe; see `training.fit`."""
        return training.fit(
            model,
            self.examples(train),
            validation=None if test is None else self.examples(test),
            optimizer=self.optimizer(model.parameters(), self.epochs * ceil(len(train) / self.batch_size)),
            epochs=self.epochs,
            batch_size=self.batch_size,
            callbacks=callbacks,
            resume=resume,
            progress=progress,
        )

    def with_length(self, spec: InputSpec, n: int) -> Self:
        return replace(self, epochs=self.epochs or ceil(self.steps / ceil(n / self.batch_size)), steps=None)

    def check(self, spec: InputSpec) -> None:
        self.optimizer(self.network(spec).parameters(), 1)

    def build(self, spec: InputSpec) -> TrainedAutoencoder:
        """A new network, with the methods of a trained model."""
        return TrainedAutoencoder(self, spec)


# -- point codes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Linear(AutoencoderRecipe):
    """PCA with a linear autoencoder."""

    name = "linear"
    data = "plane"
    view = staticmethod(inputs.flat)
    lr: float = 0.01
    batch_size: int = 60
    steps: int | None = 2000
    latent_dim: int = option(2, "values in a code")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.LinearAutoencoder(spec.shape[0], self.latent_dim)

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        return optim.Adam(parameters, lr=schedules.cosine(self.lr, steps))


@dataclass(frozen=True)
class Stacked(AutoencoderRecipe):
    """Stacked autoencoder, the chapter's."""

    name = "stacked"
    lr: float = 1.5
    batch_size: int = 32
    epochs: int | None = 10
    latent_dim: int = option(30, "values in a code")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.StackedAutoencoder(latent_dim=self.latent_dim, shape=spec.shape)

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        return optim.SGD(parameters, lr=self.lr)


@dataclass(frozen=True)
class Tied(Stacked):
    """Stacked autoencoder that decodes with the encoder's weights."""

    name = "tied"

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.TiedAutoencoder(latent_dim=self.latent_dim, shape=spec.shape)


@dataclass(frozen=True)
class Convolutional(AutoencoderRecipe):
    """Convolutional autoencoder."""

    name = "convolutional"
    view = staticmethod(inputs.with_sides(convolutional.SMALLEST))
    lr: float = 1e-3
    batch_size: int = 32
    epochs: int | None = 6
    latent_dim: int = option(0, "values in a code; 0: 64 maps of 3 x 3 (of an eighth of the sides), without a bottleneck")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.ConvolutionalAutoencoder(latent_dim=self.latent_dim or None, shape=spec.shape)

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        return optim.Nadam(parameters, lr=self.lr)


@dataclass(frozen=True)
class Recurrent(AutoencoderRecipe):
    """Recurrent autoencoder: an image read and written row by row."""

    name = "recurrent"
    lr: float = 6e-3
    batch_size: int = 32
    epochs: int | None = 16
    latent_dim: int = option(30, "values in a code")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.RecurrentAutoencoder(latent_dim=self.latent_dim, shape=spec.shape)

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        rate = schedules.warmup(schedules.cosine(self.lr, steps), max(steps // 3, 1))
        return optim.Nadam(parameters, lr=rate)


@dataclass(frozen=True)
class Denoising(AutoencoderRecipe):
    """Denoising autoencoder."""

    name = "denoising"
    lr: float = 1e-3
    batch_size: int = 32
    epochs: int | None = 10
    latent_dim: int = option(30, "values in a code")
    corruption: str = option("gaussian", "how images are damaged", tuple(CORRUPTIONS))
    amount: float = option(0.2, "of the damage: the noise's standard deviation, or the share of pixels lost")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.DenoisingAutoencoder(self.corruption, self.amount, latent_dim=self.latent_dim, shape=spec.shape)

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        return optim.Nadam(parameters, lr=self.lr)


@dataclass(frozen=True)
class Sparse(AutoencoderRecipe):
    """Sparse autoencoder: many codes, few of them active."""

    name = "sparse"
    lr: float = 1e-3
    batch_size: int = 32
    epochs: int | None = 10
    latent_dim: int = option(300, "values in a code")
    l1: float = option(0.0, "weight of the L1 penalty (the chapter's: 1e-3)")
    kl: float = option(0.05 / 32, "weight of the KL penalty")
    target: float = option(0.1, "target mean activation of the KL penalty")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.SparseAutoencoder(self.latent_dim, self.l1, self.kl, self.target, shape=spec.shape)

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        return optim.Nadam(parameters, lr=self.lr)


@dataclass(frozen=True)
class Hashing(AutoencoderRecipe):
    """Binary hashing: codes that are bits."""

    name = "hashing"
    lr: float = 1e-3
    batch_size: int = 32
    epochs: int | None = 10
    bits: int = option(16, "bits in a code")
    noise_std: float = option(15.0, "standard deviation of the noise before the bits")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.HashingAutoencoder(bits=self.bits, noise_std=self.noise_std, shape=spec.shape)

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        return optim.Nadam(parameters, lr=self.lr)


# -- codes as distributions -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variational(AutoencoderRecipe):
    """Variational autoencoder."""

    name = "vae"
    lr: float = 2e-3
    batch_size: int = 128
    epochs: int | None = 25
    latent_dim: int = option(10, "values in a code")
    beta: float = option(1.0, "weight of the KL divergence")
    reconstruction: str = option("bce", "p(x|z) of a pixel: Bernoulli (bce) or Gaussian (mse)", LIKELIHOODS)

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.VariationalAutoencoder(self.latent_dim, self.beta, self.reconstruction, shape=spec.shape)

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        return optim.Adam(parameters, lr=schedules.cosine(self.lr, steps))


@dataclass(frozen=True)
class ConditionalVariational(Variational):
    """Variational autoencoder conditioned on the class."""

    name = "conditional-vae"
    conditional = True
    beta: float = option(2.0, "weight of the KL divergence")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.ConditionalVariationalAutoencoder(
            spec.classes, self.latent_dim, self.beta, self.reconstruction, shape=spec.shape
        )


@dataclass(frozen=True)
class ConvolutionalVariational(Variational):
    """Convolutional variational autoencoder of portraits."""

    name = "conv-vae"
    data = "faces"
    view = staticmethod(inputs.with_sides(*convolutional_variational.SIDES))
    lr: float = 1e-3
    batch_size: int = 64
    epochs: int | None = 20
    latent_dim: int = option(32, "values in a code")
    beta: float = option(1.0, "weight of the KL divergence")
    reconstruction: str = option("mse", "p(x|z) of a pixel: Bernoulli (bce) or Gaussian (mse)", LIKELIHOODS)
    maps: int = option(24, "feature maps of the finest resolution")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.ConvolutionalVariationalAutoencoder(
            self.latent_dim, beta=self.beta, reconstruction=self.reconstruction, maps=self.maps, shape=spec.shape
        )


@dataclass(frozen=True)
class LinearVariational(AutoencoderRecipe):
    """Linear variational autoencoder = probabilistic PCA."""

    name = "linear-vae"
    data = "plane"
    view = staticmethod(inputs.flat)
    lr: float = 0.02
    batch_size: int = 60
    steps: int | None = 4000
    latent_dim: int = option(2, "values in a code")

    def network(self, spec: InputSpec) -> nn.Module:
        return autoencoders.LinearVariationalAutoencoder(spec.shape[0], self.latent_dim)

    def optimizer(self, parameters: Sequence[Any], steps: int) -> Optimizer:
        return optim.Adam(parameters, lr=schedules.cosine(self.lr, steps))


AUTOENCODERS = (
    Linear,
    Stacked,
    Tied,
    Convolutional,
    Recurrent,
    Denoising,
    Sparse,
    Hashing,
    Variational,
    ConditionalVariational,
    ConvolutionalVariational,
    LinearVariational,
)
