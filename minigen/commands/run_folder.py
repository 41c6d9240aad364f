"""The folder of a training run: what it is made of, and that only one process trains in it.

    config.json      model, data, seed and all numbers: everything needed to make the model again
    checkpoint.npz   weights, optimizers, random streams and the position in the data: everything needed to go on
    history.csv      a row an epoch, or every so many steps
    pictures/        samples or reconstructions while it learned, and the training curves
    .lock            there while a process trains here, and held by the operating system
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from minigen.backend.devices import NAMES as BACKENDS
from minigen.commands import CommandError
from minigen.errors import suggestion
from minigen.files import LOCK, Hold, is_temporary, locked, replacing, sweep
from minigen.optim.optimizer import positive
from minigen.recipes import Plan, Recipe, Subject, find, subjects
from minigen.training import checkpoint


@dataclass(frozen=True)
class Config:
    """What config.json holds.

    `images`: how many to train on, None for all; `resolution`: of faces; `examples`, `shape`, `classes`: how many there are, what
    one looks like, and the classes' names.
    """

    minigen: str
    model: str
    data: str
    images: int | None
    resolution: int
    examples: int
    shape: list[int]
    classes: list[str]
    seed: int
    backend: str
    plan: dict[str, Any]

    @property
    def recipe(self) -> Recipe:
        """That of the model."""
        return find(self.model)

    @property
    def subject(self) -> Subject:
        """What the model must know of its data."""
        return self.recipe.subject(self.shape, len(self.classes))

    @property
    def counted(self) -> str:
        """What the run's length is counted in: "epochs" or "steps"."""
        return "epochs" if self.plan["steps"] is None else "steps"

    @property
    def images_shaped(self) -> bool:
        """Whether the data are images, rather than points."""
        return len(self.shape) == 3

    def check(self) -> None:
        """Raise TypeError or ValueError unless the run can be gone on with: it is known what to train, on what, and how long."""
        plan = Plan(**self.plan)
        if plan.options.keys() != self.recipe.options.keys():
            raise ValueError(f"the options of {self.model} are {', '.join(self.recipe.options) or 'none'}")
        for name, value, known in (("data", self.data, subjects.NAMES), ("backend", self.backend, BACKENDS)):
            if value not in known:
                raise ValueError(f"unknown {name} {value!r}: {suggestion(value, known)}")
        images = self.examples if self.images is None else self.images
        for name, value, least in (("images", images, 1), ("resolution", self.resolution, 1), ("examples", self.examples, 1),
                                   ("seed", self.seed, 0), ("batch_size", plan.batch_size, 1),
                                   (self.counted, self.plan[self.counted], 1)):
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        positive("lr", plan.lr)
        self.recipe.made(self.subject, plan)

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


class RunFolder:
    """A run folder by its path. `opened` checks that it is one."""

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
            config = Config(**json.loads(self.config_file.read_text(encoding="utf-8")))
            config.check()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CommandError(f"{self.config_file} is damaged, or of another version of minigen ({error})") from error
        return config

    def done(self, config: Config) -> int:
        """Epochs, or steps, that the checkpoint has behind it; 0 without one. CommandError for that of another kind of run."""
        if not self.checkpoint.exists():
            return 0
        _, header = checkpoint.load(self.checkpoint)
        clock = config.counted.removesuffix("s")
        if clock not in header:
            raise CommandError(f"{self.checkpoint} is not of the model in {self.config_file}: it counts no {config.counted}")
        return header[clock]

    def trained(self, config: Config) -> Path:
        """The checkpoint. CommandError if there is none, saying how to get one."""
        if self.checkpoint.is_file():
            return self.checkpoint
        if self.checkpoint.is_symlink():
            raise CommandError(f"{self.checkpoint} is a link to {os.readlink(self.checkpoint)}, where there is no file: bring it "
                               f"back, or begin anew with `minigen train {config.model}` and another --out")
        raise CommandError(f"{self.path} has no checkpoint, so that there is nothing to go on from: "
                           f"`minigen train {config.model} --out {self.path}` trains from the start")

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
        """Raise CommandError for a folder in which nothing can be begun, saying what is in it and what to do."""
        with self.locked() if (self.path / LOCK).exists() else contextlib.nullcontext():  # or an error: who trains there
            self.check_unused()

    def check_unused(self) -> None:
        """Raise CommandError for a folder with more in it than a run leaves that is killed before its first checkpoint."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise CommandError(f"{self.path} is a file: take another --out")
        run = self.config_file.exists()
        if run and self.checkpoint.exists():
            raise CommandError(f"{self.path} holds a run already: `minigen resume {self.path}` goes on with it; or take another "
                               "--out")
        if run:
            self.config()  # or an error: it is of another program
        others = sorted(path.name for path in self.path.iterdir() if not (path.name == LOCK or is_temporary(path) or (
            run and (path == self.config_file or (path == self.pictures and only_progress(path))))))
        if others and run:
            raise CommandError(f"{self.path} holds what is left of a run without its checkpoint ({', '.join(others[:3])}): take "
                               "another --out, or remove it")
        if others:
            raise CommandError(f"{self.path} exists already and is not empty: take another --out")

    @contextlib.contextmanager
    def created(self) -> Iterator[None]:
        """Inside the block, a folder of one's own, locked: a new one, or one that was empty; else `check_unused`'s error.

        If the block ends without any checkpoint, nothing is left, but a folder that was there before, such as a whole disk.
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
        """Remove what a run makes before its first checkpoint; config.json last: it says whose the rest is."""
        self.sweep()
        if self.pictures.exists():
            shutil.rmtree(self.pictures)
        self.config_file.unlink(missing_ok=True)


def only_progress(pictures: Path) -> bool:
    """Whether a folder has nothing but pictures of a run's first steps."""
    return pictures.is_dir() and all(path.name.startswith(("epoch_", "step_")) or is_temporary(path)
                                     for path in pictures.iterdir())
