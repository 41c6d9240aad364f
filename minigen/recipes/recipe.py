"""The base of recipes: a network, the examples that it takes, and a training known to work."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import numpy as np

from minigen.data import Dataset
from minigen.errors import RecipeError, suggestion
from minigen.recipes import inputs
from minigen.utils.checks import check_positive

TRAINING = ("lr", "batch_size", "epochs", "steps")  # the settings that every recipe has


@dataclass(frozen=True)
class InputSpec:
    """What a network must know about its examples: their shape, without n, and the number of classes."""

    shape: tuple[int, ...]
    classes: int


def option(default: int | float | str, help: str, choices: tuple[str, ...] = ()) -> Any:
    """A setting of a recipe that is an option of its model in `minigen train`. `choices`: the accepted words."""
    return field(default=default, metadata={"help": help, "choices": choices})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One experiment, stated once: a subclass is a model of the chapter with all that its training needs.

    Its fields are its settings, with their defaults: the largest learning rate, the batch size, the length of training (epochs or
    steps, one of the two), and the options of the model. Its methods build the networks and define their training. `minigen
    train` and the demos train by it, and the demos `show` it. A copy is a good start for your own experiment.

    name: its name in `minigen train`.  data: the data set that it is trained on by default.  conditional: whether the model is
    conditioned on the labels.  view: converts the images of a data set to the shape that the model takes, or raises RecipeError.
    """

    name: ClassVar[str]
    data: ClassVar[str] = "glyphs"
    conditional: ClassVar[bool] = False
    view = staticmethod(inputs.any_images)

    lr: float
    batch_size: int
    epochs: int | None = None
    steps: int | None = None

    # -- the statement -------------------------------------------------------------------------------------------

    @property
    def summary(self) -> str:
        """What it trains, in a line."""
        return inspect.getdoc(type(self)).splitlines()[0].removesuffix(".")

    @property
    def settings(self) -> dict[str, Any]:
        """All settings, by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @property
    def length(self) -> dict[str, int]:
        """The length of training, which a demo has as options: epochs or steps, and the batch size."""
        return {name: value for name in ("epochs", "steps", "batch_size") if (value := getattr(self, name))}

    @classmethod
    def options(cls) -> dict[str, Any]:
        """The settings that are options of the model: name -> field."""
        return {each.name: each for each in fields(cls) if each.name not in TRAINING}

    @classmethod
    def source(cls) -> str:
        """The source of the recipe, preceded by that of the recipes it derives from."""
        return "\n\n".join(inspect.getsource(each) for each in reversed(cls.__mro__) if "name" in vars(each))

    def show(self) -> None:
        """Print the recipe's source, and the settings that differ from it here."""
        print(self.source(), end="")
        standard = type(self)()
        for name, value in self.settings.items():
            if value != getattr(standard, name):
                print(f"# here: {name} = {value!r}")

    def with_settings(self, **settings: Any) -> Self:
        """The recipe with other settings; None keeps a setting. Epochs replace steps, and steps epochs.

        RecipeError for a setting that it does not have, and for a learning rate that is not positive.
        """
        for name in settings.keys() - self.settings.keys():
            raise RecipeError(f"{self.name} has no option {name!r}: {suggestion(name, self.settings)}")
        given = {name: value for name, value in settings.items() if value is not None}
        if given.keys() & {"epochs", "steps"}:
            given = {"epochs": None, "steps": None} | given
        recipe = replace(self, **given)
        check_positive(self.name, lr=recipe.lr)
        return recipe

    def with_arguments(self, args: Any) -> Self:
        """The recipe with its settings from a demo's arguments."""
        return self.with_settings(**{name: value for name, value in vars(args).items() if name in self.settings})

    def with_length(self, spec: InputSpec, n: int) -> Self:
        """The recipe with the length of a run on n examples filled in, in its unit: epochs or steps.

        RecipeError for fewer examples than a GAN's batch, and for a run that is too short to grow.
        """
        raise NotImplementedError

    def check(self, spec: InputSpec) -> None:
        """Raise the error of whatever cannot be made with these settings, before anything is loaded or written."""
        raise NotImplementedError

    def build(self, spec: InputSpec) -> Any:
        """New networks, with the methods of a `TrainedModel`."""
        raise NotImplementedError

    # -- the examples --------------------------------------------------------------------------------------------

    def examples(self, dataset: Dataset) -> Any:
        """The training examples of the model: images, or images and labels."""
        images = self.viewed(dataset.images)
        return (images, dataset.labels) if self.conditional else images

    def viewed(self, images: np.ndarray) -> np.ndarray:
        """Images as the model takes them. RecipeError, naming what it takes, for others."""
        try:
            return self.view(images)
        except RecipeError as error:
            raise RecipeError(f"{self.name} takes {error}, got {inputs.described(images)}") from None

    def input_spec(self, shape: Sequence[int], classes: int) -> InputSpec:
        """The input spec for images of this shape. RecipeError for images that the networks do not take."""
        return InputSpec(self.viewed(np.zeros((1, *shape), dtype=np.float32)).shape[1:], classes)

    def spec_of(self, dataset: Dataset) -> InputSpec:
        """The input spec for a data set. RecipeError for one that the networks do not take."""
        return self.input_spec(dataset.images.shape[1:], len(dataset.class_names))
