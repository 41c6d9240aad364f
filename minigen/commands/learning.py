"""What `train` and `resume` share: a run in its folder, with checkpoints and pictures, and what Ctrl-C or a full disk leaves."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minigen import training
from minigen.backend import seed
from minigen.commands import INTERRUPTED, CommandError
from minigen.commands.pictures import as_images, save_curves, save_reconstructions, save_samples
from minigen.commands.run_folder import Config, RunFolder
from minigen.data import Dataset
from minigen.errors import RecipeError
from minigen.plot import save_tiles
from minigen.recipes import Learner, Plan

MOMENTS = 20  # of a run are drawn
SHOWN = 16    # held-out examples


class Saving(training.Checkpoint):
    """Checkpoints that leave it to the command line to say how to go on."""

    def interrupted(self, run: Any) -> None:
        self.save(run)


class Reconstructions(training.Callback):
    """Held-out images, and what the model makes of them, every so many epochs: pictures/epoch_0001.png."""

    def __init__(self, learner: Learner, config: Config, folder: Path, test: Dataset, every: int):
        self.learner, self.config, self.folder, self.shown, self.every = learner, config, folder, test[:SHOWN], every

    def recorded(self, run: Any) -> None:
        if run.epoch % self.every == 0 or run.finished:
            rows = self.learner.recipe.examples(self.shown), self.learner.reconstruct(self.shown)
            images = np.concatenate([as_images(self.config, x[0] if isinstance(x, tuple) else x) for x in rows])
            save_tiles(images, self.folder / f"epoch_{run.epoch:04d}.png", columns=SHOWN)


class Curves(training.Callback):
    """The history as a picture, when a run ends or is stopped: pictures/training.png."""

    last = True  # the checkpoint goes first

    def __init__(self, folder: Path):
        self.folder = folder

    def interrupted(self, run: Any) -> None:
        if run.history.rows:
            save_curves(run.history, self.folder / "training.png")

    def run_ended(self, run: Any) -> None:
        save_curves(run.history, self.folder / "training.png")


def learn(folder: RunFolder, config: Config, data: tuple[Dataset, Dataset], quiet: bool = False) -> int:
    """Train in a folder that is locked, from its checkpoint on if it has one; returns the exit status.

    Ctrl-C saves and ends with 130. A disk that is full is an error; the last checkpoint is whole then, as after any end.
    """
    (train, test), plan = data, Plan(**config.plan)
    seed(config.seed)
    learner = config.recipe.made(config.subject, plan)
    callbacks = [Saving(folder.path, every=max((plan.epochs or MOMENTS) // MOMENTS, 1)), Curves(folder.pictures)]
    if plan.steps is not None:
        callbacks += [training.SampleGrid(folder.pictures, every=max(plan.steps // MOMENTS, 1)), training.Health()]
    elif len(config.shape) == 3:
        callbacks += [Reconstructions(learner, config, folder.pictures, test, every=max(plan.epochs // MOMENTS, 1))]
    resume = folder.checkpoint if folder.checkpoint.exists() else None
    try:
        history = learner.fit(train, test, callbacks, resume, progress=not quiet)
    except KeyboardInterrupt:
        if folder.checkpoint.exists():
            print(f"minigen: stopped, and saved to {folder.path}; go on with: minigen resume {folder.path}", file=sys.stderr)
        else:
            print("minigen: stopped before there was anything to save", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if not folder.checkpoint.exists():
            raise
        raise CommandError(f"{error}; the last checkpoint is whole: when that is mended, minigen resume {folder.path}") from error
    draw_results(folder, config, learner, test)
    unit = "epoch" if plan.steps is None else "step"
    last = ", ".join(f"{name} {history[name][-1]:.5g}" for name in history if "loss" in name)
    print(f"{config.model} on {config.data}: {unit} {history[unit][-1]}, {last}; in {folder.path}")
    return 0


def draw_results(folder: RunFolder, config: Config, learner: Learner, test: Dataset) -> None:
    """What the model makes in the end, in pictures/."""
    seed(config.seed)
    if config.plan["steps"] is None:
        save_reconstructions(learner, config, test[:SHOWN], folder.pictures / "reconstructions.png")
    with contextlib.suppress(RecipeError):  # a model that cannot sample has shown what it can
        save_samples(config, learner.sample(64), folder.pictures / "samples.png")

