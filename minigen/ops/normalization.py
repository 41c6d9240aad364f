"""The three steps of every normalization, as ops: subtract the mean, measure what is left, scale and shift.

    d = center(x),   s = inv_rms(d) = 1 / standard deviation,   y = scale_shift(d, s * weight, bias)

Each rule is written with these ops, so that derivatives of any order need only them; and each makes as few passes over the data
as possible. Variance and standard deviation begin with the first step, too.
"""

from minigen.backend import Array, array_module
from minigen.engine import TensorLike, op
from minigen.errors import DtypeError, ShapeError
from minigen.ops.elementwise import sqrt, square
from minigen.ops.reduction import Axis, axis_tuple, check_eps, count, l2norm, mean
from minigen.ops.shape import broadcast_to, concatenate, reshape, sum_to
from minigen.utils.checks import is_whole
from minigen.utils.near_misses import explained


@op
def center(x: Array, *, axis: Axis) -> Array:
    """x minus its mean along `axis`. Its own adjoint. Raises ShapeError for an empty mean."""
    return x - repeat_per_row(mean(x, axis=axis, keepdims=True), x)


@center.vjp("x")
def center_dx(g, y, x, *, axis):
    """dL/dx = g minus its mean."""
    return center(g, axis=axis)


@op
def deviations(x: Array, *, axis: Axis) -> Array:
    """What `center` gives, counted from the first element: equal elements are exactly 0, however their mean is rounded.

    It takes one more pass.
    """
    axes = axis_tuple(axis, x.ndim)
    y = x - x[tuple(slice(1) if i in axes else slice(None) for i in range(x.ndim))]
    y -= repeat_per_row(mean(y, axis=axis, keepdims=True), y)
    return y


@deviations.vjp("x")
def deviations_dx(g, y, x, *, axis):
    """dL/dx = g minus its mean."""
    return center(g, axis=axis)


