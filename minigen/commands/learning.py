"""What `train` and `resume` share: a run in its folder, with checkpoints and pictures, and what Ctrl-C or a full disk leaves."""

import contextlib
import sys
from pathlib import Path
from typing import Any

from minigen import training
from minigen.backend import seed
from minigen.commands import INTERRUPTED, CommandError
from minigen.commands.pictures import save_curves, save_plane, save_reconstructions, save_tiled
from minigen.commands.run_folder import Config, RunFolder
from minigen.data import Dataset
from minigen.errors import RecipeError
from minigen.recipes import Learner, Plan

MOMENTS = 20  # of a run are drawn, and saved
SAMPLES = 64
LINES = 200   # of progress, one an epoch: a run of more has few examples, and is soon done


class Saving(training.Checkpoint):
    """Checkpoints that leave it to the command line to say how to go on."""

    def interrupted(self, run: Any) -> None:
        self.save(run)


class Reconstructions(training.Callback):
    """What the model makes of held-out images, every so many epochs: pictures/epoch_0001.png and so on."""

    def __init__(self, learner: Learner, config: Config, folder: Path, test: Dataset, every: int):
        self.learner, self.config, self.folder, self.test, self.every = learner, config, folder, test, every

    def recorded(self, run: Any) -> None:
        if run.epoch % self.every == 0 or run.finished:
            save_reconstructions(self.learner, self.config, self.test, self.folder / f"epoch_{run.epoch:04d}.png")


class Curves(training.Callback):
    """The history as a picture, when a run ends or is stopped: pictures/training.png."""

    last = True  # the checkpoint goes first

    def __init__(self, folder: Path):
        self.folder = folder

    def interrupted(self, run: Any) -> None:
        if run.history.rows:
            self.run_ended(run)

    def run_ended(self, run: Any) -> None:
        save_curves(run.history, self.folder / "training.png")


def learn(folder: RunFolder, config: Config, data: tuple[Dataset, Dataset], quiet: bool = False) -> int:
    """Train in a folder that is locked, on from its checkpoint if it has one; returns the exit status.

    Ctrl-C saves and ends with 130. A full disk is an error; the last checkpoint is whole then, as after any end.
    """
    (train, test), plan = data, Plan(**config.plan)
    seed(config.seed)
    learner = config.recipe.made(config.subject, plan)
    resume = folder.checkpoint if folder.checkpoint.exists() else None
    progress = not quiet and (plan.epochs or 0) <= LINES
    try:
        history = learner.fit(train, test, callbacks(folder, config, learner, test), resume, progress)
        draw_results(folder, config, learner, test)
    except KeyboardInterrupt:
        print(f"minigen: stopped: {left_behind(folder, config)}", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if not folder.checkpoint.exists():
            raise
        raise CommandError(f"{error}; the last checkpoint is whole: once that is mended, minigen resume {folder.path}") from error
    clock = config.counted.removesuffix("s")
    losses = ", ".join(f"{name} {history[name][-1]:.5g}" for name in history if "loss" in name)
    print(f"{config.model} on {config.data}: {clock} {history[clock][-1]}, {losses}; in {folder.path}")
    return 0


def left_behind(folder: RunFolder, config: Config) -> str:
    """What Ctrl-C leaves, in words."""
    if not folder.checkpoint.exists():
        return "nothing was trained yet"
    if folder.done(config) == config.plan[config.counted]:
        return f"the run is done and saved, some of its pictures may be missing: minigen sample {folder.path} draws"
    return f"the run is saved; to go on: minigen resume {folder.path}"


def callbacks(folder: RunFolder, config: Config, learner: Learner, test: Dataset) -> list[training.Callback]:
    """What is hung into a run: it is saved, watched, and drawn."""
    every = max(config.plan[config.counted] // MOMENTS, 1)
    if config.counted == "steps":  # its history, and so its checkpoints, have a row for so many steps already
        return [Saving(folder.path), training.SampleGrid(folder.pictures, every), training.Health(), Curves(folder.pictures)]
    drawn = [Reconstructions(learner, config, folder.pictures, test, every)] if config.images_shaped else []
    return [Saving(folder.path, every), *drawn, Curves(folder.pictures)]


def draw_results(folder: RunFolder, config: Config, learner: Learner, test: Dataset) -> None:
    """What the model has learned in the end, in pictures/."""
    seed(config.seed)
    if not config.images_shaped:
        save_plane(learner, config, test, folder.pictures / "plane.png")
        return
    with contextlib.suppress(RecipeError):  # of a model that cannot sample
        save_tiled(config, learner.sample(SAMPLES), folder.pictures / "samples.png")
