"""Shared by `train` and `resume`: a run in its folder, with checkpoints and pictures, and its state after Ctrl-C or a full
disk."""

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigen import evaluators, plot, training
from minigen.backend import random, seed
from minigen.data import Dataset
from minigen.errors import CommandError
from minigen.recipes import TrainedModel, inputs
from minigen.recipes.config import Config
from minigen.recipes.run_folder import RunFolder
from minigen.training.gans import frechet_monitor
from minigen.utils.progress import Progress
from minigen.utils.signals import INTERRUPTED, Stopped

MOMENTS = 20  # per run are drawn, and saved
SAMPLES = 64
SHOWN = 16  # held-out images above their reconstructions
LINES = 200  # of progress, one per epoch: a run of more epochs has few examples, and is soon done
GAME = {
    "loss": ("discriminator loss", "generator loss"),
    "D's mean score": ("score of real", "score of fake"),
    "gradient norm": ("discriminator gradient norm", "generator gradient norm"),
}


class Presence(training.Callback):
    """Ends a run whose folder was deleted or moved, before parts of it are recreated. check: raises if it was."""

    def __init__(self, check: Callable[[], None]):
        self.check = check

    def on_step_end(self, run: Any) -> None:
        self.check()

    on_epoch_end = on_interrupt = on_train_end = on_step_end


class Saving(training.Checkpoint):
    """Checkpoints for the command line, which itself locks the folder and prints how to continue."""

    def lock(self, run: Any) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def on_interrupt(self, run: Any) -> None:
        self.save(run)


class Reconstructions(training.Callback):
    """Held-out images above their reconstructions and, if the model samples, new ones from the same codes each time.

    Every `every` epochs: pictures/epoch_0001.png and so on. Training's random streams are not used.
    """

    def __init__(self, trained: TrainedModel, config: Config, folder: Path, test: Dataset, every: int):
        self.trained, self.config, self.folder, self.test, self.every = trained, config, folder, test, every

    def on_epoch_end(self, run: Any) -> None:
        if run.epoch % self.every == 0 or run.finished:
            self.draw(run.epoch)

    def on_train_end(self, run: Any) -> None:
        if not self.file(run.epoch).exists():  # of a run that was already complete
            self.draw(run.epoch)

    def draw(self, epoch: int) -> None:
        """Save the picture of an epoch."""
        shown = self.test[:SHOWN]
        rows = [self.trained.inputs(shown)[0], self.trained.reconstruct(shown)]
        if self.trained.generative:
            with random.fork_rng():
                rows.append(self.trained.sample(len(shown)))
        plot.save_tiles(self.config.as_images(np.concatenate(rows)), self.file(epoch), columns=len(shown))

    def file(self, epoch: int) -> Path:
        """The path of the picture of an epoch."""
        return self.folder / f"epoch_{epoch:04d}.png"


class Curves(training.Callback):
    """The history as a picture, when a run ends or is stopped: pictures/training.png."""

    runs_last = True  # the checkpoint goes first

    def __init__(self, folder: Path):
        self.folder = folder

    def on_interrupt(self, run: Any) -> None:
        if run.history.rows:
            self.on_train_end(run)

    def on_train_end(self, run: Any) -> None:
        save_curves(run.history, self.folder / "training.png")


def save_curves(history: Mapping[str, Sequence[float]], path: Path) -> None:
    """The history of a run: its losses, or the game."""
    columns = {name: column for name, column in history.items() if name != "seconds"}
    plot.save_figure(plot.training_curves(columns, panels=GAME if "step" in history else None), path)


