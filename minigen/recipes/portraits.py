"""Shared by demos 26, 27, 33 and 34: square images with a side that is a power of two, their evaluator, a StyleGAN."""

import argparse
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from minigen import data, evaluators, metrics, training
from minigen.backend import asarray, seed, to_numpy
from minigen.evaluators.faces import SPOILED
from minigen.models.autoencoders import VariationalAutoencoder
from minigen.models.gans import stylegan
from minigen.models.gans.growing import at_stage
from minigen.recipes import find
from minigen.recipes.growing import GrowingRecipe
from minigen.recipes.inputs import square
from minigen.training.cache import save_weights, train_or_load
from minigen.training.examples import checksum
from minigen.utils.files import cached

SIZE = {"resolution": 32, "images": 10_000}


def full(name: str) -> dict[str, int]:
    """The settings of --full: the size and length of the paper's training, which has a recipe."""
    paper = find(f"{name}-paper")
    return {"resolution": 128, "images": 30_000, "phase": paper.phase, "last": paper.last}


def shorten(args: argparse.Namespace) -> None:
    """The settings of --quick: a few steps, and faces of 16 x 16."""
    args.phase, args.last, args.batch_size, args.samples = min(args.phase, 16), 16, 8, 100
    args.resolution = 16 if args.data == "faces" else 32


