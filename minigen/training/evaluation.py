"""The loss of examples that a model is not trained on."""

from typing import Any

import numpy as np

from minigen.autograd import no_grad
from minigen.backend import random
from minigen.data import Batches
from minigen.nn import Module
from minigen.training.examples import prepare
from minigen.training.objective import Loss, Objective
from minigen.utils.settings import takes_settings

BATCH = 1000  # examples at a time


@takes_settings
def evaluate(model: Module, examples: np.ndarray | tuple[np.ndarray, ...], *, loss: Loss | None = None) -> dict[str, float]:
    """The mean "loss" over examples (n, ...), and its terms if there are several; in evaluation mode, outside any graph.

    As Keras's `model.evaluate`; what `fit` calls "validation loss". Examples and loss are those of `fit`: the model's own loss by
    default, a name or a function of outputs and targets for any Module; (images, labels) for a classifier. Where a loss draws
    noise, every call draws the same, and none of yours.

    Raises TypeError for what is no Module, and for a model without a loss if none is given; else what `fit` raises for examples.
    """
    if not isinstance(model, Module):
        raise TypeError(f"evaluate takes a Module, evaluate(model, examples), got a {type(model).__name__}")
    objective = Objective(model, loss)
    data = prepare("examples", examples, model)
    objective.check(data.arrays)
    return mean_losses(objective, data.arrays)


def mean_losses(objective: Objective, arrays: tuple[np.ndarray, ...]) -> dict[str, float]:
    """The means of a loss and its terms over all examples, in evaluation mode.

    With the same noise each time, so that epochs are comparable, and without drawing from training's streams.
    """
    sums: dict[str, float] = {}
    with random.fork_rng(), objective.model.eval_mode(), no_grad():
        for batch in Batches(*arrays, batch_size=BATCH, seed=0, shuffle=False):
            batch = batch if isinstance(batch, tuple) else (batch,)
            add(*objective.evaluate(batch), len(batch[0]), sums)
    return {name: total / len(arrays[0]) for name, total in sums.items()}


def add(loss: Any, terms: dict[str, Any], examples: int, sums: dict[str, float]) -> None:
    """Add a batch's mean loss, and its terms if there are several, to sums over examples."""
    named = {"loss": loss, **(terms if len(terms) > 1 else {})}
    for name, value in named.items():
        sums[name] = sums.get(name, 0.0) + float(value) * examples
