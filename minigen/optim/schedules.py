"""Learning rates that change: each returns a function of the number of steps done, for an optimizer's `lr`."""

import math

from minigen.optim.optimizer import Schedule, positive


def exponential(lr: float, decay: float, every: int) -> Schedule:
    """lr * decay^(step / every): falls by the factor `decay` every so many steps."""
    positive("every", every)
    return lambda step: lr * decay ** (step / every)


def piecewise(lr: float, boundaries: list[int], factor: float = 0.1) -> Schedule:
    """lr, multiplied by `factor` at each step number in `boundaries`."""
    return lambda step: lr * factor ** sum(step >= boundary for boundary in boundaries)


def cosine(lr: float, total: int, final: float = 0.0) -> Schedule:
    """Half a cosine from lr down to `final` at step `total`, constant afterwards (Loshchilov & Hutter 2017, eq. 5)."""
    positive("total", total)
    return lambda step: final + (lr - final) * 0.5 * (1.0 + math.cos(math.pi * min(step / total, 1.0)))


def warmup(schedule: float | Schedule, steps: int) -> Schedule:
    """`schedule` (or a constant rate), rising linearly from 1 / steps of it over the first `steps` steps."""
    positive("steps", steps)
    follow = schedule if callable(schedule) else lambda step: schedule
    return lambda step: follow(step) * min((step + 1) / steps, 1.0)
