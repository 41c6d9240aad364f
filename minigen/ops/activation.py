"""Activations, element by element: any shape -> the same shape. Rules use results (y) rather than inputs where that saves an
operation, gate with `masked`, which is faster than `where`, and clip, which is faster than `maximum` with a scalar. What takes
many passes goes over large arrays by pieces."""

import math

import numpy as np

from minigen.backend import Array, array_module, by_pieces, log1p
from minigen.engine import op
from minigen.ops.elementwise import gated, masked


@op
def tanh(x: Array) -> Array:
    """Hyperbolic tangent."""
    return array_module(x).tanh(x)


@tanh.vjp("x")
def tanh_dx(g, y, x):
    """dL/dx = g * (1 - y^2)."""
    return g * (1.0 - y * y)


@op
def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x). Where e^-x overflows the result is 0, as it should be."""
    with np.errstate(over="ignore"):
        y = array_module(x).exp(-x)
    y += 1.0
    return 1.0 / y


@sigmoid.vjp("x")
def sigmoid_dx(g, y, x):
    """dL/dx = g * y * (1 - y)."""
    return g * y * (1.0 - y)


@op
def softplus(x: Array) -> Array:
    """log(1 + e^x), computed as max(x, 0) + log(1 + e^-|x|), which cannot overflow. -softplus(-x) is log sigmoid(x)."""
    y = log1p(array_module(x).exp(-abs(x)))
    y += x.clip(0, math.inf)
    return y


@softplus.vjp("x")
def softplus_dx(g, y, x):
    """dL/dx = g * sigmoid(x)."""
    return g * sigmoid(x)


@op(broadcasts=True)
def sigmoid_cross_entropy(logits: Array, targets: Array) -> Array:
    """Binary cross entropy of sigmoid(logits) against targets in [0, 1], in nats, element by element.

    -t log s(x) - (1 - t) log(1 - s(x)) = log(1 + e^-|x|) + x ([x > 0] - t): finite for every finite logit, and
    exact for a confident right answer, where softplus(x) - t x would round to 0. A logit of inf costs 0 if t = 1, one of -inf if
    t = 0, else inf. Targets have the shape of the logits, because (n, 1) against (n,) would broadcast to n * n pairs, or are a
    scalar. `losses.bce_with_logits` reduces it.
    """
    if getattr(targets, "shape", ()) not in ((), logits.shape):
        raise ValueError(f"logits have shape {logits.shape}, targets {targets.shape}: expected the same")
    return by_pieces(cross_entropy_of_piece, logits, targets)


def cross_entropy_of_piece(logits: Array, targets: Array, out: Array) -> None:
    """out = log(1 + e^-|x|) + x ([x > 0] - t), with x the logits and t the targets."""
    xp = array_module(logits)
    error = xp.greater(logits, 0.0, out=xp.empty_like(logits))  # 1 or 0
    error -= targets
    gated(logits, error != 0.0, out=out)  # an infinite logit without an error costs nothing
    out *= error
    power = xp.negative(xp.abs(logits, out=error), out=error)
    out += log1p(xp.exp(power, out=power))


@sigmoid_cross_entropy.vjp("logits")
def sigmoid_cross_entropy_dlogits(g, y, logits, targets):
    """dL/dlogits = g * (sigmoid(logits) - targets)."""
    return sigmoid_cross_entropy_grad(g, logits, targets)


@sigmoid_cross_entropy.vjp("targets")
def sigmoid_cross_entropy_dtargets(g, y, logits, targets):
    """dL/dtargets = -g * logits."""
    return -g * logits


@op(broadcasts=True)
def sigmoid_cross_entropy_grad(g: Array, logits: Array, targets: Array) -> Array:
    """g * (sigmoid(logits) - targets): the derivative rule of sigmoid_cross_entropy."""
    y = sigmoid(logits)
    y -= targets
    y *= g
    return y


@sigmoid_cross_entropy_grad.vjp("g")
def sigmoid_cross_entropy_grad_dg(gg, y, g, logits, targets):
    """dL/dg = gg * (sigmoid(logits) - targets)."""
    return sigmoid_cross_entropy_grad(gg, logits, targets)


@sigmoid_cross_entropy_grad.vjp("logits")
def sigmoid_cross_entropy_grad_dlogits(gg, y, g, logits, targets):
    """dL/dlogits = gg * g * s * (1 - s), with s = sigmoid(logits)."""
    s = sigmoid(logits)
    return gg * g * s * (1.0 - s)


@sigmoid_cross_entropy_grad.vjp("targets")
def sigmoid_cross_entropy_grad_dtargets(gg, y, g, logits, targets):
    """dL/dtargets = -gg * g."""
    return -gg * g


@op
def relu(x: Array) -> Array:
    """max(x, 0); its derivative at 0 is taken to be 0."""
    return x.clip(0, math.inf)


@relu.vjp("x")
def relu_dx(g, y, x):
    """dL/dx = g where x > 0, so that y is not 0, else 0."""
    return masked(g, y != 0)


@op
def leaky_relu(x: Array, *, slope: float = 0.2) -> Array:
    """x for x > 0, slope * x below. 0.2 is DCGAN's slope (Radford et al. 2016). 0 <= slope <= 1, else ValueError."""
    check_slope(slope)
    if slope == 0.0:
        return x.clip(0, math.inf)  # 0 * inf would be NaN
    xp = array_module(x)
    y = xp.multiply(x, slope, out=xp.empty_like(x))
    return xp.maximum(x, y, out=y)


