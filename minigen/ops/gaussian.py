"""Ops on Gaussian latent variables N(mean, exp(logvar)), element by element; their inputs have one shape.

e^logvar overflows, in float32 at logvar = 88. So beyond LOGVAR_LIMIT, a standard deviation of 22,000 that no sensible model
reaches, the standard deviation is constant and the divergence continues along its tangent: both stay finite, and the gradient
leads back.
"""

import math
from typing import Any

from minigen.backend import Array, array_module, expm1
from minigen.engine import op
from minigen.ops.elementwise import clip, exp, masked

LOGVAR_LIMIT = 20.0


@op
def reparameterize(mean: Array, logvar: Array, noise: Array) -> Array:
    """mean + exp(logvar / 2) * noise: a sample of N(mean, exp(logvar)) from one of N(0, 1) (Kingma & Welling 2014, section 2.4).

    Noise of another shape, one vector for a whole batch for example, would broadcast: it raises ShapeError.
    """
    if not mean.shape == logvar.shape == noise.shape:
        raise ValueError(f"mean has shape {mean.shape}, logvar {logvar.shape}, noise {noise.shape}: expected the same")
    return mean + array_module(logvar).exp(logvar.clip(-math.inf, LOGVAR_LIMIT) * 0.5) * noise


@reparameterize.vjp("mean")
def reparameterize_dmean(g, y, mean, logvar, noise):
    """dL/dmean = g."""
    return g


@reparameterize.vjp("logvar")
def reparameterize_dlogvar(g, y, mean, logvar, noise):
    """dL/dlogvar = g * exp(logvar / 2) * noise / 2, and 0 beyond the limit."""
    return masked(g * noise * deviation(logvar) * 0.5, logvar <= LOGVAR_LIMIT)


@reparameterize.vjp("noise")
def reparameterize_dnoise(g, y, mean, logvar, noise):
    """dL/dnoise = g * exp(logvar / 2)."""
    return g * deviation(logvar)


def deviation(logvar: Any) -> Any:
    """The standard deviation exp(logvar / 2), within the limit."""
    return exp(clip(logvar, high=LOGVAR_LIMIT) * 0.5)


@op
def kl_standard_normal(mean: Array, logvar: Array) -> Array:
    """KL(N(mean, exp(logvar)) || N(0, 1)) = (mean^2 + e^logvar - 1 - logvar) / 2, in nats (Kingma & Welling 2014, appendix B).

    Computed with expm1, which is accurate near 0. `losses.kl_normal` reduces it. Raises ShapeError if the shapes differ.
    """
    if mean.shape != logvar.shape:
        raise ValueError(f"mean has shape {mean.shape}, logvar {logvar.shape}: expected the same")
    bounded = logvar.clip(-math.inf, LOGVAR_LIMIT)
    tangent = (logvar.clip(LOGVAR_LIMIT, math.inf) - LOGVAR_LIMIT) * math.expm1(LOGVAR_LIMIT)  # 0 within the limit
    return 0.5 * (mean * mean + (expm1(bounded) - bounded + tangent))


@kl_standard_normal.vjp("mean")
def kl_standard_normal_dmean(g, y, mean, logvar):
    """dL/dmean = g * mean."""
    return g * mean


@kl_standard_normal.vjp("logvar")
def kl_standard_normal_dlogvar(g, y, mean, logvar):
    """dL/dlogvar = g * (e^logvar - 1) / 2, with e^limit beyond the limit."""
    return g * (exp(clip(logvar, high=LOGVAR_LIMIT)) - 1.0) * 0.5
