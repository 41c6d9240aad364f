"""The three steps of every normalization, as ops: subtract the mean, find the size of what is left, scale and shift.

    d = center(x),   s = inv_rms(d) = 1 / standard deviation,   y = scale_shift(d, s * weight, bias)

Each rule is again made of these ops, so that no derivative, of any order, needs more than they do; and each takes as few
passes over the data as it can. Variance and standard deviation begin with the first step, too.
"""

from typing import Any

from minigen.backend import Array, array_module
from minigen.engine import op
from minigen.errors import DtypeError, ShapeError
from minigen.ops.elementwise import square
from minigen.ops.reduction import Axis, count, l2norm, mean, normalized, sum
from minigen.ops.shape import reshape


@op
def center(x: Array, *, axis: Axis) -> Array:
    """x minus its mean along `axis`. Its own adjoint. Raises ShapeError for a mean of no elements."""
    return x - spread(mean(x, axis=axis, keepdims=True), x)


@center.vjp("x")
def center_dx(g, y, x, *, axis):
    """dL/dx = g minus its mean."""
    return center(g, axis=axis)


@op
def deviations(x: Array, *, axis: Axis) -> Array:
    """What `center` gives, counted from the first element: equal elements are exactly 0, however their mean is rounded.

    It takes one pass more.
    """
    axes = normalized(axis, x.ndim)
    y = x - x[tuple(slice(1) if i in axes else slice(None) for i in range(x.ndim))]
    y -= spread(mean(y, axis=axis, keepdims=True), y)
    return y


@deviations.vjp("x")
def deviations_dx(g, y, x, *, axis):
    """dL/dx = g minus its mean."""
    return center(g, axis=axis)


@op(non_differentiable=("mean_square",))
def inv_rms(x: Array, mean_square: Array | None = None, *, axis: Axis, eps: float) -> Array:
    """1 / sqrt(mean(x^2) + eps) along `axis`, which keeps length 1: of centered x, 1 / standard deviation (biased, / n).

    `mean_square`: the mean of x^2 as a plain array, axes kept, if it is known already; that it depends on x is seen to here.
    """
    if mean_square is None:
        mean_square = mean(x * x, axis=axis, keepdims=True)
    return 1.0 / array_module(x).sqrt(mean_square + eps)


@inv_rms.vjp("x")
def inv_rms_dx(g, y, x, mean_square, *, axis, eps):
    """dL/dx = -g y^3 x / n, n the number of elements in each mean."""
    return scale_shift(x, g * y * y * y * (-1.0 / count(x, axis)))


@op
def scale_shift(x: Array, scale: Array, shift: Array | None = None) -> Array:
    """x * scale + shift; scale and the optional shift broadcast to the shape of x, else ShapeError."""
    y = x * spread(scale, x)
    if y.shape != x.shape:
        raise ShapeError(f"a scale of shape {scale.shape} does not broadcast to x of shape {x.shape}")
    if shift is not None:
        if shift.dtype != x.dtype:
            raise DtypeError(f"mixes dtypes: x is {x.dtype}, shift {shift.dtype}; all arrays share one")
        y += spread(shift, x)
    return y


@scale_shift.vjp("x")
def scale_shift_dx(g, y, x, scale, shift):
    """dL/dx = g * scale."""
    return scale_shift(g, scale)


@scale_shift.vjp("scale")
def scale_shift_dscale(g, y, x, scale, shift):
    """dL/dscale = g * x, summed where scale was repeated."""
    return gathered(g * x, scale.shape)


@scale_shift.vjp("shift")
def scale_shift_dshift(g, y, x, scale, shift):
    """dL/dshift = g, summed where shift was repeated."""
    return gathered(g, shift.shape)


# -- compositions ------------------------------------------------------------------------------------------------


def normalize(x: Any, axis: Axis, eps: float) -> Any:
    """(x - mean) / sqrt(variance + eps) along `axis`, with the biased variance (divided by n)."""
    centered = center(x, axis=axis)
    return scale_shift(centered, inv_rms(centered, axis=axis, eps=eps))


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Variance along `axis`: the mean of (x - mean)^2, divided by n as in NumPy."""
    return mean(square(deviations(x, axis=axis)), axis=axis, keepdims=keepdims)


def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Standard deviation along `axis`, the square root of `var`.

    Where all elements are equal the gradient is defined as 0, at every order: the subgradient of `l2norm`.
    """
    return l2norm(deviations(x, axis=axis), axis=axis, keepdims=keepdims) * count(x, axis) ** -0.5


# -- helpers of the ops and rules --------------------------------------------------------------------------------


def spread(v: Array, x: Array) -> Array:
    """v, which broadcasts to x: if it holds one number a channel, repeated along the next axis.

    NumPy then works in runs of width * channels instead of channels, two to four times as fast.
    """
    if x.ndim < 3 or v.shape[-1:] != x.shape[-1:] or v.shape[-2:-1] == x.shape[-2:-1]:
        return v
    xp = array_module(v)
    return xp.ascontiguousarray(xp.broadcast_to(v, (*v.shape[:-2], *x.shape[-2:])))


def gathered(g: Any, shape: tuple[int, ...]) -> Any:
    """g summed over the axes along which an array of `shape` was repeated."""
    extra = len(g.shape) - len(shape)
    axes = tuple(i for i, n in enumerate(g.shape) if i < extra or shape[i - extra] != n)
    return reshape(sum(g, axis=axes), shape=shape) if axes else g
