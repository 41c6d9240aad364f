"""Ops that reduce along axes. `axis`: an int, a tuple of ints, or None for all; `keepdims` leaves axes of length 1."""

import math
from typing import Any

import numpy as np

from minigen.backend import Array, array_module, sum_along
from minigen.backend.summation import Axis, axis_of
from minigen.engine import TensorLike, op
from minigen.errors import ShapeError
from minigen.ops.elementwise import exp, masked
from minigen.ops.shape import broadcast_to, reshape
from minigen.utils.near_misses import explained


@op
def sum(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Sum along `axis`."""
    return sum_along(x, axis, keepdims)


@sum.vjp("x")
def sum_dx(g, y, x, *, axis, keepdims):
    """dL/dx = g repeated along the summed axes."""
    return repeat(g, x, axis)


@op
def mean(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Mean along `axis`. Raises ShapeError for an empty mean, of an empty batch for example."""
    if not count(x, axis):
        raise ShapeError(f"the mean of no elements, shape {x.shape}: an empty batch?")
    return sum_along(x, axis, keepdims) / count(x, axis)


@mean.vjp("x")
def mean_dx(g, y, x, *, axis, keepdims):
    """dL/dx = g / n repeated, n the number of elements in each mean."""
    return repeat(g / count(x, axis), x, axis)


@op
def max(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Largest element along `axis`; equal ones share the gradient equally. Raises ShapeError for the largest of no elements."""
    check_not_empty("max", x, axis)
    return x.max(axis=axis_of(x, axis), keepdims=keepdims)


@max.vjp("x")
def max_dx(g, y, x, *, axis, keepdims):
    """dL/dx = g at the largest elements, divided by their number."""
    return share_among_equal(g, y, x, axis)


@op
def min(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Smallest element along `axis`; equal ones share the gradient equally. Raises ShapeError for the smallest of no elements."""
    check_not_empty("min", x, axis)
    return x.min(axis=axis_of(x, axis), keepdims=keepdims)


@min.vjp("x")
def min_dx(g, y, x, *, axis, keepdims):
    """dL/dx = g at the smallest elements, divided by their number."""
    return share_among_equal(g, y, x, axis)


@op
def logsumexp(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """log sum e^x along `axis`, with the largest element factored out so that nothing overflows; -inf for no elements."""
    xp = array_module(x)
    top = 0.0
    if count(x, axis):
        top = x.max(axis=axis_of(x, axis), keepdims=True)
        top = xp.where(abs(top) == math.inf, 0.0, top)  # inf - inf would be NaN
    with np.errstate(divide="ignore", over="ignore"):  # log 0 = -inf and, beside an inf, e^x = inf, as it should be
        y = xp.log(sum_along(xp.exp(x - top), axis, keepdims=True)) + top
    return y if keepdims else y.reshape(reduced_shape(x, axis))


@logsumexp.vjp("x")
def logsumexp_dx(g, y, x, *, axis, keepdims):
    """dL/dx = g * softmax(x)."""
    return repeat(g, x, axis) * exp(x - repeat(y, x, axis))


@op
def log_softmax(x: Array, *, axis: int = -1) -> Array:
    """x - logsumexp(x) along `axis`: logarithms of probabilities that sum to 1."""
    if not x.size:
        return x.copy()
    xp = array_module(x)
    y = x - x.max(axis=axis_of(x, axis), keepdims=True)
    y -= xp.log(sum_along(xp.exp(y), axis, keepdims=True))
    return y


@log_softmax.vjp("x")
def log_softmax_dx(g, y, x, *, axis):
    """dL/dx = g - softmax(x) * sum(g)."""
    return g - exp(y) * sum(g, axis=axis, keepdims=True)


@op
def l2norm(x: Array, *, axis: Axis = None, keepdims: bool = False, eps: float = 0.0) -> Array:
    """sqrt(sum x^2 + eps) along `axis`, eps >= 0, else ValueError. At 0 the gradient is defined as 0, at every order."""
    check_eps(eps)
    return array_module(x).sqrt(sum_along(x * x, axis, keepdims) + eps)


@l2norm.vjp("x")
def l2norm_dx(g, y, x, *, axis, keepdims, eps):
    """dL/dx = g * x / y, and 0 where y = 0."""
    zero = y == 0
    return repeat(masked(g, zero ^ True) / (y + zero), x, axis) * x


# -- compositions ------------------------------------------------------------------------------------------------


@explained
def softmax(x: TensorLike, axis: int = -1) -> TensorLike:
    """e^x / sum e^x along `axis`: probabilities from logits, without overflow."""
    return exp(log_softmax(x, axis=axis))


# -- helpers of the ops and rules --------------------------------------------------------------------------------


def axis_tuple(axis: Axis, ndim: int) -> tuple[int, ...]:
    """`axis` as a tuple of axes counted from the front. A scalar has none, though NumPy accepts 0 and -1."""
    if axis is None or not ndim:
        return tuple(range(ndim))
    return tuple(i % ndim for i in (axis if isinstance(axis, tuple) else (axis,)))


def reduced_shape(x: Any, axis: Axis) -> tuple[int, ...]:
    """The shape of x without the reduced axes."""
    axes = axis_tuple(axis, len(x.shape))
    return tuple(n for i, n in enumerate(x.shape) if i not in axes)


def count(x: Any, axis: Axis) -> int:
    """How many elements are reduced into one."""
    return x.size if axis is None else math.prod(x.shape[i] for i in axis_tuple(axis, len(x.shape)))


def check_not_empty(name: str, x: Any, axis: Axis) -> None:
    """Raise ShapeError for the largest or smallest of no elements."""
    if not count(x, axis):
        raise ShapeError(f"the {name} of no elements, shape {x.shape}: an empty batch?")


def check_eps(eps: float) -> None:
    """Raise ValueError for an eps that could make the argument of the square root negative."""
    if not eps >= 0.0:
        raise ValueError(f"expected eps >= 0, got {eps}")


def repeat(g: Any, x: Any, axis: Axis) -> Any:
    """g, a reduction of x along `axis` with or without keepdims, repeated to the shape of x."""
    if not g.shape:
        return broadcast_to(g, shape=x.shape)
    axes = axis_tuple(axis, len(x.shape))
    return broadcast_to(reshape(g, shape=tuple(1 if i in axes else n for i, n in enumerate(x.shape))), shape=x.shape)


def share_among_equal(g: Any, y: Any, x: Any, axis: Axis) -> Any:
    """g at the elements of x equal to the extremum y, divided by their count, else 0."""
    equal = x == repeat(y, x, axis)
    return masked(repeat(g, x, axis), equal) / equal.sum(axis=axis_tuple(axis, len(x.shape)), keepdims=True, dtype=x.dtype)
