"""Learning rates, and other values, that change: each returns a function of the number of steps done, for an optimizer's `lr`
or a `training.Schedule`.

They are partial applications of functions of this module, not closures, so that an optimizer can be copied and pickled.
"""

import math
from collections.abc import Sequence
from functools import partial

from minigen.optim.optimizer import Schedule
from minigen.utils.checks import check_positive
from minigen.utils.settings import takes_settings


@takes_settings
def exponential(lr: float, decay: float, every: int) -> Schedule:
    """lr * decay^(step / every): falls by the factor `decay` every `every` steps."""
    check_positive("exponential", every=every)
    return partial(at_exponential, lr, decay, every)


def at_exponential(lr: float, decay: float, every: int, step: int) -> float:
    """The rate of `exponential` after `step` steps."""
    return lr * decay ** (step / every)


@takes_settings
def piecewise(lr: float, boundaries: Sequence[int], factor: float = 0.1) -> Schedule:
    """lr, multiplied by `factor` at each step number in `boundaries`."""
    if not isinstance(boundaries, (list, tuple)):
        raise TypeError(f"piecewise's boundaries are a list of steps, such as [1000, 2000], got {boundaries!r}")
    return partial(at_piecewise, lr, boundaries, factor)


def at_piecewise(lr: float, boundaries: Sequence[int], factor: float, step: int) -> float:
    """The rate of `piecewise` after `step` steps."""
    return lr * factor ** sum(step >= boundary for boundary in boundaries)


@takes_settings
def linear(lr: float, total: int, constant: int = 0, final: float = 0.0) -> Schedule:
    """lr for `constant` steps, then straight to `final` at step `total`, constant afterward; linear(0.0, 1000, final=1.0) rises.

    Adversarial training circles around its equilibrium, at a distance that falls with the rate: a long time at the full rate,
    then an end near zero. ValueError unless 0 <= constant < total.
    """
    check_positive("linear", total=total)
    if not 0 <= constant < total:
        raise ValueError(f"linear: the rate changes from step `constant` to step `total`, got {constant} and {total}")
    return partial(at_linear, lr, total, constant, final)


def at_linear(lr: float, total: int, constant: int, final: float, step: int) -> float:
    """The rate of `linear` after `step` steps."""
    return lr + (final - lr) * min(max(step - constant, 0) / (total - constant), 1.0)


@takes_settings
def cosine(lr: float, total: int, final: float = 0.0) -> Schedule:
    """Half a cosine from lr down to `final` at step `total`, constant afterward (Loshchilov & Hutter 2017, eq. 5)."""
    check_positive("cosine", total=total)
    return partial(at_cosine, lr, total, final)


def at_cosine(lr: float, total: int, final: float, step: int) -> float:
    """The rate of `cosine` after `step` steps."""
    return final + (lr - final) * 0.5 * (1.0 + math.cos(math.pi * min(step / total, 1.0)))


@takes_settings
def warmup(schedule: float | Schedule, steps: int) -> Schedule:
    """`schedule` (or a constant rate), rising linearly from 1 / steps of it over the first `steps` steps."""
    check_positive("warmup", steps=steps)
    return partial(at_warmup, schedule, steps)


def at_warmup(schedule: float | Schedule, steps: int, step: int) -> float:
    """The rate of `warmup` after `step` steps."""
    rate = schedule(step) if callable(schedule) else schedule
    return rate * min((step + 1) / steps, 1.0)
