"""Greedy layer-wise training: a deep autoencoder as a series of shallow ones, each on the codes of the one before."""

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigen import losses, nn
from minigen.autograd import Parameter, no_grad
from minigen.backend import to_numpy
from minigen.data import Batches
from minigen.models.autoencoders.base import Autoencoder
from minigen.optim.optimizer import Optimizer
from minigen.training.fitting import VALIDATION_BATCH, fit
from minigen.training.history import History


def fit_layerwise(
    model: Autoencoder,
    examples: np.ndarray,
    *,
    optimizer: Callable[[list[Parameter]], Optimizer],
    epochs: int,
    batch_size: int = 32,
    validation: np.ndarray | None = None,
    progress: bool = True,
) -> list[History]:
    """Train a stacked autoencoder one pair of layers after the other, from the outside inwards (Bengio et al. 2007).

        for each pair (encoding layer f, decoding layer g):
            minimize the error of g(f(x)) against x
            x <- f(x)

    The outermost pair learns the examples, by the model's own loss; each further pair learns the codes of the one before it, by
    squared error, mean over all elements. They are the model's own layers: at the end it is put together, and ready for `fit`,
    the fine-tuning of all layers at once. `optimizer`: makes a pair's optimizer from its parameters, as in
    `lambda parameters: optim.Adam(parameters, lr=1e-3)`. `epochs`: of each stage. The others: see `fit`.

    Returns one history a stage. Raises TypeError for a model whose encoder and decoder are no chains of layers, ValueError if
    they do not have the same number of trained layers; and what `fit` raises.
    """
    histories = []
    for stage in stages(model):
        histories.append(
            fit(
                stage,
                examples,
                optimizer=optimizer(stage.parameters()),
                epochs=epochs,
                batch_size=batch_size,
                validation=validation,
                progress=progress,
            )
        )
        examples = codes(stage, examples)
        validation = None if validation is None else codes(stage, validation)
    return histories


class Stage(Autoencoder):
    """One encoding and one decoding layer, which learn codes: loss = mean (g(f(x)) - x)^2 + their activity's penalty."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        self.encoder, self.decoder = encoder, decoder

    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        """Squared error, mean over all elements, with the penalty; and the error alone by name."""
        error = losses.mse(self(x), x)
        return error + nn.activity_penalty(self), {"mse": error}


def stages(model: Autoencoder) -> list[Autoencoder]:
    """The shallow autoencoders, from the outside inwards. They share the layers of the model."""
    chains = isinstance(model.encoder, nn.Sequential) and isinstance(model.decoder, nn.Sequential)
    if not chains or type(model).encode is not Autoencoder.encode:
        raise TypeError(
            f"fit_layerwise takes the encoder and the decoder of {type(model).__name__} apart into their layers: "
            "expected an nn.Sequential each, and no encode() of its own"
        )
    down, up = trained_parts(model.encoder), trained_parts(model.decoder)[::-1]
    if len(down) != len(up):
        raise ValueError(
            f"fit_layerwise pairs the layers of the encoder with those of the decoder, but {type(model).__name__} "
            f"has {len(down)} and {len(up)} with parameters"
        )
    outermost = copy.copy(model)  # with its loss
    outermost.encoder, outermost.decoder = down[0], up[0]
    return [outermost, *map(Stage, down[1:], up[1:])]


def trained_parts(layers: Iterable[nn.Module]) -> list[nn.Sequential]:
    """A chain cut in front of each layer that has parameters, but for the first; what has none stays with what it follows."""
    parts: list[list[nn.Module]] = [[]]
    for layer in layers:
        if layer.parameters() and any(before.parameters() for before in parts[-1]):
            parts.append([])
        parts[-1].append(layer)
    return [nn.Sequential(*part) for part in parts]


def codes(model: Autoencoder, examples: np.ndarray) -> np.ndarray:
    """What the encoder makes of all examples (n, ...), on the host, in evaluation mode."""
    with model.eval_mode(), no_grad():
        batches = Batches(examples, batch_size=VALIDATION_BATCH, seed=0, shuffle=False)
        return np.concatenate([to_numpy(model.encode(batch)) for batch in batches])
