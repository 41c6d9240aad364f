"""Many examples in batches, so that intermediate activations are never in memory for all of them at the same time.

`in_batches` makes a method of a model do so, `outputs` a function of one. All that computes with many examples outside training
goes through `joined`.
"""

import functools
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from minigen.autograd import Tensor, is_grad_enabled, no_grad, op
from minigen.backend import array_module, to_numpy
from minigen.data import Batches
from minigen.errors import GraphError, ShapeError
from minigen.nn.module import Module
from minigen.utils.blocks import block

BATCH = 128  # examples that go through a network at a time: maps of small images then stay in the cache
SMALL = 32 * 32 * 3  # values of an example of which so many go at a time; of a larger one it is fewer
FIRST = 2  # examples of the first batch, which shows how large the results are

whole: ContextVar[bool] = ContextVar("whole", default=False)


@block
def one_pass() -> Iterator[None]:
    """Inside a `with` block, or a decorated function, all examples go together if a graph is recorded, as training needs it."""
    token = whole.set(True)
    try:
        yield
    finally:
        whole.reset(token)


class Batched(Module):
    """Base of models with methods that are `in_batches`: what calls the model itself needs the whole graph."""

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        with one_pass():
            return super().__call__(*inputs, **options)


def in_batches(method: Callable) -> Callable:
    """Make a method of a model process many examples in batches, which keep no graph.

    Apart from its arguments and result it then needs no more memory for 60,000 examples than for BATCH, or for fewer large ones.
    Arguments with as many rows as the first are split with it; anything else is passed to every batch. The method returns one
    result (n, ...), or a tuple of them, in which each example is independent of the others: a BatchNorm in training mode would
    see each batch by itself.

    All examples go together where the graph is wanted: in `model(x)`, in a `loss` or a step of `training.fit` (`one_pass`), and
    for a Tensor. What has come out of batches is a Tensor, too, but has no graph: it goes in by batches again, and a backward
    pass that reaches it is an error, instead of a gradient that lacks a part.
    """

    @functools.wraps(method)
    def batched(self: Any, x: Any, *others: Any, **options: Any) -> Any:
        n = len(x) if getattr(x, "shape", ()) else 0
        if n <= fitting(x) or needs_graph(x, *others, *options.values()):
            return method(self, x, *others, **options)

        def compute(rows: slice) -> Any:
            cut = [each[rows] if getattr(each, "shape", ())[:1] == (n,) else each for each in (*others, *options.values())]
            return method(self, x[rows], *cut[: len(others)], **dict(zip(options, cut[len(others) :])))

        with no_grad():
            result = joined(n, compute, fitting(x))
        if not is_grad_enabled():
            return result
        parameter = next((each for each in self.parameters() if each.requires_grad), None)
        return tuple(map(guarded, result, [parameter] * len(result))) if isinstance(result, tuple) else guarded(result, parameter)

    return batched


def needs_graph(*inputs: Any) -> bool:
    """Whether a graph is recorded, and somebody wants it."""
    return is_grad_enabled() and (whole.get() or any(isinstance(x, Tensor) and x.op is not without_graph.op for x in inputs))


def fitting(x: Any) -> int:
    """How many examples go through a network at a time, by the size of one of x (n, ...): BATCH, or fewer large ones."""
    return max(1, min(BATCH, BATCH * SMALL // max(math.prod(getattr(x, "shape", ())[1:]), 1)))


def joined(n: int, compute: Callable[[slice], Any], most: int, exactly: bool = False) -> Any:
    """compute(rows) for all of n rows, at most so many at a time, written into arrays of n rows as they come.

    compute returns an array or a Tensor (rows, ...), or a tuple or a dict of them. After the first FIRST rows the size of the
    results counts, too, unless so many are taken exactly: codes are small, images may be large. Raises ShapeError for results
    without a row for each example.
    """
    results: list = []
    start = 0
    while start < n or not results:
        rows = slice(start, min(start + (most if exactly or results or n <= most else min(FIRST, most)), n))
        computed = compute(rows)
        columns = columns_of(computed)
        arrays = [column.data if isinstance(column, Tensor) else column for column in columns]
        for y in arrays:
            check_rows(y, rows.stop - rows.start)
        results = results or [array_module(y).empty((n, *y.shape[1:]), dtype=y.dtype) for y in arrays]
        for result, y in zip(results, arrays, strict=True):
            result[rows] = y
        most = most if exactly else min(most, *map(fitting, arrays))
        start = rows.stop
    made = [Tensor(result) if isinstance(column, Tensor) else result for result, column in zip(results, columns)]
    if isinstance(computed, dict):
        return dict(zip(computed, made))
    return tuple(made) if isinstance(computed, tuple) else made[0]


def check_rows(y: Any, n: int) -> None:
    """Raise ShapeError unless a result has a row for each of n examples."""
    if (shape := tuple(getattr(y, "shape", ())))[:1] != (n,):
        raise ShapeError(f"in batches a network returns a result for each example, for {n} of them got shape {shape}")


def columns_of(computed: Any) -> tuple:
    """The arrays or Tensors of a result, which is one of them, or a tuple or a dict."""
    if isinstance(computed, dict):
        return tuple(computed.values())
    return computed if isinstance(computed, tuple) else (computed,)


def outputs(model: Module, function: Callable[..., Any], *examples: Any, batch_size: int | None = None) -> Any:
    """function(*examples (n, ...)) of the model, on the host: in batches, in evaluation mode, outside any graph.

    Images as bytes become pixels: see `data.Batches`.  batch_size: examples at a time; None: as many as need little memory.
    """
    batches = Batches(*examples, batch_size=1 if batch_size is None else batch_size, seed=0, shuffle=False)

    def compute(rows: slice) -> Any:
        result = function(*batches.at(rows))
        if isinstance(result, dict):
            return {name: to_numpy(y) for name, y in result.items()}
        return tuple(map(to_numpy, result)) if isinstance(result, tuple) else to_numpy(result)

    with model.eval_mode(), no_grad():
        most = fitting(batches.arrays[0]) if batch_size is None else batch_size
        return joined(batches.examples, compute, most, exactly=batch_size is not None)


# -- results without a graph ---------------------------------------------------------------------------------------


def guarded(result: Any, parameter: Any) -> Any:
    """A result of batches, which belongs to no graph, such that a derivative through it is an error."""
    return without_graph(result.data, parameter) if isinstance(result, Tensor) and parameter is not None else result


@op
def without_graph(y: Any, parameter: Any) -> Any:
    """y, which was computed with this parameter and others, in batches."""
    return y


@without_graph.vjp("y")
@without_graph.vjp("parameter")
def without_graph_dparameter(g: Any, y: Any, *inputs: Any) -> Any:
    """Refused: the batches kept no graph."""
    raise GraphError(
        f"the results for these {len(y)} examples were computed in batches, which keep no graph: to differentiate, call the "
        "model or its loss, or give the method a Tensor, minigen.Tensor(x)"
    )
