"""Greedy layer-wise training: a deep autoencoder as a series of shallow ones, each trained on the codes of the previous one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.autograd import Parameter
from minigen.nn.batching import outputs
from minigen.optim.optimizer import Optimizer
from minigen.training.fitting import fit
from minigen.training.history import History
from minigen.utils.progress import Progress
from minigen.utils.settings import takes_settings


@takes_settings
def fit_layerwise(
    model: Any,
    examples: np.ndarray,
    *,
    optimizer: Callable[[list[Parameter]], Optimizer],
    epochs: int,
    batch_size: int = 32,
    validation: np.ndarray | None = None,
    progress: Progress = True,
) -> list[History]:
    """Train a stacked autoencoder one pair of layers after the other, from the outside in (Bengio et al. 2007).

        for each pair (encoding layer f, decoding layer g):
            minimize the error of g(f(x)) against x
            x <- f(x)

    The outermost pair learns the examples, by the model's own loss; each further pair learns the codes of the previous one, by
    squared error, mean over all elements. They are the model's own layers: at the end the whole model is ready for fine-tuning
    all layers together with `fit`. `model`: one with layer_pairs(), as `models.autoencoders.base` has it.  `optimizer`: creates a
    pair's optimizer from its parameters, as in `lambda parameters: optim.Adam(parameters, lr=1e-3)`.  `epochs`: of each pair. The
    others: see `fit`.

    Returns one history per pair. Raises TypeError for a model without such pairs, and what layer_pairs and `fit` raise.
    """
    if not hasattr(model, "layer_pairs"):
        raise TypeError(
            f"fit_layerwise takes a model with layer_pairs(), such as autoencoders.StackedAutoencoder, got {type(model).__name__}"
        )
    histories = []
    for pair in model.layer_pairs():
        histories.append(
            fit(
                pair,
                examples,
                optimizer=optimizer(pair.parameters()),
                epochs=epochs,
                batch_size=batch_size,
                validation=validation,
                progress=progress,
            )
        )
        examples = outputs(pair, pair.encode, examples)
        validation = None if validation is None else outputs(pair, pair.encode, validation)
    return histories
