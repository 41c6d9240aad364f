"""Models trained by a recipe, as `minigen train` makes them: new examples, walks between them, reconstructions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minigen.autograd import no_grad
from minigen.backend import asarray, to_numpy
from minigen.data import Dataset, as_pixels
from minigen.errors import RecipeError
from minigen.models import autoencoders
from minigen.models.autoencoders.base import ImageAutoencoder
from minigen.models.gans import stylegan
from minigen.models.latent import great_circle
from minigen.nn import Module
from minigen.ops import sigmoid
from minigen.optim import ExponentialMovingAverage
from minigen.recipes.recipe import InputSpec, Recipe
from minigen.training import Callback, History
from minigen.training.checkpoint import Saved
from minigen.utils.progress import Progress

VALIDATED = 2000  # held-out examples whose loss is measured after each epoch


class TrainedModel:
    """A model and its recipe: `fit`, or `restore` for use without any data; then `sample` and `interpolate`."""

    generative = True  # whether it can sample

    def __init__(self, recipe: Recipe, spec: InputSpec):
        self.recipe, self.spec = recipe, spec
        self.history = History()  # of the run whose folder was opened

    def fit(
        self,
        train: Dataset,
        test: Dataset,
        callbacks: Sequence[Callback] = (),
        resume: str | Path | None = None,
        progress: Progress = True,
    ) -> History:
        """Train by the recipe, to its end. resume: see `training.fit`."""
        raise NotImplementedError

    def restore(self, saved: Saved) -> None:
        """Load the weights from an open checkpoint of such a run. StateError for those of another model."""
        raise NotImplementedError

    @property
    def network(self) -> Module:
        """What makes examples: the autoencoder, or the generator of a GAN, averaged after training or loading."""
        raise NotImplementedError

    @property
    def conditional(self) -> bool:
        """Whether it takes a class."""
        return self.recipe.conditional

    def sample(self, n: int, label: int | None = None, psi: float = 1.0) -> np.ndarray:
        """n new examples, pixels in [0, 1], on the host. RecipeError for a model that cannot make new ones.

        label: the one class to draw, by default all in turn.  psi: truncation of StyleGAN's styles.
        """
        raise NotImplementedError

    def interpolate(self, pairs: int, steps: int, rng: np.random.Generator, held_out: Dataset | None = None) -> np.ndarray:
        """(pairs, steps, ...): walks through the latent space from one example to another, including both ends.

        held_out: the examples between which autoencoders walk; GANs need none.
        """
        raise NotImplementedError

    def labels(self, n: int, label: int | None) -> np.ndarray:
        """n labels: all the same, or all classes in turn. RecipeError for a model that takes none."""
        if label is not None and not self.conditional:
            raise RecipeError(f"{self.recipe.name} is not conditioned on the class: it draws any")
        return np.arange(n) % self.spec.classes if label is None else np.full(n, label)

    def check_untruncated(self, psi: float) -> None:
        """Raise RecipeError for a psi that has no meaning for the model."""
        if psi != 1.0:
            raise RecipeError(f"psi truncates the styles of stylegan, {self.recipe.name} has none")


class TrainedAutoencoder(TrainedModel):
    """An autoencoder, `model`."""

    def __init__(self, recipe: Recipe, spec: InputSpec):
        super().__init__(recipe, spec)
        self.model = recipe.network(spec)

    def fit(self, train: Dataset, test: Dataset, *args: Any, **options: Any) -> History:
        return self.recipe.fit(self.model, train, test[:VALIDATED], *args, **options)

    def restore(self, saved: Saved) -> None:
        self.model.load_state_dict(saved.fitting("model", self.model))
        self.model.eval()

    @property
    def network(self) -> Module:
        return self.model

    @property
    def generative(self) -> bool:
        """Whether codes have a distribution to draw from."""
        return isinstance(self.model, autoencoders.VariationalAutoencoder)

    def sample(self, n: int, label: int | None = None, psi: float = 1.0) -> np.ndarray:
        self.check_untruncated(psi)
        labels = self.labels(n, label)
        if not self.generative:
            raise RecipeError(
                f"{self.recipe.name} cannot sample: its codes have no distribution to draw from. It gives back "
                "what it is shown, and interpolates between held-out examples; vae and the GANs sample"
            )
        return to_numpy(self.model.sample(labels if self.conditional else n))

    def interpolate(self, pairs: int, steps: int, rng: np.random.Generator, held_out: Dataset | None = None) -> np.ndarray:
        """Straight lines from codes of held-out examples to those of others, conditioned on the first one's class.

        RecipeError for more walks than there are pairs of held-out examples.
        """
        if held_out is None or len(held_out) < 2 * pairs:
            there = "none" if held_out is None else len(held_out)
            raise RecipeError(f"{pairs} walks are between {2 * pairs} held-out examples, there are {there}")
        chosen = held_out[rng.permutation(len(held_out))[: 2 * pairs]]
        start, end = (self.codes(chosen[part])[:, None] for part in (slice(pairs), slice(pairs, None)))
        t = np.linspace(0, 1, steps, dtype=start.dtype).reshape(1, steps, *[1] * (start.ndim - 2))
        codes = (start + t * (end - start)).reshape(pairs * steps, *start.shape[2:])
        labels = [np.repeat(chosen.labels[:pairs], steps)] if self.conditional else []
        with self.model.eval_mode(), no_grad():
            made = to_numpy(self.as_pixels(self.model.decode(asarray(codes), *labels)))
        return made.reshape(pairs, steps, *made.shape[1:])

    def inputs(self, dataset: Dataset) -> tuple[np.ndarray, ...]:
        """The model's inputs from a data set: its examples as pixels, and their labels if it is conditioned on them."""
        examples = self.recipe.examples(replace(dataset, images=as_pixels(dataset.images)))
        return examples if self.conditional else (examples,)

    def reconstruct(self, dataset: Dataset) -> np.ndarray:
        """The reconstructions of a data set's examples, on the host."""
        make = getattr(self.model, "reconstruct", lambda x: self.as_pixels(self.model(x)))
        with self.model.eval_mode(), no_grad():
            return to_numpy(make(*map(asarray, self.inputs(dataset))))

    def codes(self, dataset: Dataset) -> np.ndarray:
        """The codes of examples of a data set, on the host; if they are distributions, the means."""
        with self.model.eval_mode(), no_grad():
            codes = self.model.encode(*map(asarray, self.inputs(dataset)))
        return to_numpy(codes[0] if self.generative else codes)

    def as_pixels(self, y: Any) -> Any:
        """The decoder's output, logits or values, as pixels."""
        if self.generative:
            return self.model.pixels_from_logits(y)
        return sigmoid(y) if isinstance(self.model, ImageAutoencoder) else y


