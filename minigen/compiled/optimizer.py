"""Updates of the optimizers, with the loops of loops/optimizer.c: in place, True where done."""

from typing import Any

from minigen.backend import Array
from minigen.compiled.arrays import call, plain


def sgd(optimizer: Any, values: Array, gradient: Array, lr: float, velocity: Array | None = None) -> bool | None:
    """p <- p - lr * g, or by a velocity."""
    if optimizer.nesterov:
        return None
    loop = "sgd" if velocity is None else "momentum"
    return update(loop, values, gradient, velocity, None, lr, decay=optimizer.momentum)


def rmsprop(optimizer: Any, values: Array, gradient: Array, lr: float, mean_square: Array) -> bool | None:
    """p <- p - lr * g / (sqrt(v) + eps)."""
    return update("rmsprop", values, gradient, None, mean_square, lr, decay_of_squares=optimizer.rho, eps=optimizer.eps)


def adam(optimizer: Any, values: Array, gradient: Array, lr: float, first: Array, second: Array) -> bool | None:
    """p <- p - lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)."""
    beta1, beta2, t = optimizer.beta1, optimizer.beta2, optimizer.t
    corrected = {"decay": beta1, "decay_of_squares": beta2, "correction": (1.0 - beta2**t) ** -0.5, "eps": optimizer.eps}
    return update("adam", values, gradient, first, second, lr / (1.0 - beta1**t), **corrected)


def update(
    loop: str,
    values: Array,
    gradient: Array,
    first: Array | None,
    second: Array | None,
    rate: float,
    *,
    decay: float = 0.0,
    decay_of_squares: float = 0.0,
    correction: float = 1.0,
    eps: float = 0.0,
) -> bool | None:
    """Run a loop over all of them."""
    if not all(x is None or plain(x) for x in (gradient, first, second)):
        return None
    settings = map(float, (rate, decay, decay_of_squares, correction, eps))
    call(loop, values, gradient, first, second, values.size, *settings, None)
    return True
