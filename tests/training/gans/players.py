"""Small players of an adversarial game, their data, and everything a game changes, as values to compare."""

import json
from typing import Any

import numpy as np

import minigen as mg
from minigen import losses, nn, optim
from minigen.backend import random
from minigen.models.gans import base, conditional, points
from minigen.training import Adversarial, Callback, Checkpoint

QUIET = {"batch_size": 4, "seed": 3, "progress": False}  # of `fit`


class NormedGenerator(base.Generator):
    """2 -> 4 -> 2 with BatchNorm."""

    latent_dim = 2

    def __init__(self):
        self.net = nn.Sequential(nn.Dense(2, 4), nn.BatchNorm(4), nn.Tanh(), nn.Dense(4, 2))


class PictureGenerator(base.Generator):
    """3 -> 2 x 2 images of one channel, by a tanh or a sigmoid."""

    def __init__(self, activation: str = "tanh", latent_dim: int = 3):
        self.latent_dim, self.pixel_range = latent_dim, (-1.0, 1.0) if activation == "tanh" else (0.0, 1.0)
        self.net = nn.Sequential(nn.Dense(latent_dim, 4, activation), nn.Reshape((2, 2, 1)))


class Constant(base.Generator):
    """G(z) = theta, a point of the line whatever z is: Mescheder et al. 2018, section 2."""

    latent_dim = 1

    def __init__(self, theta: float = 1.0):
        self.theta = mg.Parameter(np.full((1,), theta, np.float32))

    def forward(self, z: Any) -> Any:
        return z * 0.0 + self.theta


def normed_discriminator() -> base.Discriminator:
    """2 -> 4 -> 1 with BatchNorm."""
    return base.Discriminator(nn.Sequential(nn.Dense(2, 4), nn.BatchNorm(4), nn.LeakyReLU(0.2)), 4)


def picture_discriminator(channels: int = 1, **options: Any) -> base.Discriminator:
    """2 x 2 images -> 4 -> 1."""
    width = 4 * channels * options.get("pack", 1)
    return base.Discriminator(nn.Sequential(nn.Flatten(), nn.Dense(width, 4, "tanh")), 4, **options)


def small(hidden: int = 4, **options: Any) -> tuple[base.Generator, base.Discriminator]:
    """Generator and discriminator of points, one hidden layer each; options are the discriminator's."""
    return points.Generator(hidden=hidden, layers=1), points.Discriminator(hidden=hidden, layers=1, **options)


def conditioned(classes: int = 3, **options: Any) -> tuple[Any, Any]:
    """A conditional pair for points."""
    return (
        conditional.Generator(points.Generator(2 + classes, hidden=4, layers=1), classes),
        conditional.Discriminator(points.Discriminator(hidden=4, layers=1, features=2 + classes, **options), classes),
    )


def cloud(n: int = 22, seed: int = 5) -> np.ndarray:
    """n points of the plane, read-only: training has no business writing to them."""
    x = np.random.default_rng(seed).standard_normal((n, 2), dtype=np.float32)
    x.flags.writeable = False
    return x


def pixels(n: int = 22, seed: int = 5) -> np.ndarray:
    """n images (n, 2, 2, 1) in [0, 1]."""
    return np.random.default_rng(seed).random((n, 2, 2, 1), dtype=np.float32)


def labels(n: int = 22, classes: int = 3) -> np.ndarray:
    """The classes in turn."""
    return np.arange(n) % classes


def game(networks: Any = small, seed: int | None = 1, optimizer: Any = None, **options: Any) -> Adversarial:
    """A trainer, from a seed that also starts the random streams (None: go on). networks: a function, or a pair."""
    if seed is not None:
        mg.seed(seed)
    generator, discriminator = networks() if callable(networks) else networks
    made = optimizer or (lambda parameters: optim.Adam(parameters, lr=0.01, beta1=0.5))
    return Adversarial(
        generator,
        discriminator,
        generator_optimizer=made(generator.parameters()),
        discriminator_optimizer=made(discriminator.parameters()),
        **options,
    )


def bilinear(rate: float = 0.1, theta: float = 1.0, psi: float = 0.5, dtype: str = "float64", **options: Any) -> Adversarial:
    """Wasserstein's game of G(z) = theta against f(x) = psi x; with real examples at 0 f loses psi theta, which G wins."""
    generator, critic = Constant(theta), nn.Dense(1, 1, bias=False)
    critic.weight.assign(np.full((1, 1), psi, np.float32))
    return game(
        (generator.astype(dtype), critic.astype(dtype)),
        optimizer=lambda parameters: optim.SGD(parameters, lr=rate),
        loss=losses.Wasserstein(),
        **options,
    )


class Each(Callback):
    """Calls a function after each step."""

    def __init__(self, function: Any):
        self.function = function

    def on_step_end(self, run: Any) -> None:
        self.function(run)


def network(trainer: Adversarial, name: str) -> dict[str, Any]:
    """All that belongs to one of the players: weights, buffers, optimizer."""
    parts = {"weights": getattr(trainer, name).state_dict(), "optimizer": getattr(trainer, f"{name}_optimizer").state_dict()}
    return {f"{part}/{key}": value for part, values in parts.items() for key, value in values.items()}


def weights(trainer: Adversarial) -> dict[str, Any]:
    """All that belongs to both players."""
    return {f"{name}/{key}": value for name in ("generator", "discriminator") for key, value in network(trainer, name).items()}


def everything(trainer: Adversarial) -> dict[str, Any]:
    """All that a run has changed but for "seconds": parts, callbacks, random streams, position, history."""
    arrays = {name: part.state_dict() for name, part in trainer.state_parts().items()}
    arrays |= {f"callback {type(x).__name__}": x.state_dict() for x in trainer.callbacks if not isinstance(x, Checkpoint)}
    arrays |= {"random": random.state_dict(), "batches": trainer.batches.state_dict()}
    arrays |= {"history": {name: trainer.history[name] for name in trainer.history if name != "seconds"}}
    arrays |= {"run": {"step": trainer.step, "sums": json.dumps(trainer.sums), "summed": json.dumps(trainer.summed)}}
    return {f"{part}/{name}": value for part, values in arrays.items() for name, value in values.items()}
