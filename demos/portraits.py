"""What demos 26, 27, 33 and 34 share: square images whose sides are a power of two, their evaluator, a StyleGAN."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import minigen as mg
from minigen import data, evaluators, losses, metrics, optim, training
from minigen.backend import asarray, to_numpy
from minigen.models.gans import progan, stylegan
from minigen.models.gans.growing import at_stage
from minigen.recipes.gans import small_maps
from minigen.training.cache import load_weights, save_weights
from minigen.training.examples import checksum
from minigen.utils.files import cached

STYLEGAN = {"resolution": 32, "images": 10_000, "stable": 6000, "fading": 6000, "last": 20_000, "batch_size": 16}
PORTRAITS = {**STYLEGAN, "resolution": 16, "last": 80_000}  # demos 33 and 34: fewer pixels, longer, so that there are eyes
FULL = {"resolution": 128, "images": 30_000, "stable": 600_000, "fading": 600_000, "last": 600_000}  # what --full stands for


def shorten(args: argparse.Namespace) -> None:
    """What --quick stands for: a few steps, and faces of 16 x 16."""
    args.stable, args.fading, args.last, args.batch_size, args.samples = 16, 16, 16, 8, 100
    args.resolution = 16 if args.data == "faces" else 32


def fit_to_data(args: argparse.Namespace) -> None:
    """Digits and garments are 32 x 32: of PORTRAITS, what was not given becomes as in demo 27."""
    for name in ("resolution", "last"):
        if args.data != "faces" and getattr(args, name) == PORTRAITS[name]:
            setattr(args, name, STYLEGAN[name])


class Subject:
    """The images of a demo, (n, r, r, c) in [0, 1], and how they are judged.

    faces: drawn at the resolution asked for; the evaluator has learned all of their factors.  Any other data set: 28 x 28 images
    with a rim of two black pixels, 32 x 32; the evaluator is the classifier of demo 17, which sees them without the rim.
    """

    def __init__(self, args: argparse.Namespace):
        self.faces = args.data == "faces"
        cache = args.out / "weights" if args.quick else None
        if self.faces:
            sizes = {"train_size": 400, "test_size": 10} if args.quick else {"train_size": args.images, "test_size": 1000}
            self.train, self.test = data.load("faces", resolution=args.resolution, **sizes)
            self.evaluator = evaluators.attribute_classifier(self.train, **({"epochs": 1, "cache": cache} if args.quick else {}))
            self.images = self.train.images
        else:
            if args.resolution != 32:
                raise SystemExit(f"--resolution {args.resolution}: {args.data} is 28 x 28, padded to 32 x 32")
            self.train, self.test = (each[:400] if args.quick else each for each in data.load(args.data))
            self.evaluator = evaluators.feature_classifier(self.train, **({"epochs": 1, "cache": cache} if args.quick else {}))
            self.images = np.pad(self.train.images, ((0, 0), (2, 2), (2, 2), (0, 0)))
        self.resolution, self.channels = self.images.shape[1], self.images.shape[3]

    def seen(self, images: np.ndarray) -> np.ndarray:
        """Images as the evaluator takes them: as large as the data, those of a smaller stage with their pixels repeated."""
        factor = self.resolution // images.shape[1]
        images = images.repeat(factor, axis=1).repeat(factor, axis=2)
        return images if self.faces else images[:, 2:-2, 2:-2]

    def features(self, images: np.ndarray) -> np.ndarray:
        """What the evaluator notices, (n, 64)."""
        return self.evaluator.features(self.seen(images))

    def distance(self, samples: np.ndarray, resolution: int | None = None, alpha: float = 1.0) -> float:
        """The Frechet distance of samples from as many real images, at the stage at which both are."""
        real = self.images[np.random.default_rng(1).permutation(len(self.images))[: len(samples)]]
        if resolution is not None:
            real = to_numpy(at_stage(asarray(real), resolution, alpha))
        return metrics.frechet_distance(self.features(real), self.features(samples))

    def floor(self, n: int) -> float:
        """The Frechet distance of n real images from n others."""
        return self.distance(self.images[np.random.default_rng(1).permutation(len(self.images))[n : 2 * n]])

    def read(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """What the evaluator sees: factor -> (n,), levels or values; of other data sets class and brightness."""
        said = self.evaluator.predict(self.seen(images))
        return said if self.faces else {"class": said, "brightness": images.mean(axis=(1, 2, 3))}

    def shares(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Of each discrete factor, or of the classes, how often each level is seen; a fair share is 1."""
        levels = self.evaluator.factors if self.faces else {"class": len(self.train.class_names)}
        return {
            name: metrics.class_histogram(values, levels[name]) * (levels[name] / len(images))
            for name, values in self.read(images).items()
            if values.dtype.kind == "i"
        }

    def attributes(self, images: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Yes-or-no attributes of the images, and how sure the evaluator is: levels, and values above their median.

        Left out are those that, of the half of which the evaluator is surest, fewer than one in fifty has, or all but so few.
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


def rarest(shares: dict[str, np.ndarray]) -> tuple[str, float]:
    """The level that is seen least, as text, and its share."""
    name = min(shares, key=lambda name: shares[name].min())
    return f"{name} {int(shares[name].argmin())}", float(shares[name].min())


def stylegan_trainer(args: argparse.Namespace, subject: Subject) -> tuple[training.Progressive, int]:
    """Demo 27's networks and their game, with their number of steps: small ones, or with --full the paper's."""
    growth = training.Growth(final=args.resolution, stable=args.stable, fading=args.fading)
    steps = math.ceil((growth.images + args.last) / args.batch_size)
    if args.full:
        sizes, feature_maps, rate, penalty, ema = {}, None, 1e-3, losses.R1(10.0, args.resolution), 0.999
        Discriminator = stylegan.Discriminator
    else:
        sizes = {"latent_dim": 32, "style_dim": 32, "mapping_layers": 4, "mapping_lr": 0.1, "noise_lr": 0.02, "mixing": 0.5}
        feature_maps = small_maps(args.resolution)
        rate, penalty, ema = optim.schedules.cosine(2e-2, steps), losses.R1(gamma=8.0, resolution=32), 0.995
        Discriminator = progan.Discriminator
    mg.seed(args.seed)
    generator = stylegan.Generator(args.resolution, feature_maps=feature_maps, channels=subject.channels, **sizes)
    discriminator = Discriminator(args.resolution, feature_maps, subject.channels)
    adams = [optim.Adam(player.parameters(), lr=rate, beta1=0.0, beta2=0.99) for player in (generator, discriminator)]
    return training.Progressive(
        generator,
        discriminator,
        growth=growth,
        penalties=[penalty],
        ema=ema,
        generator_optimizer=adams[0],
        discriminator_optimizer=adams[1],
    ), steps


def train_stylegan(
    args: argparse.Namespace,
    subject: Subject,
    trainer: training.Progressive,
    steps: int,
    callbacks: Sequence[training.Callback] = (),
) -> stylegan.Generator:
    """Play demo 27's game to its end, and keep the averaged generator for the demos that ask what it has learned."""
    trainer.fit(subject.images, steps=steps, batch_size=args.batch_size, record_every=max(steps // 40, 1), callbacks=callbacks)
    save_weights(kept(args, subject), "generator", trainer.sampler, made_of(args, subject))
    return trainer.sampler


def trained_stylegan(args: argparse.Namespace, subject: Subject) -> stylegan.Generator:
    """Demo 27's averaged generator: read, if these settings have been trained before, or trained (a quarter of an hour)."""
    trainer, steps = stylegan_trainer(args, subject)
    if load_weights(kept(args, subject), "generator", trainer.sampler, made_of(args, subject)):
        return trainer.sampler
    return train_stylegan(args, subject, trainer, steps)


def made_of(args: argparse.Namespace, subject: Subject) -> str:
    """What the generator of these settings has learned, and how, in a word."""
    settings = "-".join(f"{getattr(args, name)}" for name in (*STYLEGAN, "full", "seed"))
    return f"{args.data}-{checksum([subject.images]):08x}-{settings}"


def kept(args: argparse.Namespace, subject: Subject) -> Path | None:
    """Where the generator of these settings lies, in the user's cache; None if there is no such thing."""
    name = f"{made_of(args, subject)}.npz"
    return args.out / "weights" / name if args.quick else cached("stylegan", name)
