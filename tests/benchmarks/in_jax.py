"""What the dense workloads need in JAX: layers, optimizers, a step compiled by jit."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

selu = jax.nn.selu


def layers_of(model: Any) -> list[tuple[Any, Any]]:
    """The weights and biases of a model of Dense layers, in their order."""
    values = [jnp.array(value) for value in model.state_dict().values()]
    return list(zip(values[::2], values[1::2], strict=True))


def dense_layers(layers: list[tuple[Any, Any]], x: Any) -> Any:
    """Dense layers with SELU between them."""
    for w, b in layers[:-1]:
        x = selu(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


def binary_cross_entropy(logits: Any, targets: Any) -> Any:
    """Of each value."""
    return jax.nn.softplus(logits) - targets * logits


def start(weights: Any) -> tuple[Any, Any, Any]:
    """What optimizers keep, before the first step: first moments, second moments, number of steps."""
    return jax.tree.map(jnp.zeros_like, weights), jax.tree.map(jnp.zeros_like, weights), jnp.float32(0)


def sgd(lr: float) -> Callable:
    """(weights, slopes, kept) -> (weights, kept), as all optimizers here."""
    return lambda weights, slopes, kept: (jax.tree.map(lambda p, g: p - lr * g, weights, slopes), kept)


def rmsprop(lr: float, rho: float, eps: float) -> Callable:
    def update(weights: Any, slopes: Any, kept: Any) -> tuple[Any, Any]:
        m, v, t = kept
        v = jax.tree.map(lambda v, g: rho * v + (1 - rho) * g * g, v, slopes)
        return jax.tree.map(lambda p, g, v: p - lr * g / (jnp.sqrt(v) + eps), weights, slopes, v), (m, v, t)

    return update


def adam(lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Callable:
    def update(weights: Any, slopes: Any, kept: Any) -> tuple[Any, Any]:
        m, v, t = kept
        t = t + 1
        m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, slopes)
        v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, slopes)
        rate, scale = lr / (1 - beta1**t), 1 - beta2**t
        return jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v / scale) + eps), weights, m, v), (m, v, t)

    return update


def training_step(loss: Callable, layers: Any, update: Callable, *data: Any) -> Callable[[], Any]:
    """One step of an optimizer on loss(layers, *data)."""

    def step(state: Any, *data: Any) -> Any:
        layers, kept = state
        value, slopes = jax.value_and_grad(loss)(layers, *data)
        return update(layers, slopes, kept), value

    return jitted(step, (layers, start(layers)), *data)


def jitted(step: Callable, state: Any, *data: Any) -> Callable[[], Any]:
    """state, result = step(state, *data), compiled, each time from where the last one ended; the result is returned at once."""
    compiled = jax.jit(step, donate_argnums=0)
    data = jax.device_put(data)

    def run() -> Any:
        nonlocal state
        state, result = compiled(state, *data)
        return result

    return run
