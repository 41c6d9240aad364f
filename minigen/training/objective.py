"""What `fit` minimizes: the model's own loss, or one that compares its outputs with targets."""

import math
from collections.abc import Callable
from typing import Any

from minigen.errors import LayerError, ShapeError, suggestion
from minigen.losses.reconstruction import bce_with_logits, cross_entropy, mae, mse
from minigen.nn import Flatten, Module, Reshape, Sequential, Sigmoid, Softmax, activity_penalty
from minigen.nn.batching import one_pass
from minigen.training.examples import batch_shape
from minigen.utils.near_misses import NAMES

LOSSES: dict[str, Callable] = {each.__name__: each for each in (mse, mae, bce_with_logits, cross_entropy)}
INSIDE = {"bce_with_logits": "sigmoid", "cross_entropy": "softmax"}  # losses of logits -> the activation that is part of them
Loss = str | Callable[[Any, Any], Any]
Terms = dict[str, Any]


class Objective:
    """The loss of a batch, the total and its named terms.

        model.loss(*batch),   if there is no other;   else
        loss(model(x), target) + the penalties of ActivityRegularization layers

    A batch is x, which is its own target, or (x, target). Raises ValueError for an unknown name of a loss, and for a sigmoid
    or softmax at the end of a sequence that the loss has in itself; TypeError for what is no loss, and for a model that has none
    if no other is given.
    """

    def __init__(self, model: Any, loss: Any):
        name = type(model).__name__
        if loss is None and not hasattr(model, "loss"):
            raise TypeError(
                f'{name} has no loss(batch): give another, loss="mse", or take a model of minigen.models, or a Module of '
                "yours with loss(batch) -> (total, dict of its terms)"
            )
        if isinstance(loss, str) and loss not in LOSSES:
            here = NAMES.get(loss, "").removeprefix("minigen.losses.")
            raise ValueError(f"unknown loss {loss!r}: {f'here it is {here!r}' if here in LOSSES else suggestion(loss, LOSSES)}")
        if loss is not None and not isinstance(loss, str) and not callable(loss):
            known = ", ".join(LOSSES)
            raise TypeError(
                f"loss: expected a function (outputs, targets) -> a mean, or one of {known}, got {type(loss).__name__}"
            )
        self.model, self.loss = model, loss
        self.function = LOSSES[loss] if isinstance(loss, str) else loss
        self.name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
        self.check_logits()

    def check_logits(self) -> None:
        """Raise ValueError for a loss of logits and a sequence that ends with the activation which is part of the loss."""
        inside = INSIDE.get(self.name) if self.function is LOSSES.get(self.name) else None
        if inside and last_activation(self.model) == inside:
            raise ValueError(
                f"loss {self.name} is of logits, the {inside} is part of it: this {type(self.model).__name__} ends with another; "
                f"leave that out, and take minigen.{inside}(training.predict(model, x)) for what it would have made"
            )

    def check(self, arrays: tuple[Any, ...]) -> None:
        """Raise ValueError unless a loss of outputs and targets has at most a target for each example."""
        if self.loss is not None and len(arrays) > 2:
            raise ValueError(
                f"with loss={self.name} the examples are x, which is its own target, or (x, target), got {len(arrays)} arrays"
            )

    def evaluate(self, batch: tuple[Any, ...]) -> tuple[Any, Terms]:
        """The loss of a batch and its terms, with errors that name the layer."""
        try:
            with one_pass():  # whatever methods of the model its loss calls
                return self(*batch)
        except LayerError as error:
            self.model.add_path(error)
            raise

    def __call__(self, *batch: Any) -> tuple[Any, Terms]:
        if self.function is None:
            result = self.model.loss(*batch)
            if not isinstance(result, tuple):
                raise TypeError(
                    f"{type(self.model).__name__}.loss returned a {type(result).__name__}, expected (total, dict of its terms)"
                )
            return result
        outputs, target = self.model(batch[0]), batch[-1]
        self.check_shapes(batch[0], outputs, target)
        total = self.function(outputs, target)
        if getattr(total, "shape", None) != ():
            what = f"an array of shape {tuple(total.shape)}" if hasattr(total, "shape") else f"a {type(total).__name__}"
            raise TypeError(f"loss {self.name} returned {what}, expected one number: a mean over the batch, loss.mean()")
        penalty, terms = activity_penalty(self.model), {self.name: total}
        if isinstance(penalty, float):  # there is none
            return total, terms
        return total + penalty, {**terms, "penalty": penalty}

    def check_shapes(self, x: Any, outputs: Any, target: Any) -> None:
        """Raise unless outputs can be compared with targets. Functions of the user's own decide that themselves."""
        if not hasattr(outputs, "shape"):
            raise TypeError(f"loss {self.name} compares one output with a target, the model returns a {type(outputs).__name__}")
        if self.loss in ("mse", "mae", "bce_with_logits") and outputs.shape != target.shape:
            made, wanted = batch_shape(outputs.shape[1:]), batch_shape(target.shape[1:])
            own = "the examples themselves" if target is x else "the targets"
            raise ShapeError(
                f"loss {self.name}: the model makes {made} of examples {batch_shape(x.shape[1:])}, {own} are {wanted}, expected "
                "the same" + remedy(outputs.shape[1:], target.shape[1:])
            )


def remedy(made: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """How outputs come to have the shape of targets, for messages, if they have as many values."""
    if math.prod(made) != math.prod(wanted):
        return ""
    return ": end the model with " + ("nn.Flatten()" if len(wanted) == 1 else f"nn.Reshape({tuple(wanted)})")


def last_activation(model: Module) -> str | None:
    """The activation that a sequence of layers ends with, whatever reshapes its result; None for none, or if unknown."""
    if isinstance(model, Sequential):
        layers = [layer for layer in model if not isinstance(layer, (Flatten, Reshape))]
        return last_activation(layers[-1]) if layers else None
    if isinstance(model, (Sigmoid, Softmax)):
        return type(model).__name__.lower()
    return getattr(model, "activation", None)
