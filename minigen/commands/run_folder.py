"""The folder of a training run: its contents, and a lock so that only one process trains in it.

config.json      model, data, seed and settings: everything needed to build the model again
checkpoint.npz   weights, optimizers, random streams and the position in the data: everything needed to go on
history.csv      a row per epoch, or for every so many steps
pictures/        samples or reconstructions while it learned, and the training curves
.lock            present while a process trains here, locked by the operating system
"""

import contextlib
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigen import __version__
from minigen.backend.devices import NAMES as BACKENDS
from minigen.data import Dataset
from minigen.errors import CommandError, suggestion
from minigen.recipes import RECIPES, InputSpec, Recipe, find, inputs
from minigen.training import checkpoint
from minigen.utils.checks import check_positive
from minigen.utils.files import LOCK, Hold, is_temporary, locked, sweep, write_json
from minigen.utils.reading import parsed_json, read_bounded, shortened

LARGEST_CONFIG = 1 << 20  # bytes
KINDS = {int: "a whole number", float: "a finite number", str: "a text"}  # of settings, in words


@dataclass(frozen=True)
class Config:
    """The content of config.json.

    `images`: how many to train on, None for all; `resolution`: of faces; `examples`, `classes`: their number and the class names;
    `distance`: whether a GAN's history has the Fréchet distance.
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

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example."""
        return inputs.expected(self.data, self.resolution)[0]

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
        check_setting("minigen", self.minigen, __version__)
        check_setting("model", self.model, "vae", tuple(RECIPES))
        check_setting("data", self.data, "glyphs", inputs.NAMES)
        check_setting("backend", self.backend, "numpy", BACKENDS)
        images = self.examples if self.images is None else self.images
        for name, value, least in (("images", images, 1), ("examples", self.examples, 1), ("seed", self.seed, 0)):
            check_whole(name, value, least)
        if images != self.examples:
            raise ValueError(f"images is {images}, and examples {self.examples}: all images are examples")
        if type(self.distance) is not bool:
            raise ValueError(f"distance must be true or false, got {shortened(self.distance)}")
        if type(self.resolution) is not int or self.resolution not in [4 << s for s in range(9)]:
            raise ValueError(f"resolution must be 4, 8, 16 ... 1024, got {shortened(self.resolution)}")
        listed = isinstance(self.classes, list) and all(isinstance(name, str) for name in self.classes)
        if not listed or not 0 < len(set(self.classes)) == len(self.classes):
            raise ValueError(f"classes must be a list of different names, got {shortened(self.classes)}")
        self.check_settings()

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


class RunFolder:
    """A run folder by its path. `opened` checks that it is a run folder."""

    hold: Hold  # while it is locked

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.checkpoint, self.history = self.path / "checkpoint.npz", self.path / "history.csv"
        self.pictures, self.config_file = self.path / "pictures", self.path / "config.json"

    @classmethod
    def opened(cls, path: str | Path) -> "RunFolder":
        """The folder of an earlier run. CommandError for anything else."""
        folder = cls(path)
        if not folder.path.exists():
            raise CommandError(f"{path} does not exist; `minigen train MODEL --out {path}` makes a run folder")
        if not folder.config_file.is_file():
            raise CommandError(f"{path} is not a run folder: it has no config.json, which `minigen train` writes")
        return folder

    def config(self) -> Config:
        """What config.json says. CommandError if it is damaged."""
        try:
            said = parsed_json(read_bounded(self.config_file, LARGEST_CONFIG))
            if not isinstance(said, dict):
                raise ValueError(f"expected names and values, got {shortened(said)}")
            config = Config(**said)
            config.check()
        except (ArithmeticError, AttributeError, KeyError, MemoryError, OSError, TypeError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise CommandError(f"{self.config_file} is damaged, or of another version of minigen ({reason})") from error
        return config

    def done(self, config: Config) -> int:
        """Epochs, or steps, completed in the checkpoint; 0 without one. CommandError for another kind of run's."""
        if not self.checkpoint.exists():
            return 0
        with checkpoint.opened(self.checkpoint) as saved:
            done = saved.header.get(config.counted.removesuffix("s"))
        if type(done) is not int or done < 0:
            raise CommandError(f"{self.checkpoint} is not of the model in {self.config_file}: it counts no {config.counted}")
        return done

    def trained(self, config: Config) -> Path:
        """The checkpoint. CommandError if there is none, saying how to get one."""
        if self.checkpoint.is_file():
            return self.checkpoint
        if self.checkpoint.is_symlink():
            raise CommandError(
                f"{self.checkpoint} is a link to {os.readlink(self.checkpoint)}, where there is no file: bring it "
                f"back, or start again with `minigen train {config.model}` and another --out"
            )
        raise CommandError(
            f"{self.path} has no checkpoint to continue from: "
            f"`minigen train {config.model} --out {self.path}` trains from the start"
        )

    # -- one process at a time -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Inside the block no other process can train here; BusyError, naming it, if one does."""
        with locked(self.path) as self.hold:
            yield

    def sweep(self) -> None:
        """Remove the temporary files of processes that were killed."""
        for folder in (self.path, self.pictures):
            sweep(folder)

    def check_free(self) -> None:
        """Raise CommandError for a folder in which no run can start, saying what is in it and what to do."""
        with self.locked() if (self.path / LOCK).exists() else contextlib.nullcontext():  # or an error: who trains there
            self.check_unused()

    def check_unused(self) -> None:
        """Raise CommandError for a folder with more in it than the remains of a run killed before its first checkpoint."""
        if not self.path.exists():
            if self.path.is_symlink():
                raise CommandError(
                    f"{self.path} is a link to {os.readlink(self.path)}, where there is no folder: choose another --out"
                )
            return
        if not self.path.is_dir():
            raise CommandError(f"{self.path} is a file: choose another --out")
        run = self.config_file.exists()
        if run and self.checkpoint.is_file():
            raise CommandError(
                f"{self.path} already holds a run: `minigen resume {self.path}` continues it; or choose another --out"
            )
        if run:
            self.config()  # or an error: it belongs to another program
        others = sorted(
            path.name
            for path in self.path.iterdir()
            if not (
                path.name == LOCK
                or is_temporary(path)
                or (run and (path == self.config_file or (path == self.pictures and only_progress(path))))
            )
        )
        if others and run:
            raise CommandError(
                f"{self.path} holds the remains of a run without its checkpoint ({', '.join(others[:3])}): take "
                "another --out, or remove it"
            )
        if others:
            raise CommandError(f"{self.path} already exists and is not empty: choose another --out")

    @contextlib.contextmanager
    def created(self) -> Iterator[None]:
        """Inside the block, this process's own locked folder: a new or an empty one; otherwise `check_unused`'s error.

        If the block ends without a checkpoint, nothing is left except a folder that existed before, such as a whole disk.
        """
        with self.locked():
            self.check_unused()
            self.clear()
            try:
                yield
            finally:
                if not self.checkpoint.exists():
                    self.clear()

    def clear(self) -> None:
        """Remove the files of a run before its first checkpoint; config.json last, as it identifies the rest."""
        self.sweep()
        if self.pictures.exists():
            shutil.rmtree(self.pictures)
        self.config_file.unlink(missing_ok=True)


def only_progress(pictures: Path) -> bool:
    """Whether a folder holds only pictures of a run's first steps."""
    return pictures.is_dir() and all(
        path.name.startswith(("epoch_", "step_")) or is_temporary(path) for path in pictures.iterdir()
    )
