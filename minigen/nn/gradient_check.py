"""The gradient check of a module: with respect to its inputs and every parameter, to second order."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigen.autograd import Parameter, Tensor, grad, gradcheck
from minigen.backend import asarray, to_numpy
from minigen.errors import GradcheckError
from minigen.nn.module import Module
from minigen.utils.checks import check_seed
from minigen.utils.near_misses import explained


@explained
def gradcheck_module(
    module: Module, f: Callable, *arrays: np.ndarray, order: int = 2, seed: int = 0, allow_unused: bool = False, **options: Any
) -> None:
    """Check the derivatives of f(*arrays), which calls `module`, with respect to its floating arrays and every parameter.

    f returns one Tensor, of any shape: a layer is its own f; for a model's objective it is `lambda x: model.loss(x)[0]`. Noise
    and masks are passed in, so that f is deterministic. The module is converted to float64, and checked not at its initial
    values but nearby, where no bias is zero. Raises GraphError if f does not depend on some parameter, which would make its
    check vacuous (unless `allow_unused`), and GradcheckError with the names of the parameters. `options`: see
    `minigen.gradcheck`.
    """
    if not callable(f):
        raise TypeError(
            f"gradcheck_module takes a function of the arrays behind the module, got {type(f).__name__}: a layer is its own, "
            "gradcheck_module(layer, layer, x)"
        )
    names = list(module.astype("float64").named_parameters())
    parameters = module.parameters()
    rng = np.random.default_rng(check_seed("gradcheck_module", seed))
    values = [to_numpy(p.data) + 0.1 * rng.standard_normal(p.shape) for p in parameters]

    def function(*inputs: Tensor) -> Tensor:
        swaps = dict(zip(map(id, parameters), inputs[len(arrays) :]))
        with swapped(module, swaps):
            return f(*inputs[: len(arrays)])

    if parameters:
        y = f(*(Tensor(x) if x.dtype.kind == "f" else asarray(x) for x in arrays))
        grad(y, parameters, cotangent=asarray(np.ones(y.shape)), allow_unused=allow_unused)
    try:
        gradcheck(function, *arrays, *values, order=order, seed=seed, **options)
    except GradcheckError as error:
        inputs = ", ".join(f"{len(arrays) + i}: {name}" for i, name in enumerate(names))
        named = GradcheckError(f"{error}; {type(module).__name__}'s parameters are the inputs {{{inputs}}}")
        named.mismatch = error.mismatch
        raise named from error


@contextlib.contextmanager
def swapped(module: Module, swaps: dict[int, Tensor]) -> Iterator[None]:
    """Inside the block, other tensors replace parameters (given by id) of the module and its submodules."""
    before = {id(part): (part, dict(vars(part))) for part in module.modules()}
    try:
        for part, attributes in before.values():
            vars(part).update({name: swap(value, swaps) for name, value in attributes.items()})
        yield
    finally:
        for part, attributes in before.values():
            vars(part).clear()
            vars(part).update(attributes)


def swap(value: Any, swaps: dict[int, Tensor]) -> Any:
    """The attribute with parameters replaced, also inside lists, tuples and dicts."""
    if isinstance(value, Parameter):
        return swaps[id(value)]
    if isinstance(value, (list, tuple)):
        return type(value)(swap(part, swaps) for part in value)
    if isinstance(value, dict):
        return {key: swap(part, swaps) for key, part in value.items()}
    return value
