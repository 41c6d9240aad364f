"""The benchmark of demo 21: every remedy on every task.

`python -m minigen.recipes.remedy_bench TASK METHOD SEED ...` prints a line per seed.
"""

import argparse
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from minigen import data, evaluators, losses, metrics, nn, optim, synthetic, training
from minigen.backend import asarray, to_numpy
from minigen.backend import seed as set_seed
from minigen.models.gans import gan, points
from minigen.training import remedies

VERSION = 2  # counts up when a method or the training changes, so that old results are not read
SAMPLES = 2500  # on ring and grid, as in VEEGAN's and PacGAN's tables
STACKED = 5000  # of stacked digits, for 100 modes
RATE = 1e-3  # of both networks' Adam, beta1 = 0.5; falls to 0 along a cosine
PAIR = (28, 28, 2)  # two digits, one in each channel


@dataclass(frozen=True)
class Method:
    """What differs from the plain GAN: arguments of `Adversarial` and of the discriminator, and the optimizers' rates.

    `penalty`: makes the penalty from a weight, which WEIGHTS has for points and for images.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    penalty: Callable[[float], losses.Penalty] | None = None
    discriminator: dict[str, Any] = field(default_factory=dict)
    wrap: Callable[[nn.Module], nn.Module] = lambda network: network
    rates: tuple[float, float] = (RATE, RATE)  # generator, discriminator


METHODS = {
    "plain": Method(),
    "minimax": Method({"loss": losses.Minimax()}),
    "least squares": Method({"loss": losses.LeastSquares()}),
    "hinge": Method({"loss": losses.Hinge()}),
    "WGAN, clipped": Method({"loss": losses.Wasserstein(), "penalties": [losses.WeightClipping(0.1)], "discriminator_steps": 2}),
    "WGAN-GP": Method({"loss": losses.Wasserstein(), "discriminator_steps": 2}, penalty=losses.GradientPenalty),
    "R1": Method(penalty=losses.R1),
    "spectral norm": Method(wrap=nn.spectral_norm),
    "label smoothing": Method({"remedies": [remedies.LabelSmoothing(0.9)]}),
    "noisy labels": Method({"remedies": [remedies.NoisyLabels(0.05)]}),
    "instance noise": Method({"remedies": [remedies.InstanceNoise(0.1, steps=1500)]}),
    "experience replay": Method({"remedies": [remedies.ExperienceReplay(1000)]}),
    "feature matching": Method({"remedies": [remedies.FeatureMatching()]}),
    "minibatch discrimination": Method(discriminator={"minibatch": "discrimination"}),
    "minibatch stddev": Method(discriminator={"minibatch": "stddev"}),
    "packing, 2": Method(discriminator={"pack": 2}),
    "packing, 4": Method(discriminator={"pack": 4}),
    "dropout in D": Method(discriminator={"dropout": 0.3}),
    "two learning rates": Method(rates=(0.5 * RATE, 2 * RATE)),
    "two G steps": Method({"generator_steps": 2}),
    "two D steps": Method({"discriminator_steps": 2}),
    "average of G": Method({"ema": 0.995}),
}
STEPS = {"ring": 2000, "grid": 2000, "stacked": 1200}
WEIGHTS = {"ring": 0.1, "grid": 0.1, "stacked": 10.0}  # of penalties: as in the papers' code, for toys and for images
BATCH = {"ring": 64, "grid": 64, "stacked": 32}


def train(task: str, method: str, seed: int, steps: int, dataset: str = "mnist") -> dict[str, Any]:
    """One training: a dict of what its generator covers, and "samples" to show."""
    chosen = copy.deepcopy(METHODS[method])  # a remedy may have state: each training has its own
    set_seed(seed)
    examples = stacked_digits(dataset)[0] if task == "stacked" else toy(task).points
    networks = (gan.Generator(shape=PAIR), gan.Discriminator) if task == "stacked" else (points.Generator(), points.Discriminator)
    options = {"shape": PAIR} if task == "stacked" else {}
    generator, discriminator = networks[0], chosen.wrap(networks[1](**options, **chosen.discriminator))
    updates = [steps * chosen.arguments.get(f"{player}_steps", 1) for player in ("generator", "discriminator")]
    optimizers = [
        optim.Adam(network.parameters(), lr=optim.schedules.cosine(rate, total), beta1=0.5)
        for network, rate, total in zip((generator, discriminator), chosen.rates, updates)
    ]
    penalties = {"penalties": [chosen.penalty(WEIGHTS[task])]} if chosen.penalty else {}
    trainer = training.Adversarial(
        generator,
        discriminator,
        generator_optimizer=optimizers[0],
        discriminator_optimizer=optimizers[1],
        **chosen.arguments,
        **penalties,
    )
    trainer.fit(examples, steps=steps, batch_size=BATCH[task], progress=False)
    return evaluate_digits(trainer, dataset) if task == "stacked" else evaluate_points(trainer, task)


def evaluate_points(trainer: training.Adversarial, task: str) -> dict[str, Any]:
    """Modes, share of points within three standard deviations of one, and reverse KL of these points' histogram, in nats.

    If no point is good enough to count, this equals all of them in one mode.
    """
    made = trainer.sample(SAMPLES)
    coverage = metrics.mode_coverage(made, toy(task).centers, toy(task).std)
    divergence = coverage.reverse_kl if coverage.modes else np.log(len(toy(task).centers))
    return {
        "modes": int(coverage.modes),
        "high quality": float(coverage.high_quality),
        "reverse KL": float(divergence),
        "samples": made[:500].round(3).tolist(),
    }


def evaluate_digits(trainer: training.Adversarial, dataset: str) -> dict[str, Any]:
    """Pairs of digits found, reverse KL of their histogram in nats, Fréchet distance of both digits' features."""
    _, evaluator, real = stacked_digits(dataset)
    made = trainer.sample(STACKED)
    seen = features(evaluator, made)
    first, second = (to_numpy(evaluator.head(asarray(part))).argmax(axis=1) for part in np.split(seen, 2, axis=1))
    histogram = metrics.class_histogram(10 * first + second, 100)
    return {
        "modes": int((histogram > 0).sum()),
        "reverse KL": metrics.reverse_kl(histogram),
        "distance": metrics.frechet_distance(real, seen),
        "samples": (made[:8] * 255).round().astype(int).tolist(),
    }


