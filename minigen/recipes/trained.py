"""Models trained by a recipe, as `minigen train` makes them: new examples, their latent spaces, reconstructions."""

import math
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
from minigen.models.gans.growing import GrowingGenerator
from minigen.nn import Module
from minigen.ops import sigmoid
from minigen.optim import ExponentialMovingAverage
from minigen.recipes import projection
from minigen.recipes.latent_spaces import STEPS, LatentSpaces, Projection, differences
from minigen.recipes.recipe import InputSpec, Recipe
from minigen.training import Callback, History
from minigen.training.checkpoint import Saved
from minigen.utils.checks import check_drawn, is_whole
from minigen.utils.progress import Progress

VALIDATED = 2000  # held-out examples whose loss is measured after each epoch


class TrainedModel(LatentSpaces):
    """A model and its recipe: `fit`, or `restore` for use without any data; then `sample`, `interpolate` and all else of its
    `LatentSpaces`."""

    generative = True  # whether it can sample

    def __init__(self, recipe: Recipe, spec: InputSpec):
        self.recipe, self.spec = recipe, spec
        self.history = History()  # of the run whose folder was opened

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.spec.shape))
        return f"{type(self).__name__}({self.recipe.name} of examples {shape}, .network: {type(self.network).__name__})"

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

    def ends(
        self, pairs: int, rng: np.random.Generator, held_out: Dataset | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Codes between which to `interpolate`, and labels if the model is conditioned on them: (pairs, d) twice, (pairs,).

        held_out: the examples between whose codes autoencoders walk; GANs need none. RecipeError for too few.
        """
        raise NotImplementedError

    def labels(self, n: int, label: int | None) -> np.ndarray:
        """n labels: all the same, or all classes in turn. RecipeError for a model that takes none."""
        check_drawn(n)
        if label is None:
            return np.arange(n) % self.spec.classes
        if not self.conditional:
            raise RecipeError(f"{self.recipe.name} is not conditioned on the class: it draws any")
        return self.checked_labels(label, n)[0]

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

    def ends(
        self, pairs: int, rng: np.random.Generator, held_out: Dataset | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The codes of held-out examples, and the classes of the first of each pair."""
        if held_out is None or len(held_out) < 2 * pairs:
            there = "none" if held_out is None else len(held_out)
            raise RecipeError(f"{pairs} walks are between {2 * pairs} held-out examples, there are {there}")
        chosen = held_out[rng.permutation(len(held_out))[: 2 * pairs]]
        a, b = (self.codes(chosen[part]).reshape(pairs, -1) for part in (slice(pairs), slice(pairs, None)))
        return a, b, chosen.labels[:pairs] if self.conditional else None

    def code_size(self, space: str) -> int:
        return math.prod(self.code_shape)

    @property
    def code_shape(self) -> tuple[int, ...]:
        """The shape of a code, as the decoder takes it."""
        labels = [np.zeros(1, dtype=np.int64)] if self.conditional else []
        return self.encoded(np.zeros((1, *self.spec.shape), dtype=np.float32), *labels).shape[1:]

    def drawn_codes(self, n: int, space: str, rng: np.random.Generator) -> np.ndarray:
        if not self.generative:
            raise RecipeError(
                f"the codes of {self.recipe.name} have no distribution to draw from: take those of images, project(images).codes"
            )
        return rng.standard_normal((n, self.code_size(space)), dtype=np.float32)

    def decoded(self, codes: np.ndarray, space: str, labels: tuple[np.ndarray, ...]) -> np.ndarray:
        codes = codes.reshape(len(codes), *self.code_shape)
        with self.model.eval_mode(), no_grad():
            return to_numpy(self.as_pixels(self.model.decode(asarray(codes), *map(asarray, labels))))

    def curved(self, space: str) -> bool:
        return False

    def project(
        self, images: np.ndarray, space: str = "z", labels: Any = None, steps: int = STEPS, seed: int = 0, progress: bool = True
    ) -> Projection:
        """The codes that the encoder gives: there is nothing to search."""
        self.check_space(space)
        images = self.checked_images(images)
        given = self.checked_labels(labels, len(images))
        codes = self.encoded(images, *given)
        codes = codes.reshape(len(codes), -1)
        made = self.decoded(codes, space, given)
        return Projection(codes, made, differences(made, images))

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
        return self.encoded(*self.inputs(dataset))

    def encoded(self, *inputs: np.ndarray) -> np.ndarray:
        """The codes of the model's inputs."""
        with self.model.eval_mode(), no_grad():
            codes = self.model.encode(*map(asarray, inputs))
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

    def ends(
        self, pairs: int, rng: np.random.Generator, held_out: Dataset | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Random latent vectors, and all classes in turn."""
        a, b = rng.standard_normal((2, pairs, self.generator.latent_dim)).astype(np.float32)
        return a, b, self.labels(pairs, None) if self.conditional else None

    @property
    def spaces(self) -> tuple[str, ...]:
        """ "z", and of a StyleGAN also "w"."""
        return ("z", "w") if isinstance(self.generator, stylegan.Generator) else ("z",)

    def code_size(self, space: str) -> int:
        return self.generator.style_dim if space == "w" else self.generator.latent_dim

    def drawn_codes(self, n: int, space: str, rng: np.random.Generator) -> np.ndarray:
        z = rng.standard_normal((n, self.generator.latent_dim), dtype=np.float32)
        return self.generator.map(z) if space == "w" else z

    def decoded(self, codes: np.ndarray, space: str, labels: tuple[np.ndarray, ...]) -> np.ndarray:
        return self.generator.draw_styles(codes) if space == "w" else self.generator.draw(codes, *labels)

    def curved(self, space: str) -> bool:
        return space == "z"

    def project(
        self, images: np.ndarray, space: str = "z", labels: Any = None, steps: int = STEPS, seed: int = 0, progress: bool = True
    ) -> Projection:
        """The codes that `projection.search` finds from the nearest of 500 random codes on."""
        if not is_whole(steps) or steps < 0:
            raise ValueError(f"project: steps is a whole number of at least 0, got {steps!r}")
        images = self.checked_images(images)
        given = self.checked_labels(labels, len(images))
        if isinstance(self.generator, GrowingGenerator):  # which may still be smaller than its images
            images = self.generator.at_stage(images)
        candidates = self.latent(projection.CANDIDATES, space, seed)
        start = np.empty((len(images), candidates.shape[1]), dtype=np.float32)
        for label in np.unique(given[0]) if given else [None]:
            of_class = slice(None) if label is None else given[0] == label
            made = self.draw(candidates, space, label)
            start[of_class] = projection.nearest(images[of_class], candidates, made)
        styled = space == "w"
        codes = projection.search(
            self.generator,
            self.generator.synthesize if styled else self.generator,
            self.generator.from_pixels(images),
            start,
            steps,
            lr=0.2 * float(candidates.std(axis=0).mean()) if styled else 0.05,
            radius=None if styled else math.sqrt(self.generator.latent_dim),
            labels=given,
            progress=progress,
        )
        made = self.decoded(codes, space, given)
        return Projection(codes, made, differences(made, images))
