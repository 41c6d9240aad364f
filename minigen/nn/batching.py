"""Many examples in batches, so that intermediate activations are never in memory for all of them at the same time."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigen.autograd import Tensor, is_grad_enabled, no_grad
from minigen.backend import array_module, to_numpy
from minigen.data import Batches
from minigen.nn.module import Module

BATCH = 128  # examples that go through a network at a time: maps of small images then stay in the cache


def in_batches(method: Callable) -> Callable:
    """Make a method of a model process more than BATCH examples in batches, if no graph is recorded.

    Apart from its arguments and result it then needs no more memory for 60,000 examples than for BATCH. Arguments with as many
    rows as the first are split with it; anything else is passed to every batch. The method returns one result (n, ...), or a
    tuple of them, in which each example is independent of the others: a BatchNorm in training mode would see each batch by
    itself. If a graph is recorded, which keeps everything anyway, all examples go together.
    """

    @functools.wraps(method)
    def batched(self: Any, x: Any, *others: Any, **options: Any) -> Any:
        n = len(x) if getattr(x, "shape", ()) else 0
        if is_grad_enabled() or n <= BATCH:
            return method(self, x, *others, **options)

        def results() -> Iterable[tuple[slice, Any]]:
            for start in range(0, n, BATCH):
                rows = slice(start, start + BATCH)
                cut = [each[rows] if getattr(each, "shape", ())[:1] == (n,) else each for each in (*others, *options.values())]
                yield rows, method(self, x[rows], *cut[: len(others)], **dict(zip(options, cut[len(others) :])))

        return joined(results(), n)

    return batched


def joined(results: Iterable[tuple[slice, Any]], n: int) -> Any:
    """The results of the batches, arrays, Tensors or tuples of them, written into arrays of n rows as they come."""
    whole: list = []
    for rows, result in results:
        columns = result if isinstance(result, tuple) else (result,)
        arrays = [column.data if isinstance(column, Tensor) else column for column in columns]
        whole = whole or [array_module(y).empty((n, *y.shape[1:]), dtype=y.dtype) for y in arrays]
        for column, y in zip(whole, arrays, strict=True):
            column[rows] = y
    made = tuple(Tensor(y) if isinstance(column, Tensor) else y for y, column in zip(whole, columns))
    return made if isinstance(result, tuple) else made[0]


def outputs(model: Module, function: Callable[[Any], Any], examples: Any) -> np.ndarray:
    """function(examples (n, ...)) of the model, on the host: in batches, in evaluation mode, outside any graph.

    Images as bytes become pixels: see `data.Batches`.
    """
    with model.eval_mode(), no_grad():
        return np.concatenate([to_numpy(function(x)) for x in Batches(examples, batch_size=BATCH, seed=0, shuffle=False)])