@leaky_relu.vjp("x")
def leaky_relu_dx(g, y, x, *, slope):
    """dL/dx = g where x > 0, else slope * g."""
    return leaky_relu_grad(g, x, slope=slope)


@op(non_differentiable=("x",))
def leaky_relu_grad(g: Array, x: Array, *, slope: float) -> Array:
    """g where x > 0, slope * g below: the derivative rule of leaky_relu. Linear in g, and piecewise constant in x."""
    xp = array_module(x)
    if slope == 0.0:
        return gated(g, x > 0.0, out=xp.empty_like(g))
    gate = xp.greater(x, 0.0, out=xp.empty_like(x))  # 1 or 0
    gate.clip(slope, math.inf, out=gate)
    gate *= g
    return gate


@leaky_relu_grad.vjp("g")
def leaky_relu_grad_dg(gg, y, g, x, *, slope):
    """dL/dg = the same gate applied to gg."""
    return leaky_relu_grad(gg, x, slope=slope)


def check_slope(slope: float, prefix: str = "") -> None:
    """Raise ValueError unless leaky_relu is the larger of x and slope * x."""
    if not 0.0 <= slope <= 1.0:
        raise ValueError(f"{prefix}expected 0 <= slope <= 1, got slope={slope}")


@op
def elu(x: Array, *, alpha: float = 1.0) -> Array:
    """x for x > 0, alpha (e^x - 1) below (Clevert et al. 2016). 0 < alpha < inf, else ValueError."""
    if not 0.0 < alpha < math.inf:  # the rules read the sign of x off y
        raise ValueError(f"expected 0 < alpha < inf, got alpha={alpha}")
    return scaled_elu(x, 1.0, alpha)


@elu.vjp("x")
def elu_dx(g, y, x, *, alpha):
    """dL/dx = g where x > 0, else g * (y + alpha)."""
    return elu_grad(g, y, scale=1.0, alpha=alpha)


# Fixed point of mean 0 and variance 1 (Klambauer et al. 2017, equation 14).
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


@op
def selu(x: Array) -> Array:
    """scale * elu(x, alpha): keeps activations at mean 0 and variance 1 with LeCun-normal weights (Klambauer et al. 2017)."""
    return scaled_elu(x, SELU_SCALE, SELU_ALPHA)


@selu.vjp("x")
def selu_dx(g, y, x):
    """dL/dx = g * scale where x > 0, else g * (y + scale * alpha)."""
    return elu_grad(g, y, scale=SELU_SCALE, alpha=SELU_ALPHA)


def scaled_elu(x: Array, scale: float, alpha: float) -> Array:
    """scale * x for x > 0, scale * alpha * (e^x - 1) below: the forward pass of elu and selu.

    e^x - 1 = 2 t / (1 - t) with t = tanh(x / 2) keeps its digits near 0 as expm1 does, in less time on most CPUs.
    """
    return by_pieces(scaled_elu_of_piece, x, scale, alpha)


def scaled_elu_of_piece(x: Array, scale: float, alpha: float, out: Array) -> None:
    """out = scaled_elu(x)."""
    xp = array_module(x)
    xp.multiply(x, 0.5, out=out)
    out.clip(-math.inf, 0, out=out)
    xp.tanh(out, out=out)
    rest = xp.subtract(1.0, out, out=xp.empty_like(out))
    out /= rest
    out *= 2.0 * scale * alpha
    above = x.clip(0, math.inf, out=rest)
    if scale != 1.0:
        above *= scale
    out += above


@op
def elu_grad(g: Array, y: Array, *, scale: float, alpha: float) -> Array:
    """scale * g where y > 0, g * (y + scale * alpha) below: the derivative rule of scaled_elu at the x where it is y."""
    return by_pieces(elu_grad_of_piece, y, g, scale, alpha)


def elu_grad_of_piece(y: Array, g: Array, scale: float, alpha: float, out: Array) -> None:
    """out = elu_grad(g, y)."""
    xp = array_module(y)
    y.clip(-math.inf, 0, out=out)
    out += scale * alpha
    above = xp.greater(y, 0.0, out=xp.empty_like(y))  # 1 or 0
    above *= scale - scale * alpha
    out += above
    out *= g


@elu_grad.vjp("g")
def elu_grad_dg(gg, dx, g, y, *, scale, alpha):
    """dL/dg = the same slope times gg."""
    return elu_grad(gg, y, scale=scale, alpha=alpha)


@elu_grad.vjp("y")
def elu_grad_dy(gg, dx, g, y, *, scale, alpha):
    """dL/dy = gg * g where y <= 0, else 0."""
    return masked(gg * g, y <= 0)