@op(non_differentiable=("mean_square",))
def inv_rms(x: Array, mean_square: Array | None = None, *, axis: Axis, eps: float) -> Array:
    """1 / sqrt(mean(x^2) + eps) along `axis`, which keeps length 1: of centered x, 1 / standard deviation (biased, / n).

    `mean_square`: the mean of x^2 as a plain array, axes kept, if it is known already; that it depends on x is accounted for
    here.
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
    y = x * repeat_per_row(scale, x)
    if y.shape != x.shape:
        raise ShapeError(f"a scale of shape {scale.shape} does not broadcast to x of shape {x.shape}")
    if shift is not None:
        if shift.dtype != x.dtype:
            raise DtypeError(f"mixes dtypes: x is {x.dtype}, shift {shift.dtype}; all arrays share one")
        y += repeat_per_row(shift, x)
    return y


@scale_shift.vjp("x")
def scale_shift_dx(g, y, x, scale, shift):
    """dL/dx = g * scale."""
    return scale_shift(g, scale)


@scale_shift.vjp("scale")
def scale_shift_dscale(g, y, x, scale, shift):
    """dL/dscale = g * x, summed where scale was broadcast."""
    return sum_to(g * x, shape=scale.shape)


@scale_shift.vjp("shift")
def scale_shift_dshift(g, y, x, scale, shift):
    """dL/dshift = g, summed where shift was broadcast."""
    return sum_to(g, shape=shift.shape)


# -- compositions ------------------------------------------------------------------------------------------------


@explained
def normalize(x: TensorLike, axis: Axis, eps: float) -> TensorLike:
    """(x - mean) / sqrt(variance + eps) along `axis`, with the biased variance (divided by n)."""
    centered = center(x, axis=axis)
    return scale_shift(centered, inv_rms(centered, axis=axis, eps=eps))


@explained
def var(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> TensorLike:
    """Variance along `axis`: the mean of (x - mean)^2, divided by n as in NumPy."""
    return mean(square(deviations(x, axis=axis)), axis=axis, keepdims=keepdims)


@explained
def std(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> TensorLike:
    """Standard deviation along `axis`, the square root of `var`.

    Where all elements are equal the gradient is defined as 0, at every order: the subgradient of `l2norm`.
    """
    return l2norm(deviations(x, axis=axis), axis=axis, keepdims=keepdims) * count(x, axis) ** -0.5


def pixel_norm(x: TensorLike, eps: float = 1e-8) -> TensorLike:
    """x / sqrt(mean over channels of x^2 + eps): every vector along the last axis brought to a mean square of 1; same shape.

    Applied after each convolution of a generator, it keeps activations from growing. Source: Karras et al. 2018, section 4.2.
    """
    check_eps(eps)
    return scale_shift(x, inv_rms(x, axis=-1, eps=eps))


def adain(x: TensorLike, scale: TensorLike, shift: TensorLike, eps: float = 1e-8) -> TensorLike:
    """scale * (x - mean) / sqrt(variance + eps) + shift: every channel of every image gets a style's mean and deviation.

    x (n, h, w, c), scale and shift (n, c) -> (n, h, w, c); mean and biased variance over the pixels of a channel of an image.
    Raises ShapeError for images of one pixel, which would all become zero, and for styles of another shape.
    Source: Huang & Belongie 2017, equation 8.
    """
    if len(x.shape) != 4 or x.shape[1] * x.shape[2] < 2:
        raise ShapeError(f"adain: expected images (n, height, width, channels) of more than one pixel, got {tuple(x.shape)}")
    n, channels = x.shape[0], x.shape[3]
    for name, part in (("scale", scale), ("shift", shift)):
        if tuple(part.shape) != (n, channels):
            raise ShapeError(f"adain: images {tuple(x.shape)} take a {name} of shape {(n, channels)}, got {tuple(part.shape)}")
    check_eps(eps)
    scale, shift = (reshape(part, shape=(n, 1, 1, channels)) for part in (scale, shift))
    centered = center(x, axis=(1, 2))
    return scale_shift(centered, inv_rms(centered, axis=(1, 2), eps=eps) * scale, shift)


def minibatch_stddev(x: TensorLike, group_size: int) -> TensorLike:
    """Appends one channel that says how much the examples of a group differ: x (n, ..., c) -> (n, ..., c + 1).

        s = mean over positions and channels of sqrt(variance over the group + 1e-8)

    The variance is biased, divided by group_size; s is the same for all members of a group, at all positions. As in the
    official code, the m = n / group_size groups are strided: example i belongs to group i mod m. Vectors (n, c) have no
    positions. Where all examples of a group are equal, s = 1e-4.

    Raises ValueError for a group_size below 2, and ShapeError if it does not divide the batch (an empty one included).
    Source: Karras et al. 2018, section 3.
    """
    check_group_size("minibatch_stddev", group_size)
    if len(x.shape) < 2:
        raise ShapeError(f"minibatch_stddev: expected x (n, ..., channels), got shape {tuple(x.shape)}")
    n = x.shape[0]
    if n % group_size or not n:
        raise ShapeError(
            f"minibatch_stddev: groups of {group_size} need a batch size of {group_size}, {2 * group_size}, "
            f"{3 * group_size} ..., got {n}: drop the rest of the last batch, or choose another group_size"
        )
    groups = n // group_size
    s = mean(sqrt(var(reshape(x, shape=(group_size, groups, -1)), axis=0) + 1e-8), axis=1)
    ones = (1,) * (len(x.shape) - 1)
    column = broadcast_to(reshape(s, shape=(1, groups, *ones)), shape=(group_size, groups, *x.shape[1:-1], 1))
    return concatenate(x, reshape(column, shape=(*x.shape[:-1], 1)), axis=-1)


# -- helpers of the ops and rules --------------------------------------------------------------------------------


def repeat_per_row(v: Array, x: Array) -> Array:
    """v, which broadcasts to x: if it holds one value per channel, repeated along the next axis.

    NumPy then works in runs of width * channels instead of channels, two to four times as fast.
    """
    if x.ndim < 3 or v.shape[-1:] != x.shape[-1:] or v.shape[-2:-1] == x.shape[-2:-1]:
        return v
    xp = array_module(v)
    return xp.ascontiguousarray(xp.broadcast_to(v, (*v.shape[:-2], *x.shape[-2:])))


def check_group_size(name: str, group_size: int) -> None:
    """Raise for a group of one, which has no deviation, and for what does not count examples."""
    if not is_whole(group_size) or group_size < 2:
        raise ValueError(f"{name}: examples are compared within groups of at least 2, got group_size={group_size!r}")
