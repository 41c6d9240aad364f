"""The pictures of the command line, and the arguments that name and count them."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from minigen import plot
from minigen.backend import random
from minigen.commands.run_folder import Config
from minigen.data import Dataset
from minigen.recipes import TrainedModel
from minigen.utils.arguments import output_path, positive_int

MOST = 10_000  # images in a picture
SUFFIXES = (".png", ".jpg", ".pdf", ".svg")
SHOWN = 16  # images in a row
GAME = {
    "loss": ("discriminator loss", "generator loss"),
    "D's mean score": ("score of real", "score of fake"),
    "gradient norm": ("discriminator gradient norm", "generator gradient norm"),
}


def image_count(text: str) -> int:
    """The type of an argument that counts images in one picture, which is unreadable with too many."""
    if positive_int(text) > MOST:
        raise argparse.ArgumentTypeError(f"expected at most {MOST:,}, got {text}")
    return int(text)


def picture_path(text: str) -> Path:
    """The type of an argument that names a picture."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder: expected the name of a picture")
    if Path(text).suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"expected a name that ends in {', '.join(SUFFIXES)}, got {text!r}")
    return output_path(text)


def as_images(config: Config, examples: np.ndarray) -> np.ndarray:
    """Examples of a model as images (n, h, w, c): rows get the shape of the data's images back."""
    return examples.reshape(len(examples), *config.shape).clip(0, 1) if examples.ndim == 2 else examples


def save_curves(history: Mapping[str, Sequence[float]], path: Path) -> None:
    """The history of a run: its losses, or the game."""
    columns = {name: column for name, column in history.items() if name != "seconds"}
    plot.save_figure(plot.training_curves(columns, panels=GAME if "step" in history else None), path)


def save_tiled(config: Config, examples: np.ndarray, path: Path, columns: int | None = None) -> None:
    """Examples side by side, pixel by pixel."""
    plot.save_tiles(as_images(config, examples), path, columns)


def save_reconstructions(trained: TrainedModel, config: Config, dataset: Dataset, path: Path) -> None:
    """Held-out images above their reconstructions and, if the model samples, new ones from the same codes each time.

    Training's random streams are not used.
    """
    shown = dataset[:SHOWN]
    rows = [trained.inputs(shown)[0], trained.reconstruct(shown)]
    if trained.generative:
        with random.fork_rng():
            rows.append(trained.sample(len(shown)))
    save_tiled(config, np.concatenate(rows), path, columns=len(shown))


def save_plane(trained: TrainedModel, config: Config, dataset: Dataset, path: Path) -> None:
    """Points in space, and the plane of their reconstructions."""
    points = trained.inputs(dataset)[0]
    figure = plot.plane_fit(points, trained.reconstruct(dataset), trained.codes(dataset), title=f"{config.model} finds a plane")
    plot.save_figure(figure, path)


def save_samples(config: Config, examples: np.ndarray, path: Path, columns: int | None = None) -> None:
    """New examples, none selected; for points, the first two coordinates."""
    title = f"{len(examples)} samples of {config.model}, none selected"
    if config.images_shaped:
        plot.save_figure(plot.image_grid(as_images(config, examples), columns, title), path)
    else:
        plot.save_figure(plot.point_cloud(examples[:, :2], title=title), path)
