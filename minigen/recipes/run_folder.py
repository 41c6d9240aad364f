"""The folder of a training run: its contents, and a lock so that only one process trains in it.

config.json      model, data, seed and settings: everything needed to build the model again
checkpoint.npz   weights, optimizers, random streams and the position in the data: everything needed to go on
best.npz         the same of the checkpoint whose validation loss, or Fréchet distance, was lowest, if these are measured
history.csv      a row per epoch, or for every so many steps
evaluation.json  metrics of the model as it was then, by `minigen evaluate`
pictures/        samples or reconstructions while it learned, and the training curves
.lock            present while a process trains here, locked by the operating system
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from minigen.errors import CommandError
from minigen.nn.saving import within
from minigen.recipes.config import Config
from minigen.training import checkpoint
from minigen.utils.checks import is_whole
from minigen.utils.files import LOCK, Hold, is_temporary, locked, sweep
from minigen.utils.reading import parsed_json, read_bounded, shortened

LARGEST_CONFIG = 1 << 20  # bytes
UNTRAINED = 1 << 24  # values in the networks of a run without a checkpoint
DAMAGED = 1 << 22  # values, however small a checkpoint is: of one that was cut that is the error


class RunFolder:
    """A run folder by its path. `opened` checks that it is a run folder."""

    hold: Hold  # while it is locked

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.checkpoint, self.history = self.path / "checkpoint.npz", self.path / "history.csv"
        self.best = self.path / "best.npz"
        self.pictures, self.config_file = self.path / "pictures", self.path / "config.json"
        self.evaluation = self.path / "evaluation.json"

    @classmethod
    def opened(cls, path: str | Path) -> "RunFolder":
        """The folder of an earlier run. CommandError for anything else."""
        folder = cls(path)
        if not folder.path.exists():
            raise CommandError(f"{path} does not exist; `minigen train MODEL --out {path}` makes a run folder")
        if folder.path.is_file():
            raise CommandError(
                f"{path} is a file, expected the folder of a run: in Python minigen.load({str(path)!r}) opens a model's file"
            )
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
            with self.bounded():
                config.check()
        except (ArithmeticError, AttributeError, KeyError, MemoryError, OSError, TypeError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise CommandError(f"{self.config_file} is damaged, or of another version of minigen ({reason})") from error
        return config

    def bounded(self) -> AbstractContextManager:
        """Inside the block networks can be made that are not much larger than the checkpoint, whatever config.json asks for: a
        stranger may have written it. Else StateError."""
        there = self.checkpoint.stat().st_size // 4 if self.checkpoint.is_file() else UNTRAINED  # values of float32
        return within([max(there, DAMAGED)])

    def done(self, config: Config) -> int:
        """Epochs, or steps, completed in the checkpoint; 0 without one. CommandError for another kind of run's."""
        if not self.checkpoint.exists():
            return 0
        with checkpoint.opened(self.checkpoint) as saved:
            done = saved.header.get(config.counted.removesuffix("s"))
        if type(done) is not int or done < 0:
            raise CommandError(f"{self.checkpoint} is not of the model in {self.config_file}: it counts no {config.counted}")
        return done

    def figures(self, config: Config, done: int) -> dict[str, Any]:
        """The metrics of the checkpoint after so many epochs, or steps, name -> value, if it was evaluated; else none.
        CommandError if damaged."""
        said = self.evaluated()
        return said["figures"] if said.get(config.counted) == done else {}

    def evaluated(self) -> dict[str, Any]:
        """The content of evaluation.json: "figures", and of how many "epochs", or "steps"; {} without one. CommandError if
        damaged."""
        if not self.evaluation.is_file():
            return {}
        try:
            said = parsed_json(read_bounded(self.evaluation, LARGEST_CONFIG))
            figures = said["figures"]
            if not isinstance(figures, dict) or not all(type(value) in (int, float, str) for value in figures.values()):
                raise ValueError(f"figures is {shortened(figures)}, expected names with numbers")
            for counted in ("epochs", "steps"):
                if not is_whole(said.get(counted, 0)):
                    raise ValueError(f"{counted} is {shortened(said[counted])}, expected a whole number")
        except (KeyError, OSError, TypeError, ValueError) as error:
            raise CommandError(f"{self.evaluation} is damaged ({error}): minigen evaluate {self.path} writes it again") from error
        return said

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

    def best_of(self, config: Config) -> Path:
        """The best checkpoint. CommandError if there is none, saying where there is one."""
        if self.trained(config) and self.best.is_file():
            return self.best
        measured = "what is trained in epochs keeps one" if config.counted == "epochs" else "a GAN keeps one with --distance"
        raise CommandError(f"{self.path} has no best checkpoint, {self.best.name}: {measured}, from its first epoch or row on")

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