@lru_cache
def toy(task: str) -> synthetic.GaussianMixture:
    """100,000 points of the ring or the grid, as in PacGAN's experiments."""
    return synthetic.gaussian_ring(100_000) if task == "ring" else synthetic.gaussian_grid(100_000)


@lru_cache
def stacked_digits(dataset: str, n: int = 50_000) -> tuple[np.ndarray, Any, np.ndarray]:
    """(pairs of digits as two channels (n, 28, 28, 2), the evaluator of single digits, features of 5,000 pairs)."""
    train, _ = data.load(dataset)
    first, second = np.random.default_rng(0).integers(len(train), size=(2, n))
    pairs = np.concatenate([train.images[first], train.images[second]], axis=-1)
    evaluator = evaluators.feature_classifier(train, progress=False)
    return pairs, evaluator, features(evaluator, pairs[:STACKED])


def features(evaluator: Any, pairs: np.ndarray) -> np.ndarray:
    """The evaluator's features of both digits, side by side: (n, 128)."""
    return np.concatenate([evaluator.features(np.ascontiguousarray(pairs[..., i : i + 1])) for i in range(2)], axis=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m minigen.recipes.remedy_bench", description=__doc__)
    parser.add_argument("task", choices=STEPS)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--data", default="mnist")
    args = parser.parse_args()
    for seed in args.seeds:
        print(json.dumps(train(args.task, args.method, seed, args.steps or STEPS[args.task], args.data)), flush=True)
