"""The pictures of the command line, each written whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from minigen import plot
from minigen.backend import random
from minigen.commands.run_folder import Config
from minigen.data import Dataset
from minigen.recipes import TrainedModel
from minigen.utils.files import replacing

SUFFIXES = (".png", ".jpg", ".pdf", ".svg")
SHOWN = 16  # images in a row
GAME = {
    "loss": ("discriminator loss", "generator loss"),
    "D's mean score": ("score of real", "score of fake"),
    "gradient norm": ("discriminator gradient norm", "generator gradient norm"),
}


def save_figure(figure: Figure, path: Path) -> None:
    """Save a figure in the format that the path's suffix names."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix("."))


def as_images(config: Config, examples: np.ndarray) -> np.ndarray:
    """Examples of a model as images (n, h, w, c): rows of numbers get the shape of the data's images back."""
    return examples.reshape(len(examples), *config.shape).clip(0, 1) if examples.ndim == 2 else examples


def save_curves(history: Mapping[str, Sequence[float]], path: Path) -> None:
    """The history of a run: its losses, or the game."""
    columns = {name: column for name, column in history.items() if name != "seconds"}
    save_figure(plot.training_curves(columns, panels=GAME if "step" in history else None), path)


def save_tiled(config: Config, examples: np.ndarray, path: Path, columns: int | None = None) -> None:
    """Examples side by side, pixel by pixel."""
    plot.save_tiles(as_images(config, examples), path, columns)


def save_reconstructions(trained: TrainedModel, config: Config, dataset: Dataset, path: Path) -> None:
    """Held-out images above what the model makes of them, and, of a model that samples, new ones of the same codes each time.

    Training misses no random numbers by it.
    """
    shown = dataset[:SHOWN]
    rows = [trained.inputs(shown)[0], trained.reconstruct(shown)]
    if trained.generative:
        with random.fork_rng():
            rows.append(trained.sample(len(shown)))
    save_tiled(config, np.concatenate(rows), path, columns=len(shown))


def save_plane(trained: TrainedModel, config: Config, dataset: Dataset, path: Path) -> None:
    """Points of space, and the plane on which they come to lie."""
    points = trained.inputs(dataset)[0]
    figure = plot.plane_fit(points, trained.reconstruct(dataset), trained.codes(dataset), title=f"{config.model} finds a plane")
    save_figure(figure, path)


def save_samples(config: Config, examples: np.ndarray, path: Path, columns: int | None = None) -> None:
    """New examples as they come; of points, the first two coordinates."""
    title = f"{len(examples)} samples of {config.model}, none selected"
    if config.images_shaped:
        save_figure(plot.image_grid(as_images(config, examples), columns, title), path)
    else:
        save_figure(plot.point_cloud(examples[:, :2], title=title), path)
