"""What a run trains, on what, and how long: all that is needed to build its model again."""

import math
import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigen.backend.devices import NAMES as BACKENDS
from minigen.data import Dataset
from minigen.data.picture_files import picture_format
from minigen.errors import CommandError, suggestion
from minigen.recipes import RECIPES, InputSpec, Recipe, find, inputs
from minigen.utils.checks import check_positive
from minigen.utils.files import write_json
from minigen.utils.reading import shortened

KINDS = {int: "a whole number", float: "a finite number", str: "a text"}  # of settings, in words


@dataclass(frozen=True)
class Config:
    """The content of config.json in a run folder.

    `data`: a data set's name, or a folder's path; `images`: how many to train on, None for all; `resolution`: of faces and
    pictures; `examples`, `classes`: their number and the class names; `distance`: whether a GAN's history has the Fréchet
    distance; `pictures`: how those of a folder are taken, and their checksum, by which they are known again.
    """

    minigen: str
    model: str
    data: str
    images: int | None
    resolution: int
    examples: int
    classes: list[str]
    seed: int
    backend: str
    settings: dict[str, Any]
    distance: bool = False
    pictures: dict[str, Any] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example."""
        return inputs.shape_of(self.data, self.resolution, bool(self.pictures and self.pictures["gray"]))

    def load(self) -> tuple[Dataset, Dataset]:
        """The run's (train, test). CommandError if they are no longer what it was trained on."""
        options = {name: value for name, value in (self.pictures or {}).items() if name != "checksum"}
        train, test = inputs.load_examples(self.data, self.images, self.resolution, **options)
        self.check_data(train)
        return train, test

    @property
    def recipe(self) -> Recipe:
        """The model's recipe, with the run's settings."""
        return find(self.model).with_settings(**self.settings)

    @property
    def input_spec(self) -> InputSpec:
        """What the model must know of its data."""
        return self.recipe.input_spec(self.shape, len(self.classes))

    @property
    def counted(self) -> str:
        """The unit of the run's length: "epochs" or "steps"."""
        return "epochs" if self.settings["steps"] is None else "steps"

    @property
    def source(self) -> str:
        """What the data are called where others may read it: of a folder of pictures its name alone."""
        return self.data if self.pictures is None else f"{Path(self.data).name}/"

    @property
    def examples_in_words(self) -> str:
        """What it is trained on, such as "6,000 images of glyphs, 28 x 28 x 1"."""
        kind = "images" if self.images_shaped else "points"
        return f"{self.examples:,} {kind} of {self.source}, {' x '.join(map(str, self.shape))}"

    @property
    def command(self) -> str:
        """The command that trains such a run."""
        options: dict[str, Any] = {"data": self.source, "seed": self.seed, "images": self.images}
        if self.data == "faces" or self.pictures is not None:
            options["resolution"] = self.resolution
        pictures = self.pictures or {}
        options |= {name: value for name, value in pictures.items() if name in ("fit", "background")}
        standard = find(self.model).settings
        options |= {name: value for name, value in self.settings.items() if value is not None and value != standard[name]}
        words = [f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in options.items() if value is not None]
        flags = {"gray": pictures.get("gray"), "classes": pictures.get("classes"), "distance": self.distance}
        words += [
            f"--{'' if value else 'no-'}{name}" for name, value in flags.items() if value or value is False and name == "classes"
        ]
        return " ".join(["minigen train", self.model, *words])

    @property
    def images_shaped(self) -> bool:
        """Whether the data are images, rather than points."""
        return len(self.shape) == 3

    @property
    def planar(self) -> bool:
        """Whether two values stand for the three coordinates of a point."""
        return self.shape == (3,) and self.settings["latent_dim"] == 2

    def as_images(self, examples: np.ndarray) -> np.ndarray:
        """Examples of the model as images (n, h, w, c): rows get the shape of the data's images back."""
        return examples.reshape(len(examples), *self.shape).clip(0, 1) if examples.ndim == 2 else examples

    def check(self) -> None:
        """Raise TypeError or ValueError, naming the field, unless the run can be continued: it says what to train, on what, and
        how long, as `minigen train` could have written it."""
        check_setting("minigen", self.minigen, "0.2.0")
        check_setting("model", self.model, "vae", tuple(RECIPES))
        self.check_source()
        check_setting("backend", self.backend, "numpy", BACKENDS)
        images = self.examples if self.images is None else self.images
        for name, value, least in (("images", images, 1), ("examples", self.examples, 1), ("seed", self.seed, 0)):
            check_whole(name, value, least)
        if images != self.examples:
            raise ValueError(f"images is {images}, and examples {self.examples}: all images are examples")
        if type(self.distance) is not bool:
            raise ValueError(f"distance must be true or false, got {shortened(self.distance)}")
        listed = isinstance(self.classes, list) and all(isinstance(name, str) for name in self.classes)
        if not listed or not 0 < len(set(self.classes)) == len(self.classes):
            raise ValueError(f"classes must be a list of different names, got {shortened(self.classes)}")
        self.check_settings()

    def check_source(self) -> None:
        """Raise TypeError or ValueError, naming the field, unless it is clear what the data are, and what shape they have."""
        check_setting("data", self.data, "glyphs", inputs.NAMES if self.pictures is None else ())
        if self.pictures is None:
            if type(self.resolution) is not int or self.resolution not in [4 << s for s in range(9)]:
                raise ValueError(f"resolution must be 4, 8, 16 ... 1024, got {shortened(self.resolution)}")
            return
        if not os.path.isabs(self.data):
            raise ValueError(f"data must be the absolute path of a folder of pictures, got {shortened(self.data)}")
        if not isinstance(self.pictures, dict) or self.pictures.keys() != {*inputs.PICTURES, "checksum"}:
            raise ValueError(f"pictures must have {', '.join(inputs.PICTURES)} and checksum, got {shortened(self.pictures)}")
        check_whole("checksum", self.pictures["checksum"], 0)
        if self.pictures["classes"] not in (None, True, False):
            raise ValueError(f"classes must be true, false or null, got {shortened(self.pictures['classes'])}")
        picture_format(self.resolution, **{name: self.pictures[name] for name in ("fit", "gray", "background")})

    def check_settings(self) -> None:
        """Raise TypeError or ValueError, naming the setting, unless the model can be built and trained with these."""
        standard = find(self.model)
        if not isinstance(self.settings, dict) or self.settings.keys() != standard.settings.keys():
            raise ValueError(f"the settings of {self.model} are {', '.join(standard.settings)}, got {shortened(self.settings)}")
        for name, each in standard.options().items():
            check_setting(name, self.settings[name], getattr(standard, name), each.metadata["choices"])
        for name in ("batch_size", self.counted):
            check_whole(name, self.settings[name], 1)
        check_setting("lr", self.settings["lr"], standard.lr)
        check_positive(self.model, lr=self.settings["lr"])
        recipe, spec = self.recipe, self.input_spec
        complete = recipe.with_length(spec, self.examples)
        if (complete.epochs, complete.steps) != (self.settings["epochs"], self.settings["steps"]):
            raise ValueError(
                f"epochs is {self.settings['epochs']} and steps {self.settings['steps']}, {self.model} is trained in "
                f"{'epochs' if complete.steps is None else 'steps'} alone"
            )
        try:
            recipe.check(spec)
        except (ArithmeticError, MemoryError, TypeError, ValueError) as error:
            raise ValueError(f"settings {shortened(self.settings)}: {error}") from error

    def check_data(self, train: Dataset) -> None:
        """Raise CommandError, naming the field, for data that differ from config.json."""
        if self.pictures is not None and inputs.fingerprint(train) != self.pictures["checksum"]:
            raise CommandError(
                f"the pictures in {self.data} are no longer those that the run was trained on, {self.examples} of "
                f"{len(self.classes)} classes; now {len(train)} of {len(train.class_names)}: bring them back, or train anew"
            )
        found = {"examples": len(train), "classes": list(train.class_names)}
        for name, value in found.items():
            if getattr(self, name) != value:
                raise CommandError(
                    f"config.json says that {name} of {self.data} is {shortened(getattr(self, name))}, it is "
                    f"{shortened(value)}: was it changed by hand, or are these other data?"
                )

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self))


def check_whole(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless a value of config.json is a whole number of at least `least`."""
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {shortened(value)}")


def check_setting(name: str, value: Any, standard: Any, choices: Sequence[str] = ()) -> None:
    """Raise ValueError unless a value of config.json has the type of the recipe's own, and is one of its choices."""
    kind = type(standard)
    if type(value) not in ((int, float) if kind is float else (kind,)) or isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be {KINDS[kind]}, such as {standard!r}, got {shortened(value)}")
    if choices and value not in choices:
        raise ValueError(f"unknown {name} {shortened(value)}: {suggestion(value, choices)}")
