"""Long batches in parts, so that what a network makes on the way never lies in memory for all examples at once."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from minigen.autograd import Tensor, is_grad_enabled
from minigen.backend import array_module

PART = 500  # examples that go through a network at a time


def in_parts(method: Callable) -> Callable:
    """Make a method of a model take more than PART examples a part at a time, where no graph is recorded.

    Beside its arguments and its result it then needs no more memory for 60,000 examples than for PART. What has as many rows as
    the first argument is cut with it; anything else is given to every part. The method returns one result (n, ...), or a tuple of
    such ones, in which an example depends on nothing but itself: a BatchNorm in training mode would see each part as a batch.
    Where a graph is recorded, which holds on to everything anyway, all examples go together.
    """

    @functools.wraps(method)
    def parted(self: Any, x: Any, *others: Any, **options: Any) -> Any:
        n = len(x) if getattr(x, "shape", ()) else 0
        if is_grad_enabled() or n <= PART:
            return method(self, x, *others, **options)

        def results() -> Iterable[tuple[slice, Any]]:
            for start in range(0, n, PART):
                part = slice(start, start + PART)
                cut = [each[part] if getattr(each, "shape", ())[:1] == (n,) else each for each in (*others, *options.values())]
                yield part, method(self, x[part], *cut[: len(others)], **dict(zip(options, cut[len(others) :])))

        return joined(results(), n)

    return parted


def joined(results: Iterable[tuple[slice, Any]], n: int) -> Any:
    """The results of the parts, arrays, Tensors or tuples of them, written into one of n rows as they come."""
    whole: list = []
    for part, result in results:
        columns = result if isinstance(result, tuple) else (result,)
        arrays = [column.data if isinstance(column, Tensor) else column for column in columns]
        whole = whole or [array_module(y).empty((n, *y.shape[1:]), dtype=y.dtype) for y in arrays]
        for column, y in zip(whole, arrays, strict=True):
            column[part] = y
    made = tuple(Tensor(y) if isinstance(column, Tensor) else y for y, column in zip(whole, columns))
    return made if isinstance(result, tuple) else made[0]