class TrainedGan(TrainedModel):
    """The players of a game; `generator` is the averaged one after training or loading."""

    def __init__(self, recipe: Recipe, spec: InputSpec):
        super().__init__(recipe, spec)
        self.generator, self.discriminator = recipe.networks(spec)

    @property
    def network(self) -> Module:
        return self.generator

    def fit(self, train: Dataset, test: Dataset, *args: Any, **options: Any) -> History:
        trainer = self.recipe.trainer(self.generator, self.discriminator)
        history = self.recipe.fit(trainer, train, None, *args, **options)
        self.generator = trainer.sampler
        return history

    def restore(self, saved: Saved) -> None:
        average = ExponentialMovingAverage(self.generator, self.recipe.ema)
        average.load_state_dict(saved.fitting("average", average))
        self.generator = average.average

    def sample(self, n: int, label: int | None = None, psi: float = 1.0) -> np.ndarray:
        labels = self.labels(n, label)
        if isinstance(self.generator, stylegan.Generator):
            return self.generator.sample(n, psi=psi)
        self.check_untruncated(psi)
        return self.generator.sample(n, labels) if self.conditional else self.generator.sample(n)

    def interpolate(self, pairs: int, steps: int, rng: np.random.Generator, held_out: Dataset | None = None) -> np.ndarray:
        """Along great circles between two latent vectors."""
        ends = rng.standard_normal((2, pairs, self.generator.latent_dim))
        labels = [np.repeat(self.labels(pairs, None), steps)] if self.conditional else []
        made = self.generator.draw(great_circle(*ends, steps).reshape(pairs * steps, -1), *labels)
        return made.reshape(pairs, steps, *made.shape[1:])
