"""What a recipe is: a model of the chapter, the data that it takes, and the training that is known to make it work."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minigen.data import Dataset
from minigen.errors import RecipeError, suggestion
from minigen.recipes import subjects
from minigen.training import Callback, History
from minigen.training.checkpoint import Saved
from minigen.utils.checks import check_positive


@dataclass(frozen=True)
class Option:
    """A number or word that a model can be made with. `choices`: the words that it knows."""

    default: int | float | str
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """What a model must know of its examples: their shape, without n, and how many classes they have."""

    shape: tuple[int, ...]
    classes: int


@dataclass(frozen=True)
class Plan:
    """All numbers of one training run; `epochs` or `steps` says how long it is, whichever the recipe counts in."""

    options: Mapping[str, Any]
    lr: float
    batch_size: int
    epochs: int | None = None
    steps: int | None = None


@dataclass(frozen=True)
class Recipe:
    """How to make a model and train it, by name. A subclass knows which loop trains it.

    build: (subject, **options) -> the model.  view: brings a data set's images to examples of the shape that the model takes,
    or raises RecipeError.  labeled: whether the model is told the labels.  lr: the largest learning rate.  epochs, steps: how
    long it is trained by default, one of the two.
    """

    name: str
    summary: str
    build: Callable[..., Any]
    lr: float
    batch_size: int
    epochs: int | None = None
    steps: int | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    view: Callable[[np.ndarray], np.ndarray] = subjects.small
    labeled: bool = False
    data: str = "glyphs"

    def examples(self, dataset: Dataset) -> Any:
        """What the model is trained on: images, or images and labels."""
        images = self.viewed(dataset.images)
        return (images, dataset.labels) if self.labeled else images

    def viewed(self, images: np.ndarray) -> np.ndarray:
        """Images as the model takes them. RecipeError, naming what it takes, for others."""
        try:
            return self.view(images)
        except RecipeError as error:
            raise RecipeError(f"{self.name} takes {error}, got {subjects.described(images)}") from None

    def subject(self, shape: Sequence[int], classes: int) -> Subject:
        """What the model must know of images of this shape. RecipeError for images that it does not take."""
        return Subject(self.viewed(np.zeros((1, *shape), dtype=np.float32)).shape[1:], classes)

    def plan(
        self,
        subject: Subject,
        n: int,
        options: Mapping[str, Any] | None = None,
        lr: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        steps: int | None = None,
    ) -> Plan:
        """A plan for n examples of a subject: what is not given is the recipe's.

        RecipeError for an option that the model does not have, fewer examples than a GAN's batch, and a run too short to grow.
        """
        options = dict(options or {})
        for name in options.keys() - self.options.keys():
            raise RecipeError(f"{self.name} has no option {name!r}: {suggestion(name, self.options)}")
        options = {name: options.get(name, option.default) for name, option in self.options.items()}
        lr = self.lr if lr is None else lr
        check_positive(self.name, lr=lr)
        return self.timed(Plan(options, lr, batch_size or self.batch_size, epochs, steps), subject, n)

    def timed(self, plan: Plan, subject: Subject, n: int) -> Plan:
        """The plan with the length of the run filled in."""
        raise NotImplementedError

    def made(self, subject: Subject, plan: Plan) -> "Learner":
        """The model, new, and what trains it."""
        raise NotImplementedError


class Learner:
    """A model and its training by a recipe: `fit`, or `load` for use without any data; then `sample` and `between`."""

    def __init__(self, recipe: Recipe, subject: Subject, plan: Plan):
        self.recipe, self.subject, self.plan = recipe, subject, plan

    def fit(
        self,
        train: Dataset,
        test: Dataset,
        callbacks: Sequence[Callback] = (),
        resume: str | Path | None = None,
        progress: bool = True,
    ) -> History:
        """Train, on to the end of the plan. resume: see `training.fit`."""
        raise NotImplementedError

    def load(self, saved: Saved) -> None:
        """Take over the weights from a checkpoint of such a run, open. StateError for those of another model."""
        raise NotImplementedError

    @property
    def conditional(self) -> bool:
        """Whether it is asked for a class."""
        return self.recipe.labeled

    @property
    def generative(self) -> bool:
        """Whether it can sample."""
        return True

    def sample(self, n: int, label: int | None = None, psi: float = 1.0) -> np.ndarray:
        """n new examples, pixels in [0, 1], on the host. RecipeError for a model that cannot make new ones.

        label: the one class to draw, by default all in turn.  psi: truncation of StyleGAN's styles.
        """
        raise NotImplementedError

    def between(self, pairs: int, steps: int, rng: np.random.Generator, held_out: Dataset) -> np.ndarray:
        """(pairs, steps, ...): walks through the latent space from one example to another, ends included."""
        raise NotImplementedError

    def labels(self, n: int, label: int | None) -> np.ndarray:
        """n labels: all the same, or those of all classes in turn. RecipeError for a model that takes none."""
        if label is not None and not self.conditional:
            raise RecipeError(f"{self.recipe.name} is not told the class: it draws whatever it likes")
        return np.arange(n) % self.subject.classes if label is None else np.full(n, label)


def check_untruncated(recipe: Recipe, psi: float) -> None:
    """Raise RecipeError for a psi that means nothing to the model."""
    if psi != 1.0:
        raise RecipeError(f"psi truncates the styles of stylegan, {recipe.name} has none")
