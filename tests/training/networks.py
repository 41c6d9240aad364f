"""The smallest networks and data that training needs, and everything a run changes, as values to compare."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, optim
from minigen.backend import random
from minigen.models.autoencoders.base import Autoencoder
from minigen.training import Callback, Checkpoint

EXAMPLES, BATCH = 22, 4
STEPS = 6  # an epoch: five batches of four, and one of two


class Noisy(Autoencoder):
    """6 -> 4 -> 6 with noise, dropout and a loss of two terms: every batch draws random numbers."""

    def __init__(self, latent_dim: int = 4):
        self.encoder = nn.Sequential(nn.GaussianNoise(0.1), nn.Dense(6, latent_dim, "tanh"), nn.Dropout(0.25))
        self.decoder = nn.Sequential(nn.Dense(latent_dim, 6))

    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        z = self.encode(x)
        error, size = losses.mse(self.decode(z), x), (z * z).mean()
        return error + 0.1 * size, {"mse": error, "size": size}


class Other(Noisy):
    """The same layers under another name."""


class Countdown(nn.Module):
    """A parameter that SGD with lr 1 lowers by 1 a step, and a validation loss that follows a script.

    So with one batch an epoch, -parameter is the number of epochs done.
    """

    def __init__(self, script: list[float]):
        self.value = mg.Parameter(np.zeros((), np.float32))
        self.script = script

    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        done = -round(self.value.item())
        total = self.value if self.training else mg.Tensor(np.float32(self.script[done - 1]))
        return total, {"total": total}


def examples(n: int = EXAMPLES, seed: int = 5) -> np.ndarray:
    """n examples of 6 values, read-only: training has no business writing to them."""
    x = np.random.default_rng(seed).standard_normal((n, 6), dtype=np.float32)
    x.flags.writeable = False
    return x


def made(seed: int = 1, model: type = Noisy, lr: Any = 0.05) -> tuple[Any, Any]:
    """A model and its Adam, from a seed that also starts the random streams."""
    mg.seed(seed)
    network = model()
    return network, optim.Adam(network.parameters(), lr=lr)


def at_step(model: Any, step: int, action: Any) -> Any:
    """Let `action` happen inside the step-th training step of the model (counted from 1)."""
    original, steps = model.loss, 0

    def loss(x: Any) -> Any:
        nonlocal steps
        steps += model.training
        if model.training and steps == step:
            action()
        return original(x)

    model.loss = loss
    return model


def numbers(model: Any, optimizer: Any, history: Any = None, callbacks: Any = ()) -> dict[str, Any]:
    """Weights, buffers, random streams, what callbacks remember, and the history but for "seconds"."""
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "random": random.state_dict()}
    parts |= {type(callback).__name__: callback.state_dict() for callback in callbacks if not isinstance(callback, Checkpoint)}
    if history is not None:
        parts["history"] = {name: history[name] for name in history if name != "seconds"}
    return {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}


def assert_same(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    """Every number equal bit for bit; names all that differ."""
    assert list(actual) == list(expected)
    differing = [name for name in expected if not np.array_equal(actual[name], expected[name])]
    assert not differing, f"these differ: {', '.join(differing)}"


def everything(run: Any) -> dict[str, Any]:
    """What must not change in a run of `fit` when a checkpoint is refused."""
    parts = numbers(run.model, run.optimizer, run.history, run.callbacks)
    parts |= {f"batches/{name}": value for name, value in run.batches.state_dict().items()}
    return parts | {"epoch": run.epoch, "seen": run.seen, "sums": json.dumps(run.sums), "finished": run.finished}


def saved_in_an_epoch(run: Any, path: Path) -> Path:
    """The path, where a checkpoint of the run lies after three batches of its next epoch."""
    with pytest.raises(KeyboardInterrupt):
        run.train_epoch(lambda: run.seen == 3 * BATCH)
    run.save(path)
    return path


class Crash(Exception):
    """What a run dies of."""


class Dies(Callback):
    """Raises as soon as the history's row of this epoch, or step, is saved; to be put behind Checkpoint."""

    runs_last = True

    def __init__(self, count: int):
        self.count = count

    def on_epoch_end(self, run: Any) -> None:
        counted = next(iter(run.history))  # the first column: "epoch" or "step"
        if run.history[counted][-1] == self.count:
            raise Crash