class PortraitTask:
    """The images of a demo, (n, r, r, c) in [0, 1], and how generated ones are evaluated.

    faces: drawn at the given resolution.  Any other data set: 28 x 28 images with a zero padding of 2 pixels, 32 x 32; the
    evaluator sees them without the padding. It is `evaluators.evaluator_of` the data.
    """

    def __init__(self, args: argparse.Namespace):
        self.args, self.faces = args, args.data == "faces"
        if self.faces:
            sizes = {"train_size": 400, "test_size": 100} if args.quick else {"train_size": args.images, "test_size": 5000}
            self.train, self.test = data.load("faces", resolution=args.resolution, **sizes)
        else:
            if args.resolution != 32:
                raise SystemExit(f"--resolution {args.resolution}: {args.data} is 28 x 28, padded to 32 x 32")
            self.train, self.test = (each[:400] if args.quick else each for each in data.load(args.data))
        self.images = square(self.train.images)
        self.resolution = self.images.shape[1]

    @cached_property
    def evaluator(self) -> Any:
        """The network that evaluates images; trained when it is first asked for, unless it is in the package or the cache."""
        quick: dict[str, Any] = {"epochs": 1, "cache": self.args.out / "weights", "count": 200} if self.args.quick else {}
        return evaluators.evaluator_of(self.train, **quick)

    def recipe(self, name: str, **settings: int) -> GrowingRecipe:
        """The recipe of this name, or with --full its paper's, with the demo's settings, or these, and run length."""
        recipe = find(f"{name}-paper" if self.args.full else name).with_arguments(self.args).with_settings(**settings)
        return recipe.with_length(recipe.spec_of(self.train), len(self.train))

    def watched(self, recipe: GrowingRecipe, *callbacks: training.Callback) -> dict[str, Any]:
        """Options of `recipe.fit`: a history of forty rows, with the distance that each row sees, of a thousand samples."""
        monitor = training.FrechetMonitor(self.features, samples=64 if self.args.quick else 1000)
        return {"record_every": max(recipe.steps // 40, 1), "callbacks": [*callbacks, monitor]}

    def seen(self, images: np.ndarray) -> np.ndarray:
        """Images as the evaluator takes them: at the size of the data, smaller ones enlarged by repeating pixels."""
        factor = self.resolution // images.shape[1]
        images = images.repeat(factor, axis=1).repeat(factor, axis=2)
        return images if self.faces else images[:, 2:-2, 2:-2]

    def features(self, images: np.ndarray) -> np.ndarray:
        """The evaluator's features, (n, 64)."""
        return self.evaluator.features(self.seen(images))

    def distance(self, samples: np.ndarray, resolution: int | None = None, alpha: float = 1.0) -> float:
        """The Fréchet distance between samples and as many real images, at the current stage."""
        real = self.images[np.random.default_rng(1).permutation(len(self.images))[: len(samples)]]
        if resolution is not None:
            real = to_numpy(at_stage(asarray(real), resolution, alpha))
        return metrics.frechet_distance(self.features(real), self.features(samples))

    def floor(self, n: int) -> float:
        """The Fréchet distance between n real images and n others."""
        return self.distance(self.images[np.random.default_rng(1).permutation(len(self.images))[n : 2 * n]])

    def held_out(self, count: int) -> np.ndarray:
        """At most `count` real images that are not among the training images."""
        return square(evaluators.held_out(self.test, count))

    def read(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """The evaluator's predictions: factor -> (n,), levels or values; for other data sets class and brightness."""
        said = self.evaluator.predict(self.seen(images))
        if not self.faces:
            return {"class": said, "brightness": images.mean(axis=(1, 2, 3))}
        return {factor: values for factor, values in said.items() if factor != SPOILED}

    def attributes(self, images: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Binary attributes of the images, and the evaluator's confidence: levels, and values above their median.

        Attributes that fewer than one in fifty, or all but so few, have in the more confident half are omitted.
        """
        labels, sure = {}, {}
        chances = self.evaluator.probabilities(self.seen(images))
        for name, values in self.read(images).items():
            if values.dtype.kind == "i":
                of_each = chances[name] if self.faces else chances
                for level in range(of_each.shape[1])[1 if of_each.shape[1] == 2 else 0 :]:
                    labels[f"{name} {level}"], sure[f"{name} {level}"] = values == level, np.abs(of_each[:, level] - 0.5)
            else:
                median = np.median(values)
                labels[f"{name} high"], sure[f"{name} high"] = values > median, np.abs(values - median)
        shares = {name: yes[sure[name] >= np.median(sure[name])].mean() for name, yes in labels.items()}
        kept = [name for name, share in shares.items() if 0.02 < share < 0.98]
        return {name: labels[name] for name in kept}, {name: sure[name] for name in kept}


def panels(history: training.History) -> dict[str, tuple[str, ...]]:
    """What `plot.training_curves` shows of a history that was `watched`, as far as the loss has it."""
    wanted = {
        "Fréchet distance": ("Fréchet distance",),
        "loss": ("discriminator loss", "generator loss"),
        "D is right": ("accuracy on real", "accuracy on fake"),  # a critic has no accuracy
    }
    return {name: columns for name, columns in wanted.items() if set(columns) <= set(history)}


def stylegan_game(task: PortraitTask) -> tuple[GrowingRecipe, training.Progressive]:
    """Demo 27's recipe, and its game before the first step."""
    recipe = task.recipe("stylegan")
    seed(task.args.seed)
    return recipe, recipe.trainer(*recipe.networks(recipe.spec_of(task.train)))


def trained_stylegan(task: PortraitTask) -> stylegan.Generator:
    """Demo 27's averaged generator: loaded, if these settings were trained before, else trained (a quarter of an hour)."""
    recipe, trainer = stylegan_game(task)
    path, made_of = kept(task, recipe)
    train_or_load(trainer.sampler, path, made_of, lambda: recipe.fit(trainer, task.train))
    return trainer.sampler


def trained_vae(task: PortraitTask) -> VariationalAutoencoder:
    """A convolutional variational autoencoder of the images, trained for a few minutes."""
    beta = 2.0 * task.images[0].size / (64 * 64 * 3)  # for each pixel as strong as that of vae-faces-64
    recipe = find("conv-vae").with_settings(beta=beta, epochs=1 if task.args.quick else None)
    seed(task.args.seed)
    vae = recipe.network(recipe.spec_of(task.train))
    recipe.fit(vae, task.train)
    vae.eval()
    return vae


def keep_stylegan(task: PortraitTask, recipe: GrowingRecipe, generator: stylegan.Generator) -> None:
    """Keep a trained generator for the demos that examine it."""
    path, made_of = kept(task, recipe)
    save_weights(path, generator, made_of)


def kept(task: PortraitTask, recipe: GrowingRecipe) -> tuple[Path | None, str]:
    """Where the generator of these settings is kept, None without a cache; and the name of its data and training."""
    settings = "-".join(str(value) for value in recipe.settings.values() if value is not None)
    made_of = f"{task.args.data}-{checksum([task.images]):08x}-{recipe.name}-{settings}-seed{task.args.seed}"
    return task.args.out / "weights" / f"{made_of}.npz" if task.args.quick else cached("stylegan", f"{made_of}.npz"), made_of
