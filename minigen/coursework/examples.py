"""How a file declares example calls of its ops, layers, losses and models.

    example(softsign, (3, 4))                              a shape: values from N(0, 1)
    example(MyLayer(4, 3), (5, 4), output=(5, 3))          `output`: the required shape of the result
    example(log_loss, unit(5, 10), labels(5, classes=10))  other values
    example(my_pad, (3, 4), width=1)                       attributes are passed on
    example(model, images(2, 28, 28, 1), noise=normal(2, 10))

An op whose inputs have one shape needs none: `minigen check` guesses them.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

import numpy as np

from minigen.coursework.samples import as_sample

EXAMPLES: list["Example"] = []  # of the file that is being imported, in its order


@dataclass(frozen=True)
class Example:
    """A call to be checked: target(*inputs, **options), which must give the shape `output` if there is one."""

    target: Callable
    inputs: tuple
    options: dict[str, Any] = field(default_factory=dict)
    output: tuple[int, ...] | None = None
    line: int = 0
    file: str = ""


def example(target: Callable, *inputs: Any, output: tuple[int, ...] | None = None, **options: Any) -> None:
    """Let `minigen check` call target(*inputs, **options). target: an op, a layer, a model (its `loss` is called) or a function.

    inputs: shapes, of arrays from N(0, 1); `positive`, `unit`, `images`, `labels` and `array` make others; a Module is passed on
    and its parameters are checked too. Derivatives are checked with respect to float arrays, not options. `output`: the shape of
    the result.
    """
    if isinstance(target, type) or not callable(target):
        made = f"an object of it, such as {target.__name__}(...)" if isinstance(target, type) else "an op, a layer or a function"
        raise TypeError(f"example: the first argument is what is to be called, {made}, got {target!r}")
    if inputs and all(isinstance(x, Number) for x in inputs):
        raise TypeError(f"example: got the numbers {', '.join(map(str, inputs))}; a shape is one tuple, {inputs}")
    inputs = tuple(as_sample(x) for x in inputs)
    options = {name: as_sample(value) if isinstance(value, np.ndarray) else value for name, value in options.items()}
    caller = sys._getframe(1)
    EXAMPLES.append(Example(target, inputs, options, output, caller.f_lineno, caller.f_code.co_filename))
