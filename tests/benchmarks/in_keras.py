"""What a workload needs in Keras beyond layers: steps with a loss of their own, written for JAX as Keras's guide to it does."""

from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

import minigen as mg
from tests.benchmarks import in_jax

if keras.backend.backend() != "jax":
    raise ImportError(f"its steps are written for JAX, and Keras computes with {keras.backend.backend()}")

State = tuple[list, list, list]  # of a network: its weights, what it keeps without training it, what its optimizer keeps


def take_weights(layers: list[Any], model: Any) -> None:
    """Give layers, in their order, the weights of one of minigen's models."""
    variables = [variable for layer in layers for variable in layer.trainable_variables]
    for variable, parameter in zip(variables, model.parameters(), strict=True):
        variable.assign(mg.to_numpy(parameter.data))


def start(network: Any, optimizer: Any) -> State:
    """Before the first step."""
    optimizer.build(network.trainable_variables)
    kept = (network.trainable_variables, network.non_trainable_variables, optimizer.variables)
    return tuple([variable.value for variable in variables] for variables in kept)


def training_step(loss: Callable, network: Any, optimizer: Any, *data: Any) -> Callable[[], Any]:
    """One step of an optimizer on loss(what the network computes of the data, *data)."""

    def step(state: State, *data: Any) -> Any:
        weights, rest, kept = state

        def computed(weights: list) -> Any:
            result, changed = network.stateless_call(weights, rest, data, training=True)
            return loss(result, *data), changed

        (value, changed), slopes = jax.value_and_grad(computed, has_aux=True)(weights)
        weights, kept = optimizer.stateless_apply(kept, slopes, weights)
        return (weights, changed, kept), value

    return in_jax.jitted(step, start(network, optimizer), *data)


def non_saturating(scores: Callable, real: Any, fake: Any) -> Any:
    """The discriminator's loss."""
    return jax.nn.softplus(-scores(real)).mean() + jax.nn.softplus(scores(fake)).mean()


def adversarial_step(
    networks: list[Any],
    optimizers: list[Any],
    real: np.ndarray,
    latent: np.ndarray,
    discriminator_loss: Callable = non_saturating,
    generator_loss: Callable = lambda scores: jax.nn.softplus(-scores).mean(),
) -> Callable[[], Any]:
    """A step of the discriminator, then one of the generator; returns both losses. `networks`: the generator, and it.

    As with the other libraries, the first two steps are in evaluation mode.
    """
    generator, discriminator = networks

    def step(state: tuple[State, State], real: Any, latent: Any, training: bool) -> Any:
        (g_weights, g_rest, g_kept), (d_weights, d_rest, d_kept) = state
        fake, g_rest = generator.stateless_call(g_weights, g_rest, latent[0], training=training)

        def of_discriminator(weights: list) -> Any:
            rest = d_rest

            def scores(x: Any) -> Any:
                nonlocal rest
                result, rest = discriminator.stateless_call(weights, rest, x, training=training)
                return result

            return discriminator_loss(scores, real, fake), rest

        def of_generator(weights: list) -> Any:
            images, of_images = generator.stateless_call(weights, g_rest, latent[1], training=training)
            scores, of_scores = discriminator.stateless_call(d_weights, d_rest, images, training=training)
            return generator_loss(scores), (of_images, of_scores)

        (d_loss, d_rest), slopes = jax.value_and_grad(of_discriminator, has_aux=True)(d_weights)
        d_weights, d_kept = optimizers[1].stateless_apply(d_kept, slopes, d_weights)
        (g_loss, (g_rest, d_rest)), slopes = jax.value_and_grad(of_generator, has_aux=True)(g_weights)
        g_weights, g_kept = optimizers[0].stateless_apply(g_kept, slopes, g_weights)
        return ((g_weights, g_rest, g_kept), (d_weights, d_rest, d_kept)), jnp.stack([d_loss, g_loss])

    compiled = jax.jit(step, static_argnames="training", donate_argnums=0)
    state = tuple(map(start, networks, optimizers))
    data = jax.device_put((real, latent))
    modes = chain([False, False], repeat(True))

    def run() -> Any:
        nonlocal state
        state, losses = compiled(state, *data, training=next(modes))
        return losses

    return run
