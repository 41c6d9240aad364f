"""Checks that the tests of layers, losses and models share."""

from collections.abc import Callable

import numpy as np

from minigen.autograd import Tensor, grad
from minigen.backend import asarray, to_numpy
from minigen.nn import Module


def to_order_2(module: Module, objective: Callable[[], Tensor], seed: int = 0) -> list[np.ndarray]:
    """The objective, its gradients by all parameters, and how these change along random directions, on the host.

    Where two backends agree in these, a gradcheck to order 2 on one of them speaks for the other, at a fraction of the cost.
    """
    rng, parameters, y = np.random.default_rng(seed), module.parameters(), objective()
    gradients = grad(y, parameters, create_graph=True, allow_unused=True)
    along = sum((g * asarray(rng.standard_normal(g.shape))).sum() for g in gradients)
    return [to_numpy(x.data) for x in (y, *gradients, *grad(along, parameters, allow_unused=True))]


def apart(*shape: int, seed: int = 0) -> np.ndarray:
    """float64 numbers of both signs, none within 0.2 of zero: off the kink of relu and its relatives."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.2, 2.0, shape))