def train_into(folder: RunFolder, config: Config, data: tuple[Dataset, Dataset], progress: Progress = True) -> int:
    """Train in a locked folder, from its checkpoint if it has one; returns the exit status.

    Ctrl-C saves and ends with 130, SIGTERM with 143. A full disk is an error; the last checkpoint is intact, as after any end.
    """
    train, test = data
    seed(config.seed)
    trained = config.recipe.build(config.input_spec)
    resume = folder.checkpoint if folder.checkpoint.exists() else None
    if (config.settings["epochs"] or 0) > LINES:
        progress = False
    try:
        history = trained.fit(train, test, callbacks(folder, config, trained, data, progress), resume, progress)
        draw_results(folder, config, trained, test)
        folder.hold.check()
    except (KeyboardInterrupt, Stopped) as stop:
        with contextlib.suppress(OSError):  # the terminal was closed
            print(f"minigen: stopped: {left_behind(folder, config)}", file=sys.stderr)
        return stop.code if isinstance(stop, Stopped) else INTERRUPTED
    except OSError as error:
        if not folder.checkpoint.exists():
            raise
        raise CommandError(f"{error}; the last checkpoint is intact: once that is fixed, minigen resume {folder.path}") from error
    clock = config.counted.removesuffix("s")
    losses = ", ".join(f"{name} {history[name][-1]:.5g}" for name in history if "loss" in name)
    print(f"{config.model} on {config.data}: {clock} {history[clock][-1]}, {losses}; in {folder.path}")
    return 0


def left_behind(folder: RunFolder, config: Config) -> str:
    """What a stopped run leaves, as text."""
    if not folder.checkpoint.exists():
        return "nothing was trained yet"
    if folder.done(config) == config.settings[config.counted]:
        return f"the run is done and saved, some of its pictures may be missing: minigen resume {folder.path} makes them"
    return f"the run is saved; to continue: minigen resume {folder.path}"


def callbacks(
    folder: RunFolder, config: Config, trained: TrainedModel, data: tuple[Dataset, Dataset], progress: Progress
) -> list[training.Callback]:
    """The callbacks of a run, which save, watch and draw it."""
    train, test = data
    every = max(config.settings[config.counted] // MOMENTS, 1)
    presence, curves = Presence(folder.hold.check), Curves(folder.pictures)
    if config.counted == "steps":  # its history, and so its checkpoints, already have a row per that many steps
        watching: list[training.Callback] = [training.SampleGrid(folder.pictures, every), training.GanMonitor()]
        if config.distance:
            watching.append(training.FrechetMonitor(features(config, train, progress)))
        best = frechet_monitor.COLUMN if config.distance else None
        return [presence, Saving(folder.path, best=best), *watching, curves]
    drawn = [Reconstructions(trained, config, folder.pictures, test, every)] if config.images_shaped else []
    return [presence, Saving(folder.path, every, best="validation loss"), *drawn, curves]


def features(config: Config, train: Dataset, progress: Progress) -> Callable[[np.ndarray], np.ndarray]:
    """The features of images, padded or not, in the eyes of the evaluator of this data set, which is trained if there is none."""
    evaluator = evaluators.evaluator_of(train, progress=progress is True)
    return lambda images: evaluator.features(inputs.unpadded(images, config.shape[0]))


def draw_results(folder: RunFolder, config: Config, trained: TrainedModel, test: Dataset) -> None:
    """Draw the final results of the model, in pictures/."""
    seed(config.seed)
    if config.planar:
        points, title = trained.inputs(test)[0], f"{config.model} finds a plane"
        figure = plot.plane_fit(points, trained.reconstruct(test), trained.codes(test), title=title)
        plot.save_figure(figure, folder.pictures / "plane.png")
    elif config.images_shaped and trained.generative:
        plot.save_tiles(config.as_images(trained.sample(SAMPLES)), folder.pictures / "samples.png")


def is_complete(folder: RunFolder, config: Config) -> bool:
    """Whether all results of a run exist, and those made after its last checkpoint are not older than it."""
    length, generative = config.settings[config.counted], config.recipe.build(config.input_spec).generative
    results = [folder.history, folder.pictures / "training.png"]
    if config.planar:
        results.append(folder.pictures / "plane.png")
    if config.images_shaped and generative:
        results.append(folder.pictures / "samples.png")
    last = []
    if config.counted == "steps":
        results.append(folder.pictures / "evolution.gif")
        last.append(folder.pictures / f"step_{length:06d}.png")
    elif config.images_shaped:
        last.append(folder.pictures / f"epoch_{length:04d}.png")
    saved = folder.checkpoint.stat().st_mtime_ns
    return all(path.exists() for path in last) and all(path.exists() and path.stat().st_mtime_ns >= saved for path in results)
